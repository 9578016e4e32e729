//! A table that grows and never moves or drops an entry, so that it is read without a lock while it grows.

use std::sync::OnceLock;

/// Entries of the first chunk; each further chunk has twice as many.
const FIRST: u32 = 32;
/// Enough for every index below [`Table::LIMIT`].
const CHUNKS: usize = 18;

type Chunk<T> = Box<[OnceLock<Box<T>>]>;

/// Entries by number. An entry costs its own memory and its chunk 16 bytes a place.
#[derive(Debug)]
pub(super) struct Table<T> {
    chunks: [OnceLock<Chunk<T>>; CHUNKS],
}

impl<T> Table<T> {
    /// Numbers below this can have an entry.
    pub(super) const LIMIT: u32 = 1 << 22;

    pub(super) const fn new() -> Self {
        Self { chunks: [const { OnceLock::new() }; CHUNKS] }
    }

    /// The entry with this number, when there is one.
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        let (chunk, at) = place(number);
        self.chunks.get(chunk)?.get()?.get(at)?.get().map(|entry| &**entry)
    }

    /// The entry with this number, made when there is none; `None` only for a number beyond [`Table::LIMIT`].
    pub(super) fn get_or_insert(&self, number: u32, make: impl FnOnce() -> T) -> Option<&T> {
        if number >= Self::LIMIT {
            return None;
        }
        let (chunk, at) = place(number);
        let chunk = self
            .chunks
            .get(chunk)?
            .get_or_init(|| std::iter::repeat_with(OnceLock::new).take((FIRST as usize) << chunk).collect());
        Some(chunk.get(at)?.get_or_init(|| Box::new(make())))
    }
}

/// Chunk and place of a number. Shifted by [`FIRST`], the highest bit of a number tells its chunk.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "33 bits hold any number; those of the limit fit any usize")]
fn place(number: u32) -> (usize, usize) {
    let shifted = u64::from(number) + u64::from(FIRST);
    let highest = shifted.ilog2();
    ((highest - FIRST.trailing_zeros()) as usize, (shifted - (1 << highest)) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_below_the_limit_has_a_place_of_its_own() {
        let table = Table::new();
        let numbers = [0, 1, 31, 32, 95, 96, 1_000, 65_535];
        for number in numbers {
            assert_eq!(table.get(number), None);
            assert_eq!(table.get_or_insert(number, || number), Some(&number));
        }
        for number in numbers {
            assert_eq!(table.get_or_insert(number, || 7), Some(&number));
            assert_eq!(table.get(number), Some(&number));
        }
        assert_eq!(place(Table::<u32>::LIMIT - 1).0, CHUNKS - 1);
        assert_eq!(table.get_or_insert(Table::<u32>::LIMIT, || 1), None);
        assert_eq!(table.get(u32::MAX), None);
    }
}
