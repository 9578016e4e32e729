//! What a thread remembers, so that a warm span or event takes no lock: symbols of texts, and series by symbols.
//!
//! An entry lies in one of [`WINDOW`] neighbouring places; a newcomer that finds them taken pushes one out. The caches
//! begin small and grow as entries get into each other's way, up to some 100 kB a thread. They belong to one layer at a
//! time, and are emptied when the store retires series or the symbol table forgets values.

use std::cell::RefCell;
use std::sync::Arc;

use super::symbols::Symbol;
use crate::series::Series;

const PLACES_MIN: usize = 32;
const PLACES_MAX: usize = 1_024;
const WINDOW: u64 = 4;

/// Symbols of a [`Key`].
pub(super) const KEY_SYMBOLS: usize = 6;

/// What a series is found by: callsite, a word for what the callsite varies, and symbols; packed in pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key([u64; 1 + KEY_SYMBOLS / 2]);

/// Whose entries a thread's caches hold, and of when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Owner {
    layer: u32,
    /// Generation of the store's series, and period of the symbols.
    since: u64,
}

impl Owner {
    #[inline]
    pub(super) const fn new(layer: u32, generation: u32, period: u32) -> Self {
        Self { layer, since: pair(generation, period) }
    }
}

/// The caches of one thread.
pub(super) struct Caches {
    owner: Owner,
    texts: Places<Text>,
    series: Places<(Key, Series)>,
}

thread_local! {
    /// Never borrowed while foreign code runs.
    static CACHES: RefCell<Caches> = const { RefCell::new(Caches::new(Owner::new(0, 0, 0))) };
}

impl Caches {
    const fn new(owner: Owner) -> Self {
        Self { owner, texts: Places::new(), series: Places::new() }
    }

    /// The calling thread's caches; `None` while the thread ends and they are gone.
    #[inline]
    pub(super) fn with<R>(owner: Owner, f: impl FnOnce(&mut Self) -> R) -> Option<R> {
        let with = |caches: &RefCell<Self>| {
            let mut caches = caches.try_borrow_mut().ok()?;
            if caches.owner != owner {
                caches.change(owner);
            }
            Some(f(&mut caches))
        };
        CACHES.try_with(with).ok().flatten()
    }

    #[cold]
    fn change(&mut self, owner: Owner) {
        *self = Self::new(owner);
    }

    #[inline]
    pub(super) fn text(&mut self, text: &str, find: impl FnOnce() -> (Symbol, Arc<str>)) -> Symbol {
        let brief = Brief::of(text);
        let is_it = |known: &Text| known.brief == brief && (text.len() <= SHORT || *known.whole == *text);
        if let Some(known) = self.texts.get(brief.hash(), is_it) {
            return known.symbol;
        }
        let (symbol, whole) = find();
        self.texts.insert(Text { brief, symbol, whole });
        symbol
    }

    #[inline]
    pub(super) fn series(&mut self, key: &Key, find: impl FnOnce() -> Series) -> Series {
        if let Some((_, series)) = self.series.get(key.hash(), |(known, _)| known == key) {
            return *series;
        }
        let series = find();
        self.series.insert((*key, series));
        series
    }
}

impl Key {
    /// Symbols that are left out are absent ones.
    #[inline]
    pub(super) fn new(callsite: u32, variant: u32, symbols: [Symbol; KEY_SYMBOLS]) -> Self {
        let of = |at: usize| pair(symbols[at].0, symbols[at + 1].0);
        Self([pair(callsite, variant), of(0), of(2), of(4)])
    }
}

#[inline]
const fn pair(high: u32, low: u32) -> u64 {
    ((high as u64) << 32) | low as u64
}

struct Text {
    brief: Brief,
    symbol: Symbol,
    whole: Arc<str>,
}

/// Bytes of which a [`Brief`] tells everything.
const SHORT: usize = 16;

/// All of a short text, or the length and a hash of a longer one.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Brief {
    len: usize,
    words: [u64; 2],
}

impl Brief {
    #[inline]
    fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        // The first and the last bytes, which overlap in texts of odd lengths.
        let words = if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            [
                if bytes.len() <= SHORT { u64::from_le_bytes(*first) } else { hash_long(bytes) },
                u64::from_le_bytes(*last),
            ]
        } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
            [u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last))]
        } else {
            [bytes.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte)), 0]
        };
        Self { len: bytes.len(), words }
    }
}

#[cold]
fn hash_long(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let hash = words.iter().fold(0, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    rest.iter().fold(hash, |hash, byte| mix(hash, u64::from(*byte)))
}

/// Something that a cache keeps, found by a hash.
trait Entry {
    fn hash(&self) -> u64;
}

impl Entry for Text {
    fn hash(&self) -> u64 {
        self.brief.hash()
    }
}

impl Entry for (Key, Series) {
    fn hash(&self) -> u64 {
        self.0.hash()
    }
}

impl Brief {
    #[inline]
    fn hash(&self) -> u64 {
        mix(self.len as u64 ^ self.words[0].rotate_left(7), self.words[1])
    }
}

impl Key {
    #[inline]
    fn hash(&self) -> u64 {
        let [a, b, c, d] = self.0;
        mix(a.rotate_left(11) ^ b, c.rotate_left(23) ^ d)
    }
}

/// Multiplies and folds the halves of the product, so that each bit of the word moves low bits of the hash.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the halves of the product")]
fn mix(hash: u64, word: u64) -> u64 {
    const MULTIPLIER: u128 = 0x9E37_79B9_7F4A_7C15;
    let product = u128::from(hash.rotate_left(32) ^ word) * MULTIPLIER;
    (product >> 64) as u64 ^ product as u64
}

/// A cache of a bounded number of entries.
struct Places<T> {
    /// A power of two of them, or none.
    places: Vec<Option<T>>,
    /// Entries that did not find their first place free since the cache had its present size.
    displaced: usize,
}

impl<T> Places<T> {
    const fn new() -> Self {
        Self { places: Vec::new(), displaced: 0 }
    }

    #[inline]
    fn get(&self, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<&T> {
        match self.places.get(place(hash, self.places.len()))? {
            Some(entry) if is_it(entry) => Some(entry),
            _ => self.get_further(hash, is_it),
        }
    }

    #[cold]
    fn get_further(&self, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<&T> {
        (1..WINDOW).find_map(|step| {
            let entry = self.places[place(hash.wrapping_add(step), self.places.len())].as_ref()?;
            is_it(entry).then_some(entry)
        })
    }
}

impl<T: Entry> Places<T> {
    #[cold]
    fn insert(&mut self, entry: T) {
        let crowded = self.displaced > self.places.len() / 32 && self.places.len() < PLACES_MAX;
        if self.places.is_empty() || crowded {
            let len = (2 * self.places.len()).max(PLACES_MIN);
            self.displaced = 0;
            let before = std::mem::replace(&mut self.places, std::iter::repeat_with(|| None).take(len).collect());
            for entry in before.into_iter().flatten() {
                self.put(entry);
            }
        }
        self.put(entry);
    }

    fn put(&mut self, entry: T) {
        let (hash, len) = (entry.hash(), self.places.len());
        self.displaced += usize::from(self.places[place(hash, len)].is_some());
        let free = (0..WINDOW).map(|step| place(hash.wrapping_add(step), len)).find(|at| self.places[*at].is_none());
        // Another one each time, so that two entries cannot push out each other for ever.
        let victim = place(hash.wrapping_add(self.displaced as u64 % WINDOW), len);
        self.places[free.unwrap_or(victim)] = Some(entry);
    }
}

/// The place of a hash among `len`, a power of two or zero.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "only the low bits are wanted")]
fn place(hash: u64, len: usize) -> usize {
    hash as usize & len.wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner = Owner::new(u32::MAX, 0, 0);

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
        assert_eq!(count_finds(Owner::new(u32::MAX, 0, 1), &texts), 10);
        assert_eq!(count_finds(Owner::new(u32::MAX, 1, 0), &texts), 10);
    }

    #[test]
    fn texts_that_differ_anywhere_have_their_own_symbol() {
        let lengths = [0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 25, 100];
        let mut texts: Vec<String> = Vec::new();
        for len in lengths {
            texts.push("a".repeat(len));
            // Every single byte counts.
            texts.extend((0..len).map(|at| format!("{}b{}", "a".repeat(at), "a".repeat(len - at - 1))));
        }
        for _ in 0..3 {
            count_finds(OWNER, &texts);
        }
    }

    #[test]
    fn keys_that_differ_anywhere_have_their_own_series() {
        let base = [3, 4, 5, 6, 7, 8].map(Symbol);
        let mut keys = vec![Key::new(1, 2, base), Key::new(9, 2, base), Key::new(1, 9, base)];
        for at in 0..KEY_SYMBOLS {
            let mut symbols = base;
            symbols[at] = Symbol(9);
            keys.push(Key::new(1, 2, symbols));
        }
        for _ in 0..3 {
            for (key, number) in keys.iter().zip(0..) {
                let make = || Series::from_number(number);
                assert_eq!(Caches::with(OWNER, |caches| caches.series(key, make)), Some(make()));
            }
        }
    }
}
