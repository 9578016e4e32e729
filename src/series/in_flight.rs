//! How many spans of one operation are open, and how many were at most.

use std::sync::atomic::{AtomicI64, Ordering};

/// The open spans of one operation: exact, with the peak since the last tick. One cache line of its own, because all
/// threads write it.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct InFlight {
    open: AtomicI64,
    /// The most that were open since the last tick; may lag behind `open` for an instant.
    peak: AtomicI64,
}

impl InFlight {
    /// A span was opened.
    #[inline]
    pub fn enter(&self) {
        // Sequentially consistent with `tick`: either this span sees the lowered peak, or `tick` sees this span.
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        if open > self.peak.load(Ordering::SeqCst) {
            self.peak.fetch_max(open, Ordering::SeqCst);
        }
    }

    /// A span was closed.
    #[inline]
    pub fn exit(&self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    /// Spans that are open now.
    pub fn now(&self) -> i64 {
        self.open.load(Ordering::SeqCst).max(0)
    }

    /// The most spans that were open at once since the last tick.
    pub fn peak(&self) -> i64 {
        self.peak.load(Ordering::SeqCst).max(self.now())
    }

    /// Returns the peak and begins the next interval with what is open now.
    pub(super) fn tick(&self) -> i64 {
        let peak = self.peak.swap(self.now(), Ordering::SeqCst);
        // A span that was opened between the two steps compared itself with the old peak.
        self.peak.fetch_max(self.now(), Ordering::SeqCst);
        peak.max(self.now())
    }
}
