//! The side table: the state of every live span, found by its id without the Registry's span lookup.
//!
//! Looking a span up in the Registry and in its extensions costs two reference counts and a lock; this table costs one
//! comparison. It has [`SETS`] sets of [`WAYS`] slots. The Registry makes ids from the address of its own storage (see
//! [`place`]), so the way tried first is nearly always the right one; another subscriber's ids work as well, only with
//! more comparisons. A slot is claimed by exchanging its tag, 0, for the span's id, and freed by storing 0 after all
//! else, so that whoever finds the id finds the slot whole. When all ways of a set are taken the span goes to a locked
//! overflow and is counted; when that is full too, it is not measured, and counted.
//!
//! Memory is allocated in chunks of [`SETS_PER_CHUNK`] sets on first use, some 8 kB for each thread that opens spans.

mod cover;
mod overflow;
mod slot;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use overflow::Overflow;
pub(crate) use slot::{INLINE_DIMENSIONS, Slot, Status};

use crate::internal::{Counter, Internal};

const WAYS: usize = 8;
const SETS: usize = 4_096;
const SETS_PER_CHUNK: usize = 8;
const CAPACITY: usize = SETS * WAYS;
/// Numbers of slots from here on are those of the overflow.
const FIRST_OVERFLOW: u32 = 32_768;
const _: () = assert!(FIRST_OVERFLOW as usize == CAPACITY);

/// Live spans at most: those of the table and those of the overflow.
#[cfg(test)]
pub(crate) const LIMIT: usize = CAPACITY + overflow::CAPACITY;

#[derive(Default)]
#[repr(align(64))]
struct Set {
    /// Ids of the spans in `slots`; 0 for a free one.
    tags: [AtomicU64; WAYS],
    slots: [Slot; WAYS],
}

type Chunk = Box<[Set; SETS_PER_CHUNK]>;

/// The live spans of one layer.
pub(crate) struct Spans {
    chunks: Box<[OnceLock<Chunk>]>,
    overflow: Overflow,
    /// Symbols of dimensions beyond [`INLINE_DIMENSIONS`], by slot.
    further: Mutex<HashMap<u32, Box<[u32]>>>,
    internal: Arc<Internal>,
}

/// A live span's slot.
#[derive(Clone, Copy)]
pub(crate) struct Live<'a> {
    /// Its state.
    pub(crate) slot: &'a Slot,
    /// The slot's number.
    pub(crate) index: u32,
    /// The span's id, as the Registry gave it.
    pub(crate) id: u64,
}

impl Spans {
    pub(crate) fn new(internal: Arc<Internal>) -> Self {
        Self {
            chunks: (0..SETS / SETS_PER_CHUNK).map(|_| OnceLock::new()).collect(),
            overflow: Overflow::new(),
            further: Mutex::default(),
            internal,
        }
    }

    /// A new slot for a span that opens; `None`, counted, when there is no room.
    #[inline]
    pub(crate) fn claim(&self, id: u64) -> Option<Live<'_>> {
        let (at, first) = place(id);
        let chunk = self.chunks[at / SETS_PER_CHUNK].get_or_init(Box::default);
        let set = &chunk[at % SETS_PER_CHUNK];
        for step in 0..WAYS {
            let way = (first + step) % WAYS;
            let tag = &set.tags[way];
            // Acquire, so that what the span before wrote into the slot is over.
            if tag.load(Ordering::Relaxed) == 0
                && tag.compare_exchange(0, id, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                let slot = &set.slots[way];
                slot.reset();
                return Some(Live { slot, index: number(at, way), id });
            }
        }
        self.claim_overflow(id)
    }

    /// The slot of a live span; `None` for a span that telemetry does not want or could not hold.
    #[inline]
    pub(crate) fn find(&self, id: u64) -> Option<Live<'_>> {
        let (at, first) = place(id);
        if let Some(chunk) = self.chunks[at / SETS_PER_CHUNK].get() {
            let set = &chunk[at % SETS_PER_CHUNK];
            for step in 0..WAYS {
                let way = (first + step) % WAYS;
                if set.tags[way].load(Ordering::Acquire) == id {
                    return Some(Live { slot: &set.slots[way], index: number(at, way), id });
                }
            }
        }
        let (index, slot) = self.overflow.find(id)?;
        Some(Live { slot, index: FIRST_OVERFLOW + index, id })
    }

    /// The slot with this number, if it still belongs to `id`.
    #[inline]
    pub(crate) fn at(&self, index: u32, id: u64) -> Option<Live<'_>> {
        let number = index as usize;
        if number >= CAPACITY {
            return self.find(id);
        }
        let (at, way) = (number / WAYS, number % WAYS);
        let set = &self.chunks[at / SETS_PER_CHUNK].get()?[at % SETS_PER_CHUNK];
        (set.tags[way].load(Ordering::Acquire) == id).then(|| Live { slot: &set.slots[way], index, id })
    }

    /// Frees a slot; the last thing done for a span.
    #[inline]
    pub(crate) fn release(&self, live: Live<'_>) {
        let number = live.index as usize;
        if number >= CAPACITY {
            return self.overflow.release(live.id);
        }
        let (at, way) = (number / WAYS, number % WAYS);
        if let Some(chunk) = self.chunks[at / SETS_PER_CHUNK].get() {
            chunk[at % SETS_PER_CHUNK].tags[way].store(0, Ordering::Release);
        }
    }

    /// Stores the symbol of a dimension that has no room in the slot.
    pub(crate) fn set_further(&self, live: Live<'_>, at: usize, of: usize, symbol: u32) {
        let mut further = self.further.lock().unwrap_or_else(PoisonError::into_inner);
        let symbols = further.entry(live.index).or_insert_with(|| vec![0; of].into());
        if let Some(place) = symbols.get_mut(at) {
            *place = symbol;
        }
    }

    /// Takes the symbols that [`Spans::set_further`] stored.
    pub(crate) fn take_further(&self, live: Live<'_>) -> Option<Box<[u32]>> {
        self.further.lock().unwrap_or_else(PoisonError::into_inner).remove(&live.index)
    }

    #[cold]
    fn claim_overflow(&self, id: u64) -> Option<Live<'_>> {
        let Some((index, slot)) = self.overflow.claim(id) else {
            self.internal.count(Counter::SpanUnmeasured);
            return None;
        };
        self.internal.count(Counter::SpanTableOverflow);
        slot.reset();
        Some(Live { slot, index: FIRST_OVERFLOW + index, id })
    }
}

impl fmt::Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spans").finish_non_exhaustive()
    }
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "below `CAPACITY`")]
fn number(set: usize, way: usize) -> u32 {
    (set * WAYS + way) as u32
}

/// Set and first way of an id. The Registry's ids, minus one, are packed by sharded-slab: 38 bits of address within
/// the storage of a thread, dense from 0; 13 bits of thread; a generation. Addresses of one thread never collide with
/// each other until they reach [`CAPACITY`]; threads are spread over the chunks.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "only the low bits are wanted")]
fn place(id: u64) -> (usize, usize) {
    const ADDRESS_BITS: u32 = 38;
    const THREAD_MASK: u64 = (1 << 13) - 1;
    /// Odd, so that the first 512 threads begin in 512 different chunks, far from their neighbours'.
    const SPREAD: u64 = 157 * SETS_PER_CHUNK as u64;
    let packed = id.wrapping_sub(1);
    let thread = (packed >> ADDRESS_BITS) & THREAD_MASK;
    let set = (packed / WAYS as u64).wrapping_add(thread * SPREAD) % SETS as u64;
    (set as usize, packed as usize % WAYS)
}

#[cfg(test)]
mod tests;
