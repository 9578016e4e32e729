//! The samples of one series.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::{Labels, Sample};

/// A series: written by the one who holds the window's pen, read by anybody.
#[derive(Debug)]
pub(super) struct Series {
    labels: Labels,
    samples: Mutex<Vec<Sample>>,
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
        Self { labels, samples: Mutex::default() }
    }

    pub(super) fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Adds a sample behind the others. The same sample again is no error, as in Prometheus.
    pub(super) fn append(&self, sample: Sample) -> Result<(), Refused> {
        let mut samples = self.lock();
        match samples.last() {
            Some(last) if last.time > sample.time => Err(Refused::OutOfOrder),
            Some(last) if last.time == sample.time && last.value != sample.value => Err(Refused::Duplicate),
            Some(last) if last.time == sample.time => Ok(()),
            _ => {
                samples.push(sample);
                Ok(())
            }
        }
    }

    /// Its samples later than `after` and not later than `until`, added to `samples`.
    pub(super) fn read(&self, after: i64, until: i64, samples: &mut Vec<Sample>) {
        let all = self.lock();
        let from = all.partition_point(|sample| sample.time <= after);
        let to = all.partition_point(|sample| sample.time <= until);
        samples.extend_from_slice(all.get(from..to).unwrap_or_default());
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Sample>> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
