//! One series: its labels, samples and exemplars.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::block::{Blocks, Refused};
use super::read::Read;
use super::timeline::Timelines;
use crate::model::{Exemplar, Labels, Sample};

/// A series: written by the one who holds the window's pen, read by anybody.
#[derive(Debug)]
pub(super) struct Series {
    labels: Labels,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    blocks: Blocks,
    /// Most series have none.
    exemplars: Option<Box<Exemplars>>,
}

/// Oldest first.
#[derive(Debug, Default)]
struct Exemplars {
    ring: VecDeque<Exemplar>,
}

/// Bytes of the allocator and of the index for a series.
const OVERHEAD: usize = 64;

impl Series {
    pub(super) fn new(labels: Labels) -> Self {
        Self { labels, kept: Mutex::default() }
    }

    pub(super) fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Adds a sample behind the others. The same sample again is no error, as in Prometheus. Returns how many bytes the
    /// series grew.
    pub(super) fn append(&self, sample: Sample, timelines: &mut Timelines) -> Result<usize, Refused> {
        let blocks = &mut self.lock().blocks;
        let before = blocks.size();
        blocks.append(sample, timelines)?;
        Ok(blocks.size().saturating_sub(before))
    }

    /// Adds a staleness marker of the series' kind, unless one is there or a sample as new.
    pub(super) fn end(&self, time: i64, timelines: &mut Timelines) {
        self.lock().blocks.end(time, timelines);
    }

    /// Its samples later than `after` and not later than `until`, added to `samples`.
    pub(super) fn read(&self, after: i64, until: i64, samples: &mut impl Read) {
        self.lock().blocks.read(after, until, samples);
    }

    /// The newest of them.
    pub(super) fn newest(&self, after: i64, until: i64) -> Option<Sample> {
        self.lock().blocks.newest(after, until)
    }

    /// The times of the oldest two.
    pub(super) fn oldest(&self, after: i64, until: i64) -> [Option<i64>; 2] {
        self.lock().blocks.oldest(after, until)
    }

    /// Keeps an exemplar, in place of the oldest when there are `limit`; one that is there already is not kept twice, as
    /// cumulative histograms show theirs again and again.
    pub(super) fn keep(&self, exemplar: &Exemplar, limit: usize) {
        let mut kept = self.lock();
        let ring = &mut kept.exemplars.get_or_insert_default().ring;
        if ring.contains(exemplar) {
            return;
        }
        let at = ring.partition_point(|other| other.time <= exemplar.time);
        ring.insert(at, *exemplar);
        while ring.len() > limit {
            ring.pop_front();
        }
    }

    /// The exemplars made later than `after` and not later than `until`, oldest first.
    pub(super) fn exemplars(&self, after: i64, until: i64) -> Vec<Exemplar> {
        let within = |exemplar: &&Exemplar| {
            let time = exemplar.time.0 / 1_000_000;
            i64::try_from(time).is_ok_and(|time| time > after && time <= until)
        };
        self.lock().exemplars.iter().flat_map(|exemplars| &exemplars.ring).filter(within).copied().collect()
    }

    /// The time of its oldest sample.
    pub(super) fn first(&self) -> Option<i64> {
        self.lock().blocks.first()
    }

    /// Whether it was there at some time later than `after` and not later than `until`.
    pub(super) fn lives(&self, after: i64, until: i64) -> bool {
        let kept = self.lock();
        kept.blocks.first().is_some_and(|first| first <= until) && kept.blocks.last().is_some_and(|last| last > after)
    }

    /// Drops the blocks of samples that end at `until` or before, and returns how many samples were in them.
    pub(super) fn evict(&self, until: i64) -> usize {
        self.lock().blocks.evict(until)
    }

    /// Whether it has no sample.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().blocks.is_empty()
    }

    /// Its bytes, near enough: texts and times, which it shares with others, are not counted.
    pub(super) fn size(&self) -> usize {
        let kept = self.lock();
        let exemplars = kept.exemplars.as_ref().map_or(0, |exemplars| exemplars.ring.capacity());
        let labels = self.labels.len() * size_of::<[usize; 4]>();
        OVERHEAD + size_of::<Self>() + labels + kept.blocks.size() + exemplars * size_of::<Exemplar>()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
