//! What one operation did, over all its statuses and attributes.

use opentelemetry::trace::SpanKind;

use super::ExponentialHistogram;

/// Calls, errors and times of the spans of one name and kind, since the store began or since an earlier reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// The spans' name.
    pub name: String,
    /// The spans' kind.
    pub kind: SpanKind,
    /// Spans that ended.
    pub calls: u64,
    /// Those of them with an error status.
    pub errors: u64,
    /// Time that no child span covered, in milliseconds, over all calls.
    pub self_ms: f64,
    /// Spans open now.
    pub in_flight: i64,
    /// Most spans open at once since the last tick.
    pub peak: i64,
    /// Durations in milliseconds.
    pub duration: ExponentialHistogram,
}

impl Operation {
    /// The duration in milliseconds below which the share `q` (0 to 1) of the calls lies; `None` without calls.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        self.duration.quantile(q)
    }

    /// What happened after `earlier`, a reading of the same operation.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(earlier.calls),
            errors: self.errors.saturating_sub(earlier.errors),
            self_ms: (self.self_ms - earlier.self_ms).max(0.0),
            duration: self.duration.since(&earlier.duration),
            ..self.clone()
        }
    }
}
