//! An alert, as rules hand it to whoever tells people.

use std::sync::Arc;

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
    /// Traces of the series that fired, those of the largest values first; few.
    pub trace_ids: Vec<TraceId>,
    /// Where people find a trace, with [`Alert::TRACE_ID`] in it; empty when there is no such place.
    pub trace_link: Arc<str>,
}

impl Alert {
    /// What a trace's id, 32 hexadecimal digits, takes the place of in [`Alert::trace_link`].
    pub const TRACE_ID: &str = "{trace_id}";

    /// Links to the traces, in their order; none without a place for them.
    pub fn trace_urls(&self) -> impl Iterator<Item = String> {
        let ids = self.trace_ids.iter().filter(|_| !self.trace_link.is_empty());
        ids.map(|id| self.trace_link.replace(Self::TRACE_ID, &id.to_string()))
    }

    /// Whether it fires at `now`.
    pub fn is_firing(&self, now: Timestamp) -> bool {
        self.resolved_at.is_none_or(|at| at > now)
    }
}
