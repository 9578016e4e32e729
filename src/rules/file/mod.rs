//! Rule files, read and checked as Prometheus does (`model/rulefmt`), with every mistake at its place.
//!
//! ```
//! use bellwether::rules::file::{ReadOptions, parse};
//! let file = parse("rules.yml", "groups:\n- name: a\n  rulez: []\n", &ReadOptions::default());
//! assert_eq!(
//!     file.errors[0].to_string(),
//!     "rules.yml:3:3: group \"a\": key \"rulez\" is not known (did you mean \"rules\"?); \
//!      expected name, interval, query_offset, limit, labels, rules\n   3 |   rulez: []\n     |   ^"
//! );
//! ```

mod finding;
mod lint;
mod read;
#[cfg(test)]
mod tests;

use crate::model::Labels;
use crate::promql::{Experiments, Expr};
use crate::rules::Template;
use crate::yaml::Place;

pub use finding::Finding;
pub use read::parse;

/// Bytes of a rule file at most.
pub const SIZE: usize = 16 << 20;

/// How a rule file is read.
#[derive(Debug, Clone, Copy)]
pub struct ReadOptions {
    /// Whether keys that are not known are passed over instead of being errors. Default no.
    pub ignore_unknown_fields: bool,
    /// Parts of the query language that Prometheus reads only when asked. Default none.
    pub experiments: Experiments,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { ignore_unknown_fields: false, experiments: Experiments::NONE }
    }
}

/// What a rule file says, and what is wrong with it.
#[derive(Debug, Default)]
pub struct RuleFile {
    /// Its name, for people.
    pub name: String,
    /// The groups without an error, in the order of the file.
    pub groups: Vec<GroupSpec>,
    /// Mistakes, in the order of the file. Prometheus refuses a file that has one.
    pub errors: Vec<Finding>,
    /// What is allowed and hardly meant, such as the same rule twice.
    pub lints: Vec<Finding>,
}

impl RuleFile {
    /// Rules in all groups.
    pub fn rules(&self) -> usize {
        self.groups.iter().map(|group| group.rules.len()).sum()
    }
}

/// A group as it is written.
#[derive(Debug, Clone)]
pub struct GroupSpec {
    /// Unique in its file.
    pub name: String,
    /// Where it begins.
    pub place: Place,
    /// Milliseconds between evaluations; `None`: the default of whoever evaluates.
    pub interval: Option<i64>,
    /// Milliseconds by which queries look earlier than the tick; `None`: the default.
    pub query_offset: Option<i64>,
    /// Series or alerts of one rule at most; 0: no limit.
    pub limit: usize,
    /// Put on every rule that does not set the label itself.
    pub labels: Labels,
    /// In the order of evaluation.
    pub rules: Vec<RuleSpec>,
}

/// A rule as it is written.
#[derive(Debug, Clone)]
pub struct RuleSpec {
    /// Whether it alerts or records.
    pub kind: Kind,
    /// Of the alert or of the recorded series.
    pub name: String,
    /// Where it begins.
    pub place: Place,
    /// The expression as it was written.
    pub text: String,
    /// The expression.
    pub expr: Expr,
    /// Where the expression begins.
    pub expr_place: Place,
    /// Milliseconds that the expression must hold before the alert fires.
    pub hold: i64,
    /// Milliseconds that the alert keeps firing after the expression has ceased to hold.
    pub keep_firing: i64,
    /// Its labels and those of its group, by name. Of an alert they are templates; of a recording they are taken as
    /// they are.
    pub labels: Vec<(String, Template)>,
    /// Annotations, by name.
    pub annotations: Vec<(String, Template)>,
}

/// The two kinds of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `alert`
    Alert,
    /// `record`
    Record,
}
