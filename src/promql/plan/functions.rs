//! From calls of functions to a plan.

use std::sync::Arc;

use super::super::answer::EvalError;
use super::super::ast::{Call, Edges, Expr, Span};
use super::super::functions::{Body, body};
use super::super::quote::is_utf8;
use super::lower::{Buckets, Lowered, Lowering, Place, bare};
use super::{Each, Info, LabelJoin, LabelReplace, Over, Plan, Range, Scalar, Selector, Timestamp, Vector, When, Whole};
use crate::history::{MatchOp, Matcher};
use crate::model::{Labels, METRIC_NAME};

/// Functions whose result changes with the evaluation time though their arguments do not.
const OF_TIME: [&str; 15] = [
    "days_in_month",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "end",
    "hour",
    "minute",
    "month",
    "year",
    "predict_linear",
    "range",
    "start",
    "step",
    "time",
    "timestamp",
];

/// Functions of a range that begins with the sample before it, and of one that ends with interpolated samples.
const ANCHORED: [&str; 5] = ["changes", "delta", "increase", "rate", "resets"];
const SMOOTHED: [&str; 3] = ["delta", "increase", "rate"];

/// An argument, lowered.
struct Argument<'a> {
    expr: &'a Expr,
    plan: Plan,
}

impl Argument<'_> {
    fn span(&self) -> Span {
        self.expr.span()
    }

    /// Where annotations say it stands. Prometheus has lost the place of a subquery by then.
    fn shown(&self) -> Span {
        if matches!(self.plan, Plan::Range(Range::Subquery(_))) { Span::default() } else { self.span() }
    }
}

impl Lowering<'_> {
    pub(super) fn call(&self, call: &Call, place: Place) -> Result<Lowered, EvalError> {
        let name = call.function.name;
        if let Some(value) = self.of_query(name) {
            return Ok(Lowered::literal(Plan::Scalar(Scalar::Number(value))));
        }
        let exprs: Vec<&Expr> = call.args.iter().map(bare).collect();
        let place = Place { buckets: buckets(name, place.buckets), ..place };
        let lowered = exprs.iter().map(|expr| self.lower(expr, place)).collect::<Result<Vec<_>, _>>()?;
        let all_constant = lowered.iter().all(|arg| arg.constant);
        let of_selector = matches!(exprs.first(), Some(Expr::Vector(_)));
        let constant = all_constant && (!OF_TIME.contains(&name) || name == "timestamp" && of_selector);
        let settle = |arg: Lowered| if constant { arg.plan } else { arg.settled() };
        let args = exprs.iter().zip(lowered).map(|(expr, arg)| Argument { expr, plan: settle(arg) }).collect();
        Ok(Lowered::marked(self.function(call, args)?, constant))
    }

    /// The value of a function of the query as such.
    fn of_query(&self, name: &str) -> Option<f64> {
        let times = self.times;
        let milliseconds = match name {
            "start" => times.start,
            "end" => times.end,
            "range" => times.end - times.start,
            "step" if times.start == times.end => 0,
            "step" => times.step,
            _ => return None,
        };
        Some(milliseconds as f64 / 1_000.0)
    }

    fn function(&self, call: &Call, args: Vec<Argument<'_>>) -> Result<Plan, EvalError> {
        let span = call.span;
        let mut rest = args.into_iter();
        let mut next = || rest.next().ok_or_else(|| EvalError::new("missing argument", span));
        Ok(match call.function.name {
            "time" => Plan::Scalar(Scalar::Time),
            "scalar" => Plan::Scalar(Scalar::Of(Box::new(next()?.plan.vector(span)?))),
            "vector" => Plan::Vector(Vector::Scalar(next()?.plan.scalar(span)?)),
            "absent" => {
                let arg = next()?;
                let labels = labels_of_absent(arg.expr);
                Plan::Vector(Vector::Absent(Box::new(arg.plan.vector(span)?), labels))
            }
            "absent_over_time" => {
                let arg = next()?;
                let labels = labels_of_absent(arg.expr);
                let range = arg.plan.range(span)?;
                check_edges(&range, "absent_over_time", span)?;
                Plan::Vector(Vector::AbsentOver(Box::new(range), labels))
            }
            "timestamp" => timestamp(next()?.plan.vector(span)?, Timestamp::Taken, Timestamp::Evaluated),
            "start_timestamp" => timestamp(next()?.plan.vector(span)?, Timestamp::Began, Timestamp::Unknown),
            "label_replace" => label_replace(rest.collect(), span)?,
            "label_join" => label_join(rest.collect(), span)?,
            "info" => self.info(rest.collect(), span)?,
            _ => with_body(call, rest.collect())?,
        })
    }

    /// The time that the first selector of an expression looks at.
    fn first_selector(&self, expr: &Expr) -> Result<Option<When>, EvalError> {
        Ok(match expr {
            Expr::Vector(selector) => Some(self.when(selector.at, &selector.offset)?),
            Expr::Matrix(matrix) => Some(self.when(matrix.selector.at, &matrix.selector.offset)?),
            Expr::Subquery(subquery) => {
                let outer = self.when(subquery.at, &subquery.offset)?;
                self.first_selector(&subquery.expr)?.map(|inner| within(outer, inner))
            }
            other => {
                for child in other.children() {
                    if let Some(when) = self.first_selector(child)? {
                        return Ok(Some(when));
                    }
                }
                None
            }
        })
    }

    fn info(&self, args: Vec<Argument<'_>>, span: Span) -> Result<Plan, EvalError> {
        let mut args = args.into_iter();
        let vector = args.next().ok_or_else(|| EvalError::new("missing argument", span))?;
        let when = self.first_selector(vector.expr)?.unwrap_or(When { at: None, offset: 0 });
        let matchers = args.next().map(|arg| match arg.expr {
            Expr::Vector(selector) => selector.matchers.clone(),
            _ => Vec::new(),
        });
        let info = Info { vector: vector.plan.vector(span)?, matchers, when, span };
        Ok(Plan::Vector(Vector::Info(Box::new(info))))
    }
}

/// The time that a selector in a subquery looks at, by that of the subquery.
fn within(outer: When, inner: When) -> When {
    // A time of its own is nobody else's.
    let of_outer = When { at: outer.at, offset: outer.offset.saturating_add(inner.offset) };
    if inner.at.is_some() { inner } else { of_outer }
}

/// What becomes of buckets inside a call, by what becomes of them around it.
fn buckets(name: &str, around: Buckets) -> Buckets {
    match (name, around) {
        (_, Buckets::Needed) | ("histogram_quantile" | "histogram_quantiles" | "histogram_fraction", _) => {
            Buckets::Needed
        }
        ("histogram_count" | "histogram_sum" | "histogram_avg", _) => Buckets::Unread,
        _ => around,
    }
}

fn timestamp<S, E>(vector: Vector, of_selector: S, of_evaluated: E) -> Plan
where
    S: FnOnce(Box<Selector>) -> Timestamp,
    E: FnOnce(Vector) -> Timestamp,
{
    let timestamp = match vector {
        Vector::Select(selector) => of_selector(selector),
        other => of_evaluated(other),
    };
    Plan::Vector(Vector::Timestamp(Box::new(timestamp)))
}

/// A function whose body stands in `functions`.
fn with_body(call: &Call, args: Vec<Argument<'_>>) -> Result<Plan, EvalError> {
    let (name, span) = (call.function.name, call.span);
    let Some(body) = body(name) else {
        return Err(EvalError::new(format!("function {name} cannot be evaluated"), span));
    };
    let spans: Vec<Span> = args.iter().map(Argument::shown).collect();
    let (mut vector, mut range, mut scalars, mut texts) = (None, None, Vec::new(), Vec::new());
    for arg in args {
        match arg.plan {
            Plan::Vector(plan) => vector = Some(plan),
            Plan::Range(plan) => range = Some(plan),
            Plan::Scalar(plan) => scalars.push(plan),
            Plan::Text(text) => texts.push(text),
        }
    }
    let missing = || EvalError::new(format!("missing vector in the arguments of {name}"), span);
    Ok(match body {
        Body::Scalar(function) => Plan::Scalar(Scalar::Call(function, scalars)),
        Body::Each(function) => Plan::Vector(Vector::Each(Box::new(Each { function, vector, scalars }))),
        Body::Range(function) => {
            let range = range.ok_or_else(missing)?;
            check_edges(&range, name, span)?;
            Plan::Vector(Vector::Over(Box::new(Over { function, name, range, scalars, spans, span })))
        }
        Body::Instant(function) => {
            let sorts = name.starts_with("sort");
            let vector = vector.ok_or_else(missing)?;
            Plan::Vector(Vector::Whole(Box::new(Whole { function, vector, scalars, texts, spans, sorts, span })))
        }
    })
}

fn check_edges(range: &Range, name: &str, span: Span) -> Result<(), EvalError> {
    let Range::Select { selector, .. } = range else { return Ok(()) };
    let (word, allowed): (_, &[&str]) = match selector.edges {
        Edges::Inside => return Ok(()),
        Edges::Anchored => ("anchored", &ANCHORED),
        Edges::Smoothed => ("smoothed", &SMOOTHED),
    };
    if allowed.contains(&name) {
        return Ok(());
    }
    let allowed = allowed.join(", ");
    Err(EvalError::new(format!("{word} modifier can only be used with: {allowed} - not with {name}"), span))
}

/// The labels that a selector asks for with `=`; one that is asked for again is left out, the metric's name too.
fn labels_of_absent(expr: &Expr) -> Labels {
    let matchers: &[Matcher] = match expr {
        Expr::Vector(selector) => &selector.matchers,
        Expr::Matrix(matrix) => &matrix.selector.matchers,
        _ => &[],
    };
    let mut labels: Vec<(&str, Option<&str>)> = Vec::new();
    for matcher in matchers.iter().filter(|matcher| matcher.name() != METRIC_NAME) {
        let known = labels.iter_mut().find(|(name, _)| *name == matcher.name());
        match (known, matcher.op()) {
            (Some((_, value)), _) => *value = None,
            (None, MatchOp::Equal) => labels.push((matcher.name(), Some(matcher.value()))),
            // A condition of another kind does not keep a later `=` from being taken.
            (None, _) => {}
        }
    }
    Labels::new(labels.into_iter().filter_map(|(name, value)| Some((name, value?))))
}

/// Splits the arguments of a function of labels into the vector and the texts.
fn vector_and_texts(args: Vec<Argument<'_>>, span: Span) -> Result<(Vector, Vec<Arc<str>>), EvalError> {
    let mut args = args.into_iter();
    let vector = args.next().ok_or_else(|| EvalError::new("missing argument", span))?.plan.vector(span)?;
    let texts = args.map(|arg| arg.plan.text(span)).collect::<Result<_, _>>()?;
    Ok((vector, texts))
}

/// Any text that is UTF-8 names a label.
pub(super) fn is_label_name(text: &str) -> bool {
    !text.is_empty() && is_utf8(text)
}

fn label_replace(args: Vec<Argument<'_>>, span: Span) -> Result<Plan, EvalError> {
    let (vector, texts) = vector_and_texts(args, span)?;
    let [target, replacement, source, pattern]: [Arc<str>; 4] =
        texts.try_into().map_err(|_| EvalError::new("missing argument", span))?;
    let regex = regex::Regex::new(&format!("^(?s:{pattern})$"));
    let invalid = |what: &str| EvalError::new(format!("invalid {what}"), span);
    let pattern = regex.map_err(|_| invalid(&format!("regular expression in label_replace(): {pattern}")))?;
    if !is_label_name(&target) {
        return Err(invalid(&format!("destination label name in label_replace(): {target}")));
    }
    let replace = LabelReplace { vector, target, replacement, source, pattern };
    Ok(Plan::Vector(Vector::LabelReplace(Box::new(replace))))
}

fn label_join(args: Vec<Argument<'_>>, span: Span) -> Result<Plan, EvalError> {
    let (vector, texts) = vector_and_texts(args, span)?;
    let mut texts = texts.into_iter();
    let (Some(target), Some(separator)) = (texts.next(), texts.next()) else {
        return Err(EvalError::new("missing argument", span));
    };
    let sources: Vec<Arc<str>> = texts.collect();
    let invalid =
        |what: &str, name: &str| EvalError::new(format!("invalid {what} label name in label_join(): {name}"), span);
    if let Some(source) = sources.iter().find(|source| !is_label_name(source)) {
        return Err(invalid("source", source));
    }
    if !is_label_name(&target) {
        return Err(invalid("destination", &target));
    }
    Ok(Plan::Vector(Vector::LabelJoin(Box::new(LabelJoin { vector, target, separator, sources }))))
}
