//! Trace and span ids: drawn here for every span, and handed to the SDK when it starts one of them.
//!
//! A span that never reaches the SDK has ids too, since its log records and its `traceparent` carry them. When a span
//! does reach the SDK, the ids it already has must be the ones it is exported with: [`with_pending`] puts them where
//! [`Ids`], the SDK's id generator, finds them.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

use opentelemetry::{SpanId, TraceId};
use opentelemetry_sdk::trace::IdGenerator;

use super::handle::Handle;
use super::spans::Slot;
use crate::fork;

// None of these has a destructor, so they can be read at any point of a thread's life.
thread_local! {
    static RANDOM: Cell<Random> = const { Cell::new(Random { state: [0; 4], generation: 0 }) };
    static PENDING: Cell<Option<(TraceId, SpanId)>> = const { Cell::new(None) };
}

/// The id generator of the SDK's tracer provider.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ids;

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        // The SDK asks for a trace id only when there is no parent, after it asked for the span id.
        PENDING.get().map_or_else(|| around().unwrap_or_else(trace_id), |(trace_id, _)| trace_id)
    }

    fn new_span_id(&self) -> SpanId {
        PENDING.get().map_or_else(span_id, |(_, span_id)| span_id)
    }
}

/// The trace of the span that the thread has entered, if the gate dropped that span: what the application starts in it
/// with the OpenTelemetry API then belongs to the same trace, and by its id is not sampled either.
fn around() -> Option<TraceId> {
    let layer = Handle::current()?;
    let live = layer.0.current()?;
    let (trace_id, _) = live.slot.ids();
    (live.slot.flags(Slot::RECORDED | Slot::IDS_KNOWN) == Slot::IDS_KNOWN).then_some(trace_id)
}

/// Runs `f`, which starts one span, so that the span gets these ids (the trace id only if it has no parent).
pub(super) fn with_pending<R>(trace_id: TraceId, span_id: SpanId, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<(TraceId, SpanId)>);
    impl Drop for Restore {
        fn drop(&mut self) {
            PENDING.set(self.0);
        }
    }
    let _restore = Restore(PENDING.replace(Some((trace_id, span_id))));
    f()
}

/// A new random trace id, never zero.
#[inline]
pub(super) fn trace_id() -> TraceId {
    let [high, low] = draw();
    TraceId::from(u128::from(high) << 64 | u128::from(low))
}

/// A new random span id, never zero.
#[inline]
pub(super) fn span_id() -> SpanId {
    let [id] = draw();
    SpanId::from(id)
}

/// Random numbers that are not zero: an id of zeros is invalid.
#[inline]
fn draw<const N: usize>() -> [u64; N] {
    RANDOM.with(|cell| {
        let mut random = cell.get();
        if random.generation != fork::generation() {
            random = Random::seeded();
        }
        let numbers = [(); N].map(|()| random.next().max(1));
        cell.set(random);
        numbers
    })
}

/// xoshiro256++ (Blackman and Vigna, <https://prng.di.unimi.it/xoshiro256plusplus.c>): 256 bits of state, so that the
/// sequences of many threads of many processes do not meet.
#[derive(Clone, Copy)]
struct Random {
    state: [u64; 4],
    generation: u32,
}

impl Random {
    #[cold]
    fn seeded() -> Self {
        // `RandomState` takes its keys from the operating system; the process id keeps a forked child apart.
        let keys = RandomState::new();
        let process = std::process::id();
        let state = [0, 1, 2, 3].map(|part: u8| keys.hash_one((process, part)));
        Self { state, generation: fork::generation() }
    }

    #[inline]
    fn next(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_generator_follows_its_reference_implementation() {
        // First outputs of xoshiro256plusplus.c from the state 1, 2, 3, 4.
        let mut random = Random { state: [1, 2, 3, 4], generation: 0 };
        let drawn: [u64; 4] = std::array::from_fn(|_| random.next());
        assert_eq!(drawn, [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386]);
    }

    #[test]
    fn threads_and_a_forked_child_draw_ids_of_their_own() {
        let mut seen = HashSet::new();
        for _ in 0..8 {
            let drawn = std::thread::spawn(|| [trace_id(), trace_id()]).join().unwrap();
            assert!(drawn.into_iter().all(|id| id != TraceId::INVALID && seen.insert(id)));
        }
        let _seeded = span_id();
        // A child has its parent's state, of the generation before.
        let copied = Random { generation: fork::generation() - 1, ..RANDOM.get() };
        RANDOM.set(copied);
        let mut parent = copied;
        assert_ne!(span_id(), SpanId::from(parent.next()));
    }

    #[test]
    fn a_pending_pair_is_used_once_for_the_span_it_belongs_to() {
        let (trace, span) = (TraceId::from(7), SpanId::from(9));
        let given = with_pending(trace, span, || (Ids.new_trace_id(), Ids.new_span_id()));
        assert_eq!(given, (trace, span));
        assert_ne!((Ids.new_trace_id(), Ids.new_span_id()), (trace, span));
    }
}
