//! What is asked of a place that holds samples.

use regex::Regex;

use crate::model::{Labels, Sample};

/// A place that holds samples, by series.
pub trait Source {
    /// Every series that all matchers accept, in the order of their labels, with its samples later than `after` and not
    /// later than `until` (milliseconds since the Unix epoch), oldest first, staleness markers included. A series
    /// without such a sample is left out.
    fn select(&self, matchers: &[Matcher], after: i64, until: i64) -> Vec<Selected>;

    /// Shows the same series and samples one after another, without allocating for each: the way to read thousands of
    /// series into something small, such as a rate. What is shown is lent until `each` returns.
    fn visit(&self, matchers: &[Matcher], after: i64, until: i64, each: &mut dyn FnMut(&Labels, &[Sample])) {
        for Selected { labels, samples } in self.select(matchers, after, until) {
            each(&labels, &samples);
        }
    }
}

/// A series with its samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected {
    /// Its identity, the metric's name included.
    pub labels: Labels,
    /// Its samples, oldest first.
    pub samples: Vec<Sample>,
}

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
