//! Where a span's state goes when its set of the table is full: slower, locked, and bounded.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::slot::Slot;

const SHARDS: usize = 16;
/// Slots of a chunk; chunks come into being on first use and stay.
const CHUNK: usize = 256;
const CHUNKS_PER_SHARD: usize = SLOTS_PER_SHARD as usize / CHUNK;
const SLOTS_PER_SHARD: u32 = 4_096;

/// Spans at most.
#[cfg(test)]
pub(super) const CAPACITY: usize = SHARDS * CHUNKS_PER_SHARD * CHUNK;

type Chunk = Box<[Slot; CHUNK]>;

/// Slots found by a locked map, sharded by id.
pub(super) struct Overflow {
    /// Spans held now. Zero nearly always, which keeps a miss in the table from taking a lock.
    held: AtomicUsize,
    shards: [Mutex<Shard>; SHARDS],
    chunks: Box<[OnceLock<Chunk>]>,
}

#[derive(Default)]
struct Shard {
    slots: HashMap<u64, u32>,
    free: Vec<u32>,
    /// Slots handed out so far, those that are free again included.
    used: u32,
}

impl Overflow {
    pub(super) fn new() -> Self {
        Self {
            held: AtomicUsize::new(0),
            shards: std::array::from_fn(|_| Mutex::default()),
            chunks: (0..SHARDS * CHUNKS_PER_SHARD).map(|_| OnceLock::new()).collect(),
        }
    }

    /// A slot for `id`; `None` when the shard is full.
    pub(super) fn claim(&self, id: u64) -> Option<&Slot> {
        let at = shard_of(id);
        let mut shard = self.lock(at);
        let index = if let Some(index) = shard.free.pop() {
            index
        } else {
            let next = shard.used;
            if next == SLOTS_PER_SHARD {
                return None;
            }
            shard.used += 1;
            at * SLOTS_PER_SHARD + next
        };
        shard.slots.insert(id, index);
        drop(shard);
        self.held.fetch_add(1, Ordering::Relaxed);
        let chunk =
            self.chunks[index as usize / CHUNK].get_or_init(|| Box::new(std::array::from_fn(|_| Slot::default())));
        Some(&chunk[index as usize % CHUNK])
    }

    pub(super) fn find(&self, id: u64) -> Option<&Slot> {
        if self.held.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let index = *self.lock(shard_of(id)).slots.get(&id)?;
        let chunk = self.chunks[index as usize / CHUNK].get()?;
        Some(&chunk[index as usize % CHUNK])
    }

    pub(super) fn release(&self, id: u64) {
        let mut shard = self.lock(shard_of(id));
        if let Some(index) = shard.slots.remove(&id) {
            shard.free.push(index);
            drop(shard);
            self.held.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn lock(&self, at: u32) -> MutexGuard<'_, Shard> {
        self.shards[at as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shard_of(id: u64) -> u32 {
    (id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60) as u32
}
