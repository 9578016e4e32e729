//! Back to text, as `String()` in Prometheus' `promql/parser/printer.go`.

use std::cmp::Ordering;
use std::fmt::{self, Display, Formatter};

use super::ast::{
    AggregateExpr, At, BinaryExpr, Cardinality, DurationExpr, DurationKind, Edges, Expr, Length, MatrixSelector,
    NumberLiteral, SubqueryExpr, VectorMatching, VectorSelector,
};
use super::number::format_float;
use super::quote::quote;
use super::text::general;
use crate::history::{MatchOp, Matcher};
use crate::model::{METRIC_NAME, print_duration};

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aggregate(node) => node.fmt(f),
            Self::Binary(node) => write!(f, "{} {} {}", node.lhs, Operator(node), node.rhs),
            Self::Call(node) => {
                write!(f, "{}(", node.function.name)?;
                joined(f, &node.args)?;
                f.write_str(")")
            }
            Self::Matrix(node) => node.fmt(f),
            Self::Number(node) => node.fmt(f),
            Self::Paren(node) => write!(f, "({})", node.expr),
            Self::String(node) => f.write_str(&quote(&node.value)),
            Self::Subquery(node) => write!(f, "{}{}", node.expr, SubqueryRange(node)),
            Self::Unary(node) => write!(f, "{}{}", if node.negative { "-" } else { "+" }, node.expr),
            Self::Vector(node) => node.fmt(f),
        }
    }
}

impl Display for AggregateExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", AggregateHead(self))?;
        if let Some(param) = &self.param {
            write!(f, "{param}, ")?;
        }
        write!(f, "{})", self.expr)
    }
}

/// An aggregation's operator and labels.
pub(super) struct AggregateHead<'a>(pub(super) &'a AggregateExpr);

impl Display for AggregateHead<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(node) = self;
        f.write_str(node.op.as_str())?;
        if node.without {
            write!(f, " without ({}) ", LabelNames(&node.grouping))
        } else if node.grouping.is_empty() {
            Ok(())
        } else {
            write!(f, " by ({}) ", LabelNames(&node.grouping))
        }
    }
}

/// The operator of a binary expression with its modifiers.
pub(super) struct Operator<'a>(pub(super) &'a BinaryExpr);

impl Display for Operator<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(node) = self;
        f.write_str(node.op.as_str())?;
        if node.return_bool {
            f.write_str(" bool")?;
        }
        node.matching.as_ref().map_or(Ok(()), |matching| matching.fmt(f))
    }
}

impl Display for VectorMatching {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let group = match self.cardinality {
            Cardinality::ManyToOne => Some("group_left"),
            Cardinality::OneToMany => Some("group_right"),
            Cardinality::OneToOne | Cardinality::ManyToMany => None,
        };
        if !self.labels.is_empty() || self.on || group.is_some() {
            write!(f, " {} ({})", if self.on { "on" } else { "ignoring" }, LabelNames(&self.labels))?;
        }
        if let Some(group) = group {
            write!(f, " {group} ({})", LabelNames(&self.include))?;
        }
        match (self.fill.left, self.fill.right) {
            (Some(left), Some(right)) if left.partial_cmp(&right).is_some_and(Ordering::is_eq) => {
                write!(f, " fill ({})", general(left, None))
            }
            (left, right) => {
                for (word, value) in [("fill_left", left), ("fill_right", right)] {
                    if let Some(value) = value {
                        write!(f, " {word} ({})", general(value, None))?;
                    }
                }
                Ok(())
            }
        }
    }
}

impl Display for MatrixSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let selector = &self.selector;
        write!(f, "{}[{}]", Series(selector), self.range)?;
        write!(f, "{}{}{}", selector.edges, Modifier(selector.at), Offset(&selector.offset))
    }
}

impl Display for VectorSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}{}", Series(self), Modifier(self.at), self.edges, Offset(&self.offset))
    }
}

/// A selector without its modifiers.
struct Series<'a>(&'a VectorSelector);

impl Display for Series<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(selector) = self;
        let name = selector.name.as_deref().unwrap_or_default();
        f.write_str(name)?;
        let is_name = |matcher: &&Matcher| {
            matcher.name() == METRIC_NAME
                && matcher.op() == MatchOp::Equal
                && matcher.value() == name
                && !name.is_empty()
        };
        let mut shown: Vec<String> =
            selector.matchers.iter().filter(|matcher| !is_name(matcher)).map(condition).collect();
        if shown.is_empty() {
            return Ok(());
        }
        shown.sort();
        write!(f, "{{{}}}", shown.join(","))
    }
}

fn condition(matcher: &Matcher) -> String {
    let op = match matcher.op() {
        MatchOp::Equal => "=",
        MatchOp::NotEqual => "!=",
        MatchOp::Matches => "=~",
        MatchOp::NotMatches => "!~",
    };
    format!("{}{op}{}", LabelName(matcher.name()), quote(matcher.value()))
}

impl Display for Edges {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inside => "",
            Self::Anchored => " anchored",
            Self::Smoothed => " smoothed",
        })
    }
}

/// ` @ 1.500`, or nothing.
struct Modifier(Option<At>);

impl Display for Modifier {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some(At::Time(milliseconds)) => write!(f, " @ {:.3}", milliseconds as f64 / 1e3),
            Some(At::Start) => f.write_str(" @ start()"),
            Some(At::End) => f.write_str(" @ end()"),
        }
    }
}

/// ` offset 5m`, or nothing.
struct Offset<'a>(&'a Length);

impl Display for Offset<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if matches!(self.0, Length::Fixed(0)) { Ok(()) } else { write!(f, " offset {}", self.0) }
    }
}

impl Display for Length {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(milliseconds) => f.write_str(&print_duration(*milliseconds)),
            Self::Calculated(expr) => expr.fmt(f),
        }
    }
}

/// A subquery's range and what follows it.
pub(super) struct SubqueryRange<'a>(pub(super) &'a SubqueryExpr);

impl Display for SubqueryRange<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(node) = self;
        write!(f, "[{}:", node.range)?;
        if let Some(step) = &node.step {
            step.fmt(f)?;
        }
        write!(f, "]{}{}", Modifier(node.at), Offset(&node.offset))
    }
}

impl Display for DurationExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.wrapped {
            f.write_str("(")?;
        }
        match &self.kind {
            DurationKind::Number(number) => number.fmt(f)?,
            DurationKind::Step => f.write_str("step()")?,
            DurationKind::Range => f.write_str("range()")?,
            DurationKind::Negate(inner) => write!(f, "-{inner}")?,
            DurationKind::MinOf(left, right) => write!(f, "min_of({left}, {right})")?,
            DurationKind::MaxOf(left, right) => write!(f, "max_of({left}, {right})")?,
            DurationKind::Binary(op, left, right) => write!(f, "{left} {op} {right}")?,
        }
        if self.wrapped { f.write_str(")") } else { Ok(()) }
    }
}

impl Display for NumberLiteral {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.duration {
            return f.write_str(&format_float(self.value));
        }
        #[expect(clippy::cast_possible_truncation, reason = "parts of a millisecond are cut off")]
        let milliseconds = (self.value * 1e9 / 1e6) as i64;
        f.write_str(&print_duration(milliseconds))
    }
}

/// Names of labels in a list; a name that is not of letters, digits and underscores stands in quotes.
struct LabelNames<'a>(&'a [String]);

impl Display for LabelNames<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let names: Vec<LabelName<'_>> = self.0.iter().map(|name| LabelName(name)).collect();
        joined(f, &names)
    }
}

struct LabelName<'a>(&'a str);

impl Display for LabelName<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let plain = |letter: char| letter == '_' || letter.is_ascii_alphanumeric();
        let is_plain = self.0.chars().all(plain) && !self.0.starts_with(|letter: char| letter.is_ascii_digit());
        if is_plain && !self.0.is_empty() { f.write_str(self.0) } else { f.write_str(&quote(self.0)) }
    }
}

fn joined(f: &mut Formatter<'_>, items: &[impl Display]) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        write!(f, "{comma}{item}")?;
    }
    Ok(())
}
