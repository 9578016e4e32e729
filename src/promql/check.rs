//! Whether the parts of an expression fit each other: `checkAST` of `promql/parser/parse.go`.

use super::ast::{AggregateExpr, BinaryExpr, Call, Cardinality, Expr, Span, VectorSelector};
use super::parser::Found;
use super::quote::quote;
use super::signatures::ValueType;
use crate::model::METRIC_NAME;

/// Notes what does not fit, settles how the vectors of each operator match, and returns the type of the whole.
pub(super) fn check(expr: &mut Expr, text: &str, errors: &mut Vec<Found>) -> ValueType {
    Check { text, errors }.expr(expr, false)
}

struct Check<'a> {
    text: &'a str,
    errors: &'a mut Vec<Found>,
}

impl Check<'_> {
    /// `any_labels`: a selector may be one that accepts series without any label.
    fn expr(&mut self, expr: &mut Expr, any_labels: bool) -> ValueType {
        let (whole, span) = (expr.value_type(), expr.span());
        match expr {
            Expr::Aggregate(node) => self.aggregate(node),
            Expr::Binary(node) => self.binary(node, span),
            Expr::Call(node) => self.call(node),
            Expr::Matrix(node) => self.selector(&node.selector, false),
            Expr::Vector(node) => self.selector(node, any_labels),
            Expr::Paren(node) => {
                self.expr(&mut node.expr, false);
            }
            Expr::Subquery(node) => {
                let found = self.expr(&mut node.expr, false);
                if found != ValueType::Vector {
                    self.note(span, format!("subquery is only allowed on instant vector, got {found} instead"));
                }
            }
            Expr::Unary(node) => {
                let found = self.expr(&mut node.expr, false);
                if !is_scalar_or_vector(found) {
                    let wanted = "unary expression only allowed on expressions of type scalar or instant vector";
                    self.note(span, format!("{wanted}, got {}", quote(found.documented())));
                }
            }
            Expr::Number(_) | Expr::String(_) => {}
        }
        whole
    }

    fn expect(&mut self, expr: &mut Expr, wanted: ValueType, context: &str) {
        let found = self.expr(expr, false);
        if found != wanted {
            let (wanted, found) = (wanted.documented(), found.documented());
            self.note(expr.span(), format!("expected type {wanted} in {context}, got {found}"));
        }
    }

    fn aggregate(&mut self, node: &mut AggregateExpr) {
        self.expect(&mut node.expr, ValueType::Vector, "aggregation expression");
        if let (Some(wanted), Some(param)) = (node.op.param(), &mut node.param) {
            self.expect(param, wanted, "aggregation parameter");
        }
    }

    fn binary(&mut self, node: &mut BinaryExpr, span: Span) {
        let left = self.expr(&mut node.lhs, false);
        let right = self.expr(&mut node.rhs, false);
        if node.return_bool && !node.op.is_comparison() {
            let at = self.operator(node);
            self.note(at, "bool modifier can only be used on comparison operators");
        }
        let scalars = left == ValueType::Scalar && right == ValueType::Scalar;
        if node.op.is_comparison() && !node.return_bool && scalars {
            let at = self.operator(node);
            self.note(at, "comparisons between scalars must use BOOL modifier");
        }
        self.matching_labels(node);
        for (side, found) in [(&node.lhs, left), (&node.rhs, right)] {
            if !is_scalar_or_vector(found) {
                self.note(side.span(), "binary expression must contain only scalar and instant vector types");
            }
        }
        if left == ValueType::Vector && right == ValueType::Vector {
            self.set_operator(node, span);
        } else {
            self.no_vectors(node, span);
        }
        if (left == ValueType::Scalar || right == ValueType::Scalar) && node.op.is_set() {
            let op = quote(node.op.as_str());
            self.note(span, format!("set operator {op} not allowed in binary scalar expression"));
        }
    }

    fn matching_labels(&mut self, node: &mut BinaryExpr) {
        let at = self.operator(node);
        let is_set = node.op.is_set();
        let Some(matching) = &mut node.matching else { return };
        if is_set && matching.cardinality == Cardinality::OneToOne {
            matching.cardinality = Cardinality::ManyToMany;
        }
        for label in matching.labels.iter().filter(|label| matching.on && matching.include.contains(label)) {
            self.note(at, format!("label {} must not occur in ON and GROUP clause at once", quote(label)));
        }
    }

    /// Not both sides are vectors.
    fn no_vectors(&mut self, node: &mut BinaryExpr, span: Span) {
        let Some(matching) = node.matching.take() else { return };
        if !matching.labels.is_empty() {
            self.note(span, "vector matching only allowed between instant vectors");
        }
        if matching.fill.left.is_some() || matching.fill.right.is_some() {
            self.note(span, "filling in missing series only allowed between instant vectors");
        }
    }

    /// What a set operator between two vectors must not have.
    fn set_operator(&mut self, node: &BinaryExpr, span: Span) {
        let Some(matching) = node.matching.as_ref().filter(|_| node.op.is_set()) else { return };
        if matching.cardinality != Cardinality::ManyToMany {
            self.note(span, format!("no grouping allowed for {} operation", quote(node.op.as_str())));
            self.note(span, "set operations must always be many-to-many");
        }
        if matching.fill.left.is_some() || matching.fill.right.is_some() {
            self.note(span, "filling in missing series not allowed for set operators");
        }
    }

    fn call(&mut self, node: &mut Call) {
        let (function, given) = (node.function, node.args.len());
        let name = quote(function.name);
        if function.variadic == 0 {
            let wanted = function.args.len();
            if given != wanted {
                self.note(node.span, format!("expected {wanted} argument(s) in call to {name}, got {given}"));
            }
        } else {
            let least = function.args.len().saturating_sub(1);
            let most = usize::try_from(function.variadic).map_or(usize::MAX, |more| least + more);
            if given < least {
                self.note(node.span, format!("expected at least {least} argument(s) in call to {name}, got {given}"));
            } else if given > most {
                self.note(node.span, format!("expected at most {most} argument(s) in call to {name}, got {given}"));
            }
        }
        let is_info = function.name == "info";
        if is_info {
            self.info_labels(node);
        }
        let last = function.args.last().filter(|_| function.variadic != 0);
        for (at, arg) in node.args.iter_mut().enumerate() {
            // Arguments beyond those of a function without a variable number are an error already.
            let Some(wanted) = function.args.get(at).or(last) else { break };
            let found = self.expr(arg, is_info && at == 1);
            if found != *wanted {
                let (wanted, found) = (wanted.documented(), found.documented());
                let message = format!("expected type {wanted} in call to function {name}, got {found}");
                self.note(arg.span(), message);
            }
        }
    }

    /// The second argument of `info` is a selector in form only: it selects labels.
    fn info_labels(&mut self, node: &Call) {
        let Some(labels) = node.args.get(1) else { return };
        let found = labels.value_type();
        if found != ValueType::Vector {
            let message =
                format!("expected type instant vector in call to function \"info\", got {}", found.documented());
            self.note(node.span, message);
        }
        match labels {
            Expr::Vector(selector) if selector.name.is_some() => {
                self.note(labels.span(), "expected label selectors only, got vector selector instead");
            }
            Expr::Vector(_) => {}
            _ => self.note(labels.span(), "expected label selectors only"),
        }
    }

    fn selector(&mut self, node: &VectorSelector, any_labels: bool) {
        if let Some(name) = &node.name {
            // The last condition is the name before the braces.
            let inside = node.matchers.split_last().map_or(&[][..], |(_, inside)| inside);
            for matcher in inside.iter().filter(|matcher| matcher.name() == METRIC_NAME) {
                let (name, other) = (quote(name), quote(matcher.value()));
                self.note(node.span, format!("metric name must not be set twice: {name} or {other}"));
            }
        } else if !any_labels && node.matchers.iter().all(|matcher| matcher.accepts("")) {
            // Otherwise a slip of the pen selects every series there is.
            self.note(node.span, "vector selector must contain at least one non-empty matcher");
        }
    }

    /// Where the operator stands with its modifiers.
    fn operator(&self, node: &BinaryExpr) -> Span {
        let (start, end) = (node.lhs.span().end, node.rhs.span().start);
        let between = self.text.get(start..end).unwrap_or_default();
        let is_space = [' ', '\t', '\n', '\r'];
        let before = between.len() - between.trim_start_matches(is_space).len();
        Span { start: start + before, end: start + between.trim_end_matches(is_space).len() }
    }

    fn note(&mut self, span: Span, message: impl Into<String>) {
        self.errors.push(Found::new(span, message));
    }
}

fn is_scalar_or_vector(found: ValueType) -> bool {
    matches!(found, ValueType::Scalar | ValueType::Vector)
}
