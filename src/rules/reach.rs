//! How far back an expression looks.

use super::alerting::{ALERTS, ALERTS_FOR_STATE};
use crate::model::METRIC_NAME;
use crate::promql::{BinaryOp, Expr, Length, VectorSelector};

/// A selector and the time that the whole expression needs of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach<'e> {
    pub(super) selector: &'e VectorSelector,
    /// Milliseconds from the oldest sample that is of use to the time of the evaluation; those of a range, and without
    /// the lookback where only the newest sample counts.
    pub(super) window: i64,
    /// Milliseconds by which it looks earlier.
    pub(super) offset: i64,
    pub(super) empty: Empty,
}

/// What it means when a selector finds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Empty {
    /// The expression gives nothing.
    Missing,
    /// That is what the expression asks for, as in `absent`, or there is something in its place, as in `or vector(0)`.
    Meant,
    /// Another selector stands on the other side of `or`.
    Alternative,
}

/// Every selector of an expression, from left to right.
pub(super) fn reaches(expr: &Expr) -> Vec<Reach<'_>> {
    let mut all = Vec::new();
    walk(expr, 0, 0, Empty::Missing, &mut all);
    all
}

/// Milliseconds that an expression looks back at most, with the lookback of instant selectors.
pub fn longest(expr: &Expr, lookback: i64) -> i64 {
    reaches(expr).iter().map(|reach| reach.window.max(lookback) + reach.offset).max().unwrap_or(0)
}

fn walk<'e>(expr: &'e Expr, window: i64, offset: i64, empty: Empty, all: &mut Vec<Reach<'e>>) {
    match expr {
        Expr::Vector(selector) => {
            let empty = if of_alerts(selector) { Empty::Meant } else { empty };
            all.push(Reach { selector, window, offset: offset + fixed(&selector.offset), empty });
        }
        Expr::Matrix(matrix) => {
            let (window, selector) = (window + fixed(&matrix.range), &matrix.selector);
            let empty = if of_alerts(selector) { Empty::Meant } else { empty };
            all.push(Reach { selector, window, offset: offset + fixed(&selector.offset), empty });
        }
        Expr::Subquery(query) => {
            walk(&query.expr, window + fixed(&query.range), offset + fixed(&query.offset), empty, all);
        }
        // What is not there takes nothing away.
        Expr::Binary(node) if node.op == BinaryOp::Unless => {
            walk(&node.lhs, window, offset, empty, all);
            walk(&node.rhs, window, offset, Empty::Meant, all);
        }
        other => {
            let empty = within(other).filter(|_| empty != Empty::Meant).unwrap_or(empty);
            other.children().into_iter().for_each(|child| walk(child, window, offset, empty, all));
        }
    }
}

/// Whether it selects alerts, of which there are none on a good day.
fn of_alerts(selector: &VectorSelector) -> bool {
    let mut names = selector.matchers.iter().filter(|matcher| matcher.name() == METRIC_NAME);
    names.any(|name| [ALERTS, ALERTS_FOR_STATE].contains(&name.value()))
}

/// What an expression makes of selectors in it that find nothing; `None`: nothing of its own.
fn within(expr: &Expr) -> Option<Empty> {
    match expr {
        Expr::Call(call) => call.function.name.starts_with("absent").then_some(Empty::Meant),
        Expr::Binary(node) if node.op == BinaryOp::Or => {
            let constant = [&node.lhs, &node.rhs].iter().any(|side| side.selectors().is_empty());
            Some(if constant { Empty::Meant } else { Empty::Alternative })
        }
        _ => None,
    }
}

/// A length that is only known with a query's range and step counts as none: rules have neither.
pub(super) fn fixed(length: &Length) -> i64 {
    match length {
        Length::Fixed(ms) => *ms,
        Length::Calculated(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::parse;

    #[test]
    fn an_expression_looks_back_over_ranges_subqueries_and_offsets() {
        let cases = [
            ("1", 0),
            ("up", 300_000),
            ("up offset 1h", 3_900_000),
            ("rate(x[1m])", 300_000),
            ("rate(x[10m]) / rate(y[1h])", 3_600_000),
            ("max_over_time(rate(x[10m])[1h:1m] offset 30m)", 6_000_000),
        ];
        for (text, expected) in cases {
            assert_eq!(longest(&parse(text).unwrap(), 300_000), expected, "{text}");
        }
    }
}
