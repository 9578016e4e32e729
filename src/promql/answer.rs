//! What is asked of the evaluator, and what it answers.

use std::fmt;

use super::annotations::Annotations;
use super::ast::Span;
use crate::history::Selected;
use crate::model::{Labels, SampleValue};

/// How a query is evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How old the newest sample of a series may be for the series to count, milliseconds.
    pub lookback_ms: i64,
    /// Step of a subquery that names none, milliseconds.
    pub default_step_ms: i64,
    /// Samples that a query may hold at one time; a histogram counts by its size. One that needs more fails.
    pub max_samples: usize,
    /// Whether a metric's name is dropped at the end rather than where it stops being true
    /// (`promql-delayed-name-removal`).
    pub delayed_name_removal: bool,
    /// Whether `rate` and `increase` look at `__type__` to tell a counter rather than at the metric's name
    /// (`type-and-unit-labels`).
    pub type_and_unit: bool,
    /// Whether the start times of counters are made use of (`promql-use-start-timestamps`).
    pub start_timestamps: bool,
}

impl Options {
    /// Five minutes, as in Prometheus.
    pub const LOOKBACK_MS: i64 = 300_000;
    /// One minute, as in Prometheus.
    pub const DEFAULT_STEP_MS: i64 = 60_000;
    /// A tenth of what Prometheus allows itself: 5 million samples are 80 MB of floats.
    pub const MAX_SAMPLES: usize = 5_000_000;
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lookback_ms: Self::LOOKBACK_MS,
            default_step_ms: Self::DEFAULT_STEP_MS,
            max_samples: Self::MAX_SAMPLES,
            delayed_name_removal: false,
            type_and_unit: false,
            start_timestamps: false,
        }
    }
}

/// The result of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What it is.
    pub value: Value,
    /// What there is to remark about it.
    pub annotations: Annotations,
}

/// What a query evaluates to.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// One number, at the time that was asked for.
    Scalar(f64),
    /// A text.
    String(String),
    /// Series with a value at the time that was asked for. Sorted only where the query sorts.
    Vector(Vec<Instant>),
    /// Series with values over time, in the order of their labels: of a range query, or of a query for a range.
    /// Samples have no start time.
    Matrix(Vec<Selected>),
}

/// One series of an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Instant {
    /// Its identity.
    pub labels: Labels,
    /// The evaluation time, milliseconds since the Unix epoch.
    pub time: i64,
    /// Its value.
    pub value: SampleValue,
}

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvalError {
    /// In Prometheus' words.
    pub message: String,
    /// The bytes of the query that could not be evaluated.
    pub span: Span,
}

impl EvalError {
    pub(crate) fn new(message: impl Into<String>, span: Span) -> Self {
        Self { message: message.into(), span }
    }
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EvalError {}
