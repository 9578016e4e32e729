//! An expression made ready for one evaluation: every time and length a number, functions found, what does not change
//! from step to step marked.
//!
//! The types keep scalars, vectors and ranges apart, so that the evaluator need not ask what an argument is.

mod functions;
mod length;
mod lower;

use std::sync::Arc;

use super::ast::{AggregateOp, BinaryOp, Edges, Span, VectorMatching};
use super::functions::{Arguments, Context, Element, Window};
use crate::history::Matcher;
use crate::model::{Labels, SampleValue};

pub(super) use lower::prepare;

/// The times of a query, milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    pub start: i64,
    pub end: i64,
    /// Zero for an instant query.
    pub step: i64,
}

/// A prepared expression.
#[derive(Debug)]
pub(super) enum Plan {
    Scalar(Scalar),
    Vector(Vector),
    Range(Range),
    Text(Arc<str>),
}

/// One number a step.
#[derive(Debug)]
pub(super) enum Scalar {
    Number(f64),
    /// Seconds since the Unix epoch.
    Time,
    /// A function of scalars.
    Call(fn(&[f64]) -> f64, Vec<Self>),
    /// The value of a vector's only float, otherwise `NaN`.
    Of(Box<Vector>),
    Negate(Box<Self>),
    Binary(BinaryOp, Box<Self>, Box<Self>),
    /// The same at every step.
    Once(Box<Self>),
}

/// A set of series a step.
#[derive(Debug)]
pub(super) enum Vector {
    Select(Box<Selector>),
    Negate(Box<Self>),
    Binary(Box<Binary>),
    WithScalar(Box<WithScalar>),
    Aggregate(Box<Aggregate>),
    Each(Box<Each>),
    Over(Box<Over>),
    Whole(Box<Whole>),
    /// One series with these labels and the value 1 where the vector is empty.
    Absent(Box<Self>, Labels),
    /// One series with these labels and the value 1 where the range is empty.
    AbsentOver(Box<Range>, Labels),
    /// The scalar as a series without labels.
    Scalar(Scalar),
    Timestamp(Box<Timestamp>),
    LabelReplace(Box<LabelReplace>),
    LabelJoin(Box<LabelJoin>),
    Info(Box<Info>),
    /// The same at every step.
    Once(Box<Self>),
}

/// Which series, and at which time.
#[derive(Debug)]
pub(super) struct Selector {
    pub matchers: Vec<Matcher>,
    pub when: When,
    pub edges: Edges,
    /// Of histograms only sum and count are looked at.
    pub counts_only: bool,
    pub span: Span,
}

/// At which time a selector looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct When {
    /// `@`, otherwise the time of the step.
    pub at: Option<i64>,
    /// So much earlier, milliseconds.
    pub offset: i64,
}

impl When {
    /// The time to look at in the step of this time.
    pub(super) fn of(self, step: i64) -> i64 {
        self.at.unwrap_or(step).saturating_sub(self.offset)
    }
}

/// The samples of series within a length of time, milliseconds.
#[derive(Debug)]
pub(super) enum Range {
    Select { selector: Box<Selector>, range: i64 },
    Subquery(Box<Subquery>),
}

/// An expression evaluated at times of its own.
#[derive(Debug)]
pub(super) struct Subquery {
    pub inner: Plan,
    pub range: i64,
    pub step: i64,
    pub when: When,
    pub span: Span,
}

/// An operator between two vectors.
#[derive(Debug)]
pub(super) struct Binary {
    pub op: BinaryOp,
    pub left: Vector,
    pub right: Vector,
    pub matching: VectorMatching,
    pub return_bool: bool,
    pub span: Span,
}

/// An operator between a vector and a scalar.
#[derive(Debug)]
pub(super) struct WithScalar {
    pub op: BinaryOp,
    pub vector: Vector,
    pub scalar: Scalar,
    /// The scalar stands on the left.
    pub scalar_first: bool,
    pub return_bool: bool,
    pub span: Span,
}

/// An aggregation.
#[derive(Debug)]
pub(super) struct Aggregate {
    pub op: AggregateOp,
    pub vector: Vector,
    /// The first argument of those that take a number.
    pub param: Option<Scalar>,
    /// The first argument of `count_values`.
    pub label: Option<Arc<str>>,
    /// Sorted.
    pub grouping: Vec<Arc<str>>,
    pub without: bool,
    /// Where vector, param and the whole stand.
    pub inner_span: Span,
    pub param_span: Span,
    pub span: Span,
}

/// A function of each sample by itself.
#[derive(Debug)]
pub(super) struct Each {
    pub function: fn(&SampleValue, &[f64]) -> Option<f64>,
    /// Without one: the evaluation time in seconds.
    pub vector: Option<Vector>,
    pub scalars: Vec<Scalar>,
}

/// A function of the range of one series.
#[derive(Debug)]
pub(super) struct Over {
    pub function: fn(&Window<'_>, &[f64], &mut Context<'_>) -> Option<SampleValue>,
    pub name: &'static str,
    pub range: Range,
    pub scalars: Vec<Scalar>,
    /// Where the arguments stand.
    pub spans: Vec<Span>,
    pub span: Span,
}

/// A function of a whole vector.
#[derive(Debug)]
pub(super) struct Whole {
    pub function: fn(&mut Arguments<'_>, &mut Context<'_>) -> Vec<Element>,
    pub vector: Vector,
    pub scalars: Vec<Scalar>,
    pub texts: Vec<Arc<str>>,
    /// Where the arguments stand.
    pub spans: Vec<Span>,
    /// Without effect in a range query.
    pub sorts: bool,
    pub span: Span,
}

/// The time of samples.
#[derive(Debug)]
pub(super) enum Timestamp {
    /// When each was taken.
    Taken(Box<Selector>),
    /// When counting of each began.
    Began(Box<Selector>),
    /// Of calculated ones: the time of evaluation.
    Evaluated(Vector),
    /// When counting of calculated ones began: nobody knows.
    Unknown(Vector),
}

/// `label_replace`
#[derive(Debug)]
pub(super) struct LabelReplace {
    pub vector: Vector,
    pub target: Arc<str>,
    pub replacement: Arc<str>,
    pub source: Arc<str>,
    pub pattern: regex::Regex,
}

/// `label_join`
#[derive(Debug)]
pub(super) struct LabelJoin {
    pub vector: Vector,
    pub target: Arc<str>,
    pub separator: Arc<str>,
    pub sources: Vec<Arc<str>>,
}

/// `info`
#[derive(Debug)]
pub(super) struct Info {
    pub vector: Vector,
    /// Which labels of which info metrics; `None`: all of `target_info`.
    pub matchers: Option<Vec<Matcher>>,
    /// The time that the first selector in the vector looks at.
    pub when: When,
    pub span: Span,
}
