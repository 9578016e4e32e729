//! Code whose spans and events are no telemetry: the exporter's own work.

use std::cell::Cell;

thread_local! {
    static SUPPRESSED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f` without turning its spans and events into telemetry; the console still sees them.
pub fn suppressed<R>(f: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            SUPPRESSED.set(self.0);
        }
    }
    let _restore = Restore(SUPPRESSED.replace(true));
    f()
}

/// From now on, nothing on this thread becomes telemetry.
pub fn suppress_thread() {
    SUPPRESSED.set(true);
}

#[inline]
pub(super) fn is_suppressed() -> bool {
    SUPPRESSED.get()
}
