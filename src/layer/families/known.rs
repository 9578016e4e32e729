//! What all threads remember by symbols.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use super::super::symbols::Symbol;

/// Remembers what was found by symbols, until the store retires series.
pub(super) struct Known<T> {
    /// Entries at most; when there are more, all are looked for anew.
    limit: usize,
    entries: RwLock<Entries<T>>,
}

struct Entries<T> {
    /// Of the store, when the first was found.
    generation: u32,
    found: HashMap<Box<[Symbol]>, T>,
}

impl<T: Copy> Known<T> {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, entries: RwLock::new(Entries { generation: 0, found: HashMap::new() }) }
    }

    /// What belongs to the symbols; `find` is asked when it is not known. The generation must have been read before.
    pub(super) fn get(&self, generation: u32, symbols: &[Symbol], find: impl FnOnce() -> T) -> T {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = entries.found.get(symbols).filter(|_| entries.generation == generation) {
            return *found;
        }
        drop(entries);
        let found = find();
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.generation != generation || entries.found.len() >= self.limit {
            *entries = Entries { generation, found: HashMap::new() };
        }
        entries.found.insert(symbols.into(), found);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_asked_once_for_what_it_may_remember_and_anew_in_another_generation() {
        let known = Known::new(2);
        let mut asked = 0;
        for (generation, symbol, expected) in
            [(1, 5, 1), (1, 5, 1), (1, 6, 2), (1, 5, 2), (2, 5, 3), (2, 6, 4), (2, 7, 5), (2, 5, 6)]
        {
            known.get(generation, &[Symbol(symbol)], || asked += 1);
            assert_eq!(asked, expected, "{generation} {symbol}");
        }
    }
}
