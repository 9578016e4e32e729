//! A bounded cache that forgets what was used longest ago.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Least recently used out first. Every operation costs `O(log capacity)`.
#[derive(Debug)]
pub struct Cache<K, V> {
    capacity: usize,
    entries: HashMap<K, Entry<V>>,
    /// Keys by their last use, the oldest first.
    order: BTreeMap<u64, K>,
    /// Counts uses; the next one's number.
    uses: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    used: u64,
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    /// A cache of at most `capacity` entries.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, entries: HashMap::with_capacity(capacity), order: BTreeMap::new(), uses: 0 }
    }

    /// The value of a key, which counts as a use.
    pub fn get(&mut self, key: &K) -> Option<V> {
        let used = self.next_use();
        let entry = self.entries.get_mut(key)?;
        let key = self.order.remove(&entry.used)?;
        self.order.insert(used, key);
        entry.used = used;
        Some(entry.value.clone())
    }

    /// Keeps a value. Returns whether another entry had to go.
    pub fn put(&mut self, key: K, value: V) -> bool {
        if self.capacity == 0 {
            return false;
        }
        let used = self.next_use();
        if let Some(before) = self.entries.insert(key.clone(), Entry { value, used }) {
            self.order.remove(&before.used);
        }
        self.order.insert(used, key);
        let evicts = self.entries.len() > self.capacity;
        if evicts && let Some((_, oldest)) = self.order.pop_first() {
            self.entries.remove(&oldest);
        }
        evicts
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn next_use(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_cache_forgets_what_was_used_longest_ago() {
        let mut cache = Cache::new(2);
        assert!(!cache.put("a", 1));
        assert!(!cache.put("b", 2));
        assert_eq!(cache.get(&"a"), Some(1));
        assert!(cache.put("c", 3));
        assert_eq!([cache.get(&"a"), cache.get(&"b"), cache.get(&"c")], [Some(1), None, Some(3)]);
    }

    #[test]
    fn it_never_holds_more_than_its_capacity_whatever_the_order_of_use() {
        let mut cache = Cache::new(10);
        for n in 0_u32..1_000 {
            cache.put(n * 7 % 31, n);
            cache.get(&(n * 3 % 31));
            assert!(cache.len() <= 10 && cache.order.len() == cache.len());
        }
        let mut none = Cache::new(0);
        assert!(!none.put(1, 1) && none.is_empty());
    }
}
