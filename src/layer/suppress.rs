//! When a thread makes no telemetry: while telemetry itself is at work, and while the thread is being torn down.
//!
//! Exporting runs on hyper, h2 and tokio, which make spans and events of their own. If those were exported too, every
//! export would cause another. A flag of the thread stops that without looking at targets, and catches the spans that
//! h2 opens with `parent: None` as well.

use std::cell::Cell;

use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceContextExt, TraceId};

// The cells have no destructor, so that they can be read at any point of a thread's life. The watches are
// there for their destructors.
thread_local! {
    static SUPPRESSED: Cell<bool> = const { Cell::new(false) };
    static PHASE: Cell<Phase> = const { Cell::new(Phase::Fresh) };
    static WATCH: Watch = const { Watch };
    static LINE_WATCH: Watch = const { Watch };
}

/// Runs `f` so that its spans and events on this thread do not become telemetry. The console still shows them.
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

/// Suppresses telemetry on this thread for good; for threads that belong to telemetry.
pub fn suppress_thread() {
    SUPPRESSED.set(true);
}

/// Whether this thread makes no telemetry at the moment.
#[inline]
pub(super) fn is_suppressed() -> bool {
    SUPPRESSED.get()
}

/// How far a thread's life has come, as seen by the OpenTelemetry API.
///
/// It keeps thread-locals that abort the process when they are used after their destruction, which a span in another
/// thread-local's destructor would do. Thread-locals are destroyed in the reverse order of
/// their first use; so a watch that is first used right after theirs is destroyed right before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing was used yet.
    Fresh,
    /// The API's current context was used; `WATCH` stands before it.
    Context,
    /// The thread is being torn down.
    Dying,
}

struct Watch;

impl Drop for Watch {
    fn drop(&mut self) {
        PHASE.set(Phase::Dying);
    }
}

/// Whether OpenTelemetry's thread-locals may be used on this thread now.
#[inline]
pub(super) fn is_alive() -> bool {
    match PHASE.get() {
        Phase::Fresh => first_use(),
        Phase::Context => true,
        Phase::Dying => false,
    }
}

/// Whether the thread is being torn down and had used what this module watches.
#[inline]
pub(super) fn is_dying() -> bool {
    PHASE.get() == Phase::Dying
}

/// To be called after a line was written by tracing-subscriber's formatter, which keeps a thread-local buffer.
#[inline]
pub(super) fn wrote() {
    // The first call sets the watch. Refused only on a thread that is being torn down.
    let _refused = LINE_WATCH.try_with(|_| ());
}

#[cold]
fn first_use() -> bool {
    // If the application used OpenTelemetry's context on this thread, but never a span, it may be gone already.
    let usable = std::panic::catch_unwind(|| Context::map_current(|_| ())).is_ok();
    let watched = usable && WATCH.try_with(|_| ()).is_ok();
    PHASE.set(if watched { Phase::Context } else { Phase::Dying });
    watched
}

/// What the thread and OpenTelemetry's current context say about a span that is opened now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ambient {
    /// No telemetry is wanted.
    Suppressed,
    /// No span is active.
    Empty,
    /// A valid span is active.
    Active(Active),
}

/// The active span of OpenTelemetry's current context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Active {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub sampled: bool,
}

/// Looks at the current context, once and without cloning it; empty on a dying thread.
#[inline]
pub(super) fn ambient() -> Ambient {
    if is_suppressed() {
        return Ambient::Suppressed;
    }
    if !is_alive() {
        return Ambient::Empty;
    }
    Context::map_current(|context| {
        if context.is_telemetry_suppressed() {
            return Ambient::Suppressed;
        }
        if !context.has_active_span() {
            return Ambient::Empty;
        }
        let span = context.span();
        match span.span_context() {
            span if span.is_valid() => Ambient::Active(Active {
                trace_id: span.trace_id(),
                span_id: span.span_id(),
                sampled: span.is_sampled(),
            }),
            _ => Ambient::Empty,
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use opentelemetry::trace::{SpanContext, TraceFlags, TraceState};

    use super::*;

    #[test]
    fn suppression_nests_ends_with_its_scope_and_survives_a_panic() {
        assert!(!is_suppressed());
        suppressed(|| {
            suppressed(|| assert!(is_suppressed()));
            assert!(is_suppressed());
        });
        let _panic = std::panic::catch_unwind(|| suppressed(|| std::panic::resume_unwind(Box::new(()))));
        assert!(!is_suppressed());
    }

    #[test]
    fn the_current_context_of_opentelemetry_is_honoured() {
        assert_eq!(ambient(), Ambient::Empty);
        let remote = |id| SpanContext::new(id, SpanId::from(2), TraceFlags::SAMPLED, true, TraceState::default());
        {
            let _guard = Context::new().with_remote_span_context(remote(TraceId::from(1))).attach();
            let active = Active { trace_id: TraceId::from(1), span_id: SpanId::from(2), sampled: true };
            assert_eq!(ambient(), Ambient::Active(active));
            let _suppressed = Context::enter_telemetry_suppressed_scope();
            assert_eq!(ambient(), Ambient::Suppressed);
        }
        let _invalid = Context::new().with_remote_span_context(remote(TraceId::INVALID)).attach();
        assert_eq!(ambient(), Ambient::Empty);
    }

    #[test]
    fn a_thread_local_older_than_the_context_finds_the_thread_dying_in_its_destructor() {
        struct Late(mpsc::Sender<bool>);
        impl Drop for Late {
            fn drop(&mut self) {
                self.0.send(is_alive()).unwrap();
            }
        }
        thread_local! { static LATE: Cell<Option<Late>> = const { Cell::new(None) } }

        let (sender, receiver) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            LATE.set(Some(Late(sender)));
            is_alive()
        });
        assert!(thread.join().unwrap());
        assert!(!receiver.recv().unwrap());
    }
}
