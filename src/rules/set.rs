//! All groups of all files.

use std::collections::BTreeMap;

use super::file::{Finding, RuleFile};
use super::group::Group;
use super::place::Place;
use super::rule::mark_stale;
use super::traces::Recorded;
use crate::model::{Alert, Labels};

/// All groups of all rule files, in the order of the files.
#[derive(Debug, Default)]
pub struct Rules {
    pub(super) groups: Vec<Group>,
    /// What they record.
    recorded: Recorded,
    /// Series of groups that are gone, to be marked as stale.
    stale: Vec<Labels>,
    /// Whether anything that a restart must find again has changed since the state was taken last.
    pub(super) changed: bool,
    /// When the state was taken last, milliseconds since the Unix epoch.
    pub(super) saved_at: Option<i64>,
}

impl Rules {
    /// The groups of some files; those with mistakes have been left out by whoever read them.
    pub fn new(files: Vec<RuleFile>) -> Self {
        let groups = groups(files);
        let recorded = recorded(&groups);
        Self { groups, recorded, ..Self::default() }
    }

    /// All groups.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Evaluates every group whose tick has come by `now` (milliseconds since the Unix epoch), and returns the alerts
    /// that are to be told.
    pub fn tick(&mut self, now: i64, place: &Place<'_>) -> Vec<Alert> {
        let mut alerts = Vec::new();
        for group in &mut self.groups {
            if let Some(tick) = group.due(now, place.config) {
                let before = marks(group);
                alerts.extend(group.eval_among(tick, &self.recorded, place));
                self.changed |= before != marks(group);
            }
        }
        for gone in self.stale.drain(..) {
            mark_stale(&gone, now, place);
        }
        alerts
    }

    /// Goes on with other files. Groups that say the same keep everything; of the others each rule that has its name and
    /// labels still keeps its alerts. As in Prometheus, alerts of rules that are gone are not resolved by name; who
    /// was told about them hears nothing more, and they end when their time is up.
    ///
    /// # Errors
    /// When one of the files has a mistake: then everything stays as it was, and these are the mistakes.
    pub fn reload(&mut self, mut files: Vec<RuleFile>) -> Result<(), Vec<Finding>> {
        let errors: Vec<Finding> = files.iter_mut().flat_map(|file| std::mem::take(&mut file.errors)).collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        let key = |group: &Group| (group.file().to_owned(), group.name().to_owned());
        let mut earlier: BTreeMap<_, Group> = self.groups.drain(..).map(|group| (key(&group), group)).collect();
        for mut group in groups(files) {
            match earlier.remove(&key(&group)) {
                Some(same) if same.says_the_same(&group) => group = same,
                Some(other) => group.take_over(other),
                None => {}
            }
            self.groups.push(group);
        }
        self.stale.extend(earlier.into_values().flat_map(Group::into_series));
        self.recorded = recorded(&self.groups);
        self.changed = true;
        Ok(())
    }
}

fn groups(files: Vec<RuleFile>) -> Vec<Group> {
    let group = |file: RuleFile| {
        let name = file.name;
        file.groups.into_iter().map(move |spec| Group::new(&name, spec))
    };
    files.into_iter().flat_map(group).collect()
}

fn recorded(groups: &[Group]) -> Recorded {
    Recorded::new(groups.iter().flat_map(Group::rules).map(super::rule::Rule::spec))
}

/// What a restart must find again.
fn marks(group: &Group) -> Vec<(Labels, impl PartialEq + use<>)> {
    let alerts = group.rules().iter().flat_map(super::rule::Rule::alerts);
    let mark = |active: &super::active::Active| {
        (active.state, active.active_at, active.keep_firing_since, active.resolved_at, active.last_sent_at)
    };
    alerts.map(|active| (active.labels.clone(), mark(active))).collect()
}
