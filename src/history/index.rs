//! Which series there are: by metric name, each name's in the order of their labels.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::series::Series;
use super::{MatchOp, Matcher};
use crate::model::{Labels, METRIC_NAME};

/// The series of one metric name, in the order of their labels.
///
/// Readers take an `Arc` of it, so that neither side waits for the other: a writer that adds a series while somebody
/// reads works on a copy.
#[derive(Debug, Clone, Default)]
pub(super) struct List {
    pub(super) series: Vec<Arc<Series>>,
}

/// All series. One without a name is found under the empty one.
#[derive(Debug, Default)]
pub(super) struct Index {
    names: BTreeMap<Arc<str>, Arc<List>>,
    len: usize,
}

impl Index {
    /// How many series there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, labels: &Labels) -> Option<&Arc<Series>> {
        let list = self.names.get(labels.metric_name().unwrap_or_default())?;
        let at = list.series.binary_search_by(|series| series.labels().cmp(labels)).ok()?;
        list.series.get(at)
    }

    /// Adds a series that is not there.
    pub(super) fn insert(&mut self, series: Arc<Series>) {
        let name = series.labels().iter().find(|(name, _)| &***name == METRIC_NAME).map(|(_, value)| value);
        let list = Arc::make_mut(self.names.entry(name.map_or_else(|| "".into(), Arc::clone)).or_default());
        if let Err(at) = list.series.binary_search_by(|other| other.labels().cmp(series.labels())) {
            list.series.insert(at, series);
            self.len += 1;
        }
    }

    /// Removes the series that `keep` does not want.
    pub(super) fn retain(&mut self, keep: impl Fn(&Arc<Series>) -> bool) {
        let mut left = 0;
        self.names.retain(|_, list| {
            // A list stays shared with its readers when nothing changes.
            if !list.series.iter().all(&keep) {
                Arc::make_mut(list).series.retain(&keep);
            }
            left += list.series.len();
            !list.series.is_empty()
        });
        self.len = left;
    }

    /// The metric with the most series, and how many it has.
    pub(super) fn largest(&self) -> (Arc<str>, usize) {
        let sizes = self.names.iter().map(|(name, list)| (name, list.series.len()));
        sizes.max_by_key(|(_, len)| *len).map_or_else(|| ("".into(), 0), |(name, len)| (Arc::clone(name), len))
    }

    /// The lists of the names that the matchers accept: one look-up where a name is given, as it is in nearly every
    /// selector.
    pub(super) fn named(&self, matchers: &[Matcher]) -> Vec<Arc<List>> {
        let names = || matchers.iter().filter(|matcher| matcher.name() == METRIC_NAME);
        let accepted = |name: &str| names().all(|matcher| matcher.accepts(name));
        match names().find(|matcher| matcher.op() == MatchOp::Equal) {
            Some(exact) if accepted(exact.value()) => self.names.get(exact.value()).cloned().into_iter().collect(),
            Some(_) => Vec::new(),
            None => self.names.iter().filter(|(name, _)| accepted(name)).map(|(_, list)| Arc::clone(list)).collect(),
        }
    }
}
