//! Who writes into the window: makes series, adds samples, counts what is refused.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use super::Config;
use super::block::Refused;
use super::index::Index;
use super::series::Series;
use super::timeline::Timelines;
use crate::internal::{Counter, Internal};
use crate::model::{Exemplar, Labels, Sample, SampleValue};

/// What writer and readers share.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) config: Config,
    pub(super) internal: Arc<Internal>,
    index: RwLock<Index>,
    /// How far back samples are kept, in milliseconds.
    retention: AtomicI64,
}

impl Store {
    pub(super) fn new(config: Config, internal: Arc<Internal>) -> Self {
        let store = Self { config, internal, index: RwLock::default(), retention: AtomicI64::default() };
        store.set_retention(Duration::ZERO);
        store
    }

    /// Keeps samples as long as somebody looks back, within what the settings allow.
    pub(super) fn set_retention(&self, longest: Duration) {
        let kept = longest.max(self.config.retention).min(self.config.max_retention);
        self.retention.store(i64::try_from(kept.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    pub(super) fn retention(&self) -> i64 {
        self.retention.load(Ordering::Relaxed)
    }

    pub(super) fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one that writes now.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    pub(super) store: &'a Store,
    pub(super) timelines: &'a mut Timelines,
    /// Bytes of all series, near enough.
    pub(super) size: &'a mut usize,
    /// Set when there was no room for a new series.
    pub(super) full: &'a mut bool,
}

impl Writer<'_> {
    /// The series of these labels, in their order, new ones where there are none yet: all, or none when there is no room
    /// for all of the new ones.
    pub(super) fn series(&mut self, wanted: Vec<Labels>) -> Option<Vec<Arc<Series>>> {
        let index = self.store.index();
        let found: Vec<Option<Arc<Series>>> = wanted.iter().map(|labels| index.get(labels).cloned()).collect();
        let new = found.iter().filter(|series| series.is_none()).count();
        let bytes_left = *self.size <= self.store.config.max_bytes;
        let room = if bytes_left { self.store.config.max_series.saturating_sub(index.len()) } else { 0 };
        drop(index);
        if new > room {
            *self.full = true;
            self.count(Counter::HistorySeriesRefused, wanted.len() as u64);
            return None;
        }
        let series = wanted.into_iter().zip(found).map(|(labels, found)| {
            found.unwrap_or_else(|| {
                let series = Arc::new(Series::new(labels));
                *self.size += series.size();
                self.store.index_mut().insert(Arc::clone(&series));
                series
            })
        });
        Some(series.collect())
    }

    /// Adds a sample; `false`, counted, when it is refused.
    pub(super) fn write(&mut self, series: &Series, start: i64, time: i64, value: SampleValue) -> bool {
        let refused = match series.append(Sample { time, start, value }, self.timelines) {
            Ok(grown) => {
                *self.size += grown;
                return true;
            }
            Err(Refused::OutOfOrder) => Counter::SampleOutOfOrder,
            Err(Refused::Duplicate) => Counter::SampleDuplicate,
        };
        self.count(refused, 1);
        false
    }

    /// Marks the end of a series, unless it is marked or went on at that time or later.
    pub(super) fn end(&mut self, series: &Series, time: i64) {
        series.end(time, self.timelines);
    }

    /// Keeps an exemplar with its series.
    pub(super) fn keep(&mut self, series: &Series, exemplar: &Exemplar) {
        series.keep(exemplar, self.store.config.exemplars);
    }

    pub(super) fn count(&self, counter: Counter, n: u64) {
        self.store.internal.add(counter, n);
    }
}
