//! The side table: the state of every live span, found by its id without the Registry's span lookup.
//!
//! Looking a span up in the Registry and in its extensions costs two reference counts and a lock; this table costs one
//! comparison. It is made of sets of [`WAYS`] slots. The Registry makes ids from the address of its own storage (see
//! [`place`]), so the way tried first is nearly always the right one; another subscriber's ids work as well, only with
//! more comparisons. A slot is claimed by exchanging its tag, 0, for the span's id, and freed by storing 0 after all
//! else, so that whoever finds the id finds the slot whole. When all ways of a set are taken the span goes to a locked
//! overflow and is counted; when that is full too, it is not measured, and counted.
//!
//! Memory is allocated in chunks of [`CHUNK`] slots on first use, some 8 kB for each thread that opens spans.

mod cover;
mod overflow;
mod records;
mod slot;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use overflow::Overflow;
pub(crate) use records::Records;
pub(crate) use slot::{INLINE_DIMENSIONS, Slot, Status, Traits, USUAL_DIMENSIONS};

use crate::internal::{Counter, Internal};

/// Slots of a set.
const WAYS: usize = 8;
/// Slots of a chunk, the sets of which come into being together.
const CHUNK: usize = 64;
const CHUNKS: usize = 4_096;
const CAPACITY: usize = CHUNKS * CHUNK;

/// Live spans at most: those of the table and those of the overflow.
#[cfg(test)]
pub(crate) const LIMIT: usize = CAPACITY + overflow::CAPACITY;

type Chunk = [Slot; CHUNK];

/// The live spans of one layer.
pub(crate) struct Spans {
    chunks: [OnceLock<Box<Chunk>>; CHUNKS],
    overflow: Overflow,
    /// Symbols of dimensions beyond [`INLINE_DIMENSIONS`], by span.
    further: Mutex<HashMap<u64, Box<[u32]>>>,
    internal: Arc<Internal>,
}

/// A live span's slot.
#[derive(Clone, Copy)]
pub(crate) struct Live<'a> {
    /// Its state.
    pub(crate) slot: &'a Slot,
}

impl Live<'_> {
    /// The span's id, as the Registry gave it.
    #[inline]
    pub(crate) fn id(self) -> u64 {
        self.slot.tag.load(Ordering::Relaxed)
    }
}

impl Spans {
    #[expect(
        clippy::large_stack_arrays,
        reason = "64 kB, once for a layer; behind a box it would cost each look-up a step"
    )]
    pub(crate) fn new(internal: Arc<Internal>) -> Self {
        Self {
            chunks: [const { OnceLock::new() }; CHUNKS],
            overflow: Overflow::new(),
            further: Mutex::default(),
            internal,
        }
    }

    /// A new slot for a span that opens; `None`, counted, when there is no room.
    #[inline]
    pub(crate) fn claim(&self, id: u64) -> Option<Live<'_>> {
        let first = place(id);
        let chunk = self.chunks[first / CHUNK].get_or_init(make_chunk);
        match claim(&chunk[first % CHUNK], id) {
            None => self.claim_elsewhere(chunk, first, id),
            claimed => claimed,
        }
    }

    /// The slot of a live span; `None` for a span that telemetry does not want or could not hold.
    #[inline]
    pub(crate) fn find(&self, id: u64) -> Option<Live<'_>> {
        match self.find_first(id) {
            None => self.find_elsewhere(id),
            found => found,
        }
    }

    /// The slot of a live span if it is where it is looked for first; says nothing about a span when it is not.
    #[inline]
    pub(crate) fn find_first(&self, id: u64) -> Option<Live<'_>> {
        let first = place(id);
        let slot = &self.chunks[first / CHUNK].get()?[first % CHUNK];
        is_of(slot, id).then_some(Live { slot })
    }

    /// Frees a slot; the last thing done for a span.
    #[inline]
    pub(crate) fn release(&self, live: Live<'_>) {
        if live.slot.flags(Slot::OVERFLOWN) != 0 {
            self.overflow.release(live.id());
        }
        live.slot.tag.store(0, Ordering::Release);
    }

    /// Stores the symbol of a dimension that has no room in the slot.
    pub(crate) fn set_further(&self, live: Live<'_>, at: usize, of: usize, symbol: u32) {
        let mut further = self.further.lock().unwrap_or_else(PoisonError::into_inner);
        let symbols = further.entry(live.id()).or_insert_with(|| vec![0; of].into());
        if let Some(place) = symbols.get_mut(at) {
            *place = symbol;
        }
    }

    /// Takes the symbols that [`Spans::set_further`] stored.
    pub(crate) fn take_further(&self, live: Live<'_>) -> Option<Box<[u32]>> {
        self.further.lock().unwrap_or_else(PoisonError::into_inner).remove(&live.id())
    }

    #[cold]
    fn claim_elsewhere<'a>(&'a self, chunk: &'a Chunk, first: usize, id: u64) -> Option<Live<'a>> {
        let in_set = ways(first).find_map(|at| claim(&chunk[at % CHUNK], id));
        if in_set.is_some() {
            return in_set;
        }
        let Some(slot) = self.overflow.claim(id) else {
            self.internal.count(Counter::SpanUnmeasured);
            return None;
        };
        self.internal.count(Counter::SpanTableOverflow);
        slot.tag.store(id, Ordering::Relaxed);
        slot.reset();
        slot.set_flags_while_opening(Slot::OVERFLOWN);
        Some(Live { slot })
    }

    #[cold]
    fn find_elsewhere(&self, id: u64) -> Option<Live<'_>> {
        let first = place(id);
        let chunk = self.chunks[first / CHUNK].get();
        let mut in_set = chunk.into_iter().flat_map(|chunk| ways(first).map(|at| &chunk[at % CHUNK]));
        let slot = in_set.find(|slot| is_of(slot, id)).or_else(|| self.overflow.find(id))?;
        Some(Live { slot })
    }
}

#[cold]
fn make_chunk() -> Box<Chunk> {
    Box::new(std::array::from_fn(|_| Slot::default()))
}

#[inline]
fn claim(slot: &Slot, id: u64) -> Option<Live<'_>> {
    // Acquire, so that what the span before wrote into the slot is over.
    let free = slot.tag.load(Ordering::Relaxed) == 0
        && slot.tag.compare_exchange(0, id, Ordering::Acquire, Ordering::Relaxed).is_ok();
    if !free {
        return None;
    }
    slot.reset();
    Some(Live { slot })
}

#[inline]
fn is_of(slot: &Slot, id: u64) -> bool {
    slot.tag.load(Ordering::Acquire) == id
}

impl fmt::Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spans").finish_non_exhaustive()
    }
}

/// The place of an id's slot, tried first. The Registry's ids, minus one, are packed by sharded-slab: 38 bits of address
/// within the storage of a thread, dense from 0; 13 bits of thread; a generation. Addresses of one thread never collide
/// with each other until they reach [`CAPACITY`]; threads are spread over the chunks.
#[inline]
fn place(id: u64) -> usize {
    const ADDRESS_BITS: u32 = 38;
    /// Odd, so that the first 4,096 threads begin in different chunks, far from their neighbours'.
    const SPREAD: u64 = 157 * CHUNK as u64;
    // The address and `SPREAD` times the thread, in one multiplication; what a generation adds is a multiple of
    // `CAPACITY`.
    let product = id.wrapping_mul((1 << ADDRESS_BITS) | SPREAD);
    (product >> ADDRESS_BITS) as usize % CAPACITY
}

/// The other ways of the set.
fn ways(first: usize) -> impl Iterator<Item = usize> {
    (1..WAYS).map(move |step| first - first % WAYS + (first + step) % WAYS)
}

#[cfg(test)]
mod tests;
