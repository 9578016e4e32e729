//! A native histogram: `{{schema:1 sum:3 count:22 z_bucket:1 z_bucket_w:0.1 buckets:[5 10 7] offset:-3}}`.

use super::values::{unexpected, unsigned};
use crate::model::{BucketSpan, NativeHistogram, ResetHint};
use crate::promql::lexer::{LexError, Lexer};
use crate::promql::quote::quote;

type Read<T> = Result<T, LexError>;

const INSIDE: &str = "histogram description";

/// The histogram, and whether it says what is known of counter resets. Two opening braces come next.
pub(super) fn read(lexer: &mut Lexer<'_>) -> Read<(NativeHistogram, bool)> {
    lexer.accept("{");
    lexer.accept("{");
    let mut fields = Fields::default();
    loop {
        let spaced = lexer.accept_run(" \t\n\r");
        lexer.begin();
        if lexer.starts_with("}}") {
            lexer.accept("}");
            lexer.accept("}");
            return Ok(fields.finish());
        }
        if !spaced && !fields.seen.is_empty() {
            return Err(unexpected(lexer, INSIDE));
        }
        field(lexer, &mut fields)?;
    }
}

/// What has been read of a histogram.
#[derive(Default)]
struct Fields {
    seen: Vec<String>,
    histogram: NativeHistogram,
    offsets: [i32; 2],
}

impl Fields {
    fn finish(self) -> (NativeHistogram, bool) {
        let Self { seen, mut histogram, offsets: [positive, negative] } = self;
        histogram.positive_spans = spans(positive, &histogram.positive_buckets);
        histogram.negative_spans = spans(negative, &histogram.negative_buckets);
        (histogram, seen.iter().any(|key| key == "counter_reset_hint"))
    }
}

fn spans(offset: i32, buckets: &[f64]) -> Vec<BucketSpan> {
    match u32::try_from(buckets.len()) {
        Ok(length) if length > 0 => vec![BucketSpan { offset, length }],
        _ => Vec::new(),
    }
}

fn field(lexer: &mut Lexer<'_>, fields: &mut Fields) -> Read<()> {
    if !lexer.accept_while(|letter| letter == '_' || letter.is_ascii_alphabetic()) {
        return Err(unexpected(lexer, INSIDE));
    }
    let key = lexer.text().to_ascii_lowercase();
    if fields.seen.contains(&key) {
        return Err(lexer.error(format!("duplicate key {} in histogram", quote(&key))));
    }
    let known = lexer.error(format!("bad histogram descriptor found: {}", quote(lexer.text())));
    if !lexer.accept(":") {
        return Err(lexer.error("missing `:` for histogram descriptor"));
    }
    lexer.begin();
    let histogram = &mut fields.histogram;
    match key.as_str() {
        "schema" => histogram.schema = integer(lexer)?,
        "offset" => fields.offsets[0] = integer(lexer)?,
        "n_offset" => fields.offsets[1] = integer(lexer)?,
        "sum" => histogram.sum = number(lexer)?,
        "count" => histogram.count = number(lexer)?,
        "z_bucket" => histogram.zero_count = number(lexer)?,
        "z_bucket_w" => histogram.zero_threshold = number(lexer)?,
        "buckets" => histogram.positive_buckets = list(lexer)?,
        "n_buckets" => histogram.negative_buckets = list(lexer)?,
        "custom_values" => histogram.custom_values = list(lexer)?.into(),
        "counter_reset_hint" => histogram.reset_hint = hint(lexer)?,
        _ => return Err(known),
    }
    fields.seen.push(key);
    Ok(())
}

fn integer(lexer: &mut Lexer<'_>) -> Read<i32> {
    lexer.accept("-");
    if !lexer.accept_run("0123456789") {
        return Err(unexpected(lexer, INSIDE));
    }
    lexer.text().parse().map_err(|_| lexer.error(format!("number out of range: {}", quote(lexer.text()))))
}

fn number(lexer: &mut Lexer<'_>) -> Read<f64> {
    let negative = lexer.peek() == Some('-');
    lexer.accept("+-");
    lexer.begin();
    let value = match lexer.peek() {
        Some('0'..='9' | '.') => unsigned(lexer)?,
        _ if lexer.accept_while(|letter| letter.is_ascii_alphabetic()) => match lexer.text() {
            word if word.eq_ignore_ascii_case("inf") => f64::INFINITY,
            word if word.eq_ignore_ascii_case("nan") => f64::NAN,
            word => return Err(lexer.error(format!("bad histogram descriptor found: {}", quote(word)))),
        },
        _ => return Err(unexpected(lexer, INSIDE)),
    };
    Ok(if negative { -value } else { value })
}

/// `[1 2.5 -3]`, at least one.
fn list(lexer: &mut Lexer<'_>) -> Read<Vec<f64>> {
    if !lexer.accept("[") {
        return Err(unexpected(lexer, INSIDE));
    }
    let mut numbers = vec![number(lexer)?];
    loop {
        let spaced = lexer.accept_run(" \t\n\r");
        if lexer.accept("]") {
            return Ok(numbers);
        }
        if !spaced {
            return Err(unexpected(lexer, INSIDE));
        }
        numbers.push(number(lexer)?);
    }
}

fn hint(lexer: &mut Lexer<'_>) -> Read<ResetHint> {
    lexer.accept_while(|letter| letter == '_' || letter.is_ascii_alphabetic());
    match lexer.text().to_ascii_lowercase().as_str() {
        "unknown" => Ok(ResetHint::Unknown),
        "reset" => Ok(ResetHint::CounterReset),
        "not_reset" => Ok(ResetHint::NotCounterReset),
        "gauge" => Ok(ResetHint::Gauge),
        _ => Err(lexer.error(format!("bad histogram descriptor found: {}", quote(lexer.text())))),
    }
}
