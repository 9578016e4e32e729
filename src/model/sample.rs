//! Samples as Prometheus has them: a float or a native histogram at a time.

use std::sync::Arc;

/// One value of a series at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Milliseconds since the Unix epoch.
    pub time: i64,
    /// When counting began, milliseconds since the Unix epoch; `0` when it is not known.
    pub start: i64,
    /// What was read.
    pub value: SampleValue,
}

/// What a sample holds.
#[derive(Debug, Clone, PartialEq)]
pub enum SampleValue {
    /// A number; [`STALE`] marks the end of a series.
    Float(f64),
    /// A native histogram; one whose sum is [`STALE`] marks the end of a series.
    Histogram(Arc<NativeHistogram>),
}

/// The staleness marker: a `NaN` with bits of its own, which no calculation gives.
pub const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// Whether a value is the staleness marker. Any other `NaN` is not.
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE.to_bits()
}

/// A native histogram with float counts: exponential buckets by a schema, or custom bounds.
///
/// Fields and meaning are those of Prometheus' `FloatHistogram` (`model/histogram/float_histogram.go`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NativeHistogram {
    /// What is known of a reset before this histogram.
    pub reset_hint: ResetHint,
    /// -4 to 8: `2^schema` buckets for each doubling; -53: custom bounds.
    pub schema: i32,
    /// Width of the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// All observations.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// Where the positive buckets lie.
    pub positive_spans: Vec<BucketSpan>,
    /// Where the negative buckets lie.
    pub negative_spans: Vec<BucketSpan>,
    /// Absolute counts of the positive buckets.
    pub positive_buckets: Vec<f64>,
    /// Absolute counts of the negative buckets.
    pub negative_buckets: Vec<f64>,
    /// Upper inclusive bounds, ascending, when the schema says so; otherwise empty.
    pub custom_values: Arc<[f64]>,
}

/// A run of buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketSpan {
    /// Gap to the span before; for the first one the index of its first bucket.
    pub offset: i32,
    /// Buckets in it.
    pub length: u32,
}

/// What is known of a counter reset between a histogram and the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResetHint {
    /// Nothing: compare.
    #[default]
    Unknown,
    /// There was one.
    CounterReset,
    /// There was none.
    NotCounterReset,
    /// It is a gauge, for which a reset has no meaning.
    Gauge,
}
