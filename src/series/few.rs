//! Counts of single buckets, for what a series holds while few values have fallen into each.
//!
//! A page of counters is worth its memory where values crowd. A thousand series whose durations are spread from
//! microseconds to seconds would hold a dozen pages each, with a value or two in every one.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Counts in a histogram itself.
const INLINE: usize = 12;
/// Counts that come into being when those are taken.
const FURTHER: usize = 28;
/// Values of one bucket before its page is worth its memory.
const FEW: u32 = 4;

/// Counts of up to [`FEW`] values in up to 40 buckets. Written by one thread, read by any.
#[derive(Debug)]
pub(super) struct Few {
    inline: [Count; INLINE],
    further: OnceLock<Box<[Count; FURTHER]>>,
}

/// A bucket above a count; 0 while it is unused.
#[derive(Debug)]
struct Count(AtomicU32);

const COUNT_BITS: u32 = 16;

impl Few {
    pub(super) const fn new() -> Self {
        Self { inline: [const { Count::new() }; INLINE], further: OnceLock::new() }
    }

    /// Counts a value of a bucket. `false` when it is the turn of the bucket's page.
    pub(super) fn count(&self, bucket: i16) -> bool {
        let counted = self.inline.iter().find_map(|count| count.add(bucket));
        counted.unwrap_or_else(|| {
            let further = self.further.get_or_init(|| Box::new([const { Count::new() }; FURTHER]));
            further.iter().find_map(|count| count.add(bucket)).unwrap_or(false)
        })
    }

    /// Forgets all counts.
    pub(super) fn reset(&self) {
        self.all().for_each(|count| count.0.store(0, Relaxed));
    }

    /// Buckets with their counts.
    pub(super) fn counts(&self) -> impl Iterator<Item = (i16, u64)> {
        self.all().map(|count| count.0.load(Relaxed)).take_while(|word| *word != 0).map(read)
    }

    fn all(&self) -> impl Iterator<Item = &Count> {
        self.inline.iter().chain(self.further.get().into_iter().flat_map(|further| further.iter()))
    }
}

impl Count {
    const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Whether the value was counted; `None` when this is another bucket's count.
    fn add(&self, bucket: i16) -> Option<bool> {
        let bucket = u32::from(bucket.cast_unsigned()) << COUNT_BITS;
        let word = self.0.load(Relaxed);
        if word == 0 {
            self.0.store(bucket | 1, Relaxed);
            return Some(true);
        }
        let (count, is_few) = (word ^ bucket, word ^ bucket < FEW);
        if count >> COUNT_BITS != 0 {
            return None;
        }
        if is_few {
            self.0.store(word + 1, Relaxed);
        }
        Some(is_few)
    }
}

fn read(word: u32) -> (i16, u64) {
    (((word >> COUNT_BITS) as u16).cast_signed(), u64::from(word & ((1 << COUNT_BITS) - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_of_some_buckets_are_counted_and_the_rest_is_left_to_the_pages() {
        let few = Few::new();
        for bucket in [-8_593, 9_191, 0, -1] {
            for value in 0..2 * FEW {
                assert_eq!(few.count(bucket), value < FEW, "{bucket}");
            }
        }
        assert_eq!(few.counts().collect::<Vec<_>>(), [-8_593, 9_191, 0, -1].map(|bucket| (bucket, 4)));
        let taken = (1..1_000).filter(|bucket| few.count(*bucket)).count();
        assert_eq!(taken, INLINE + FURTHER - 4);
        few.reset();
        assert_eq!(few.counts().count(), 0);
        assert!(few.count(7));
    }
}
