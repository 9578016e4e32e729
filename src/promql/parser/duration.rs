//! Lengths of time: literals, and the expressions that may stand in their place.

use super::expr::strength;
use super::{Parsed, Parser};
use crate::promql::ast::{BinaryOp, DurationExpr, DurationKind, Length, NumberLiteral, Span};
use crate::promql::lexer::{Item, Preprocessor, Token};
use crate::promql::number::parse_duration;

/// How strongly `^` binds: more than a sign.
const POWER: u8 = 6;

/// The longest length of time in seconds: what 64 bits of nanoseconds hold.
const LONGEST: f64 = 9_223_372_036.854_775;

impl DurationExpr {
    fn number(number: NumberLiteral) -> Self {
        Self { kind: DurationKind::Number(number), wrapped: false, span: number.span }
    }

    /// Milliseconds, if nothing has to be calculated. Prometheus rounds to nanoseconds first.
    pub(super) fn length(self) -> Length {
        match self.kind {
            #[expect(clippy::cast_possible_truncation, reason = "parts of a millisecond are cut off")]
            DurationKind::Number(number) => Length::Fixed(((number.value * 1e9).round() / 1e6) as i64),
            _ => Length::Calculated(Box::new(self)),
        }
    }
}

impl Parser<'_> {
    /// A number or a duration where one stands.
    pub(super) fn number_or_duration(&mut self) -> Parsed<NumberLiteral> {
        let item = self.take()?;
        let duration = item.token == Token::Duration;
        let value = if duration {
            parse_duration(self.slice(item.span)).map_or_else(
                |error| {
                    self.note(item.span, error);
                    0.0
                },
                |ms| (ms / 1_000) as f64 + (ms % 1_000) as f64 / 1e3,
            )
        } else {
            self.number(item)
        };
        Ok(NumberLiteral { value, duration, span: item.span })
    }

    /// The length of a range or of a step.
    pub(super) fn positive_duration(&mut self) -> Parsed<Length> {
        let duration = self.duration(0)?;
        if let DurationKind::Number(number) = duration.kind
            && number.value <= 0.0
        {
            self.note(number.span, "duration must be greater than 0");
        }
        Ok(duration.length())
    }

    /// What follows `offset`. Unlike between brackets, arithmetic needs parentheses: `a offset 5m * 2` is a product.
    pub(super) fn offset_duration(&mut self) -> Parsed<Length> {
        let duration = match self.peek()? {
            Token::Operator(BinaryOp::Add | BinaryOp::Sub) => self.signed_offset()?,
            Token::LeftParen => self.duration(0)?,
            _ => self.duration_atom()?,
        };
        Ok(duration.length())
    }

    fn signed_offset(&mut self) -> Parsed<DurationExpr> {
        let Some((sign, negative)) = self.sign()? else { return self.unexpected() };
        match self.peek()? {
            Token::LeftParen => {
                self.take()?;
                let mut inner = self.duration(0)?;
                self.expect(Token::RightParen)?;
                inner.wrapped = !matches!(inner.kind, DurationKind::Number(_));
                Ok(Self::signed(sign, negative, inner))
            }
            Token::Operator(_) => {
                let operand = self.duration(POWER)?;
                let left = Self::signed(sign, negative, operand);
                self.duration_operators(left, 0)
            }
            _ => {
                let noted = self.errors.len();
                let operand = self.duration_atom()?;
                // Prometheus blames the whole, sign included.
                for error in self.errors.iter_mut().skip(noted).filter(|error| error.span.start == operand.span.start) {
                    error.span.start = sign.span.start;
                }
                Ok(Self::signed(sign, negative, operand))
            }
        }
    }

    fn duration(&mut self, least: u8) -> Parsed<DurationExpr> {
        self.descend()?;
        let left = match self.sign()? {
            Some((sign, negative)) => {
                let operand = self.duration(POWER)?;
                Self::signed(sign, negative, operand)
            }
            None => self.duration_atom()?,
        };
        let whole = self.duration_operators(left, least)?;
        self.depth -= 1;
        Ok(whole)
    }

    fn duration_operators(&mut self, mut left: DurationExpr, least: u8) -> Parsed<DurationExpr> {
        let depth = self.depth;
        while let Token::Operator(op) = self.peek()? {
            let arithmetic = !op.is_set() && !matches!(op, BinaryOp::TrimLower | BinaryOp::TrimUpper | BinaryOp::Atan2);
            if !arithmetic || op.is_comparison() || strength(op) < least {
                break;
            }
            // A chain grows to the left, a level for each operator.
            self.descend()?;
            let sign = self.take()?;
            let right = self.duration(if op == BinaryOp::Pow { POWER } else { strength(op) + 1 })?;
            self.experimental(left.span);
            left = self.calculated(op, sign, left, right);
        }
        self.depth = depth;
        Ok(left)
    }

    fn calculated(&mut self, op: BinaryOp, sign: Item, left: DurationExpr, right: DurationExpr) -> DurationExpr {
        let is_zero = matches!(right.kind, DurationKind::Number(number) if number.value == 0.0);
        match op {
            BinaryOp::Div if is_zero => self.note(sign.span, "division by zero"),
            BinaryOp::Mod if is_zero => self.note(sign.span, "modulo by zero"),
            _ => {}
        }
        let span = left.span.to(right.span);
        DurationExpr { kind: DurationKind::Binary(op, Box::new(left), Box::new(right)), wrapped: false, span }
    }

    /// A sign becomes part of a number; before anything else a minus is a calculation, and a plus is nothing.
    fn signed(sign: Item, negative: bool, operand: DurationExpr) -> DurationExpr {
        let span = sign.span.to(operand.span);
        match operand.kind {
            DurationKind::Number(number) => {
                let value = if negative { -number.value } else { number.value };
                DurationExpr::number(NumberLiteral { value, span, ..number })
            }
            _ if negative => DurationExpr { kind: DurationKind::Negate(Box::new(operand)), wrapped: false, span },
            _ => operand,
        }
    }

    /// A number, a call, or something in parentheses.
    fn duration_atom(&mut self) -> Parsed<DurationExpr> {
        match self.peek()? {
            Token::Number | Token::Duration => {
                let number = self.number_or_duration()?;
                if number.value.abs() > LONGEST {
                    self.note(number.span, "duration out of range");
                }
                Ok(DurationExpr::number(number))
            }
            Token::Preprocessor(
                word @ (Preprocessor::Step | Preprocessor::Range | Preprocessor::MaxOf | Preprocessor::MinOf),
            ) => self.duration_call(word),
            Token::LeftParen => {
                self.take()?;
                let mut inner = self.duration(0)?;
                self.expect(Token::RightParen)?;
                self.experimental(inner.span);
                inner.wrapped = !matches!(inner.kind, DurationKind::Number(_));
                Ok(inner)
            }
            _ => self.unexpected(),
        }
    }

    fn duration_call(&mut self, word: Preprocessor) -> Parsed<DurationExpr> {
        let name = self.take()?;
        self.expect(Token::LeftParen)?;
        let kind = match word {
            Preprocessor::Step => DurationKind::Step,
            Preprocessor::MaxOf | Preprocessor::MinOf => {
                let left = Box::new(self.duration(0)?);
                self.expect(Token::Comma)?;
                let right = Box::new(self.duration(0)?);
                if word == Preprocessor::MaxOf {
                    DurationKind::MaxOf(left, right)
                } else {
                    DurationKind::MinOf(left, right)
                }
            }
            _ => DurationKind::Range,
        };
        let close = self.expect(Token::RightParen)?;
        let span = name.span.to(close.span);
        self.experimental(match &kind {
            DurationKind::MaxOf(left, right) | DurationKind::MinOf(left, right) => left.span.to(right.span),
            _ => span,
        });
        Ok(DurationExpr { kind, wrapped: false, span })
    }

    fn experimental(&mut self, span: Span) {
        if !self.experiments.durations {
            self.note(span, "experimental duration expression is not enabled");
        }
    }
}
