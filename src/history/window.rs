//! The window: who may write, who reads, what it may hold.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::limits::Pen;
use super::metadata::Metadata;
use super::series::Series;
use super::translate::millis;
use super::writer::Store;
use super::{Config, Matcher, Points, Selected, Source};
use crate::internal::Internal;
use crate::model::{Exemplar, Labels, METRIC_NAME, Sample, Snapshot};

/// A bounded window of every collected series. Shared by reference: one at a time writes, any number reads meanwhile.
#[derive(Debug)]
pub struct History {
    store: Store,
    /// Held by who writes.
    pen: Mutex<Pen>,
}

/// How much a window holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Series.
    pub series: usize,
    /// Bytes of their samples, labels and index, near enough; texts that series share are not in it.
    pub bytes: usize,
}

impl History {
    /// An empty window, which counts what it refuses in `internal`.
    pub fn new(config: Config, internal: Arc<Internal>) -> Self {
        Self { store: Store::new(config, internal), pen: Mutex::default() }
    }

    /// Takes every point of a collection, under the names that Prometheus gives it. A series that an earlier snapshot of
    /// the same resource had and this one has not ends with a staleness marker.
    pub fn ingest(&self, snapshot: &Snapshot) {
        let mut pen = self.pen();
        let (translation, mut writer) = pen.writer(&self.store);
        translation.take(snapshot, self.store.config.scope_labels, &mut writer);
        pen.limit(&self.store, millis(snapshot.time));
    }

    /// Keeps the exemplars of a collection that is not taken itself, as far as their series are known.
    pub fn keep_exemplars(&self, snapshot: &Snapshot) {
        let mut pen = self.pen();
        let (translation, mut writer) = pen.writer(&self.store);
        translation.keep_exemplars(snapshot, &mut writer);
    }

    /// Keeps samples for `longest`, the furthest that any rule looks back, but not shorter than [`Config::retention`] and
    /// not longer than [`Config::max_retention`].
    pub fn set_retention(&self, longest: Duration) {
        self.store.set_retention(longest);
    }

    /// Adds one sample of a series by its labels: for those who have Prometheus' side of the data already, such as
    /// recording rules. Returns whether it was taken.
    pub fn append(&self, labels: &Labels, sample: Sample) -> bool {
        let (mut pen, time) = (self.pen(), sample.time);
        let (_, mut writer) = pen.writer(&self.store);
        let series = writer.series(vec![labels.clone()]);
        let series = series.as_ref().and_then(|series| series.first());
        let taken = series.is_some_and(|series| writer.write(series, sample.start, time, sample.value));
        pen.limit(&self.store, time);
        taken
    }

    /// The series that all matchers accept and that had samples at a time later than `after` and not later than `until`
    /// (milliseconds since the Unix epoch), in the order of their labels; a pause between samples does not count.
    pub fn series(&self, matchers: &[Matcher], after: i64, until: i64) -> Vec<Labels> {
        let mut found = Vec::new();
        self.each(matchers, |series| {
            if series.lives(after, until) {
                found.push(series.labels().clone());
            }
        });
        found
    }

    /// From when on all samples are there, in milliseconds since the Unix epoch: the first one's time, and later what
    /// limits leave. `None` before the first sample.
    pub fn since(&self) -> Option<i64> {
        self.pen().since()
    }

    /// How much it holds.
    pub fn usage(&self) -> Usage {
        let bytes = self.pen().size();
        Usage { series: self.store.index().len(), bytes }
    }

    /// What is known of the metrics that snapshots brought, by their name in Prometheus; for histograms the name without
    /// `_bucket`, `_count` and `_sum`.
    pub fn metadata(&self) -> Arc<BTreeMap<String, Metadata>> {
        // Who writes does not wait for a copy of it.
        Arc::clone(&self.pen().translation.metadata)
    }

    /// The exemplars of every series that all matchers accept, in the order of the series' labels, made later than `after`
    /// and not later than `until` (milliseconds since the Unix epoch), oldest first. A series without one is left out.
    pub fn exemplars(&self, matchers: &[Matcher], after: i64, until: i64) -> Vec<(Labels, Vec<Exemplar>)> {
        let mut found = Vec::new();
        self.each(matchers, |series| {
            let exemplars = series.exemplars(after, until);
            if !exemplars.is_empty() {
                found.push((series.labels().clone(), exemplars));
            }
        });
        found
    }

    /// Shows the series that all matchers accept, in the order of their labels. No lock is held meanwhile.
    fn each(&self, matchers: &[Matcher], mut show: impl FnMut(&Series)) {
        let lists = self.store.index().named(matchers);
        // The lists are those of the names that are wanted.
        let others: Vec<&Matcher> = matchers.iter().filter(|matcher| matcher.name() != METRIC_NAME).collect();
        let accepted = |series: &&Arc<Series>| {
            others.iter().all(|matcher| matcher.accepts(series.labels().get(matcher.name()).unwrap_or_default()))
        };
        let all = lists.iter().flat_map(|list| &list.series).filter(accepted);
        if lists.len() > 1 {
            let mut all: Vec<&Arc<Series>> = all.collect();
            all.sort_unstable_by(|a, b| a.labels().cmp(b.labels()));
            for series in all {
                show(series);
            }
        } else {
            for series in all {
                show(series);
            }
        }
    }

    fn pen(&self) -> MutexGuard<'_, Pen> {
        self.pen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for History {
    fn select(&self, matchers: &[Matcher], after: i64, until: i64) -> Vec<Selected> {
        let mut selected = Vec::new();
        self.each(matchers, |series| {
            let mut samples = Vec::new();
            series.read(after, until, &mut samples);
            if !samples.is_empty() {
                // There was room for whole blocks, of which a short range takes little.
                samples.shrink_to_fit();
                selected.push(Selected { labels: series.labels().clone(), samples });
            }
        });
        selected
    }

    fn visit(&self, matchers: &[Matcher], after: i64, until: i64, each: &mut dyn FnMut(&Labels, &[Sample])) {
        let mut samples = Vec::new();
        self.each(matchers, |series| {
            samples.clear();
            series.read(after, until, &mut samples);
            if !samples.is_empty() {
                each(series.labels(), &samples);
            }
        });
    }

    fn visit_newest(&self, matchers: &[Matcher], after: i64, until: i64, each: &mut dyn FnMut(&Labels, &Sample)) {
        self.each(matchers, |series| {
            if let Some(newest) = series.newest(after, until) {
                each(series.labels(), &newest);
            }
        });
    }

    fn visit_oldest(
        &self,
        matchers: &[Matcher],
        after: i64,
        until: i64,
        each: &mut dyn FnMut(&Labels, i64, Option<i64>),
    ) {
        self.each(matchers, |series| {
            if let [Some(oldest), second] = series.oldest(after, until) {
                each(series.labels(), oldest, second.map(|second| second - oldest));
            }
        });
    }

    fn visit_points(&self, matchers: &[Matcher], after: i64, until: i64, each: &mut dyn FnMut(&Labels, &mut Points)) {
        let mut points = Points::default();
        self.each(matchers, |series| {
            points.clear();
            series.read(after, until, &mut points);
            if !points.is_empty() {
                each(series.labels(), &mut points);
            }
        });
    }

    fn exemplars(&self, matchers: &[Matcher], after: i64, until: i64) -> Vec<(Labels, Vec<Exemplar>)> {
        Self::exemplars(self, matchers, after, until)
    }
}
