//! From nodes of the query to a plan.
//!
//! What is the same at every step is marked where Prometheus marks it (`PreprocessExpr` in its `engine.go`), since that
//! decides what some functions see: a part that is marked is evaluated at the query's start only.

use std::sync::Arc;

use super::super::answer::{EvalError, Options};
use super::super::ast::{
    AggregateExpr, At, BinaryExpr, BinaryOp, Expr, Length, MatrixSelector, Span, SubqueryExpr, VectorSelector,
};
use super::super::parser::MAX_DEPTH;
use super::super::quote::quote;
use super::functions::is_label_name;
use super::length::{Sign, milliseconds};
use super::{Aggregate, Binary, Plan, Range, Scalar, Selector, Subquery, Times, Vector, When, WithScalar};

/// Expressions that may stand inside each other: as many as the parser takes. Recursion takes stack.
const DEEPEST: usize = MAX_DEPTH;

/// Makes an expression ready for the times.
pub(in super::super) fn prepare(expr: &Expr, times: Times, options: &Options) -> Result<Plan, EvalError> {
    Ok(Lowering { times, options }.lower(expr, Place::default())?.settled())
}

pub(super) struct Lowering<'a> {
    pub times: Times,
    pub options: &'a Options,
}

/// Where in the expression a part stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    pub depth: usize,
    pub buckets: Buckets,
}

/// What becomes of the buckets of histograms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Buckets {
    #[default]
    Unknown,
    /// Only sums and counts are looked at in the end.
    Unread,
    /// Something around looks at them.
    Needed,
}

/// A part of the plan.
pub(super) struct Lowered {
    pub plan: Plan,
    /// It is the same at every step.
    pub constant: bool,
    /// Evaluating it once is worth a mark; literals, and ranges, which functions read themselves, go without.
    pub wrap: bool,
}

impl Lowered {
    pub(super) fn literal(plan: Plan) -> Self {
        Self { plan, constant: true, wrap: false }
    }

    pub(super) fn marked(plan: Plan, constant: bool) -> Self {
        Self { plan, constant, wrap: constant }
    }

    /// The plan, marked when it wants to be.
    pub(super) fn settled(self) -> Plan {
        if self.wrap { once(self.plan) } else { self.plan }
    }
}

fn once(plan: Plan) -> Plan {
    match plan {
        Plan::Scalar(scalar) => Plan::Scalar(Scalar::Once(Box::new(scalar))),
        Plan::Vector(vector) => Plan::Vector(Vector::Once(Box::new(vector))),
        other => other,
    }
}

impl Plan {
    pub(super) fn vector(self, span: Span) -> Result<Vector, EvalError> {
        if let Self::Vector(vector) = self { Ok(vector) } else { Err(unexpected(&self, span)) }
    }

    pub(super) fn scalar(self, span: Span) -> Result<Scalar, EvalError> {
        if let Self::Scalar(scalar) = self { Ok(scalar) } else { Err(unexpected(&self, span)) }
    }

    pub(super) fn range(self, span: Span) -> Result<Range, EvalError> {
        if let Self::Range(range) = self { Ok(range) } else { Err(unexpected(&self, span)) }
    }

    pub(super) fn text(self, span: Span) -> Result<Arc<str>, EvalError> {
        if let Self::Text(text) = self { Ok(text) } else { Err(unexpected(&self, span)) }
    }
}

/// The parser checks types; this is for an expression that somebody put together by hand.
fn unexpected(plan: &Plan, span: Span) -> EvalError {
    let found = match plan {
        Plan::Scalar(_) => "scalar",
        Plan::Vector(_) => "instant vector",
        Plan::Range(_) => "range vector",
        Plan::Text(_) => "string",
    };
    EvalError::new(format!("unexpected {found}"), span)
}

/// Without the parentheses around it.
pub(super) fn bare(expr: &Expr) -> &Expr {
    let mut expr = expr;
    while let Expr::Paren(paren) = expr {
        expr = &paren.expr;
    }
    expr
}

impl Lowering<'_> {
    pub(super) fn lower(&self, expr: &Expr, place: Place) -> Result<Lowered, EvalError> {
        if place.depth > DEEPEST {
            return Err(EvalError::new(format!("expression is nested deeper than {DEEPEST} levels"), expr.span()));
        }
        let place = Place { depth: place.depth + 1, ..place };
        // Recursion takes stack for every local of a function: what builds the parts stands in functions of its own.
        match expr {
            Expr::Number(number) => Ok(Lowered::literal(Plan::Scalar(Scalar::Number(number.value)))),
            Expr::String(text) => Ok(Lowered::literal(Plan::Text(text.value.as_str().into()))),
            Expr::Paren(paren) => self.lower(&paren.expr, place),
            Expr::Unary(unary) if unary.negative => negated(self.lower(&unary.expr, place)?, expr.span()),
            Expr::Unary(unary) => self.lower(&unary.expr, place),
            Expr::Vector(selector) => self.instant(selector, place),
            Expr::Matrix(matrix) => self.matrix(matrix, place),
            Expr::Subquery(subquery) => self.subquery(subquery, place),
            Expr::Binary(binary) => self.binary(binary, expr.span(), place),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate, place),
            Expr::Call(call) => self.call(call, place),
        }
    }

    fn instant(&self, selector: &VectorSelector, place: Place) -> Result<Lowered, EvalError> {
        let selector = self.selector(selector, place)?;
        let constant = selector.when.at.is_some();
        Ok(Lowered::marked(Plan::Vector(Vector::Select(selector)), constant))
    }

    pub(super) fn when(&self, at: Option<At>, offset: &Length) -> Result<When, EvalError> {
        let at = at.map(|at| match at {
            At::Time(time) => time,
            At::Start => self.times.start,
            At::End => self.times.end,
        });
        Ok(When { at, offset: milliseconds(offset, Sign::Any, self.times)? })
    }

    fn selector(&self, selector: &VectorSelector, place: Place) -> Result<Box<Selector>, EvalError> {
        Ok(Box::new(Selector {
            matchers: selector.matchers.clone(),
            when: self.when(selector.at, &selector.offset)?,
            edges: selector.edges,
            counts_only: place.buckets == Buckets::Unread,
            span: selector.span,
        }))
    }

    fn matrix(&self, matrix: &MatrixSelector, place: Place) -> Result<Lowered, EvalError> {
        let range = milliseconds(&matrix.range, Sign::Positive, self.times)?;
        let selector = self.selector(&matrix.selector, place)?;
        let constant = selector.when.at.is_some();
        let plan = Plan::Range(Range::Select { selector, range });
        Ok(Lowered { plan, constant, wrap: false })
    }

    fn subquery(&self, subquery: &SubqueryExpr, place: Place) -> Result<Lowered, EvalError> {
        let when = self.when(subquery.at, &subquery.offset)?;
        let step = match &subquery.step {
            Some(step) => milliseconds(step, Sign::Positive, self.times)?,
            None => self.options.default_step_ms,
        };
        let range = milliseconds(&subquery.range, Sign::Positive, self.times)?;
        // Its steps may leave out samples: then resets can be told from buckets only.
        let inner = self.lower(&subquery.expr, Place { buckets: Buckets::Needed, ..place })?;
        // Whatever the time of the subquery, its constant inside is evaluated once.
        let inner = if inner.constant { once(inner.plan) } else { inner.plan };
        let constant = when.at.is_some();
        let subquery = Subquery { inner, range, step: step.max(1), when, span: subquery.span };
        Ok(Lowered::marked(Plan::Range(Range::Subquery(Box::new(subquery))), constant))
    }

    fn binary(&self, binary: &BinaryExpr, span: Span, place: Place) -> Result<Lowered, EvalError> {
        let place = if trims(binary.op) { Place { buckets: Buckets::Needed, ..place } } else { place };
        let left = self.lower(&binary.lhs, place)?;
        let right = self.lower(&binary.rhs, place)?;
        joined(binary, left, right, span)
    }

    fn aggregate(&self, aggregate: &AggregateExpr, place: Place) -> Result<Lowered, EvalError> {
        let inner_expr = bare(&aggregate.expr);
        let inner = self.lower(inner_expr, place)?;
        self.aggregated(aggregate, inner, inner_expr.span(), place)
    }

    fn aggregated(
        &self,
        aggregate: &AggregateExpr,
        inner: Lowered,
        inner_span: Span,
        place: Place,
    ) -> Result<Lowered, EvalError> {
        let (constant, wrap) = (inner.constant, inner.wrap);
        let param_expr = aggregate.param.as_deref().map(bare);
        let (mut param, mut label) = (None, None);
        if let Some(expr) = param_expr {
            match self.lower(expr, place)?.settled() {
                Plan::Text(text) if !is_label_name(&text) => {
                    return Err(EvalError::new(format!("invalid label name {}", quote(&text)), expr.span()));
                }
                Plan::Text(text) => label = Some(text),
                other => param = Some(other.scalar(expr.span())?),
            }
        }
        let mut grouping: Vec<Arc<str>> = aggregate.grouping.iter().map(|name| name.as_str().into()).collect();
        grouping.sort();
        let plan = Plan::Vector(Vector::Aggregate(Box::new(Aggregate {
            op: aggregate.op,
            vector: inner.plan.vector(inner_span)?,
            param,
            label,
            grouping,
            without: aggregate.without,
            inner_span,
            param_span: param_expr.map(Expr::span).unwrap_or_default(),
            span: aggregate.span,
        })));
        Ok(Lowered { plan, constant, wrap })
    }
}

fn joined(binary: &BinaryExpr, left: Lowered, right: Lowered, span: Span) -> Result<Lowered, EvalError> {
    let constant = left.constant && right.constant;
    let (left, right) = if constant { (left.plan, right.plan) } else { (left.settled(), right.settled()) };
    let (op, return_bool) = (binary.op, binary.return_bool);
    let with_scalar = |vector, scalar, scalar_first| {
        let binary = WithScalar { op, vector, scalar, scalar_first, return_bool, span };
        Plan::Vector(Vector::WithScalar(Box::new(binary)))
    };
    let plan = match (left, right) {
        (Plan::Scalar(_), Plan::Scalar(_)) if trims(op) => {
            return Err(EvalError::new(format!("operator \"{op}\" not allowed for Scalar operations"), span));
        }
        (Plan::Scalar(left), Plan::Scalar(right)) => Plan::Scalar(Scalar::Binary(op, Box::new(left), Box::new(right))),
        (Plan::Vector(left), Plan::Vector(right)) => {
            let matching = binary.matching.clone().unwrap_or_default();
            Plan::Vector(Vector::Binary(Box::new(Binary { op, left, right, matching, return_bool, span })))
        }
        (Plan::Vector(vector), Plan::Scalar(scalar)) => with_scalar(vector, scalar, false),
        (Plan::Scalar(scalar), Plan::Vector(vector)) => with_scalar(vector, scalar, true),
        (Plan::Scalar(_) | Plan::Vector(_), other) | (other, _) => return Err(unexpected(&other, span)),
    };
    Ok(Lowered::marked(plan, constant))
}

fn trims(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::TrimUpper | BinaryOp::TrimLower)
}

fn negated(inner: Lowered, span: Span) -> Result<Lowered, EvalError> {
    let plan = match inner.plan {
        Plan::Scalar(scalar) => Plan::Scalar(Scalar::Negate(Box::new(scalar))),
        Plan::Vector(vector) => Plan::Vector(Vector::Negate(Box::new(vector))),
        other => return Err(unexpected(&other, span)),
    };
    Ok(Lowered { plan, ..inner })
}
