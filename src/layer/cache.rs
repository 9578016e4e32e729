//! What a thread remembers, so that a warm span or event takes no lock: symbols of texts, and series by symbols.
//!
//! An entry lies in one of [`WINDOW`] neighbouring places; a newcomer that finds them taken pushes one out. The caches
//! begin small and grow while that happens, up to some 80 kB a thread. They belong to one layer at a time, and are emptied when the store
//! retires series or the symbol table forgets values.

use std::cell::RefCell;
use std::sync::Arc;

use super::symbols::Symbol;
use crate::series::Series;

const PLACES_MIN: usize = 32;
const PLACES_MAX: usize = 1_024;
const WINDOW: u64 = 4;

/// Symbols of a [`Key`].
pub(super) const KEY_SYMBOLS: usize = 6;

/// What a series is found by: callsite, a word for what the callsite varies, and symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Key {
    pub(super) callsite: u32,
    pub(super) variant: u32,
    pub(super) symbols: [Symbol; KEY_SYMBOLS],
}

/// Whose entries a thread's caches hold, and of when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Owner {
    pub(super) layer: u32,
    pub(super) period: u32,
    pub(super) generation: u32,
}

/// The caches of one thread.
#[derive(Default)]
pub(super) struct Caches {
    owner: Owner,
    texts: Places<(Arc<str>, Symbol)>,
    series: Places<(Key, Series)>,
}

thread_local! {
    /// Never borrowed while foreign code runs.
    static CACHES: RefCell<Caches> = RefCell::default();
}

impl Caches {
    /// The calling thread's caches; `None` while the thread ends and they are gone.
    #[inline]
    pub(super) fn with<R>(owner: Owner, f: impl FnOnce(&mut Self) -> R) -> Option<R> {
        let with = |caches: &RefCell<Self>| {
            let mut caches = caches.try_borrow_mut().ok()?;
            if caches.owner != owner {
                *caches = Self { owner, ..Self::default() };
            }
            Some(f(&mut caches))
        };
        CACHES.try_with(with).ok().flatten()
    }

    #[inline]
    pub(super) fn text(&mut self, text: &str, find: impl FnOnce() -> (Symbol, Arc<str>)) -> Symbol {
        let hash = hash_text(text);
        if let Some((_, symbol)) = self.texts.get(hash, |(known, _)| **known == *text) {
            return *symbol;
        }
        let (symbol, text) = find();
        self.texts.insert(hash, (text, symbol), |(text, _)| hash_text(text));
        symbol
    }

    #[inline]
    pub(super) fn series(&mut self, key: &Key, find: impl FnOnce() -> Series) -> Series {
        let hash = key.hash();
        if let Some((_, series)) = self.series.get(hash, |(known, _)| known == key) {
            return *series;
        }
        let series = find();
        self.series.insert(hash, (*key, series), |(key, _)| key.hash());
        series
    }
}

/// A cache of a bounded number of entries.
struct Places<T> {
    /// A power of two of them, or none.
    places: Vec<Option<T>>,
    /// Entries pushed out by newcomers since the cache had its present size.
    pushed_out: usize,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self { places: Vec::new(), pushed_out: 0 }
    }
}

impl<T> Places<T> {
    #[inline]
    fn get(&self, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<&T> {
        for step in 0..WINDOW {
            match self.places.get(place(hash + step, self.places.len()))? {
                Some(entry) if is_it(entry) => return Some(entry),
                Some(_) => {}
                // Nothing is ever removed, so the entry would lie here.
                None => return None,
            }
        }
        None
    }

    #[cold]
    fn insert(&mut self, hash: u64, entry: T, hash_of: impl Fn(&T) -> u64) {
        let crowded = self.pushed_out > self.places.len() / 8 && self.places.len() < PLACES_MAX;
        if self.places.is_empty() || crowded {
            let len = (2 * self.places.len()).max(PLACES_MIN);
            let before = std::mem::replace(&mut self.places, std::iter::repeat_with(|| None).take(len).collect());
            for entry in before.into_iter().flatten() {
                self.put(hash_of(&entry), entry);
            }
            self.pushed_out = 0;
        }
        self.put(hash, entry);
    }

    fn put(&mut self, hash: u64, entry: T) {
        let len = self.places.len();
        let free = (0..WINDOW).map(|step| place(hash + step, len)).find(|at| self.places[*at].is_none());
        let at = free.unwrap_or_else(|| {
            self.pushed_out += 1;
            // Another one each time, so that two entries cannot push out each other for ever.
            place(hash + self.pushed_out as u64 % WINDOW, len)
        });
        self.places[at] = Some(entry);
    }
}

/// The place of a hash among `len`, a power of two or zero.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "only the low bits are wanted")]
fn place(hash: u64, len: usize) -> usize {
    hash as usize & len.wrapping_sub(1)
}

const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

#[inline]
fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(5) ^ word).wrapping_mul(MULTIPLIER)
}

#[inline]
fn hash_text(text: &str) -> u64 {
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let mut hash = words.iter().fold(text.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    if !rest.is_empty() {
        hash = mix(hash, rest.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte)));
    }
    hash >> 32
}

impl Key {
    #[inline]
    fn hash(&self) -> u64 {
        let pair = |high: u32, low: u32| (u64::from(high) << 32) | u64::from(low);
        let (pairs, _) = self.symbols.as_chunks::<2>();
        pairs.iter().fold(pair(self.callsite, self.variant), |hash, [high, low]| mix(hash, pair(high.0, low.0))) >> 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner = Owner { layer: u32::MAX, period: 0, generation: 0 };

    fn count_finds(owner: Owner, texts: &[String]) -> usize {
        let mut finds = 0;
        for (at, text) in texts.iter().enumerate() {
            let symbol = Symbol(u32::try_from(at).unwrap() + 1);
            let found = Caches::with(owner, |caches| {
                caches.text(text, || {
                    finds += 1;
                    (symbol, Arc::from(&**text))
                })
            });
            assert_eq!(found, Some(symbol));
        }
        finds
    }

    #[test]
    fn a_warm_cache_answers_alone_until_its_owner_or_period_changes() {
        let texts: Vec<String> = (0..10).map(|n| format!("value number {n}")).collect();
        for _ in 0..10 {
            count_finds(OWNER, &texts);
        }
        assert_eq!(count_finds(OWNER, &texts), 0, "ten values find room in the end");
        assert_eq!(count_finds(Owner { period: 1, ..OWNER }, &texts), 10);
        assert_eq!(count_finds(Owner { generation: 1, ..OWNER }, &texts), 10);
    }

    #[test]
    fn keys_that_differ_anywhere_have_their_own_series() {
        use crate::{clock::Clock, internal::Internal, series};
        let store = series::Store::new(series::Config::default(), Clock::system(), Arc::new(Internal::default()));
        let base = Key { callsite: 1, variant: 2, symbols: [3, 4, 5, 6, 7, 8].map(Symbol) };
        let mut keys = vec![base, Key { callsite: 9, ..base }, Key { variant: 9, ..base }];
        for at in 0..KEY_SYMBOLS {
            let mut key = base;
            key.symbols[at] = Symbol(9);
            keys.push(key);
        }
        for _ in 0..3 {
            for (at, key) in keys.iter().enumerate() {
                let value = opentelemetry::KeyValue::new("n", i64::try_from(at).unwrap());
                let make = || store.series(series::Store::SPANS, &[], std::slice::from_ref(&value));
                let expected = make();
                assert_eq!(Caches::with(OWNER, |caches| caches.series(key, make)), Some(expected));
            }
        }
    }
}
