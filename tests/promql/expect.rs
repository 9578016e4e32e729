//! What an evaluation must come to, and whether it does.

use std::collections::BTreeMap;

use bellwether::history::Selected;
use bellwether::model::{BucketSpan, Labels, NativeHistogram, Sample, SampleValue, is_stale};
use bellwether::promql::notation::SequenceValue;
use bellwether::promql::{Instant, Severity, Value};

use super::script::When;

/// What is expected of an evaluation.
#[derive(Default)]
pub(crate) struct Expected {
    pub fail: Option<Text>,
    pub warnings: Annotations,
    pub infos: Annotations,
    pub ordered: bool,
    pub string: Option<String>,
    pub scalar: Option<f64>,
    /// The times of a range that an instant query gives.
    pub times: Option<When>,
    pub series: Vec<(Labels, Vec<SequenceValue>)>,
}

/// Which annotations there must be.
#[derive(Default)]
pub(crate) enum Annotations {
    /// Nobody looks.
    #[default]
    Whatever,
    /// There must be none.
    None,
    /// Each must be one of these, and there must be one of each.
    Some(Vec<Text>),
}

/// What a text must be.
pub(crate) enum Text {
    Any,
    Exactly(String),
    Matching(regex::Regex),
}

impl Text {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        if let Some(message) = text.strip_prefix("msg:") {
            return Ok(Self::Exactly(message.trim().to_owned()));
        }
        text.strip_prefix("regex:").map_or(Ok(Self::Any), |pattern| Self::pattern(pattern.trim()))
    }

    pub(crate) fn pattern(pattern: &str) -> Result<Self, String> {
        regex::Regex::new(pattern).map(Self::Matching).map_err(|error| error.to_string())
    }

    fn accepts(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(expected) => expected == text,
            Self::Matching(pattern) => pattern.is_match(text),
        }
    }

    fn shown(&self) -> &str {
        match self {
            Self::Any => "anything",
            Self::Exactly(text) => text,
            Self::Matching(pattern) => pattern.as_str(),
        }
    }
}

impl Annotations {
    pub(crate) fn expect(&mut self, text: Text) {
        match self {
            Self::Some(texts) => texts.push(text),
            _ => *self = Self::Some(vec![text]),
        }
    }

    fn check(&self, actual: &[String]) -> Result<(), String> {
        match self {
            Self::Whatever => Ok(()),
            Self::None if actual.is_empty() => Ok(()),
            Self::None => Err(format!("unexpected annotations {actual:?}")),
            Self::Some(expected) => {
                let missing = expected.iter().find(|text| !actual.iter().any(|actual| text.accepts(actual)));
                let beyond = actual.iter().find(|actual| !expected.iter().any(|text| text.accepts(actual)));
                match (missing, beyond) {
                    (Some(missing), _) => Err(format!("no annotation {:?} in {actual:?}", missing.shown())),
                    (None, Some(beyond)) => Err(format!("unexpected annotation {beyond:?}")),
                    (None, None) => Ok(()),
                }
            }
        }
    }
}

impl Expected {
    pub(crate) fn check_failure(&self, message: &str) -> Result<(), String> {
        match &self.fail {
            Some(text) if text.accepts(message) => Ok(()),
            Some(text) => Err(format!("failed with {message:?}, not with {:?}", text.shown())),
            None => Err(format!("failed: {message}")),
        }
    }

    pub(crate) fn check_annotations(&self, query: &str, all: &bellwether::promql::Annotations) -> Result<(), String> {
        let of = |severity: Severity| -> Vec<String> {
            all.iter().filter(|one| one.severity() == severity).map(|one| one.text(query)).collect()
        };
        self.warnings.check(&of(Severity::Warning))?;
        self.infos.check(&of(Severity::Info))
    }

    /// Compares a value; `when` are the times of the values that a matrix is expected to have.
    pub(crate) fn check_value(&self, value: &Value, when: When) -> Result<(), String> {
        match value {
            Value::String(text) => {
                if self.string.as_deref() == Some(text) {
                    Ok(())
                } else {
                    Err(format!("string {text:?}"))
                }
            }
            Value::Scalar(value) => match self.scalar {
                Some(expected) if almost(expected, *value) => Ok(()),
                expected => Err(format!("scalar {value}, not {expected:?}")),
            },
            Value::Vector(vector) => self.check_vector(vector),
            Value::Matrix(matrix) => self.check_matrix(matrix, self.times.unwrap_or(when)),
        }
    }

    pub(crate) fn check_vector(&self, vector: &[Instant]) -> Result<(), String> {
        if self.scalar.is_some() {
            return Err("a vector, not a scalar".to_owned());
        }
        let expected: BTreeMap<&Labels, (usize, &SequenceValue)> =
            self.series.iter().enumerate().map(|(at, (labels, values))| (labels, (at, &values[0]))).collect();
        for (at, Instant { labels, value, .. }) in vector.iter().enumerate() {
            let Some((position, expected)) = expected.get(labels) else {
                return Err(format!("unexpected {labels} with {}", shown(value)));
            };
            if self.ordered && *position != at {
                return Err(format!("{labels} is at {at}, not at {position}"));
            }
            check(expected, value).map_err(|error| format!("{labels}: {error}"))?;
        }
        let missing = expected.keys().find(|labels| !vector.iter().any(|instant| instant.labels == ***labels));
        missing.map_or(Ok(()), |labels| Err(format!("missing {labels}")))
    }

    fn check_matrix(&self, matrix: &[Selected], when: When) -> Result<(), String> {
        if self.scalar.is_some() {
            return Err("a matrix, not a scalar".to_owned());
        }
        let When::Range { start, end, step } = when else { return Err("a matrix at one time".to_owned()) };
        if !matrix.is_sorted_by(|a, b| a.labels <= b.labels) {
            return Err("the matrix is not sorted".to_owned());
        }
        for Selected { labels, samples } in matrix {
            let Some((_, values)) = self.series.iter().find(|(expected, _)| expected == labels) else {
                return Err(format!("unexpected {labels}"));
            };
            let times = (0..).map(|at| start + at * step);
            let expected: Vec<(i64, &SequenceValue)> =
                times.zip(values).filter(|(_, value)| !matches!(value, SequenceValue::Omitted)).collect();
            let found: Vec<String> =
                samples.iter().map(|sample| format!("{}@{}", shown(&sample.value), sample.time)).collect();
            if expected.len() != samples.len() || expected.last().is_some_and(|(time, _)| *time > end) {
                return Err(format!("{labels}: {} values expected, found {found:?}", expected.len()));
            }
            for ((time, expected), Sample { time: actual, value, .. }) in expected.into_iter().zip(samples) {
                if time != *actual {
                    return Err(format!("{labels}: a value at {actual}, not at {time}: {found:?}"));
                }
                check(expected, value).map_err(|error| format!("{labels} at {time}: {error}"))?;
            }
        }
        let missing = self.series.iter().find(|(labels, _)| !matrix.iter().any(|series| series.labels == *labels));
        missing.map_or(Ok(()), |(labels, _)| Err(format!("missing {labels}")))
    }
}

fn shown(value: &SampleValue) -> String {
    match value {
        SampleValue::Float(value) => value.to_string(),
        SampleValue::Histogram(histogram) => bellwether::promql::histogram::TestNotation(histogram).to_string(),
    }
}

fn check(expected: &SequenceValue, actual: &SampleValue) -> Result<(), String> {
    let same = match (expected, actual) {
        (SequenceValue::Float(expected), SampleValue::Float(actual)) => almost(*expected, *actual),
        (SequenceValue::Histogram { value, hint_given }, SampleValue::Histogram(actual)) => {
            same_histogram(value, actual) && (!hint_given || value.reset_hint == actual.reset_hint)
        }
        _ => false,
    };
    if same {
        return Ok(());
    }
    let expected = match expected {
        SequenceValue::Omitted => "nothing".to_owned(),
        SequenceValue::Float(value) => value.to_string(),
        SequenceValue::Histogram { value, .. } => bellwether::promql::histogram::TestNotation(value).to_string(),
    };
    Err(format!("{}, not {expected}", shown(actual)))
}

fn same_histogram(expected: &NativeHistogram, actual: &NativeHistogram) -> bool {
    let (mut expected, mut actual) = (expected.clone(), actual.clone());
    expected.compact(0);
    actual.compact(0);
    let spans = |spans: &[BucketSpan], buckets: &[f64]| -> Vec<(i64, f64)> {
        let mut next = 0;
        let mut indexes = Vec::new();
        for span in spans {
            next += i64::from(span.offset);
            indexes.extend(next..next + i64::from(span.length));
            next += i64::from(span.length);
        }
        indexes.into_iter().zip(buckets.iter().copied()).collect()
    };
    let side = |a: (&[BucketSpan], &[f64]), b: (&[BucketSpan], &[f64])| {
        let (a, b) = (spans(a.0, a.1), spans(b.0, b.1));
        a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.0 == b.0 && almost(a.1, b.1))
    };
    expected.schema == actual.schema
        && expected.custom_values == actual.custom_values
        && expected.zero_threshold.to_bits() == actual.zero_threshold.to_bits()
        && almost(expected.count, actual.count)
        && almost(expected.sum, actual.sum)
        && almost(expected.zero_count, actual.zero_count)
        && side(
            (&expected.positive_spans, &expected.positive_buckets),
            (&actual.positive_spans, &actual.positive_buckets),
        )
        && side(
            (&expected.negative_spans, &expected.negative_buckets),
            (&actual.negative_spans, &actual.negative_buckets),
        )
}

/// Equal but for rounding, as Prometheus' scripts are compared (`util/almost`).
fn almost(a: f64, b: f64) -> bool {
    const EPSILON: f64 = 1e-6;
    if is_stale(a) || is_stale(b) {
        return is_stale(a) && is_stale(b);
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a.is_nan() && b.is_nan() || difference == 0.0 || a.is_infinite() && a.total_cmp(&b).is_eq() {
        return true;
    }
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < EPSILON * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < EPSILON
}
