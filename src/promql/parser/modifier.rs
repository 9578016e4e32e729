//! What may follow an expression: `[5m]`, `[1h:1m]`, `@`, `offset`, `anchored`, `smoothed`.

use super::{Grown, Parsed, Parser};
use crate::promql::ast::{At, Edges, Expr, Length, MatrixSelector, Span, SubqueryExpr, VectorSelector};
use crate::promql::lexer::{Item, Keyword, Preprocessor, Token};
use crate::promql::number::format_float;

/// Seconds that `@` cannot be beyond: what 64 bits hold.
const LATEST: f64 = 9_223_372_036_854_775_807.0;

impl Parser<'_> {
    /// The expression with everything that follows it and belongs to it.
    pub(super) fn modified(&mut self, mut grown: Grown) -> Parsed<Grown> {
        loop {
            match self.peek()? {
                Token::LeftBracket => grown = self.range(grown)?,
                Token::At => self.at(&mut grown.expr)?,
                Token::Keyword(Keyword::Offset) => self.offset(&mut grown.expr)?,
                Token::Keyword(Keyword::Anchored) => self.edges(&mut grown.expr, "anchored", Edges::Anchored)?,
                Token::Keyword(Keyword::Smoothed) => self.edges(&mut grown.expr, "smoothed", Edges::Smoothed)?,
                _ => return Ok(grown),
            }
        }
    }

    fn range(&mut self, grown: Grown) -> Parsed<Grown> {
        let outside = self.expecting("subquery or range selector", "number, duration, step(), or range()");
        let open = self.take()?;
        let range = self.positive_duration()?;
        self.expecting("subquery or range", "\":\" or \"]\"");
        let grown = if self.eat(Token::Colon)? {
            let step = self.subquery_step()?;
            let height = grown.height + 1;
            self.limit(height)?;
            let span = Span { start: grown.expr.span().start, end: self.end };
            let (expr, at, offset) = (Box::new(grown.expr), None, Length::default());
            Grown { expr: Expr::Subquery(SubqueryExpr { expr, range, step, at, offset, span }), height }
        } else {
            let close = self.expect(Token::RightBracket)?;
            Grown::leaf(self.matrix(grown.expr, range, open, close))
        };
        self.restore(outside);
        Ok(grown)
    }

    fn subquery_step(&mut self) -> Parsed<Option<Length>> {
        self.expecting("subquery selector", "number, duration, step(), range(), or \"]\"");
        if self.eat(Token::RightBracket)? {
            return Ok(None);
        }
        let step = self.positive_duration()?;
        self.expecting("subquery selector", "\"]\"");
        self.expect(Token::RightBracket)?;
        Ok(Some(step))
    }

    fn matrix(&mut self, of: Expr, range: Length, open: Item, close: Item) -> Expr {
        let span = of.span().to(close.span);
        let wrong = match &of {
            Expr::Vector(VectorSelector { offset: Length::Fixed(offset), .. }) if *offset != 0 => {
                Some("no offset modifiers allowed before range")
            }
            Expr::Vector(VectorSelector { at: Some(At::Time(_)), .. }) => Some("no @ modifiers allowed before range"),
            Expr::Vector(_) => None,
            _ => Some("ranges only allowed for vector selectors"),
        };
        if let Some(message) = wrong {
            self.note(open.span.to(close.span), message);
        }
        match of {
            Expr::Vector(selector) => Expr::Matrix(MatrixSelector { selector, range, span }),
            // It is not given out, as an error is noted.
            other => other,
        }
    }

    fn at(&mut self, expr: &mut Expr) -> Parsed<()> {
        let outside = self.expecting("@", "timestamp");
        self.take()?;
        let at = self.time_or_edge(expr.span())?;
        self.restore(outside);
        let end = self.end;
        let what = "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery";
        match timing(expr) {
            None => self.note(expr.span(), what),
            Some(timing) if timing.at.is_some() => {
                self.note(expr.span(), "@ <timestamp> may not be set multiple times");
            }
            Some(timing) => {
                *timing.at = Some(at);
                *timing.end = end;
            }
        }
        Ok(())
    }

    fn time_or_edge(&mut self, span: Span) -> Parsed<At> {
        if let Token::Preprocessor(word @ (Preprocessor::Start | Preprocessor::End)) = self.peek()? {
            self.take()?;
            self.expect(Token::LeftParen)?;
            self.expect(Token::RightParen)?;
            return Ok(if word == Preprocessor::Start { At::Start } else { At::End });
        }
        let sign = self.sign()?;
        if !matches!(self.peek()?, Token::Number | Token::Duration) {
            return self.unexpected();
        }
        let value = self.number_or_duration()?.value;
        Ok(self.time(if sign.is_some_and(|(_, negative)| negative) { -value } else { value }, span))
    }

    fn time(&mut self, seconds: f64, span: Span) -> At {
        if !seconds.is_finite() || seconds.abs() >= LATEST {
            let shown = if seconds.is_finite() { format!("{seconds:.6}") } else { format_float(seconds) };
            self.note(span, format!("timestamp out of bounds for @ modifier: {shown}"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "rounded, and what is too great stays at the limit")]
        At::Time((seconds * 1e3).round() as i64)
    }

    fn offset(&mut self, expr: &mut Expr) -> Parsed<()> {
        let outside = self.expecting("offset", "number, duration, step(), or range()");
        self.take()?;
        let offset = self.offset_duration()?;
        self.restore(outside);
        let end = self.end;
        match timing(expr) {
            None => self.note(
                expr.span(),
                "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            ),
            Some(timing) if !matches!(timing.offset, Length::Fixed(0)) => {
                self.note(expr.span(), "offset may not be set multiple times");
            }
            Some(timing) => {
                *timing.offset = offset;
                *timing.end = end;
            }
        }
        Ok(())
    }

    fn edges(&mut self, expr: &mut Expr, word: &str, edges: Edges) -> Parsed<()> {
        self.take()?;
        let span = expr.span();
        let selector = match expr {
            _ if !self.experiments.selectors => {
                self.note(span, format!("{word} modifier is experimental and not enabled"));
                return Ok(());
            }
            Expr::Vector(selector) | Expr::Matrix(MatrixSelector { selector, .. }) => selector,
            Expr::Subquery(_) => {
                self.note(span, format!("{word} modifier is not supported for subqueries"));
                return Ok(());
            }
            _ => {
                self.note(span, format!("{word} modifier not implemented"));
                return Ok(());
            }
        };
        if !matches!(selector.edges, Edges::Inside) && selector.edges != edges {
            self.note(span, "anchored and smoothed modifiers cannot be used together");
        }
        selector.edges = edges;
        Ok(())
    }
}

/// The parts of a node that say when it is evaluated, and where the node ends.
struct Timing<'a> {
    at: &'a mut Option<At>,
    offset: &'a mut Length,
    end: &'a mut usize,
}

fn timing(expr: &mut Expr) -> Option<Timing<'_>> {
    match expr {
        Expr::Vector(node) => Some(Timing { at: &mut node.at, offset: &mut node.offset, end: &mut node.span.end }),
        Expr::Matrix(MatrixSelector { selector, span, .. }) => {
            Some(Timing { at: &mut selector.at, offset: &mut selector.offset, end: &mut span.end })
        }
        Expr::Subquery(node) => Some(Timing { at: &mut node.at, offset: &mut node.offset, end: &mut node.span.end }),
        _ => None,
    }
}
