//! An alert, as rules hand it to whoever tells people.

use opentelemetry::trace::TraceId;

use super::Labels;
use crate::clock::Timestamp;

/// One alert that fires, or has just stopped to.
///
/// Shape and meaning follow Alertmanager's API v2 (<https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>).
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Its identity, `alertname` included.
    pub labels: Labels,
    /// What it says to people; templates are filled in.
    pub annotations: Labels,
    /// Value of the rule's expression when it was last evaluated.
    pub value: f64,
    /// When it began to fire.
    pub starts_at: Timestamp,
    /// When it was resolved; `None` while it fires.
    pub resolved_at: Option<Timestamp>,
    /// Until when it counts as firing if nothing more is heard (`endsAt` of a firing alert).
    pub valid_until: Timestamp,
    /// Where the expression can be looked at; empty when there is no such place.
    pub generator_url: String,
    /// Traces of the series that fired, the newest first; few.
    pub trace_ids: Vec<TraceId>,
}

impl Alert {
    /// Whether it fires at `now`.
    pub fn is_firing(&self, now: Timestamp) -> bool {
        self.resolved_at.is_none_or(|at| at > now)
    }
}
