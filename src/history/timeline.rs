//! Times that series share.
//!
//! Nearly all samples of a collection have one time, and whoever has a sample of one collection has one of the next. So
//! times are kept once for all series that keep step, not once a series: a series says which [`Timeline`] it is on and
//! from where to where. Reading a time is a load, and an uneven tick costs nothing. A series that leaves the step gets a
//! timeline of its own, which others that do the same join.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use super::codec::BLOCK;

/// Timelines that are looked through for one that fits.
const LOOKED_AT: usize = 8;

/// Times in milliseconds, ascending, at most [`BLOCK`].
///
/// Only the writer adds a time, and before the sample that is the first to have it. Readers find the sample under its
/// series' lock, which is what lets them see the time: the atomics need no order of their own.
#[derive(Debug)]
pub(super) struct Timeline {
    times: [AtomicI64; BLOCK],
    len: AtomicUsize,
    /// Its own number, never 0.
    number: u64,
    /// The number of the one that it goes on from; 0 for none.
    goes_on_from: u64,
}

/// Where the samples of a block lie: a timeline and a part of it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) timeline: Arc<Timeline>,
    pub(super) from: u8,
    pub(super) len: u8,
}

impl Timeline {
    fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed).min(BLOCK)
    }

    fn time(&self, at: usize) -> i64 {
        self.times.get(at).map_or(i64::MAX, |time| time.load(Ordering::Relaxed))
    }

    fn push(&self, time: i64) {
        let len = self.len();
        if let Some(slot) = self.times.get(len) {
            slot.store(time, Ordering::Relaxed);
            self.len.store(len + 1, Ordering::Relaxed);
        }
    }
}

impl Place {
    pub(super) fn part(&self) -> Part<'_> {
        Part { timeline: &self.timeline, from: self.from, len: self.len }
    }

    /// The index behind the last sample.
    fn end(&self) -> usize {
        usize::from(self.from) + usize::from(self.len)
    }

    /// The same samples on another timeline.
    fn on(&self, timeline: &Arc<Timeline>, from: usize) -> Self {
        Self { timeline: Arc::clone(timeline), from: index(from), len: self.len }
    }
}

/// Less than [`BLOCK`], so that it fits.
fn index(at: usize) -> u8 {
    u8::try_from(at).unwrap_or(u8::MAX)
}

/// A part of a timeline: the times of a block's samples.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) timeline: &'a Timeline,
    pub(super) from: u8,
    pub(super) len: u8,
}

impl<'a> Part<'a> {
    /// The time of each sample.
    pub(super) fn times(self) -> impl Iterator<Item = i64> + 'a {
        let (from, len) = (usize::from(self.from), usize::from(self.len));
        let times = self.timeline.times.get(from..from + len).unwrap_or_default();
        times.iter().map(|time| time.load(Ordering::Relaxed))
    }

    /// A part of this part.
    pub(super) fn slice(self, range: Range<usize>) -> Self {
        let (from, len) = (usize::from(self.from) + range.start, range.len());
        Self { timeline: self.timeline, from: index(from), len: index(len) }
    }

    pub(super) fn first(self) -> i64 {
        self.timeline.time(usize::from(self.from))
    }

    pub(super) fn last(self) -> i64 {
        self.timeline.time((usize::from(self.from) + usize::from(self.len)).saturating_sub(1))
    }

    /// The samples later than `after` and not later than `until`.
    pub(super) fn within(self, after: i64, until: i64) -> Range<usize> {
        let (from, to) = (self.until(after), self.until(until));
        from.min(to)..to
    }

    /// How many samples are not later than `time`.
    fn until(self, time: i64) -> usize {
        let (mut from, mut to) = (0, usize::from(self.len));
        // Most blocks lie on one side as a whole.
        if self.last() <= time {
            return to;
        }
        if self.first() > time {
            return from;
        }
        while from < to {
            let middle = from.midpoint(to);
            if self.timeline.time(usize::from(self.from) + middle) <= time {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        from
    }
}

/// Where the next sample of a series lies.
#[derive(Debug)]
pub(super) enum Next {
    /// Behind the last one.
    Here,
    /// Behind the others, which lie in the same order at this place.
    Moved(Place),
    /// At the start of another block, this place, where no sample is yet.
    There(Place),
}

/// The timelines that still grow; only the writer has them.
#[derive(Debug, Default)]
pub(super) struct Timelines {
    /// By their last time.
    growing: HashMap<i64, Vec<Arc<Timeline>>>,
    made: u64,
}

impl Timelines {
    /// Where a sample at `time` lies that follows those of `place`, and makes room for it. `time` is later than theirs.
    pub(super) fn next(&mut self, place: Option<&Place>, time: i64) -> Next {
        let Some(place) = place else {
            let known = self.growing.get(&time).and_then(|all| all.first()).cloned();
            let timeline = known.unwrap_or_else(|| self.make(0, [time]));
            let from = index(timeline.len().saturating_sub(1));
            return Next::There(Place { timeline, from, len: 0 });
        };
        let (end, len) = (place.end(), place.timeline.len());
        if end < len && place.timeline.time(end) == time {
            return Next::Here;
        }
        if end >= BLOCK {
            return Next::There(Place { timeline: self.following(&place.timeline, time), from: 0, len: 0 });
        }
        if end == len {
            self.extend(&place.timeline, time);
            return Next::Here;
        }
        Next::Moved(self.moved(place, time))
    }

    /// The timeline that goes on from a full one at `time`.
    fn following(&mut self, full: &Timeline, time: i64) -> Arc<Timeline> {
        let all = self.growing.get(&time).map_or(&[][..], Vec::as_slice);
        let known = all.iter().find(|timeline| timeline.goes_on_from == full.number && timeline.len() == 1).cloned();
        known.unwrap_or_else(|| self.make(full.number, [time]))
    }

    /// Finds the times of a place, and `time` behind them, on another timeline; or makes one.
    fn moved(&mut self, place: &Place, time: i64) -> Place {
        let all = self.growing.get(&time).map_or(&[][..], Vec::as_slice);
        let fitting = all.iter().rev().take(LOOKED_AT).find_map(|timeline| {
            let from = (timeline.len() - 1).checked_sub(usize::from(place.len))?;
            let other = place.on(timeline, from);
            other.part().times().eq(place.part().times()).then_some(other)
        });
        fitting.unwrap_or_else(|| {
            let timeline = self.make(0, place.part().times().chain([time]));
            place.on(&timeline, 0)
        })
    }

    fn make(&mut self, goes_on_from: u64, times: impl IntoIterator<Item = i64>) -> Arc<Timeline> {
        self.made += 1;
        let timeline = Timeline {
            times: std::array::from_fn(|_| AtomicI64::new(i64::MAX)),
            len: AtomicUsize::new(0),
            number: self.made,
            goes_on_from,
        };
        for time in times {
            timeline.push(time);
        }
        let timeline = Arc::new(timeline);
        self.grows(&timeline);
        timeline
    }

    fn extend(&mut self, timeline: &Arc<Timeline>, time: i64) {
        let last = timeline.time(timeline.len().saturating_sub(1));
        if let Some(all) = self.growing.get_mut(&last) {
            all.retain(|other| !Arc::ptr_eq(other, timeline));
            if all.is_empty() {
                self.growing.remove(&last);
            }
        }
        timeline.push(time);
        self.grows(timeline);
    }

    fn grows(&mut self, timeline: &Arc<Timeline>) {
        let last = timeline.time(timeline.len().saturating_sub(1));
        if timeline.len() < BLOCK {
            self.growing.entry(last).or_default().push(Arc::clone(timeline));
        }
    }

    /// Forgets those that ended before `time`.
    pub(super) fn prune(&mut self, time: i64) {
        self.growing.retain(|last, _| *last >= time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps series through rounds of times, and returns how many timelines were made; every place must have its times.
    fn walk(series: &[&[i64]]) -> u64 {
        let mut timelines = Timelines::default();
        let mut places: Vec<Option<Place>> = vec![None; series.len()];
        let mut written: Vec<Vec<i64>> = vec![Vec::new(); series.len()];
        let rounds: std::collections::BTreeSet<i64> = series.iter().flat_map(|times| times.iter().copied()).collect();
        for time in rounds {
            for (at, _) in series.iter().enumerate().filter(|(_, times)| times.contains(&time)) {
                match timelines.next(places[at].as_ref(), time) {
                    Next::Here => places[at].as_mut().unwrap().len += 1,
                    Next::Moved(place) => places[at] = Some(Place { len: place.len + 1, ..place }),
                    Next::There(place) => {
                        written[at].clear();
                        places[at] = Some(Place { len: 1, ..place });
                    }
                }
                written[at].push(time);
                assert_eq!(places[at].as_ref().unwrap().part().times().collect::<Vec<_>>(), written[at]);
            }
        }
        timelines.made
    }

    #[test]
    fn series_in_step_share_and_so_do_those_that_leave_it_together() {
        let end = 3 * i64::try_from(BLOCK).unwrap();
        let every: Vec<i64> = (0..end).collect();
        let other: Vec<i64> = (0..end).step_by(2).collect();
        let late: Vec<i64> = (5..end).collect();
        let gap: Vec<i64> = every.iter().copied().filter(|time| *time != 20).collect();
        assert_eq!(walk(&[&every, &every, &every]), 3);
        // One that comes later is in step from the next full timeline on.
        assert_eq!(walk(&[&every, &late, &every]), 3);
        // The first with every other time begins where all begin; then both share two of their own.
        assert_eq!(walk(&[&every, &other, &other]), 5);
        // A gap shared by two makes one timeline, and they stay with each other.
        assert_eq!(walk(&[&every, &gap, &gap]), 6);
        // Nobody shares.
        assert_eq!(walk(&[&[0, 2, 4], &[0, 3, 6], &[0, 1, 5]]), 3);
    }

    #[test]
    fn one_series_out_of_step_does_not_break_the_others_apart() {
        let odd: Vec<i64> = (0..100).map(|at| at * 10 + i64::from(at > 3)).collect();
        let even: Vec<i64> = (0..100).map(|at| at * 10).collect();
        assert!(walk(&[&odd, &even, &even, &even]) <= 4);
        assert!(walk(&[&even, &odd, &even, &even]) <= 4);
    }
}
