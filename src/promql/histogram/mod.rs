//! Arithmetic of native histograms, as Prometheus does it (`model/histogram/float_histogram.go` of release 3.14): walking
//! over buckets, addition across schemas and bounds, resets, quantiles, trimming, and the two textual forms.
//!
//! Everything is a method of [`NativeHistogram`]. Nothing here panics on a histogram whose spans and counts disagree; what
//! has no bucket, or no count, does not take part. [`NativeHistogram::validate`] tells.

#![expect(clippy::float_cmp, reason = "bounds and counts are the same only when they are exactly so")]

mod arithmetic;
mod bounds;
mod buckets;
mod layout;
mod quantile;
mod reset;
mod sum;
mod tally;
mod text;
mod trim;
mod validate;

pub use bounds::{CUSTOM_BUCKETS, is_exponential};
pub use buckets::Bucket;
pub use quantile::NanNote;
pub use sum::{HistogramMean, HistogramSum};
pub use text::TestNotation;
pub use validate::Invalid;

#[cfg(doc)]
use crate::model::NativeHistogram;

/// Two histograms cannot be brought together: one has exponential buckets and the other custom bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incompatible;

/// What was lost when two histograms became one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// One came after a counter reset, and the other surely did not.
    pub reset_collision: bool,
    /// Custom bounds differed: only those that both have are left.
    pub bounds: bool,
}
