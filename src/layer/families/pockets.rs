//! What live spans carry, by span.
//!
//! Apart from the side table, because few spans carry anything, and those that do carry much. A pocket exists from the
//! span's opening to its end, and only for spans that have a slot: the side table's limit is the limit here.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::symbols::Symbol;
use crate::families::{Key, MAX_KEYS};

/// Threads that get into each other's way are few with so many locks.
const SHARDS: usize = 64;

/// The values of a span's attributes, by key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values([Symbol; MAX_KEYS]);

impl Default for Values {
    fn default() -> Self {
        Self([Symbol::ABSENT; MAX_KEYS])
    }
}

impl Values {
    pub(super) fn get(&self, key: Key) -> Symbol {
        self.0.get(usize::from(key)).copied().unwrap_or_default()
    }

    pub(super) fn set(&mut self, key: Key, symbol: Symbol) {
        if let Some(value) = self.0.get_mut(usize::from(key)) {
            *value = symbol;
        }
    }

    /// Takes over what the other one has.
    fn update(&mut self, other: &Self) {
        for (value, newer) in self.0.iter_mut().zip(&other.0).filter(|(_, newer)| !newer.is_absent()) {
            *value = *newer;
        }
    }
}

/// The span that served another one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Served {
    /// How long it took.
    pub(super) nanos: u64,
    pub(super) failed: bool,
}

/// What one span carries.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pocket {
    pub(super) values: Values,
    /// The first of its children that is a server or consumer.
    pub(super) served: Option<Served>,
}

/// The pockets of all live spans.
pub(super) struct Pockets([Mutex<HashMap<u64, Pocket>>; SHARDS]);

impl Pockets {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }

    /// Adds values of a span.
    pub(super) fn put(&self, id: u64, values: &Values) {
        self.shard(id).entry(id).or_default().values.update(values);
    }

    /// A span was served by a child.
    pub(super) fn serve(&self, id: u64, served: Served) {
        if let Some(pocket) = self.shard(id).get_mut(&id) {
            pocket.served.get_or_insert(served);
        }
    }

    /// What an ending span carried.
    pub(super) fn take(&self, id: u64) -> Option<Pocket> {
        self.shard(id).remove(&id)
    }

    #[expect(clippy::cast_possible_truncation, reason = "only the low bits are wanted")]
    fn shard(&self, id: u64) -> MutexGuard<'_, HashMap<u64, Pocket>> {
        // The Registry's ids: an address in the storage of a thread in the low bits, the thread above them.
        let at = (id ^ (id >> 38)) as usize % SHARDS;
        self.0[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_values_replace_earlier_ones_and_leave_the_others_and_the_first_child_counts() {
        let pockets = Pockets::new();
        let values = |pairs: &[(Key, u32)]| {
            let mut values = Values::default();
            for (key, symbol) in pairs {
                values.set(*key, Symbol(*symbol));
            }
            values
        };
        pockets.serve(7, Served { nanos: 1, failed: false });
        assert!(pockets.take(7).is_none(), "nobody asked for it");
        pockets.put(7, &values(&[(0, 10), (1, 11)]));
        pockets.put(7, &values(&[(1, 12), (2, 13)]));
        pockets.serve(7, Served { nanos: 5, failed: true });
        pockets.serve(7, Served { nanos: 6, failed: false });
        let pocket = pockets.take(7).unwrap();
        assert_eq!([0, 1, 2, 3].map(|key| pocket.values.get(key).0), [10, 12, 13, 0]);
        assert_eq!(pocket.served.map(|it| (it.nanos, it.failed)), Some((5, true)));
        assert!(pockets.take(7).is_none());
    }
}
