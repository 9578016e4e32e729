//! Selectors of series, and lists of labels.

use super::{Grown, Parsed, Parser};
use crate::history::{MatchOp, Matcher};
use crate::model::METRIC_NAME;
use crate::promql::ast::{BinaryOp, Edges, Expr, Length, Span, VectorSelector};
use crate::promql::lexer::{Item, Keyword, Token};
use crate::promql::quote::{is_utf8, quote};

impl Parser<'_> {
    /// A selector, of which the name has been taken if there is one.
    pub(super) fn selector(&mut self, name: Option<Item>) -> Parsed<Grown> {
        let mut matchers = Vec::new();
        let mut span = name.map(|name| name.span);
        if name.is_none() || self.peek()? == Token::LeftBrace {
            let braces = self.label_matchers(&mut matchers)?;
            span = Some(span.map_or(braces, |name| name.to(braces)));
        }
        let name = name.map(|name| self.slice(name.span).to_owned());
        let span = span.unwrap_or_default();
        if let Some(name) = &name {
            self.add_matcher(&mut matchers, METRIC_NAME, MatchOp::Equal, name, span);
        }
        let (at, offset, edges) = (None, Length::default(), Edges::default());
        Ok(Grown::leaf(Expr::Vector(VectorSelector { name, matchers, at, offset, edges, span })))
    }

    fn label_matchers(&mut self, matchers: &mut Vec<Matcher>) -> Parsed<Span> {
        let outside = self.expecting("label matching", "identifier or \"}\"");
        let open = self.expect(Token::LeftBrace)?;
        while !self.eat(Token::RightBrace)? {
            self.expecting("label matching", "identifier or \"}\"");
            self.label_matcher(matchers)?;
            self.expecting("label matching", "\",\" or \"}\"");
            if self.peek()? != Token::RightBrace {
                self.expect(Token::Comma)?;
                self.expecting("label matching", "identifier or \"}\"");
            }
        }
        self.restore(outside);
        Ok(Span { start: open.span.start, end: self.end })
    }

    fn label_matcher(&mut self, matchers: &mut Vec<Matcher>) -> Parsed<()> {
        let token = self.peek()?;
        if !matches!(token, Token::Identifier | Token::String) {
            return self.unexpected();
        }
        let item = self.take()?;
        let name = if token == Token::String { self.unquoted(item) } else { self.slice(item.span).to_owned() };
        let op = match self.peek()? {
            Token::Assign => MatchOp::Equal,
            Token::Matches => MatchOp::Matches,
            Token::NotMatches => MatchOp::NotMatches,
            Token::Operator(BinaryOp::NotEqual) => MatchOp::NotEqual,
            // A text alone names the metric.
            _ if token == Token::String => {
                self.add_matcher(matchers, METRIC_NAME, MatchOp::Equal, &name, item.span);
                return Ok(());
            }
            _ => {
                self.expecting("label matching", "label matching operator");
                return self.unexpected();
            }
        };
        self.take()?;
        self.expecting("label matching", "string");
        let quoted = self.expect(Token::String)?;
        let value = self.unquoted(quoted);
        self.add_matcher(matchers, &name, op, &value, item.span.to(quoted.span));
        Ok(())
    }

    fn add_matcher(&mut self, matchers: &mut Vec<Matcher>, name: &str, op: MatchOp, value: &str, span: Span) {
        match Matcher::new(name, op, value) {
            Ok(matcher) => matchers.push(matcher),
            Err(error) => {
                // The text of the error draws the pattern with a line below it; its last line says what is wrong.
                let text = error.to_string();
                let why = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
                self.note(span, format!("error parsing regexp: {why}: `{value}`"));
            }
        }
    }

    /// `(a, "b.c", by)`: the labels of `by`, `on` and their like.
    pub(super) fn grouping_labels(&mut self) -> Parsed<Vec<String>> {
        let outside = self.expecting("grouping opts", "\"(\"");
        self.expect(Token::LeftParen)?;
        let mut labels = Vec::new();
        while !self.eat(Token::RightParen)? {
            self.expecting("grouping opts", "label");
            labels.push(self.grouping_label()?);
            self.expecting("grouping opts", "\",\" or \")\"");
            if self.peek()? != Token::RightParen {
                self.expect(Token::Comma)?;
                self.expecting("grouping opts", "label");
            }
        }
        self.restore(outside);
        Ok(labels)
    }

    fn grouping_label(&mut self) -> Parsed<String> {
        let token = self.peek()?;
        if !(token == Token::String || is_label(token)) {
            return self.unexpected();
        }
        let item = self.take()?;
        let label = if token == Token::String { self.unquoted(item) } else { self.slice(item.span).to_owned() };
        if label.is_empty() || !is_utf8(&label) {
            self.note(item.span, format!("invalid label name for grouping: {}", quote(&label)));
        }
        Ok(label)
    }
}

/// Words of the language that may also name a label.
fn is_label(token: Token) -> bool {
    match token {
        Token::Identifier | Token::MetricIdentifier | Token::Aggregate(_) | Token::Preprocessor(_) => true,
        Token::Operator(op) => op.is_set() || op == BinaryOp::Atan2,
        Token::Keyword(keyword) => keyword != Keyword::Without,
        _ => false,
    }
}
