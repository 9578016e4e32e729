//! Which series belong together: by some of their labels, or by all but some.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::Arc;

use super::matrix::Series;
use crate::model::{Labels, METRIC_NAME};

/// The labels that count.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key<'a> {
    /// These (`on`, `by`).
    Only(&'a [Arc<str>]),
    /// All but these and the metric's name (`ignoring`, `without`).
    Without(&'a [Arc<str>]),
}

impl<'a> Key<'a> {
    /// Whether the label counts.
    pub(super) fn takes(self, name: &str) -> bool {
        match self {
            Self::Only(names) => names.iter().any(|own| **own == *name),
            Self::Without(names) => name != METRIC_NAME && !names.iter().any(|own| **own == *name),
        }
    }

    /// The labels that count.
    pub(super) fn of(self, labels: &Labels) -> Labels {
        labels.filtered(|name| self.takes(name))
    }

    fn pairs<'b>(self, labels: &'b Labels) -> impl Iterator<Item = (&'b Arc<str>, &'b Arc<str>)> + use<'a, 'b> {
        labels.iter().filter(move |(name, _)| self.takes(name))
    }
}

/// Numbers groups of series in the order in which they come up.
pub(super) struct Groups<'a> {
    key: Key<'a>,
    state: RandomState,
    /// By the hash of what counts: the newest group with that hash.
    newest: HashMap<u64, usize>,
    /// For each group a series of it, and the group before with the same hash.
    members: Vec<(Labels, Option<usize>)>,
}

impl<'a> Groups<'a> {
    pub(super) fn new(key: Key<'a>) -> Self {
        Self { key, state: RandomState::new(), newest: HashMap::new(), members: Vec::new() }
    }

    /// The group of each series.
    pub(super) fn assign(&mut self, series: &[Series]) -> Vec<usize> {
        series.iter().map(|series| self.group(&series.labels)).collect()
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// A series of each group, in the order of groups.
    pub(super) fn members(&self) -> impl Iterator<Item = &Labels> {
        self.members.iter().map(|(labels, _)| labels)
    }

    /// The group of one series.
    pub(super) fn group(&mut self, labels: &Labels) -> usize {
        let hash = self.hash(labels);
        let mut next = self.newest.get(&hash).copied();
        while let Some(group) = next {
            let (member, before) = &self.members[group];
            if self.key.pairs(member).eq(self.key.pairs(labels)) {
                return group;
            }
            next = *before;
        }
        let before = self.newest.insert(hash, self.members.len());
        self.members.push((labels.clone(), before));
        self.members.len() - 1
    }

    fn hash(&self, labels: &Labels) -> u64 {
        let mut hasher = self.state.build_hasher();
        self.key.pairs(labels).for_each(|pair| pair.hash(&mut hasher));
        hasher.finish()
    }
}
