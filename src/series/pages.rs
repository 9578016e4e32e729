//! Bucket counters that exist only where values fall: few values are counted one by one, many in pages.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

use super::few::Few;

/// Buckets a page: two doublings of fine buckets.
pub(super) const WIDTH: usize = 16;
const WIDTH_BITS: u32 = WIDTH.trailing_zeros();
/// Pages a histogram may have, per sign; 64 pages without explicit bounds span 38 decades.
const MAX_PAGES: usize = 64;
/// The number of a page that holds no buckets yet.
const UNUSED: i32 = i32::MIN;

/// Merged counters: page number to counts.
pub(super) type Counts = BTreeMap<i32, [u64; WIDTH]>;

/// The counters of one histogram. Written by one thread, read by any.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Counters {
    /// The pages, in the order in which they came to be needed.
    pages: OnceLock<Box<Page>>,
    few: Few,
}

/// Neighbouring buckets, and the way to further pages.
#[derive(Debug)]
struct Page {
    /// Bucket index divided by [`WIDTH`], rounded down.
    number: AtomicI32,
    counts: [AtomicU64; WIDTH],
    next: OnceLock<Box<Page>>,
}

impl Counters {
    pub(super) const fn new() -> Self {
        Self { pages: OnceLock::new(), few: Few::new() }
    }

    /// Counts a value of a bucket. `false` when there is no page left for it: the nearest bucket has taken it.
    #[inline]
    pub(super) fn count(&self, bucket: i32) -> bool {
        let wanted = bucket >> WIDTH_BITS;
        let mut page = self.pages.get();
        while let Some(found) = page {
            if found.number.load(Relaxed) == wanted {
                found.increment(bucket);
                return true;
            }
            page = found.next.get();
        }
        self.count_without_page(bucket)
    }

    /// Forgets everything; the memory stays for the next values.
    pub(super) fn reset(&self) {
        self.few.reset();
        for page in self.pages() {
            page.number.store(UNUSED, Relaxed);
            for count in &page.counts {
                count.store(0, Relaxed);
            }
        }
    }

    /// Adds what was counted.
    pub(super) fn add_to(&self, counts: &mut Counts) {
        for (bucket, count) in self.few.counts() {
            let bucket = i32::from(bucket);
            counts.entry(bucket >> WIDTH_BITS).or_insert([0; WIDTH])[place(bucket)] += count;
        }
        for page in self.pages() {
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

    fn pages(&self) -> impl Iterator<Item = &Page> {
        std::iter::successors(self.pages.get(), |page| page.next.get()).map(|page| &**page)
    }

    #[inline(never)]
    fn count_without_page(&self, bucket: i32) -> bool {
        // Buckets of a histogram lie within 9,200 of zero.
        i16::try_from(bucket).is_ok_and(|bucket| self.few.count(bucket)) || self.count_first(bucket)
    }

    /// Counts the first value of a page that is not there yet.
    #[cold]
    fn count_first(&self, bucket: i32) -> bool {
        let wanted = bucket >> WIDTH_BITS;
        let mut next = &self.pages;
        for _ in 0..MAX_PAGES {
            let page = next.get_or_init(|| Box::new(Page::new()));
            if page.number.load(Relaxed) == UNUSED {
                page.number.store(wanted, Release);
                page.increment(bucket);
                return true;
            }
            next = &page.next;
        }
        self.count_nearest(wanted);
        false
    }

    #[cold]
    fn count_nearest(&self, wanted: i32) {
        let nearest = self.pages().min_by_key(|page| page.number.load(Relaxed).abs_diff(wanted));
        if let Some(page) = nearest {
            let above = page.number.load(Relaxed) < wanted;
            page.increment(if above { -1 } else { 0 });
        }
    }
}

impl Page {
    const fn new() -> Self {
        Self { number: AtomicI32::new(UNUSED), counts: [const { AtomicU64::new(0) }; WIDTH], next: OnceLock::new() }
    }

    #[inline]
    fn increment(&self, bucket: i32) {
        let count = &self.counts[place(bucket)];
        count.store(count.load(Relaxed) + 1, Relaxed);
    }
}

/// A bucket's place in its page.
#[inline]
fn place(bucket: i32) -> usize {
    bucket.cast_unsigned() as usize % WIDTH
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

    fn read(counters: &Counters) -> Vec<(i32, u64)> {
        let mut counts = Counts::new();
        counters.add_to(&mut counts);
        buckets(&counts).collect()
    }

    #[test]
    fn buckets_far_apart_keep_their_counts_and_come_back_in_order_whether_few_or_many() {
        let counters = Counters::new();
        let each = [(-8_593, 1), (-17, 9), (-16, 1), (-1, 100), (5, 2), (16, 1_000), (8_191, 5)];
        for (bucket, count) in each {
            assert!((0..count).all(|_| counters.count(bucket)));
        }
        assert_eq!(read(&counters), each);
        counters.reset();
        assert_eq!(read(&counters), []);
        assert!(counters.count(7));
        assert_eq!(read(&counters), [(7, 1)]);
    }

    #[test]
    fn beyond_the_pages_the_nearest_bucket_takes_the_value_and_says_so() {
        let counters = Counters::new();
        let width = i32::try_from(WIDTH).unwrap();
        let pages = i32::try_from(MAX_PAGES).unwrap();
        // The first ones take the room for single buckets, and with it the need for two pages.
        let full = width * (pages + 2);
        assert!((0..full).all(|bucket| counters.count(bucket)));
        assert!(!counters.count(full + 5));
        assert!(!counters.count(-1));
        let counts = read(&counters);
        assert_eq!((counts[32], counts[counts.len() - 1]), ((32, 2), (full - 1, 2)));
        assert_eq!(counts.len(), usize::try_from(full).unwrap());
    }
}
