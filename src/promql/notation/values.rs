//! The values of a series.

use std::sync::Arc;

use super::{MAX_VALUES, SequenceValue, histogram};
use crate::model::{NativeHistogram, STALE};
use crate::promql::lexer::{LexError, Lexer};
use crate::promql::number::parse_number;
use crate::promql::quote::{quote, quote_char};

type Read<T> = Result<T, LexError>;

/// Everything up to the end of the text.
pub(super) fn read(lexer: &mut Lexer<'_>) -> Read<Vec<SequenceValue>> {
    let mut values = Vec::new();
    loop {
        let spaced = lexer.accept_run(" \t\n\r");
        lexer.begin();
        match lexer.peek() {
            None => return Ok(values),
            Some(_) if spaced => item(lexer, &mut values)?,
            Some(_) => return Err(unexpected(lexer, "series values")),
        }
    }
}

fn item(lexer: &mut Lexer<'_>, values: &mut Vec<SequenceValue>) -> Read<()> {
    if lexer.accept("_") {
        let count = times(lexer)?;
        return repeat(lexer, values, count.unwrap_or(1), std::iter::repeat(SequenceValue::Omitted));
    }
    if lexer.starts_with("{{") {
        return histograms(lexer, values);
    }
    let first = number(lexer)?;
    let step = if matches!(lexer.peek(), Some('+' | '-')) { Some(number(lexer)?) } else { None };
    let count = match (times(lexer)?, step) {
        (None, Some(_)) => return Err(unexpected(lexer, "series values")),
        (count, _) => count.map_or(1, |count| count.saturating_add(1)),
    };
    let mut next = first;
    // Added up one by one, so that rounding is the same as in Prometheus.
    let all = std::iter::from_fn(|| {
        let value = next;
        next += step.unwrap_or_default();
        // The marker's bits do not survive arithmetic.
        Some(SequenceValue::Float(if step.is_some() { value } else { first }))
    });
    repeat(lexer, values, count, all)
}

/// Histograms, added up one by one as well.
fn histograms(lexer: &mut Lexer<'_>, values: &mut Vec<SequenceValue>) -> Read<()> {
    let (first, mut hint_given) = histogram::read(lexer)?;
    lexer.begin();
    let sign = lexer.peek().filter(|sign| matches!(sign, '+' | '-'));
    let mut step = None;
    if let Some(sign) = sign {
        lexer.accept("+-");
        if !lexer.starts_with("{{") {
            return Err(unexpected(lexer, "series values"));
        }
        let (histogram, given) = histogram::read(lexer)?;
        hint_given = given;
        step = Some((sign, histogram));
    }
    let count = match (times(lexer)?, &step) {
        (None, Some(_)) => return Err(unexpected(lexer, "series values")),
        (count, _) => count.map_or(1, |count| count.saturating_add(1)),
    };
    let mut current = Arc::new(first);
    for at in 0..count {
        if let Some((sign, step)) = step.as_ref().filter(|_| at > 0) {
            current = Arc::new(combined(lexer, &current, *sign, step)?);
        }
        let value = SequenceValue::Histogram { value: Arc::clone(&current), hint_given };
        repeat(lexer, values, 1, std::iter::once(value))?;
    }
    Ok(())
}

fn combined(lexer: &Lexer<'_>, to: &NativeHistogram, sign: char, step: &NativeHistogram) -> Read<NativeHistogram> {
    if to.schema > step.schema {
        let (from, to) = (step.schema, to.schema);
        return Err(lexer.error(format!("error combining histograms: cannot merge from schema {from} to {to}")));
    }
    let mut sum = to.clone();
    let added = if sign == '+' { sum.add(step) } else { sum.sub(step) };
    match added {
        Ok(_) => Ok(sum),
        Err(_) => Err(lexer.error("error combining histograms: exponential and custom buckets do not fit")),
    }
}

/// Adds the first `count` of the items.
fn repeat(
    lexer: &Lexer<'_>,
    values: &mut Vec<SequenceValue>,
    count: usize,
    items: impl Iterator<Item = SequenceValue>,
) -> Read<()> {
    if count > MAX_VALUES - values.len() {
        return Err(lexer.error(format!("more than {MAX_VALUES} values in a series")));
    }
    values.extend(items.take(count));
    Ok(())
}

/// `x5`: how often, if it says so.
fn times(lexer: &mut Lexer<'_>) -> Read<Option<usize>> {
    if !lexer.accept("x") {
        return Ok(None);
    }
    lexer.begin();
    if !lexer.number() {
        return Err(bad_number(lexer));
    }
    match lexer.text().parse() {
        Ok(count) => Ok(Some(count)),
        Err(_) => Err(lexer.error(format!("invalid repetition in series values: {}", quote(lexer.text())))),
    }
}

/// A number with or without a sign, or the marker of staleness.
fn number(lexer: &mut Lexer<'_>) -> Read<f64> {
    let sign = lexer.peek().filter(|sign| matches!(sign, '+' | '-'));
    lexer.accept("+-");
    lexer.begin();
    let value = match lexer.peek() {
        Some('0'..='9' | '.') => unsigned(lexer)?,
        Some(letter) if letter.is_ascii_alphabetic() => word(lexer)?,
        Some(other) if sign.is_none() => {
            return Err(lexer.error(format!("unexpected character in series sequence: {}", quote_char(other))));
        }
        _ => return Err(unexpected(lexer, "series values")),
    };
    Ok(if sign == Some('-') { -value } else { value })
}

/// Digits, a point, an exponent; never hexadecimal, as `0x2` is three zeros.
pub(super) fn unsigned(lexer: &mut Lexer<'_>) -> Read<f64> {
    if !lexer.number() {
        return Err(bad_number(lexer));
    }
    parse_number(lexer.text()).map_err(|error| lexer.error(format!("error parsing number: {error}")))
}

fn word(lexer: &mut Lexer<'_>) -> Read<f64> {
    lexer.accept_while(|letter| letter == '_' || letter == ':' || letter.is_ascii_alphanumeric());
    match lexer.text().to_ascii_lowercase().as_str() {
        "inf" => Ok(f64::INFINITY),
        "nan" => Ok(f64::NAN),
        _ if lexer.text() == "stale" => Ok(STALE),
        _ => {
            let word = quote(lexer.text());
            let message = format!("unexpected identifier {word} in series values, expected number or \"stale\"");
            Err(lexer.error(message))
        }
    }
}

fn bad_number(lexer: &mut Lexer<'_>) -> LexError {
    lexer.accept_while(|letter| letter.is_ascii_alphanumeric());
    if lexer.text().is_empty() {
        return unexpected(lexer, "series values");
    }
    lexer.error(format!("bad number syntax: {}", quote(lexer.text())))
}

/// The next character does not fit.
pub(super) fn unexpected(lexer: &mut Lexer<'_>, inside: &str) -> LexError {
    lexer.begin();
    let what = lexer.peek().map_or_else(|| "end of input".to_owned(), |letter| quote(&letter.to_string()));
    lexer.error(format!("unexpected {what} in {inside}"))
}
