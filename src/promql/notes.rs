//! The remarks that an evaluation can make, in Prometheus' words (`util/annotations/annotations.go`).

use std::borrow::Cow;
use std::fmt;

use super::annotations::Severity;
use super::text::{general, utc};

/// A remark. Texts are borrowed until it is kept, so that one that was made before costs no allocation.
///
/// A metric's name that is empty is left out where Prometheus leaves it out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Note<'a> {
    /// A quantile outside 0 to 1.
    InvalidQuantile(f64),
    /// A ratio outside -1 to 1, and what it is taken for.
    InvalidRatio(f64, f64),
    /// A bucket of a classic histogram whose `le` is no number.
    BadBucketLabel { metric: Cow<'a, str>, label: Cow<'a, str> },
    /// Floats and histograms in the range of one series of this metric.
    MixedFloatsHistograms(Cow<'a, str>),
    /// Floats and histograms in one group of an aggregation.
    MixedInAggregation,
    /// Classic and native histograms of the same series.
    MixedClassicNative(Cow<'a, str>),
    /// A gauge histogram where a counter is asked for.
    NotCounter(Cow<'a, str>),
    /// A counter histogram where a gauge is asked for.
    NotGauge(Cow<'a, str>),
    /// Exponential and custom buckets together.
    MixedExponentialCustom(Cow<'a, str>),
    /// Operands of a binary operator whose buckets do not fit.
    IncompatibleBuckets(&'static str),
    /// A sort function in a range query.
    SortInRange,
    /// One histogram has a counter reset where another has none.
    ResetCollision(Combining),
    /// Start times that reach over the sample before, in this metric, that often.
    StartOverlap(Cow<'a, str>, u64),
    /// A rate of a metric whose name does not look like a counter's.
    PossibleNonCounter(Cow<'a, str>),
    /// A rate of a metric whose `__type__` is not a counter's.
    PossibleNonCounterType { metric: Cow<'a, str>, kind: Cow<'a, str> },
    /// Buckets of a classic histogram that were not cumulative.
    ForcedMonotonicity { metric: Cow<'a, str>, extent: Monotonicity },
    /// Operands of a binary operator that it is not defined for.
    IncompatibleTypes { operator: &'static str, left: &'static str, right: &'static str },
    /// Histograms left out by this aggregation.
    IgnoredInAggregation(&'static str),
    /// Histograms left out of a range that also holds floats.
    IgnoredInRange(Cow<'a, str>),
    /// A quantile that is `NaN` because of observations that are.
    QuantileNan(Cow<'a, str>),
    /// A quantile that is too high because of observations that are `NaN`.
    QuantileNanSkew(Cow<'a, str>),
    /// A fraction that leaves out observations that are `NaN`.
    FractionNan(Cow<'a, str>),
    /// Custom buckets with different bounds were brought to the bounds that they share.
    ReconciledBuckets(Combining),
}

/// What combines histograms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Combining {
    /// `+`, and the repair of counter resets.
    Addition,
    /// `-`, and rates.
    Subtraction,
    /// `sum`, `avg` and their `_over_time`.
    Aggregation,
}

/// How far buckets were from being cumulative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Monotonicity {
    /// Evaluation times of the first and of the last sample, milliseconds.
    pub first: i64,
    pub last: i64,
    /// Upper bounds of the lowest and of the highest bucket that were moved.
    pub lowest: f64,
    pub highest: f64,
    /// The greatest change of a count.
    pub difference: f64,
    /// Samples after the first one.
    pub more: u64,
}

impl Note<'_> {
    pub(crate) fn severity(&self) -> Severity {
        match self {
            Self::InvalidQuantile(_)
            | Self::InvalidRatio(..)
            | Self::BadBucketLabel { .. }
            | Self::MixedFloatsHistograms(_)
            | Self::MixedInAggregation
            | Self::MixedClassicNative(_)
            | Self::NotCounter(_)
            | Self::NotGauge(_)
            | Self::MixedExponentialCustom(_)
            | Self::IncompatibleBuckets(_)
            | Self::SortInRange
            | Self::ResetCollision(_)
            | Self::StartOverlap(..) => Severity::Warning,
            _ => Severity::Info,
        }
    }

    /// Whether both are the same remark, wherever each is about.
    pub(crate) fn says_the_same(&self, other: &Note<'_>) -> bool {
        match (self, other) {
            (Note::StartOverlap(a, _), Note::StartOverlap(b, _))
            | (Note::ForcedMonotonicity { metric: a, .. }, Note::ForcedMonotonicity { metric: b, .. }) => a == b,
            (Note::InvalidQuantile(a), Note::InvalidQuantile(b)) => a.to_bits() == b.to_bits(),
            (Note::InvalidRatio(a, to), Note::InvalidRatio(b, other)) => {
                (a.to_bits(), to.to_bits()) == (b.to_bits(), other.to_bits())
            }
            _ => self == other,
        }
    }

    /// Takes in another that says the same, and returns whether there was anything to take.
    pub(crate) fn join(&mut self, other: &Note<'_>) -> bool {
        match (self, other) {
            (Note::StartOverlap(_, count), Note::StartOverlap(_, more)) => *count += more,
            (Note::ForcedMonotonicity { extent, .. }, Note::ForcedMonotonicity { extent: other, .. }) => {
                extent.join(other);
            }
            _ => return false,
        }
        true
    }

    /// The same with texts of its own.
    pub(crate) fn into_owned(self) -> Note<'static> {
        use Note as N;
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            N::InvalidQuantile(value) => N::InvalidQuantile(value),
            N::InvalidRatio(value, to) => N::InvalidRatio(value, to),
            N::BadBucketLabel { metric, label } => N::BadBucketLabel { metric: own(metric), label: own(label) },
            N::MixedFloatsHistograms(metric) => N::MixedFloatsHistograms(own(metric)),
            N::MixedInAggregation => N::MixedInAggregation,
            N::MixedClassicNative(metric) => N::MixedClassicNative(own(metric)),
            N::NotCounter(metric) => N::NotCounter(own(metric)),
            N::NotGauge(metric) => N::NotGauge(own(metric)),
            N::MixedExponentialCustom(metric) => N::MixedExponentialCustom(own(metric)),
            N::IncompatibleBuckets(operator) => N::IncompatibleBuckets(operator),
            N::SortInRange => N::SortInRange,
            N::ResetCollision(combining) => N::ResetCollision(combining),
            N::StartOverlap(metric, count) => N::StartOverlap(own(metric), count),
            N::PossibleNonCounter(metric) => N::PossibleNonCounter(own(metric)),
            N::PossibleNonCounterType { metric, kind } => {
                N::PossibleNonCounterType { metric: own(metric), kind: own(kind) }
            }
            N::ForcedMonotonicity { metric, extent } => N::ForcedMonotonicity { metric: own(metric), extent },
            N::IncompatibleTypes { operator, left, right } => N::IncompatibleTypes { operator, left, right },
            N::IgnoredInAggregation(name) => N::IgnoredInAggregation(name),
            N::IgnoredInRange(metric) => N::IgnoredInRange(own(metric)),
            N::QuantileNan(metric) => N::QuantileNan(own(metric)),
            N::QuantileNanSkew(metric) => N::QuantileNanSkew(own(metric)),
            N::FractionNan(metric) => N::FractionNan(own(metric)),
            N::ReconciledBuckets(combining) => N::ReconciledBuckets(combining),
        }
    }
}

impl fmt::Display for Note<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidQuantile(value) => {
                write!(f, "quantile value should be between 0 and 1, got {}", general(*value, None))
            }
            Self::InvalidRatio(value, to) => {
                let (value, to) = (general(*value, None), general(*to, None));
                write!(f, "ratio value should be between -1 and 1, got {value}, capping to {to}")
            }
            Self::BadBucketLabel { metric, label } => {
                write!(f, "bucket label \"le\" is missing or has a malformed value of {label:?}")?;
                named(f, metric)
            }
            Self::MixedFloatsHistograms(metric) => {
                write!(f, "encountered a mix of histograms and floats for metric name {metric:?}")
            }
            Self::MixedInAggregation => f.write_str("encountered a mix of histograms and floats for aggregation"),
            Self::MixedClassicNative(metric) => {
                f.write_str("vector contains a mix of classic and native histograms")?;
                named(f, metric)
            }
            Self::NotCounter(metric) => write!(f, "this native histogram metric is not a counter: {metric:?}"),
            Self::NotGauge(metric) => write!(f, "this native histogram metric is not a gauge: {metric:?}"),
            Self::MixedExponentialCustom(metric) => write!(
                f,
                "vector contains a mix of histograms with exponential and custom buckets schemas for metric name {metric:?}"
            ),
            Self::IncompatibleBuckets(operator) => {
                write!(f, "incompatible bucket layout encountered for binary operator {operator}")
            }
            Self::SortInRange => {
                f.write_str("sort is ineffective for range queries since results are always ordered by labels")
            }
            Self::ResetCollision(combining) => {
                write!(f, "conflicting counter resets during histogram {}", combining.name())
            }
            Self::StartOverlap(metric, count) => {
                write!(f, "sample has start time that overlaps with previous sample timestamp for metric {metric:?}")?;
                if *count > 1 { write!(f, " ({count} occurrences)") } else { Ok(()) }
            }
            info => info.write_info(f),
        }
    }
}

impl Note<'_> {
    fn write_info(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PossibleNonCounter(metric) => {
                write!(f, "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {metric:?}")
            }
            Self::PossibleNonCounterType { metric, kind } => write!(
                f,
                "metric might not be a counter, __type__ label is not set to \"counter\" or \"histogram\", got {kind:?}: {metric:?}"
            ),
            Self::ForcedMonotonicity { metric, extent } => {
                f.write_str("input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)")?;
                named(f, metric)?;
                write!(f, "{extent}")
            }
            Self::IncompatibleTypes { operator, left, right } => write!(
                f,
                "incompatible sample types encountered for binary operator {operator:?}: {left} {operator} {right}"
            ),
            Self::IgnoredInAggregation(name) => write!(f, "ignored histogram in {name} aggregation"),
            Self::IgnoredInRange(metric) => write!(
                f,
                "ignored histograms in a range containing both floats and histograms for metric name {metric:?}"
            ),
            Self::QuantileNan(metric) => {
                f.write_str("input to histogram_quantile has NaN observations, result is NaN")?;
                named(f, metric)
            }
            Self::QuantileNanSkew(metric) => {
                f.write_str("input to histogram_quantile has NaN observations, result is skewed higher")?;
                named(f, metric)
            }
            Self::FractionNan(metric) => {
                f.write_str("input to histogram_fraction has NaN observations, which are excluded from all fractions")?;
                named(f, metric)
            }
            Self::ReconciledBuckets(combining) => {
                write!(f, "mismatched custom buckets were reconciled during {}", combining.name())
            }
            _ => Ok(()),
        }
    }
}

impl Combining {
    fn name(self) -> &'static str {
        match self {
            Self::Addition => "addition",
            Self::Subtraction => "subtraction",
            Self::Aggregation => "aggregation",
        }
    }
}

impl Monotonicity {
    /// Of one sample.
    pub(crate) fn new(time: i64, lowest: f64, highest: f64, difference: f64) -> Self {
        Self { first: time, last: time, lowest, highest, difference, more: 0 }
    }

    fn join(&mut self, other: &Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.lowest = self.lowest.min(other.lowest);
        self.highest = self.highest.max(other.highest);
        self.difference = self.difference.max(other.difference);
        self.more += other.more + 1;
    }
}

impl fmt::Display for Monotonicity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            ", from buckets {} to {}, with a max diff of {}, over {} samples from {} to {}",
            general(self.lowest, None),
            general(self.highest, None),
            general(self.difference, Some(2)),
            self.more + 1,
            utc(self.first),
            utc(self.last),
        )
    }
}

fn named(f: &mut fmt::Formatter<'_>, metric: &str) -> fmt::Result {
    if metric.is_empty() { Ok(()) } else { write!(f, " for metric name {metric:?}") }
}
