//! A new span's fields as the attributes of its builder, by tracing-opentelemetry's conventions.
//!
//! Reading them here instead of there keeps foreign code away from the span's lock, and costs less: each value is built
//! once, in its place. Better than there: unsigned integers are integers, not text.

use std::error::Error;
use std::fmt;

use opentelemetry::trace::SpanKind;
use opentelemetry::{Array, Key, StringValue, Value};
use tracing_core::Field;
use tracing_core::field::Visit;

use super::tracer::Prepared;
use super::values::Reader;

const NAME: &str = "otel.name";
pub(super) const KIND: &str = "otel.kind";
pub(super) const STATUS_CODE: &str = "otel.status_code";
pub(super) const STATUS_DESCRIPTION: &str = "otel.status_description";

/// Fills a builder.
pub(super) struct Attributes<'a> {
    pub prepared: &'a mut Prepared,
    pub reader: Reader<'a>,
}

impl Attributes<'_> {
    fn text(&mut self, field: &Field, text: String) {
        match field.name() {
            NAME => self.prepared.set_name(text),
            // The gate read the kind before; the status is recorded after.
            KIND | STATUS_CODE | STATUS_DESCRIPTION => {}
            key => self.prepared.push(key, text),
        }
    }

    fn integer<N: TryInto<i64> + fmt::Display + Copy>(&mut self, field: &Field, value: N) {
        match value.try_into() {
            Ok(value) => self.prepared.push(field.name(), Value::I64(value)),
            Err(_) => self.prepared.push(field.name(), value.to_string()),
        }
    }
}

impl Visit for Attributes<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.prepared.push(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.prepared.push(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.integer(field, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.integer(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.integer(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.prepared.push(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let text = self.reader.str(value);
        self.text(field, text);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let error = self.reader.error(value);
        let sources: Vec<StringValue> = error.sources().map(|source| source.to_owned().into()).collect();
        let sources = Value::Array(Array::String(sources));
        self.prepared.push("exception.message", error.message.clone());
        self.prepared.push("exception.stacktrace", sources.clone());
        self.prepared.push(field.name(), error.message);
        self.prepared.push(Key::new(format!("{}.chain", field.name())), sources);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = self.reader.debug(value);
        self.text(field, text);
    }
}

/// Reads `otel.kind`; the last one given wins.
#[derive(Default)]
pub(super) struct Kind(pub Option<SpanKind>);

impl Visit for Kind {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == KIND {
            self.0 = kind(value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == KIND {
            // Such a value is a `SpanKind` or a word with `%`, of a few characters; a foreign one may panic.
            let text = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| format!("{value:?}")));
            self.0 = text.ok().and_then(|text| kind(&text));
        }
    }
}

fn kind(word: &str) -> Option<SpanKind> {
    [
        ("server", SpanKind::Server),
        ("client", SpanKind::Client),
        ("producer", SpanKind::Producer),
        ("consumer", SpanKind::Consumer),
        ("internal", SpanKind::Internal),
    ]
    .into_iter()
    .find_map(|(name, kind)| name.eq_ignore_ascii_case(word).then_some(kind))
}
