//! Bucket counters that exist only where values fall.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

use super::id::Owner;

/// Buckets a page: two doublings of fine buckets.
pub(super) const WIDTH: usize = 16;
const WIDTH_BITS: u32 = WIDTH.trailing_zeros();
/// Pages a histogram may have, per sign; 64 pages without explicit bounds span 38 decades.
const MAX_PAGES: usize = 64;
/// The number of a page that holds no buckets yet.
const UNUSED: i32 = i32::MIN;

/// Merged counters: page number to counts.
pub(super) type Counts = BTreeMap<i32, [u64; WIDTH]>;

/// Neighbouring buckets, and the way to further pages. Written by one thread, read by any.
#[derive(Debug)]
pub(super) struct Page {
    /// On the first page of a cell: the series that it belongs to. Here, in four bytes that would be padding elsewhere, it
    /// makes a cell of spans three cache lines.
    pub(super) owner: Owner,
    /// Bucket index divided by [`WIDTH`], rounded down.
    number: AtomicI32,
    counts: [AtomicU64; WIDTH],
    next: OnceLock<Box<Page>>,
}

impl Page {
    pub(super) const fn new() -> Self {
        Self {
            owner: Owner::nobody(),
            number: AtomicI32::new(UNUSED),
            counts: [const { AtomicU64::new(0) }; WIDTH],
            next: OnceLock::new(),
        }
    }

    /// Counts a value of a bucket. `false` when there is no page left for it: the nearest bucket has taken it.
    #[inline]
    pub(super) fn count(&self, bucket: i32) -> bool {
        let wanted = bucket >> WIDTH_BITS;
        let mut page = self;
        while page.number.load(Relaxed) != wanted {
            match page.next.get() {
                Some(next) => page = next,
                None => return self.count_first(bucket),
            }
        }
        page.increment(bucket);
        true
    }

    /// Empties this page and those after it; their memory stays for the next buckets.
    pub(super) fn reset(&self) {
        for page in self.iter() {
            page.number.store(UNUSED, Relaxed);
            for count in &page.counts {
                count.store(0, Relaxed);
            }
        }
    }

    /// Adds what this page and those after it hold.
    pub(super) fn add_to(&self, counts: &mut Counts) {
        for page in self.iter() {
            // Pairs with the claim: a page with a number has counts of that number only.
            let number = page.number.load(Acquire);
            if number == UNUSED {
                break;
            }
            let sums = counts.entry(number).or_insert([0; WIDTH]);
            for (sum, count) in sums.iter_mut().zip(&page.counts) {
                *sum += count.load(Relaxed);
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |page| page.next.get().map(|next| &**next))
    }

    #[inline]
    fn increment(&self, bucket: i32) {
        let count = &self.counts[bucket.cast_unsigned() as usize % WIDTH];
        count.store(count.load(Relaxed) + 1, Relaxed);
    }

    /// Counts the first value of a page that is not there yet.
    #[cold]
    fn count_first(&self, bucket: i32) -> bool {
        let wanted = bucket >> WIDTH_BITS;
        let mut page = self;
        for pages in 1..=MAX_PAGES {
            if page.number.load(Relaxed) == UNUSED {
                page.number.store(wanted, Release);
                page.increment(bucket);
                return true;
            }
            if pages < MAX_PAGES {
                page = page.next.get_or_init(|| Box::new(Self::new()));
            }
        }
        self.count_nearest(wanted);
        false
    }

    #[cold]
    fn count_nearest(&self, wanted: i32) {
        let nearest = self
            .iter()
            .filter(|page| page.number.load(Relaxed) != UNUSED)
            .min_by_key(|page| page.number.load(Relaxed).abs_diff(wanted));
        if let Some(page) = nearest {
            let above = page.number.load(Relaxed) < wanted;
            page.increment(if above { -1 } else { 0 });
        }
    }
}

/// Bucket index and count of everything counted, ascending, without empty buckets.
pub(super) fn buckets(counts: &Counts) -> impl Iterator<Item = (i32, u64)> + '_ {
    let page = |(number, counts): (&i32, &[u64; WIDTH])| {
        let first = *number << WIDTH_BITS;
        (first..).zip(*counts).filter(|(_, count)| *count > 0)
    };
    counts.iter().flat_map(page)
}

/// How many values were counted.
pub(super) fn total(counts: &Counts) -> u64 {
    counts.values().flatten().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(page: &Page) -> Vec<(i32, u64)> {
        let mut counts = Counts::new();
        page.add_to(&mut counts);
        buckets(&counts).collect()
    }

    #[test]
    fn buckets_far_apart_keep_their_counts_and_come_back_in_order() {
        let page = Page::new();
        for bucket in [5, 5, -1, -16, -17, 8_191, -8_593, 16] {
            assert!(page.count(bucket));
        }
        assert_eq!(read(&page), [(-8_593, 1), (-17, 1), (-16, 1), (-1, 1), (5, 2), (16, 1), (8_191, 1)]);
        page.reset();
        assert_eq!(read(&page), []);
        assert!(page.count(7));
        assert_eq!(read(&page), [(7, 1)]);
    }

    #[test]
    fn beyond_the_pages_the_nearest_bucket_takes_the_value_and_says_so() {
        let page = Page::new();
        let width = i32::try_from(WIDTH).unwrap();
        let pages = i32::try_from(MAX_PAGES).unwrap();
        for number in 0..pages {
            assert!(page.count(number * width + 3));
        }
        assert!(!page.count(pages * width + 5));
        assert!(!page.count(-1));
        let counts = read(&page);
        assert_eq!((counts[0], counts[counts.len() - 1]), ((0, 1), (pages * width - 1, 1)));
        assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), 66);
    }
}
