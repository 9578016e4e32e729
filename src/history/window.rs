//! The window: who may write, who reads, what it may hold.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::index::Index;
use super::series::{Refused, Series};
use super::{Config, Matcher, Selected, Source};
use crate::internal::{Counter, Internal};
use crate::model::{Labels, Sample, Snapshot};

/// A bounded window of every collected series. Shared by reference: one at a time writes, any number reads meanwhile.
#[derive(Debug)]
pub struct History {
    config: Config,
    internal: Arc<Internal>,
    index: RwLock<Index>,
    /// Held by who writes.
    pen: Mutex<Pen>,
}

/// What only the writer needs.
#[derive(Debug, Default)]
struct Pen {}

impl History {
    /// An empty window, which counts what it refuses in `internal`.
    pub fn new(config: Config, internal: Arc<Internal>) -> Self {
        Self { config, internal, index: RwLock::default(), pen: Mutex::default() }
    }

    /// Takes every point of a collection, under the names that Prometheus gives it.
    pub fn ingest(&self, snapshot: &Snapshot) {
        let _ = snapshot;
    }

    /// Adds one sample of a series by its labels: for those who have Prometheus' side of the data already, such as
    /// recording rules. Returns whether it was taken.
    pub fn append(&self, labels: &Labels, sample: Sample) -> bool {
        let _pen = self.pen();
        let Some(series) = self.series_of(labels) else { return false };
        let refused = match series.append(sample) {
            Ok(()) => return true,
            Err(Refused::OutOfOrder) => Counter::SampleOutOfOrder,
            Err(Refused::Duplicate) => Counter::SampleDuplicate,
        };
        self.internal.count(refused);
        false
    }

    /// The series of these labels, a new one if there is room for it.
    fn series_of(&self, labels: &Labels) -> Option<Arc<Series>> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = index.get(labels) {
            return Some(Arc::clone(series));
        }
        if index.len() >= self.config.max_series {
            self.internal.count(Counter::HistorySeriesRefused);
            return None;
        }
        drop(index);
        let series = Arc::new(Series::new(labels.clone()));
        self.index.write().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(&series));
        Some(series)
    }

    fn pen(&self) -> MutexGuard<'_, Pen> {
        self.pen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for History {
    fn select(&self, matchers: &[Matcher], after: i64, until: i64) -> Vec<Selected> {
        let mut selected = Vec::new();
        self.visit(matchers, after, until, &mut |labels, samples| {
            selected.push(Selected { labels: labels.clone(), samples: samples.to_vec() });
        });
        selected
    }

    fn visit(&self, matchers: &[Matcher], after: i64, until: i64, each: &mut dyn FnMut(&Labels, &[Sample])) {
        let lists = self.index.read().unwrap_or_else(PoisonError::into_inner).named(matchers);
        let accepted = |series: &&Arc<Series>| {
            matchers.iter().all(|matcher| matcher.accepts(series.labels().get(matcher.name()).unwrap_or_default()))
        };
        let mut matching: Vec<&Arc<Series>> = lists.iter().flat_map(|list| &list.series).filter(accepted).collect();
        if lists.len() > 1 {
            matching.sort_unstable_by(|a, b| a.labels().cmp(b.labels()));
        }
        let mut samples = Vec::new();
        for series in matching {
            samples.clear();
            series.read(after, until, &mut samples);
            if !samples.is_empty() {
                each(series.labels(), &samples);
            }
        }
    }
}
