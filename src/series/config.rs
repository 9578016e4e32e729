//! What the store may be told.

use std::time::Duration;

pub use super::declared::Declared;
use crate::families::Families;

/// How histograms are exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HistogramAggregation {
    /// `explicit_bucket_histogram`: the bounds of the instrument, else [`Config::DEFAULT_BOUNDS`].
    #[default]
    ExplicitBucket,
    /// `base2_exponential_bucket_histogram`.
    Base2ExponentialBucket,
}

/// When a measurement becomes an exemplar (`OTEL_METRICS_EXEMPLAR_FILTER`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExemplarFilter {
    /// Within a sampled span.
    #[default]
    TraceBased,
    /// Whenever a span is known.
    AlwaysOn,
    /// Never.
    AlwaysOff,
}

/// Settings of the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Value of `service.name` on the points of span metrics.
    pub service_name: String,
    /// Form of histograms.
    pub aggregation: HistogramAggregation,
    /// Bounds of the span duration histogram, in milliseconds, ascending.
    pub duration_bounds: Vec<f64>,
    /// Buckets of an exponential histogram at most; the scale is lowered to fit.
    pub max_size: usize,
    /// Series an instrument may have, the overflow series included.
    pub cardinality_limit: usize,
    /// Instruments at most.
    pub instrument_limit: usize,
    /// A series without a measurement for this long ends with a stale marker.
    pub idle_timeout: Duration,
    /// Which measurements become exemplars.
    pub exemplar_filter: ExemplarFilter,
    /// Under which names the metrics of spans go out.
    pub families: Families,
}

impl Config {
    /// The Collector's span-metrics bounds, in milliseconds.
    pub const DURATION_BOUNDS: [f64; 16] = [
        2.0, 4.0, 6.0, 8.0, 10.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1_000.0, 1_400.0, 2_000.0, 5_000.0, 10_000.0,
        15_000.0,
    ];
    /// The specification's default bounds of an explicit histogram
    /// (<https://opentelemetry.io/docs/specs/otel/metrics/sdk/#explicit-bucket-histogram-aggregation>).
    pub const DEFAULT_BOUNDS: [f64; 15] =
        [0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1_000.0, 2_500.0, 5_000.0, 7_500.0, 10_000.0];
    /// The specification's default maximum size of an exponential histogram.
    pub const MAX_SIZE: usize = 160;
    /// The specification's default cardinality limit.
    pub const CARDINALITY_LIMIT: usize = 2_000;
    /// Instruments at most.
    pub const INSTRUMENT_LIMIT: usize = 1_000;
    /// Idle time after which a series ends.
    pub const IDLE_TIMEOUT: Duration = Duration::from_secs(3_600);
}

impl Default for Config {
    fn default() -> Self {
        Self {
            service_name: String::from("unknown_service"),
            aggregation: HistogramAggregation::default(),
            duration_bounds: Self::DURATION_BOUNDS.to_vec(),
            max_size: Self::MAX_SIZE,
            cardinality_limit: Self::CARDINALITY_LIMIT,
            instrument_limit: Self::INSTRUMENT_LIMIT,
            idle_timeout: Self::IDLE_TIMEOUT,
            exemplar_filter: ExemplarFilter::default(),
            families: Families::default(),
        }
    }
}
