//! What the functions of the language calculate.
//!
//! The evaluator walks the expression, gathers what a function is applied to, and puts its results into series; a
//! function only calculates. Each function of the language that is not a matter of series as such has a [`Body`], found
//! once before the evaluation by [`body`].
//!
//! Rules for bodies:
//! - Nothing of a sample's identity but what `Body::Instant` is given: labels and names are the evaluator's matter.
//! - No staleness markers reach a body. `NaN`s do.
//! - A start time of `0` is unknown; without the option for start times all are.
//! - What there is to remark goes to [`Context::note`], what makes the whole query fail to [`Context::fail`].

use std::cmp::Ordering;
use std::sync::Arc;

use super::annotations::Annotations;
use super::ast::{Edges, Span};
use super::notes::Note;
use crate::model::{Labels, NativeHistogram, SampleValue};

/// How a function is calculated.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Body {
    /// From a range of one series: `rate`, `max_over_time`. The scalars are the other arguments, in their order; `None`
    /// leaves the series out.
    Range(fn(&Window<'_>, &[f64], &mut Context<'_>) -> Option<SampleValue>),
    /// From each sample by itself: `abs`, `clamp`, `histogram_count`, `hour`. The scalars are the other arguments;
    /// `None` leaves the sample out. The metric's name is dropped. A function of time that is written without an
    /// argument is given the evaluation time in seconds.
    Each(fn(&SampleValue, &[f64]) -> Option<f64>),
    /// From scalars alone: `pi`, `max_of`.
    Scalar(fn(&[f64]) -> f64),
    /// From a whole instant vector: `histogram_quantile`, `sort`. Order is kept where the query is for one time.
    Instant(fn(&mut Arguments<'_>, &mut Context<'_>) -> Vec<Element>),
}

/// The body of a function by its name; `None` when the evaluator itself does it: `absent`, `absent_over_time`, `end`,
/// `info`, `label_join`, `label_replace`, `range`, `scalar`, `start`, `start_timestamp`, `step`, `time`, `timestamp`,
/// `vector`.
pub(crate) fn body(name: &str) -> Option<Body> {
    Some(match name {
        "abs" => Body::Each(|value, _| float(value).map(f64::abs)),
        "count_over_time" => Body::Range(|window, _, _| Some(SampleValue::Float(window.len() as f64))),
        _ => return None,
    })
}

/// One sample of an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Element {
    /// Its series.
    pub labels: Labels,
    /// Whether the metric's name (with `__type__` and `__unit__`) is no longer true of the value. Whether it is taken
    /// away at once or at the end is the evaluator's matter.
    pub drop_name: bool,
    /// What it holds.
    pub value: SampleValue,
}

/// The samples of one series in a range of time.
///
/// With [`Edges::Anchored`] it also holds samples before the range as far as the lookback, with [`Edges::Smoothed`]
/// on both sides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'a> {
    /// The series.
    pub labels: &'a Labels,
    /// Its floats, oldest first.
    pub floats: &'a [Point<f64>],
    /// Its histograms, oldest first.
    pub histograms: &'a [Point<Arc<NativeHistogram>>],
    /// Beginning of the range, exclusive, milliseconds; `@` and `offset` are in it.
    pub start: i64,
    /// End of the range, inclusive.
    pub end: i64,
    /// How the edges are treated.
    pub edges: Edges,
}

impl Window<'_> {
    /// Samples of both kinds; never zero when a body is called.
    pub(crate) fn len(&self) -> usize {
        self.floats.len() + self.histograms.len()
    }

    /// The range in seconds, as it was asked for.
    pub(crate) fn seconds(&self) -> f64 {
        (self.end - self.start) as f64 / 1_000.0
    }

    /// The metric's name, empty without one.
    pub(crate) fn metric(&self) -> &str {
        self.labels.metric_name().unwrap_or_default()
    }
}

/// A sample of a window.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point<T> {
    /// Milliseconds since the Unix epoch.
    pub time: i64,
    /// When counting began, milliseconds since the Unix epoch; `0` when it is not known.
    pub start: i64,
    /// What was read.
    pub value: T,
}

/// The arguments of a [`Body::Instant`].
#[derive(Debug)]
pub(crate) struct Arguments<'a> {
    /// The instant vector among them; a body may take it.
    pub vector: Vec<Element>,
    /// The numbers among them, in their order.
    pub scalars: &'a [f64],
    /// The texts among them, in their order.
    pub texts: &'a [Arc<str>],
}

/// Where a function is called, and what it may leave behind besides its result.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    /// Evaluation time, milliseconds since the Unix epoch.
    pub time: i64,
    /// Whether names are dropped only at the end; Prometheus names the metric in some annotations only then.
    pub delayed_names: bool,
    /// Where each argument stands, as annotations show it.
    pub spans: &'a [Span],
    annotations: &'a mut Annotations,
    failure: &'a mut Option<String>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        time: i64,
        delayed_names: bool,
        spans: &'a [Span],
        annotations: &'a mut Annotations,
        failure: &'a mut Option<String>,
    ) -> Self {
        Self { time, delayed_names, spans, annotations, failure }
    }

    /// Remarks something about the argument at `index`.
    pub(crate) fn note(&mut self, index: usize, note: Note<'_>) {
        self.annotations.add(note, self.spans.get(index).copied().unwrap_or_default());
    }

    /// Lets the whole query fail with this message; what the body returns is then not looked at.
    pub(crate) fn fail(&mut self, message: impl Into<String>) {
        self.failure.get_or_insert_with(|| message.into());
    }
}

/// The number in a sample, if it is one.
fn float(value: &SampleValue) -> Option<f64> {
    match value {
        SampleValue::Float(value) => Some(*value),
        SampleValue::Histogram(_) => None,
    }
}

/// The value below which the share `q` of the values lies; sorts them.
pub(crate) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    // `NaN`s count as the smallest values.
    values.sort_by(|a, b| b.is_nan().cmp(&a.is_nan()).then_with(|| a.partial_cmp(b).unwrap_or(Ordering::Equal)));
    let last = values.len() - 1;
    let rank = q * last as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the last index")]
    let lower = rank.floor() as usize;
    let upper = (lower + 1).min(last);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}
