//! What became of all rules, as plain data: to be read elsewhere while evaluation goes on.

use std::sync::Arc;
use std::time::Duration;

use super::active::{Active, State};
use super::config::Config;
use super::diagnosis::Problem;
use super::file::RuleSpec;
use super::group::Group;
use super::rule::{Health, Rule};
use super::set::Rules;

/// All groups after one tick. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Overview {
    /// In the order of the files.
    pub groups: Arc<[GroupStatus]>,
    /// Every alert that is pending or firing, in the order of the rules.
    pub alerts: Arc<[Active]>,
}

/// A group after its last evaluation. Times are milliseconds, points in time since the Unix epoch.
#[derive(Debug, Clone)]
pub struct GroupStatus {
    /// The file that it came from.
    pub file: String,
    /// Its name, unique in its file.
    pub name: String,
    /// Between its ticks.
    pub interval: i64,
    /// Series or alerts of one rule at most; 0: no limit.
    pub limit: usize,
    /// Its last tick; `None` before the first.
    pub evaluated_at: Option<i64>,
    /// How long that took.
    pub took: Duration,
    /// In the order of evaluation.
    pub rules: Vec<RuleStatus>,
}

/// A rule after its last evaluation.
#[derive(Debug, Clone)]
pub struct RuleStatus {
    /// As it is written.
    pub spec: Arc<RuleSpec>,
    /// The state of the alert that is furthest in its life; `None` for a recording.
    pub state: Option<State>,
    /// How the evaluation went.
    pub health: Health,
    /// What the evaluator had to remark, with line and column in the expression; few.
    pub remarks: Vec<String>,
    /// What was wrong with its data when that was looked at last: selectors that match nothing, windows not covered.
    pub problems: Vec<Problem>,
    /// When that was, milliseconds since the Unix epoch; `None` before the first.
    pub evaluated_at: Option<i64>,
    /// How long it took.
    pub took: Duration,
    /// Its alerts that are pending or firing, by their labels.
    pub alerts: Vec<Active>,
}

impl Rules {
    /// What became of all groups so far.
    pub fn overview(&self, config: &Config) -> Overview {
        let groups: Arc<[GroupStatus]> = self.groups().iter().map(|group| group.status(config)).collect();
        let alerts = groups.iter().flat_map(|group| &group.rules).flat_map(|rule| rule.alerts.iter().cloned());
        Overview { alerts: alerts.collect(), groups }
    }
}

impl Group {
    fn status(&self, config: &Config) -> GroupStatus {
        GroupStatus {
            file: self.file().to_owned(),
            name: self.name().to_owned(),
            interval: self.interval(config),
            limit: self.limit(),
            evaluated_at: self.evaluated_at(),
            took: self.took(),
            rules: self.rules().iter().map(Rule::status).collect(),
        }
    }
}

impl Rule {
    fn status(&self) -> RuleStatus {
        RuleStatus {
            spec: Arc::clone(self.shared_spec()),
            state: self.state(),
            health: self.health().clone(),
            remarks: self.remarks().to_vec(),
            problems: self.problems().to_vec(),
            evaluated_at: self.evaluated_at(),
            took: self.took(),
            alerts: self.alerts().filter(|active| active.state != State::Inactive).cloned().collect(),
        }
    }
}
