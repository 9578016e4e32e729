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

#![expect(clippy::float_cmp, reason = "samples are the same only when they are exactly so")]

mod calendar;
mod classic;
mod extended;
mod histograms;
mod math;
mod neighbours;
mod over_time;
mod rate;
mod sort;
mod start;
mod trend;

use std::sync::Arc;

use super::annotations::Annotations;
use super::ast::{Edges, Span};
use super::notes::Note;
pub(crate) use crate::history::Point;
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
    of_range(name)
        .or_else(|| math::body(name))
        .or_else(|| calendar::body(name))
        .or_else(|| histograms::body(name))
        .or_else(|| sort::body(name))
}

fn of_range(name: &str) -> Option<Body> {
    Some(Body::Range(match name {
        "avg_over_time" => over_time::avg,
        "changes" => neighbours::changes,
        "count_over_time" => over_time::count,
        "delta" => rate::delta,
        "deriv" => trend::deriv,
        "double_exponential_smoothing" => trend::smooth,
        "first_over_time" => over_time::first,
        "idelta" => neighbours::idelta,
        "increase" => rate::increase,
        "irate" => neighbours::irate,
        "last_over_time" => over_time::last,
        "mad_over_time" => over_time::mad,
        "max_over_time" => over_time::max,
        "min_over_time" => over_time::min,
        "predict_linear" => trend::predict_linear,
        "present_over_time" => over_time::present,
        "quantile_over_time" => over_time::quantile_of,
        "rate" => rate::rate,
        "resets" => neighbours::resets,
        "stddev_over_time" => over_time::stddev,
        "stdvar_over_time" => over_time::stdvar,
        "sum_over_time" => over_time::sum,
        "ts_of_first_over_time" => over_time::time_of_first,
        "ts_of_last_over_time" => over_time::time_of_last,
        "ts_of_max_over_time" => over_time::time_of_max,
        "ts_of_min_over_time" => over_time::time_of_min,
        _ => return None,
    }))
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

/// Remarks the histograms beside floats that a function ignores.
fn ignore_histograms(window: &Window<'_>, cx: &mut Context<'_>) {
    if !window.histograms.is_empty() {
        cx.note(0, Note::IgnoredInRange(window.metric().into()));
    }
}

/// The value below which the share `q` of the values lies, between two of them in proportion; `NaN`s are the lowest. Sorts
/// the values.
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
    values.sort_unstable_by(|a, b| b.is_nan().cmp(&a.is_nan()).then_with(|| a.total_cmp(b)));
    let rank = q * (values.len() - 1) as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the number of values")]
    let below = rank.floor() as usize;
    let share = rank - rank.floor();
    let [low, high] =
        [below, below + 1].map(|at| values.get(at).or_else(|| values.last()).copied().unwrap_or(f64::NAN));
    low * (1.0 - share) + high * share
}

#[cfg(test)]
mod tests;
