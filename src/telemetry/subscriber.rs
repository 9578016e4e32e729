//! The subscriber that `init` installs: the registry and our layer, kept away from threads that are being torn down.
//!
//! The registry keeps thread-locals that abort the process when they are used after their destruction, which a span or
//! an event in another thread-local's destructor does. Thread-locals are destroyed in the reverse order of their first
//! use, so a watch that is first used after theirs is destroyed before them.

#![expect(unsafe_code, reason = "the trait's way to find a layer behind a dispatcher")]

use std::any::TypeId;
use std::cell::Cell;
use std::ptr::from_ref;
use std::sync::Arc;

use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber};
use tracing_core::LevelFilter;
use tracing_core::span::{Attributes, Current, Id, Record};

use crate::internal::{Counter, Internal};

/// The id of every span that a dying thread opens. The registry counts its ids up from one.
const NO_SPAN: u64 = u64::MAX;

thread_local! {
    static PHASE: Cell<Phase> = const { Cell::new(Phase::Fresh) };
    static WATCH: Watch = const { Watch };
    static LATER_WATCH: Watch = const { Watch };
}

/// How far a thread's life has come, as seen by the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Fresh,
    /// The stack of entered spans has been used; `WATCH` stands before it.
    Stack,
    /// The slab of spans has been used as well; `LATER_WATCH` stands before both.
    Slab,
    Dying,
}

struct Watch;

impl Drop for Watch {
    fn drop(&mut self) {
        PHASE.set(Phase::Dying);
    }
}

/// A subscriber that ignores spans and events of dying threads, and counts them.
#[derive(Debug)]
pub(super) struct Mortal<S> {
    inner: S,
    internal: Arc<Internal>,
}

impl<S: Subscriber> Mortal<S> {
    pub(super) fn new(inner: S, internal: Arc<Internal>) -> Self {
        Self { inner, internal }
    }

    /// Whether the registry may be used on this thread.
    #[inline]
    fn is_alive(&self) -> bool {
        match PHASE.get() {
            Phase::Fresh => self.use_stack(),
            Phase::Stack | Phase::Slab => true,
            Phase::Dying => false,
        }
    }

    #[cold]
    fn use_stack(&self) -> bool {
        self.inner.current_span();
        let watched = WATCH.try_with(|_| ()).is_ok();
        PHASE.set(if watched { Phase::Stack } else { Phase::Dying });
        watched
    }

    fn open(&self, span: &Attributes<'_>) -> Id {
        let id = match span.parent() {
            Some(parent) if is_none(parent) => {
                self.inner.new_span(&Attributes::new_root(span.metadata(), span.values()))
            }
            _ => self.inner.new_span(span),
        };
        used_slab();
        id
    }
}

/// To be called after a span was opened.
#[inline]
fn used_slab() {
    if PHASE.get() == Phase::Stack {
        let watched = LATER_WATCH.try_with(|_| ()).is_ok();
        PHASE.set(if watched { Phase::Slab } else { Phase::Dying });
    }
}

#[inline]
fn is_none(id: &Id) -> bool {
    id.into_u64() == NO_SPAN
}

impl<S: Subscriber> Subscriber for Mortal<S> {
    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        self.inner.on_register_dispatch(subscriber);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.inner.register_callsite(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.inner.max_level_hint()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // What a dying thread opens goes on to be counted.
        !self.is_alive() || self.inner.enabled(metadata)
    }

    fn event_enabled(&self, event: &Event<'_>) -> bool {
        !self.is_alive() || self.inner.event_enabled(event)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        if self.is_alive() {
            return self.open(span);
        }
        self.internal.count(Counter::ThreadEnding);
        Id::from_u64(NO_SPAN)
    }

    fn event(&self, event: &Event<'_>) {
        if self.is_alive() {
            self.inner.event(event);
        } else {
            self.internal.count(Counter::ThreadEnding);
        }
    }

    fn enter(&self, span: &Id) {
        if !is_none(span) && self.is_alive() {
            self.inner.enter(span);
        }
    }

    fn exit(&self, span: &Id) {
        if !is_none(span) && self.is_alive() {
            self.inner.exit(span);
        }
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        if !is_none(span) {
            self.inner.record(span, values);
        }
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        if !is_none(span) && !is_none(follows) {
            self.inner.record_follows_from(span, follows);
        }
    }

    fn clone_span(&self, id: &Id) -> Id {
        if is_none(id) { id.clone() } else { self.inner.clone_span(id) }
    }

    fn try_close(&self, id: Id) -> bool {
        !is_none(&id) && self.inner.try_close(id)
    }

    fn current_span(&self) -> Current {
        if self.is_alive() { self.inner.current_span() } else { Current::none() }
    }

    unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        if id == TypeId::of::<Self>() {
            return Some(from_ref(self).cast());
        }
        // SAFETY: what is found belongs to `self.inner`, which lives as long as `self`.
        unsafe { self.inner.downcast_raw(id) }
    }
}

#[cfg(test)]
mod tests {
    use tracing::{Span, info, info_span};
    use tracing_subscriber::registry;

    use super::*;

    #[test]
    fn a_dying_thread_opens_no_span_but_closes_those_it_has() {
        let internal = Arc::new(Internal::default());
        let dispatch = Dispatch::new(Mortal::new(registry(), Arc::clone(&internal)));
        let ignored = std::thread::spawn(move || {
            tracing::dispatcher::with_default(&dispatch, || {
                let open = info_span!("open").entered();
                PHASE.set(Phase::Dying);
                let ignored = info_span!("ignored");
                ignored.in_scope(|| info!("ignored"));
                let child = info_span!(parent: &ignored, "ignored");
                child.follows_from(&ignored);
                drop((open, child));
                ignored
            })
        });
        let ignored = ignored.join().unwrap();
        assert_eq!(ignored.id().map(|id| id.into_u64()), Some(NO_SPAN));
        assert_eq!(internal.counted(Counter::ThreadEnding), 3);
        // In another thread it is a parent like none.
        let dispatch = Dispatch::new(Mortal::new(registry(), internal));
        tracing::dispatcher::with_default(&dispatch, || {
            let child = info_span!(parent: &ignored, "child");
            assert_ne!(child.id().map(|id| id.into_u64()), Some(NO_SPAN));
            child.follows_from(&ignored);
            child.in_scope(|| assert_eq!(Span::current().id(), child.id()));
        });
    }
}
