//! What each thread remembers, so that a warm measurement neither locks nor allocates.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Weak};

use opentelemetry::KeyValue;

use super::core::Core;
use crate::model;
use crate::series::{Instrument, Series, Store};

/// Series and instruments a thread remembers; beyond it the thread forgets all and starts again.
const LIMIT: usize = 1_024;

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::default();
}

/// What was learned from one store.
#[derive(Default)]
struct Cache {
    /// Weak, so that a thread does not keep a store alive; its allocation stays, so that no later store has its address.
    store: Weak<Store>,
    generation: u32,
    /// By number; `None` when the store refused the instrument.
    instruments: HashMap<u64, Option<Instrument>>,
    /// By hash of number and attributes.
    series: HashMap<u64, Vec<Entry>>,
    entries: usize,
}

struct Entry {
    number: u64,
    attributes: Box<[KeyValue]>,
    series: Series,
}

/// The series of an instrument with these attributes; `None` when the store refused the instrument.
pub(super) fn series(store: &Arc<Store>, core: &Core, attributes: &[KeyValue]) -> Option<Series> {
    let remembered =
        CACHE.try_with(|cache| cache.try_borrow_mut().ok().map(|mut cache| cache.find(store, core, attributes)));
    match remembered {
        Ok(Some(series)) => series,
        // The thread is ending, or the store's own work measures: slower, but not lost.
        Ok(None) | Err(_) => Some(store.series(store.instrument(&core.declaration())?, &[], attributes)),
    }
}

impl Cache {
    fn find(&mut self, store: &Arc<Store>, core: &Core, attributes: &[KeyValue]) -> Option<Series> {
        self.follow(store);
        let hash = hash(core.number, attributes);
        let found = self.series.get(&hash).and_then(|entries| {
            entries
                .iter()
                .find(|entry| entry.number == core.number && model::same_attributes(&entry.attributes, attributes))
        });
        if let Some(entry) = found {
            return Some(entry.series);
        }
        if self.entries + self.instruments.len() >= LIMIT {
            *self = Self { store: Weak::clone(&self.store), generation: self.generation, ..Self::default() };
        }
        let declare = || store.instrument(&core.declaration());
        let instrument = *self.instruments.entry(core.number).or_insert_with(declare);
        let series = store.series(instrument?, &[], attributes);
        self.entries += 1;
        self.series.entry(hash).or_default().push(Entry { number: core.number, attributes: attributes.into(), series });
        Some(series)
    }

    /// Forgets what another store said, or what this store said before series were retired.
    fn follow(&mut self, store: &Arc<Store>) {
        let generation = store.generation();
        if !std::ptr::eq(self.store.as_ptr(), Arc::as_ptr(store)) {
            *self = Self { store: Arc::downgrade(store), generation, ..Self::default() };
        } else if self.generation != generation {
            self.series.clear();
            (self.entries, self.generation) = (0, generation);
        }
    }
}

fn hash(number: u64, attributes: &[KeyValue]) -> u64 {
    let mut hasher = DefaultHasher::new();
    number.hash(&mut hasher);
    model::hash_attributes(attributes, &mut hasher);
    hasher.finish()
}
