//! The samples of one series.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::translate::native;
use crate::model::{Exemplar, Labels, STALE, Sample, SampleValue, is_stale};

/// A series: written by the one who holds the window's pen, read by anybody.
#[derive(Debug)]
pub(super) struct Series {
    labels: Labels,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    samples: Vec<Sample>,
    exemplars: VecDeque<Exemplar>,
}

/// Why a sample was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is older than the newest one.
    OutOfOrder,
    /// There is another value at its time.
    Duplicate,
}

impl Series {
    pub(super) fn new(labels: Labels) -> Self {
        Self { labels, kept: Mutex::default() }
    }

    pub(super) fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Adds a sample behind the others. The same sample again is no error, as in Prometheus.
    pub(super) fn append(&self, start: i64, time: i64, value: SampleValue) -> Result<(), Refused> {
        self.lock().append(Sample { time, start, value })
    }

    /// Adds a staleness marker of the series' kind, unless one is there or a sample as new.
    pub(super) fn end(&self, time: i64) {
        let mut kept = self.lock();
        let Some(last) = kept.samples.last().filter(|last| last.time < time && !stale(&last.value)) else { return };
        let value = match last.value {
            SampleValue::Float(_) => SampleValue::Float(STALE),
            SampleValue::Histogram(_) => SampleValue::Histogram(Arc::new(native::stale())),
        };
        let start = last.start;
        kept.samples.push(Sample { time, start, value });
    }

    /// Its samples later than `after` and not later than `until`, added to `samples`.
    pub(super) fn read(&self, after: i64, until: i64, samples: &mut Vec<Sample>) {
        let all = &self.lock().samples;
        let from = all.partition_point(|sample| sample.time <= after);
        let to = all.partition_point(|sample| sample.time <= until);
        samples.extend_from_slice(all.get(from..to).unwrap_or_default());
    }

    /// Keeps an exemplar, in place of the oldest when there are `limit`; one that is there already is not kept twice, as
    /// cumulative histograms show theirs again and again.
    pub(super) fn keep(&self, exemplar: &Exemplar, limit: usize) {
        let exemplars = &mut self.lock().exemplars;
        if exemplars.contains(exemplar) {
            return;
        }
        let at = exemplars.partition_point(|other| other.time <= exemplar.time);
        exemplars.insert(at, *exemplar);
        while exemplars.len() > limit {
            exemplars.pop_front();
        }
    }

    /// The exemplars made later than `after` and not later than `until`, oldest first.
    pub(super) fn exemplars(&self, after: i64, until: i64) -> Vec<Exemplar> {
        let within = |exemplar: &&Exemplar| {
            let time = exemplar.time.0 / 1_000_000;
            i64::try_from(time).is_ok_and(|time| time > after && time <= until)
        };
        self.lock().exemplars.iter().filter(within).copied().collect()
    }

    /// Drops what is not later than `until`; whether anything is left.
    pub(super) fn evict(&self, until: i64) -> bool {
        let mut kept = self.lock();
        let old = kept.samples.partition_point(|sample| sample.time <= until);
        kept.samples.drain(..old);
        !kept.samples.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn append(&mut self, sample: Sample) -> Result<(), Refused> {
        match self.samples.last() {
            Some(last) if last.time > sample.time => Err(Refused::OutOfOrder),
            Some(last) if last.time == sample.time && last.value != sample.value => Err(Refused::Duplicate),
            Some(last) if last.time == sample.time => Ok(()),
            _ => {
                self.samples.push(sample);
                Ok(())
            }
        }
    }
}

fn stale(value: &SampleValue) -> bool {
    match value {
        SampleValue::Float(value) => is_stale(*value),
        SampleValue::Histogram(histogram) => is_stale(histogram.sum),
    }
}
