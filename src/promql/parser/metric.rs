//! The labels of one series: `requests{job="search"}`.

use super::expr::is_metric_name;
use super::{Found, Parsed, Parser};
use crate::model::{Labels, METRIC_NAME};
use crate::promql::lexer::Token;
use crate::promql::parser::Experiments;

/// Reads labels, and says where they end. With `values` something may follow them after a space, and braces must follow
/// a name at once.
pub(in crate::promql) fn metric(text: &str, values: bool) -> Result<(Labels, usize), Vec<Found>> {
    let mut parser = Parser::new(text, Experiments::NONE);
    match parser.metric(values) {
        Ok(labels) if parser.errors.is_empty() => Ok((labels, parser.end)),
        _ => Err(parser.errors),
    }
}

impl Parser<'_> {
    fn metric(&mut self, values: bool) -> Parsed<Labels> {
        let mut labels = Vec::new();
        let first = self.peek()?;
        if is_metric_name(first) {
            let name = self.take()?;
            labels.push((METRIC_NAME.to_owned(), self.slice(name.span).to_owned()));
            if values && !self.text[self.end..].starts_with('{') {
                return Ok(Labels::new(labels));
            }
        }
        // A name after the braces' own wins.
        let named = labels.pop();
        if self.peek()? == Token::LeftBrace {
            self.label_set(&mut labels)?;
        }
        if values && self.end == 0 {
            // Without a name or braces there is no series that values could belong to.
            self.expecting("series values", "");
            self.expect(Token::Eof)?;
        } else if !values {
            self.expect(Token::Eof)?;
        }
        labels.extend(named);
        Ok(Labels::new(labels))
    }

    fn label_set(&mut self, labels: &mut Vec<(String, String)>) -> Parsed<()> {
        let outside = self.expecting("label set", "identifier or \"}\"");
        self.expect(Token::LeftBrace)?;
        while !self.eat(Token::RightBrace)? {
            self.expecting("label set", "identifier or \"}\"");
            labels.push(self.label()?);
            self.expecting("label set", "\",\" or \"}\"");
            if self.peek()? != Token::RightBrace {
                self.expect(Token::Comma)?;
                self.expecting("label set", "identifier or \"}\"");
            }
        }
        self.restore(outside);
        Ok(())
    }

    fn label(&mut self) -> Parsed<(String, String)> {
        let token = self.peek()?;
        if !matches!(token, Token::Identifier | Token::String) {
            return self.unexpected();
        }
        let item = self.take()?;
        let name = if token == Token::String { self.unquoted(item) } else { self.slice(item.span).to_owned() };
        if self.peek()? != Token::Assign {
            // A text alone names the metric.
            if token == Token::String {
                return Ok((METRIC_NAME.to_owned(), name));
            }
            self.expecting("label set", "\"=\"");
            return self.unexpected();
        }
        self.take()?;
        self.expecting("label set", "string");
        let value = self.expect(Token::String)?;
        Ok((name, self.unquoted(value)))
    }
}
