//! Prometheus' rule files: groups, alerts and their life, templates, state.
//!
//! A file is read once ([`file::parse`]): YAML, expressions and templates are all checked then, and every mistake of the
//! file is found, not only the first. [`Rules`] holds the groups of all files and evaluates those whose tick has come
//! ([`Rules::tick`]) over a [`Place`]: a source of series, a sink for those that rules make, settings. Out come the
//! alerts that are to be told. Time is an argument.

mod active;
mod alerting;
pub mod code;
mod config;
mod defaults;
mod diagnosis;
pub mod file;
mod group;
mod overview;
mod place;
mod print;
mod reach;
mod recording;
mod rule;
mod set;
pub mod slo;
mod state;
mod traces;

pub use crate::template::Template;
pub use active::{Active, RESOLVED_RETENTION, State};
pub use alerting::{ALERT_NAME, ALERT_STATE, ALERTS, ALERTS_FOR_STATE};
pub use config::Config;
pub use defaults::{DEFAULT_FILE, DEFAULT_RULES, defaults};
pub use diagnosis::{Lack, Problem, diagnose};
pub use file::{Finding, GroupSpec, Kind, ReadOptions, RuleFile, RuleSpec};
pub use group::Group;
pub use overview::{GroupStatus, Overview, RuleStatus};
pub use place::{Place, Sink};
pub use print::print;
pub use reach::longest;
pub use rule::{Health, Rule};
pub use set::Rules;
pub use state::{Restored, StateFile};
pub use traces::TRACES;

#[cfg(test)]
mod tests;
