//! How much of a span its children cover: the time during which at least one of them is open.
//!
//! Adding up the children's durations would be wrong, because children run at the same time. What is exact is to sum
//! the stretches in which the number of open children is above zero. Number and time lie in one word, so that one
//! compare-exchange moves both: while no child is open the time is the sum *C* of the stretches so far; while one is
//! open it is *t* − *C*, the moment at which a single stretch of that length would have begun. Whoever opens or closes a
//! child reads the clock between loading the word and exchanging it, so the times of successive changes never run
//! backwards, whichever threads make them.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bits of the time, in units of 2^[`UNIT`] nanoseconds: 3 days. What children do later in a span's life is not
/// counted as covered.
const TIME_BITS: u32 = 45;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;
/// 8 ns, less than one reading of the clock takes.
const UNIT: u32 = 3;
/// Open children at most; [`super::Spans`] holds fewer spans than that.
pub(super) const CHILDREN_MAX: u64 = (1 << (64 - TIME_BITS)) - 1;

/// Number of open children and the time they cover.
#[derive(Debug, Default)]
pub(crate) struct Cover(AtomicU64);

impl Cover {
    #[inline]
    pub(super) fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Whether a child is open.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.0.load(Ordering::Relaxed) > TIME_MASK
    }

    /// A child opens; returns the ticks at which it does.
    #[inline]
    pub(crate) fn open(&self, start: u64, ticks: impl Fn() -> u64) -> u64 {
        self.change(start, ticks, |children, time, now| match children {
            0 => (1, now.saturating_sub(time)),
            CHILDREN_MAX => (CHILDREN_MAX, time),
            _ => (children + 1, time),
        })
    }

    /// A child closes; returns the ticks at which it does.
    #[inline]
    pub(crate) fn close(&self, start: u64, ticks: impl Fn() -> u64) -> u64 {
        self.change(start, ticks, |children, time, now| match children {
            0 => (0, time),
            1 => (0, now.saturating_sub(time)),
            _ => (children - 1, time),
        })
    }

    /// Nanoseconds covered from `start` until `now`.
    #[inline]
    pub(crate) fn nanos(&self, start: u64, now: u64) -> u64 {
        let word = self.0.load(Ordering::Relaxed);
        let time = word & TIME_MASK;
        let covered = if word > TIME_MASK { units(start, now).saturating_sub(time) } else { time };
        covered << UNIT
    }

    #[inline]
    fn change(&self, start: u64, ticks: impl Fn() -> u64, change: impl Fn(u64, u64, u64) -> (u64, u64)) -> u64 {
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            let now = ticks();
            let (children, time) = change(word >> TIME_BITS, word & TIME_MASK, units(start, now));
            match self.0.compare_exchange_weak(
                word,
                (children << TIME_BITS) | time,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return now,
                Err(newer) => word = newer,
            }
        }
    }
}

#[inline]
fn units(start: u64, now: u64) -> u64 {
    (now.saturating_sub(start) >> UNIT).min(TIME_MASK)
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: u64 = 1_000;

    /// Runs `(open or close, at)` in order on a parent that began at 5 µs.
    fn covered(changes: &[(bool, u64)], end: u64) -> u64 {
        let (cover, start) = (Cover::default(), 5 * US);
        for (open, at) in changes {
            let ticks = || start + at * US;
            if *open {
                cover.open(start, ticks)
            } else {
                cover.close(start, ticks)
            };
        }
        cover.nanos(start, start + end * US) / US
    }

    #[test]
    fn covered_time_is_the_union_of_the_childrens_stretches() {
        let (open, close) = (true, false);
        for (what, changes, expected) in [
            ("none", vec![], 0),
            ("one", vec![(open, 10), (close, 30)], 20),
            ("one after another", vec![(open, 10), (close, 30), (open, 40), (close, 45)], 25),
            ("at the same time", vec![(open, 10), (open, 20), (close, 30), (close, 50)], 40),
            ("twice at the same time", vec![(open, 0), (open, 0), (close, 9), (close, 9), (open, 80), (close, 90)], 19),
            ("outlives the parent", vec![(open, 70)], 30),
            ("stretch, then one that outlives it", vec![(open, 10), (close, 20), (open, 90), (open, 95)], 20),
            ("a close too many changes nothing", vec![(open, 10), (close, 20), (close, 40)], 10),
        ] {
            assert_eq!(covered(&changes, 100), expected, "{what}");
        }
    }

    #[test]
    fn threads_that_open_and_close_children_never_cover_more_than_has_passed() {
        let (cover, clock) = (Cover::default(), crate::clock::Clock::system());
        let start = clock.ticks();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        cover.open(start, || clock.ticks());
                        cover.close(start, || clock.ticks());
                    }
                });
            }
        });
        let end = clock.ticks();
        assert!(!cover.is_open());
        assert!(cover.nanos(start, end) <= end - start);
    }
}
