//! What a metric is, for a person and for a graph's axis.

/// Type, unit and description of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Its type.
    pub kind: MetricKind,
    /// Its unit in Prometheus' words, such as `seconds` or `bytes_per_second`; empty when it has none.
    pub unit: String,
    /// What it says.
    pub help: String,
}

/// A metric's type, as Prometheus has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts in buckets, classic or native.
    Histogram,
}

impl MetricKind {
    /// The word for it in Prometheus' API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}
