//! The words of enumerations, which variables and files share.
//!
//! A word that stands for `None` is one of OpenTelemetry's that is not supported here.

use super::Propagator;
use crate::exporters::otlp::Compression;
use crate::series::{ExemplarFilter, HistogramAggregation};

/// The words of an enumeration and what they stand for.
pub(super) type Words<T> = [(&'static str, Option<T>)];

/// `none` stands for no propagator.
pub(super) const PROPAGATORS: &Words<Option<Propagator>> = &[
    ("tracecontext", Some(Some(Propagator::TraceContext))),
    ("baggage", Some(Some(Propagator::Baggage))),
    ("none", Some(None)),
    ("b3", None),
    ("b3multi", None),
    ("jaeger", None),
    ("xray", None),
    ("ottrace", None),
];

pub(super) const COMPRESSIONS: &Words<Compression> =
    &[("none", Some(Compression::None)), ("gzip", Some(Compression::Gzip))];

pub(super) const EXEMPLAR_FILTERS: &Words<ExemplarFilter> = &[
    ("trace_based", Some(ExemplarFilter::TraceBased)),
    ("always_on", Some(ExemplarFilter::AlwaysOn)),
    ("always_off", Some(ExemplarFilter::AlwaysOff)),
];

pub(super) const HISTOGRAM_AGGREGATIONS: &Words<HistogramAggregation> = &[
    ("explicit_bucket_histogram", Some(HistogramAggregation::ExplicitBucket)),
    ("base2_exponential_bucket_histogram", Some(HistogramAggregation::Base2ExponentialBucket)),
];

/// What `word` stands for, ignoring case; else what to say about it, to follow the quoted word.
pub(super) fn find<T: Copy>(word: &str, words: &Words<T>) -> Result<T, Unfit> {
    let found = words.iter().find(|(candidate, _)| candidate.eq_ignore_ascii_case(word));
    if let Some((_, Some(choice))) = found {
        return Ok(*choice);
    }
    let supported: Vec<&str> = words.iter().filter(|(_, choice)| choice.is_some()).map(|(word, _)| *word).collect();
    Err(Unfit { known: found.is_some(), expected: supported.join(", ") })
}

/// A word that stands for nothing here.
#[derive(Debug)]
pub(super) struct Unfit {
    /// Whether OpenTelemetry knows it.
    pub(super) known: bool,
    /// The words that would do.
    pub(super) expected: String,
}
