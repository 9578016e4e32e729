//! One alert of a rule, and where it stands in its life.

use std::sync::Arc;

use opentelemetry::trace::TraceId;

use super::config::Config;
use crate::clock::Timestamp;
use crate::model::{Alert, Labels};

/// Milliseconds that a resolved alert is remembered and told again, so that a notice that was lost once is made good.
pub const RESOLVED_RETENTION: i64 = 900_000;

/// Where an alert stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// It has fired, and does no more.
    Inactive,
    /// The expression holds, for less time than `for` asks.
    Pending,
    /// The expression has held for the time of `for`, or did so less than `keep_firing_for` ago.
    Firing,
}

impl State {
    /// As Prometheus writes it: `inactive`, `pending`, `firing`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Inactive, Self::Pending, Self::Firing].into_iter().find(|state| state.as_str() == name)
    }
}

/// One alert of a rule. Times are milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Active {
    /// Its identity, `alertname` included.
    pub labels: Labels,
    /// What it says to people.
    pub annotations: Labels,
    /// Value of the expression when it held last.
    pub value: f64,
    /// Where it stands.
    pub state: State,
    /// Since when the expression holds.
    pub active_at: i64,
    /// When it began to fire.
    pub fired_at: Option<i64>,
    /// When it ceased to fire.
    pub resolved_at: Option<i64>,
    /// Since when it only keeps firing because of `keep_firing_for`.
    pub keep_firing_since: Option<i64>,
    /// When it was told last.
    pub last_sent_at: Option<i64>,
    /// Traces of the series that fired, as of when it was told last; at most [`super::TRACES`].
    pub trace_ids: Vec<TraceId>,
}

impl Active {
    /// Whether it is to be told at `now`: when it fires or was resolved, and that is new or the last time long ago.
    pub(super) fn needs_sending(&self, now: i64, resend_delay: i64) -> bool {
        match (self.state, self.last_sent_at) {
            (State::Pending, _) => false,
            (_, None) => true,
            (_, Some(sent)) => self.resolved_at.is_some_and(|at| at > sent) || sent.saturating_add(resend_delay) < now,
        }
    }

    /// What people are told about it. It counts as firing for four times the longer of the interval and the delay, which
    /// allows for two evaluations or deliveries that fail.
    pub(super) fn alert(&self, now: i64, longer: i64, config: &Config, generator_url: &str) -> Alert {
        // The alert's own label counts where both have one.
        let labels = config.external_labels.iter().chain(self.labels.iter());
        Alert {
            labels: Labels::new(labels.map(|(name, value)| (Arc::clone(name), Arc::clone(value)))),
            annotations: self.annotations.clone(),
            value: self.value,
            starts_at: timestamp(self.fired_at.unwrap_or(self.active_at)),
            resolved_at: self.resolved_at.map(timestamp),
            valid_until: timestamp(now.saturating_add(longer.saturating_mul(4))),
            generator_url: generator_url.to_owned(),
            trace_ids: self.trace_ids.clone(),
            trace_link: Arc::clone(&config.trace_link),
        }
    }
}

fn timestamp(ms: i64) -> Timestamp {
    Timestamp(u64::try_from(ms).unwrap_or(0).saturating_mul(1_000_000))
}
