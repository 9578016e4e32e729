//! Conditions on labels, as Prometheus' selectors and Alertmanager's routes have them.

use regex::Regex;

use super::Labels;

/// A condition on one label. A label that is absent has the empty value.
#[derive(Debug, Clone)]
pub struct Matcher {
    name: String,
    op: MatchOp,
    value: String,
    /// The value, anchored at both ends, when the condition is a regular expression.
    regex: Option<Regex>,
}

/// How a matcher compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Matches,
    /// `!~`
    NotMatches,
}

impl Matcher {
    /// A condition on the label `name`.
    ///
    /// # Errors
    /// When the value of a regular expression is not one.
    pub fn new(name: impl Into<String>, op: MatchOp, value: impl Into<String>) -> Result<Self, regex::Error> {
        let value = value.into();
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Matches | MatchOp::NotMatches => Some(Regex::new(&format!("^(?s:{value})$"))?),
        };
        Ok(Self { name: name.into(), op, value, regex })
    }

    /// The label's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it compares.
    pub fn op(&self) -> MatchOp {
        self.op
    }

    /// What it compares with: a text or a regular expression.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether a set of labels satisfies it.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.accepts(labels.get(&self.name).unwrap_or_default())
    }

    /// Whether the label of a series satisfies it; `value` is empty where the label is absent.
    pub fn accepts(&self, value: &str) -> bool {
        match (&self.regex, self.op) {
            (Some(regex), MatchOp::NotMatches) => !regex.is_match(value),
            (Some(regex), _) => regex.is_match(value),
            (None, MatchOp::NotEqual) => value != self.value,
            (None, _) => value == self.value,
        }
    }
}
