//! What a thread remembers, so that a warm span or event takes no lock: symbols of texts, and series by symbols.
//!
//! An entry lies in one of [`WINDOW`] neighbouring places; a newcomer that finds them taken pushes one out. The caches
//! begin small and grow as entries get into each other's way, up to some 100 kB a thread. They belong to one layer at a
//! time. Series are forgotten when the store retires any, texts when the symbol table forgets some.

use std::cell::RefCell;
use std::sync::Arc;

use super::symbols::Symbol;
use crate::series::Series;

const PLACES_MIN: usize = 64;
const PLACES_MAX: usize = 1_024;
const WINDOW: u64 = 4;

/// Symbols of a [`Key`].
pub(super) const KEY_SYMBOLS: usize = 6;

/// What a series is found by: callsite, a word for what the callsite varies, and symbols; packed in pairs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key([u64; 1 + KEY_SYMBOLS / 2]);

impl PartialEq for Key {
    /// Word by word. As arrays they would be compared by larger words than they were just written in, which has to wait
    /// for the writes: on the span path, longer than all the rest of a look-up.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let ([a, b, c, d], other) = (self.0, other.0);
        ((a ^ other[0]) | (b ^ other[1]) | (c ^ other[2]) | (d ^ other[3])) == 0
    }
}

/// Whose entries a cache holds, the layer, and since when: the store's generation for series, the period for texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Owner(u64);

impl Owner {
    pub(super) const fn new(layer: u32) -> Self {
        Self(pair(layer, 0))
    }

    #[inline]
    pub(super) fn since(self, since: u32) -> Self {
        Self(self.0 | u64::from(since))
    }
}

/// The caches of one thread.
pub(super) struct Caches {
    texts: Places<Text>,
    series: Places<Known>,
}

thread_local! {
    /// Never borrowed while foreign code runs.
    static CACHES: RefCell<Caches> = const { RefCell::new(Caches { texts: Places::new(), series: Places::new() }) };
}

impl Caches {
    /// The calling thread's caches; `None` while the thread ends and they are gone.
    #[inline]
    pub(super) fn with<R>(f: impl FnOnce(&mut Self) -> R) -> Option<R> {
        CACHES.try_with(|caches| caches.try_borrow_mut().ok().map(|mut caches| f(&mut caches))).ok().flatten()
    }

    /// The symbol of a text that lies in its first place, where nearly all do.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "saves the registers of every span with a text")]
    pub(super) fn warm_text(&self, owner: Owner, text: &str) -> Option<Symbol> {
        let brief = Brief::of(text);
        self.texts.get_first(owner, brief.hash(), |known| known.is(&brief, text)).map(|known| known.symbol)
    }

    pub(super) fn text(&self, owner: Owner, text: &str) -> Option<Symbol> {
        let brief = Brief::of(text);
        self.texts.get(owner, brief.hash(), |known| known.is(&brief, text)).map(|known| known.symbol)
    }

    pub(super) fn keep_text(&mut self, owner: Owner, symbol: Symbol, whole: Arc<str>) {
        self.texts.insert(owner, Text { brief: Brief::of(&whole), symbol, whole });
    }

    /// The series of a key that lies in its first place, where nearly all do.
    #[inline]
    pub(super) fn warm_series(&self, owner: Owner, key: &Key) -> Option<Series> {
        self.series.get_first(owner, key.hash(), |known| known.key == *key).map(|known| known.series)
    }

    pub(super) fn series(&self, owner: Owner, key: &Key) -> Option<Series> {
        self.series.get(owner, key.hash(), |known| known.key == *key).map(|known| known.series)
    }

    pub(super) fn keep_series(&mut self, owner: Owner, key: Key, series: Series) {
        self.series.insert(owner, Known { key, series });
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

struct Known {
    key: Key,
    series: Series,
}

struct Text {
    brief: Brief,
    symbol: Symbol,
    whole: Arc<str>,
}

impl Text {
    #[inline]
    fn is(&self, brief: &Brief, text: &str) -> bool {
        self.brief == *brief && (text.len() <= SHORT || *self.whole == *text)
    }
}

/// Bytes of which a [`Brief`] tells everything.
const SHORT: usize = 16;

/// All of a short text, or the length and a hash of a longer one.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Brief {
    words: [u64; 2],
    /// Longer texts than 4 GB have the same one; equality decides.
    len: u32,
}

impl Brief {
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "of the length, the low bits are wanted")]
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
        Self { words, len: bytes.len() as u32 }
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

impl Entry for Known {
    fn hash(&self) -> u64 {
        self.key.hash()
    }
}

impl Brief {
    #[inline]
    fn hash(&self) -> u64 {
        mix(u64::from(self.len) ^ self.words[0].rotate_left(7), self.words[1])
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
    owner: Owner,
    /// A power of two of them, or none.
    all: Vec<Option<T>>,
    /// Entries that did not find their first place free since the cache had its present size.
    displaced: usize,
}

impl<T> Places<T> {
    const fn new() -> Self {
        Self { owner: Owner(0), all: Vec::new(), displaced: 0 }
    }

    /// What lies in its first place. Apart from the rest, so that it needs neither calls nor saved registers.
    #[inline]
    fn get_first(&self, owner: Owner, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<&T> {
        if self.owner != owner {
            return None;
        }
        self.all.get(place(hash, self.all.len()))?.as_ref().filter(|entry| is_it(entry))
    }

    fn get(&self, owner: Owner, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<&T> {
        if self.owner != owner {
            return None;
        }
        (0..WINDOW).find_map(|step| {
            let entry = self.all.get(place(hash.wrapping_add(step), self.all.len()))?.as_ref()?;
            is_it(entry).then_some(entry)
        })
    }
}

impl<T: Entry> Places<T> {
    #[cold]
    fn insert(&mut self, owner: Owner, entry: T) {
        if self.owner != owner {
            *self = Self { owner, ..Self::new() };
        }
        let crowded = self.displaced > self.all.len() / 32 && self.all.len() < PLACES_MAX;
        if self.all.is_empty() || crowded {
            let len = (2 * self.all.len()).max(PLACES_MIN);
            self.displaced = 0;
            let before = std::mem::replace(&mut self.all, std::iter::repeat_with(|| None).take(len).collect());
            for entry in before.into_iter().flatten() {
                self.put(entry);
            }
        }
        self.put(entry);
    }

    fn put(&mut self, entry: T) {
        let (hash, len) = (entry.hash(), self.all.len());
        self.displaced += usize::from(self.all[place(hash, len)].is_some());
        let free = (0..WINDOW).map(|step| place(hash.wrapping_add(step), len)).find(|at| self.all[*at].is_none());
        // Another one each time, so that two entries cannot push out each other for ever.
        let victim = place(hash.wrapping_add(self.displaced as u64 % WINDOW), len);
        self.all[free.unwrap_or(victim)] = Some(entry);
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

    const OWNER: Owner = Owner::new(u32::MAX);

    fn count_finds(owner: Owner, texts: &[String]) -> usize {
        let mut finds = 0;
        for (text, number) in texts.iter().zip(1..) {
            let found = Caches::with(|caches| {
                caches.text(owner, text).unwrap_or_else(|| {
                    finds += 1;
                    caches.keep_text(owner, Symbol(number), Arc::from(&**text));
                    Symbol(number)
                })
            });
            assert_eq!(found, Some(Symbol(number)));
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
        assert_eq!(count_finds(OWNER.since(1), &texts), 10);
        assert_eq!(count_finds(Owner::new(u32::MAX - 1), &texts), 10);
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
                let expected = Series::from_number(number);
                let found = Caches::with(|caches| {
                    caches.series(OWNER, key).unwrap_or_else(|| {
                        caches.keep_series(OWNER, *key, expected);
                        expected
                    })
                });
                assert_eq!(found, Some(expected));
            }
        }
    }
}
