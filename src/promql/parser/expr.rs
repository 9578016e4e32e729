//! Expressions: operators, calls, aggregations.

use super::{Found, Grown, Parsed, Parser};
use crate::nearest::nearest;
use crate::promql::ast::{
    AggregateExpr, AggregateOp, BinaryExpr, BinaryOp, Call, Cardinality, Expr, NumberLiteral, ParenExpr, Span,
    StringLiteral, UnaryExpr, VectorMatching,
};
use crate::promql::lexer::{Item, Keyword, Token};
use crate::promql::quote::quote;
use crate::promql::signatures::{FUNCTIONS, Function};

/// How strongly `^` binds: more than a sign, so that `-2^2` is -4.
const POWER: u8 = 6;

impl Grown {
    pub(super) fn leaf(expr: Expr) -> Self {
        Self { expr, height: 1 }
    }
}

impl Parser<'_> {
    pub(super) fn expr(&mut self) -> Parsed<Grown> {
        self.binary(0)
    }

    /// Operands joined by operators that bind at least as strongly as `least`.
    fn binary(&mut self, least: u8) -> Parsed<Grown> {
        self.descend()?;
        let mut left = self.unary()?;
        while let Token::Operator(op) = self.peek()? {
            let strength = strength(op);
            if strength < least {
                break;
            }
            self.take()?;
            let (matching, return_bool) = self.matching()?;
            let right = self.binary(if op == BinaryOp::Pow { strength } else { strength + 1 })?;
            let height = left.height.max(right.height) + 1;
            self.limit(height)?;
            let (lhs, rhs) = (Box::new(left.expr), Box::new(right.expr));
            if !self.experiments.fill && (matching.fill.left.is_some() || matching.fill.right.is_some()) {
                let span = lhs.span().to(rhs.span());
                self.note(span, "binop fill modifiers are experimental and not enabled");
            }
            let node = BinaryExpr { op, lhs, rhs, matching: Some(matching), return_bool };
            left = Grown { expr: Expr::Binary(node), height };
        }
        self.depth -= 1;
        Ok(left)
    }

    fn unary(&mut self) -> Parsed<Grown> {
        let Token::Operator(op @ (BinaryOp::Add | BinaryOp::Sub)) = self.peek()? else {
            let primary = self.primary()?;
            return self.modified(primary);
        };
        let sign = self.take()?;
        let operand = self.binary(POWER)?;
        let height = operand.height + 1;
        self.limit(height)?;
        let negative = op == BinaryOp::Sub;
        let span = sign.span.to(operand.expr.span());
        let expr = match operand.expr {
            Expr::Number(number) => {
                let value = if negative { -number.value } else { number.value };
                Expr::Number(NumberLiteral { value, span, ..number })
            }
            other => Expr::Unary(UnaryExpr { negative, expr: Box::new(other), span }),
        };
        Ok(Grown { expr, height })
    }

    fn primary(&mut self) -> Parsed<Grown> {
        match self.peek()? {
            Token::Aggregate(op) => {
                let item = self.take()?;
                match self.peek()? {
                    Token::LeftParen | Token::Keyword(Keyword::By | Keyword::Without) => self.aggregate(item, op),
                    _ => self.selector(Some(item)),
                }
            }
            Token::Identifier | Token::Preprocessor(_) => {
                let item = self.take()?;
                if self.peek()? == Token::LeftParen { self.call(item) } else { self.selector(Some(item)) }
            }
            token if is_metric_name(token) => {
                let item = self.take()?;
                self.selector(Some(item))
            }
            Token::LeftBrace => self.selector(None),
            Token::Number | Token::Duration => Ok(Grown::leaf(Expr::Number(self.number_or_duration()?))),
            Token::String => {
                let item = self.take()?;
                let value = self.unquoted(item);
                Ok(Grown::leaf(Expr::String(StringLiteral { value, span: item.span })))
            }
            Token::LeftParen => {
                let open = self.take()?;
                let inner = self.expr()?;
                let close = self.expect(Token::RightParen)?;
                let height = inner.height + 1;
                self.limit(height)?;
                let node = ParenExpr { expr: Box::new(inner.expr), span: open.span.to(close.span) };
                Ok(Grown { expr: Expr::Paren(node), height })
            }
            _ => self.unexpected(),
        }
    }

    fn call(&mut self, name: Item) -> Parsed<Grown> {
        let (args, height) = self.arguments()?;
        let text = self.slice(name.span);
        let function = Function::named(text);
        match function {
            None => {
                let hint = nearest(text, FUNCTIONS.iter().map(|function| function.name).chain(aggregations()));
                let message = format!("unknown function with name {}", quote(text));
                self.errors.push(Found { hint, ..Found::new(name.span, message) });
            }
            Some(function) if function.experimental && !self.experiments.functions => {
                self.note(name.span, format!("function {} is not enabled", quote(text)));
            }
            Some(_) => {}
        }
        let span = Span { start: name.span.start, end: self.end };
        // Any function holds the place of one that is not known, as the expression is not given out.
        let node = Call { function: function.unwrap_or(&FUNCTIONS[0]), args, span };
        Ok(Grown { expr: Expr::Call(node), height })
    }

    /// `(a, b)`, and the levels that a node above them has.
    fn arguments(&mut self) -> Parsed<(Vec<Expr>, usize)> {
        self.expect(Token::LeftParen)?;
        let mut args = Vec::new();
        let mut height = 1;
        if self.eat(Token::RightParen)? {
            return Ok((args, height));
        }
        loop {
            let arg = self.expr()?;
            height = height.max(arg.height + 1);
            self.limit(height)?;
            args.push(arg.expr);
            loop {
                if self.peek()? != Token::Comma {
                    self.expect(Token::RightParen)?;
                    return Ok((args, height));
                }
                let comma = self.take()?;
                if begins_expr(self.peek()?) {
                    break;
                }
                self.note(comma.span, "trailing commas not allowed in function call args");
            }
        }
    }

    fn aggregate(&mut self, name: Item, op: AggregateOp) -> Parsed<Grown> {
        let outside = self.expecting("aggregation", "");
        let mut modifier = self.aggregate_modifier()?;
        let (args, height) = self.arguments()?;
        // Nothing after the arguments belongs to the aggregation but a modifier.
        self.restore(outside);
        if modifier.is_none() {
            modifier = self.aggregate_modifier()?;
        }
        let (without, grouping) = modifier.unwrap_or_default();
        let span = Span { start: name.span.start, end: self.end };
        let (param, expr) = self.aggregate_arguments(op, args, span);
        let node = AggregateExpr { op, expr: Box::new(expr), param: param.map(Box::new), grouping, without, span };
        Ok(Grown { expr: Expr::Aggregate(node), height })
    }

    /// Whether it is `without`, and the labels.
    fn aggregate_modifier(&mut self) -> Parsed<Option<(bool, Vec<String>)>> {
        let without = match self.peek()? {
            Token::Keyword(Keyword::By) => false,
            Token::Keyword(Keyword::Without) => true,
            _ => return Ok(None),
        };
        self.take()?;
        Ok(Some((without, self.grouping_labels()?)))
    }

    /// The parameter, if the operator takes one, and what is aggregated.
    fn aggregate_arguments(&mut self, op: AggregateOp, args: Vec<Expr>, span: Span) -> (Option<Expr>, Expr) {
        // Holds the place of what is missing, as the expression is not given out.
        let nothing = Expr::Number(NumberLiteral { value: 0.0, duration: false, span });
        let (wanted, given) = (if op.param().is_some() { 2 } else { 1 }, args.len());
        if given == 0 {
            self.note(span, "no arguments for aggregate expression provided");
            return (None, nothing);
        }
        if op.is_experimental() && !self.experiments.functions {
            let flag = "--enable-feature=promql-experimental-functions";
            self.note(span, format!("{op}() is experimental and must be enabled with {flag}"));
            return (None, nothing);
        }
        if given != wanted {
            let message = "wrong number of arguments for aggregate expression provided";
            self.note(span, format!("{message}, expected {wanted}, got {given}"));
            return (None, nothing);
        }
        let mut args = args.into_iter();
        let param = if wanted == 2 { args.next() } else { None };
        (param, args.next().unwrap_or(nothing))
    }

    /// What may follow an operator: `bool`, `on` or `ignoring`, `group_left` or `group_right`, `fill`.
    fn matching(&mut self) -> Parsed<(VectorMatching, bool)> {
        let return_bool = self.eat(Token::Keyword(Keyword::Bool))?;
        let mut matching = VectorMatching::default();
        if let Token::Keyword(keyword @ (Keyword::On | Keyword::Ignoring)) = self.peek()? {
            self.take()?;
            matching.on = keyword == Keyword::On;
            matching.labels = self.grouping_labels()?;
            if let Token::Keyword(keyword @ (Keyword::GroupLeft | Keyword::GroupRight)) = self.peek()? {
                self.take()?;
                let left = keyword == Keyword::GroupLeft;
                matching.cardinality = if left { Cardinality::ManyToOne } else { Cardinality::OneToMany };
                // Labels are optional here, but nothing else than labels or the right side fits.
                if !begins_operand(self.peek()?) {
                    matching.include = self.grouping_labels()?;
                }
            }
        }
        let first = self.peek()?;
        match first {
            Token::Keyword(Keyword::Fill) => {
                let value = self.fill_value()?;
                matching.fill.left = Some(value);
                matching.fill.right = Some(value);
            }
            Token::Keyword(Keyword::FillLeft) => {
                matching.fill.left = Some(self.fill_value()?);
                if self.peek()? == Token::Keyword(Keyword::FillRight) {
                    matching.fill.right = Some(self.fill_value()?);
                }
            }
            Token::Keyword(Keyword::FillRight) => {
                matching.fill.right = Some(self.fill_value()?);
                if self.peek()? == Token::Keyword(Keyword::FillLeft) {
                    matching.fill.left = Some(self.fill_value()?);
                }
            }
            _ => {}
        }
        Ok((matching, return_bool))
    }

    /// The keyword and its value in parentheses.
    fn fill_value(&mut self) -> Parsed<f64> {
        self.take()?;
        self.expect(Token::LeftParen)?;
        let sign = self.sign()?;
        if !matches!(self.peek()?, Token::Number | Token::Duration) {
            return self.unexpected();
        }
        let number = self.number_or_duration()?;
        self.expect(Token::RightParen)?;
        Ok(if sign.is_some_and(|(_, negative)| negative) { -number.value } else { number.value })
    }

    /// A plus or minus, and whether it is a minus.
    pub(super) fn sign(&mut self) -> Parsed<Option<(Item, bool)>> {
        let Token::Operator(op @ (BinaryOp::Add | BinaryOp::Sub)) = self.peek()? else { return Ok(None) };
        Ok(Some((self.take()?, op == BinaryOp::Sub)))
    }
}

/// How strongly an operator binds.
pub(super) fn strength(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Or => 1,
        BinaryOp::And | BinaryOp::Unless => 2,
        BinaryOp::Add | BinaryOp::Sub => 4,
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod | BinaryOp::Atan2 => 5,
        BinaryOp::Pow => POWER,
        _ => 3,
    }
}

/// The names of all aggregations, which people take for functions.
fn aggregations() -> impl Iterator<Item = &'static str> {
    AggregateOp::ALL.iter().map(|op| op.as_str())
}

/// Words of the language that may also name a metric.
pub(super) fn is_metric_name(token: Token) -> bool {
    match token {
        Token::Identifier | Token::MetricIdentifier | Token::Aggregate(_) | Token::Preprocessor(_) => true,
        Token::Operator(op) => op.is_set(),
        Token::Keyword(keyword) => !matches!(
            keyword,
            Keyword::Bool | Keyword::GroupLeft | Keyword::GroupRight | Keyword::Ignoring | Keyword::On
        ),
        _ => false,
    }
}

fn begins_expr(token: Token) -> bool {
    token == Token::LeftParen || begins_operand(token)
}

/// Whether an expression may begin so, one in parentheses excepted.
fn begins_operand(token: Token) -> bool {
    let literal = matches!(token, Token::Number | Token::Duration | Token::String | Token::LeftBrace);
    literal || is_metric_name(token) || matches!(token, Token::Operator(BinaryOp::Add | BinaryOp::Sub))
}
