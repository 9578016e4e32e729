//! A span's fields as OpenTelemetry has them, by tracing-opentelemetry's conventions.
//!
//! Reading runs code of the host, so that it is done before anything is locked, and into plain values. Better than
//! there: unsigned and 128-bit integers are integers where they fit, not text.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{Array, Key, KeyValue, StringValue, Value};
use tracing::Metadata;
use tracing_core::Field;
use tracing_core::field::Visit;

use super::SpanDetails;
use super::values::{ErrorText, Reader};

const NAME: &str = "otel.name";
const KIND: &str = "otel.kind";
const STATUS_CODE: &str = "otel.status_code";
const STATUS_DESCRIPTION: &str = "otel.status_description";

/// The message of an error that a field holds (<https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-spans/>).
const EXCEPTION_MESSAGE: Key = Key::from_static_str("exception.message");
/// The messages of its sources, as tracing-opentelemetry has it.
const EXCEPTION_STACKTRACE: Key = Key::from_static_str("exception.stacktrace");

/// What a field of text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Attribute,
    Name,
    Kind,
    StatusCode,
    StatusDescription,
}

/// What the fields of a callsite's spans mean, decided once.
#[derive(Debug)]
pub(super) struct Meanings {
    /// By field index; empty when all fields are attributes.
    of: Box<[Meaning]>,
    /// Whether a field says the span's kind.
    pub(super) has_kind: bool,
}

impl Meanings {
    pub(super) fn new(metadata: &Metadata<'_>) -> Self {
        let meaning = |field: Field| match field.name() {
            NAME => Meaning::Name,
            KIND => Meaning::Kind,
            STATUS_CODE => Meaning::StatusCode,
            STATUS_DESCRIPTION => Meaning::StatusDescription,
            _ => Meaning::Attribute,
        };
        let of: Box<[Meaning]> = metadata.fields().iter().map(meaning).collect();
        let has_kind = of.contains(&Meaning::Kind);
        let is_plain = of.iter().all(|meaning| *meaning == Meaning::Attribute);
        Self { of: if is_plain { Box::default() } else { of }, has_kind }
    }

    #[inline]
    fn of(&self, field: &Field) -> Meaning {
        self.of.get(field.index()).copied().unwrap_or(Meaning::Attribute)
    }
}

/// What was read of a span's fields.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) name: Option<Cow<'static, str>>,
    pub(super) kind: Option<SpanKind>,
    pub(super) status: Option<Status>,
    pub(super) attributes: Vec<KeyValue>,
}

/// Keys of the place in the source.
pub(super) const LOCATION: [&str; 3] = ["code.file.path", "code.module.name", "code.line.number"];

impl Read {
    /// For a span of this callsite, with the details that are wanted.
    pub(super) fn with_details(metadata: &'static Metadata<'static>, details: SpanDetails) -> Self {
        let mut attributes = Vec::with_capacity(metadata.fields().len() + details.count());
        if details.location {
            attributes.extend(location(metadata));
        }
        if details.threads {
            attributes.extend(thread());
        }
        if details.target {
            attributes.push(KeyValue::new("target", metadata.target()));
        }
        Self { attributes, ..Self::default() }
    }
}

/// Where in the source a callsite stands.
pub(super) fn location(metadata: &'static Metadata<'static>) -> impl Iterator<Item = KeyValue> {
    let place = [
        metadata.file().map(Value::from),
        metadata.module_path().map(Value::from),
        metadata.line().map(|line| Value::I64(line.into())),
    ];
    LOCATION.into_iter().zip(place).filter_map(|(key, value)| Some(KeyValue::new(key, value?)))
}

/// Number and name of the calling thread.
fn thread() -> impl Iterator<Item = KeyValue> {
    let thread = std::thread::current();
    // The number has no other way out.
    let number = format!("{:?}", thread.id()).chars().filter(char::is_ascii_digit).collect::<String>().parse::<i64>();
    let name = thread.name().map(|name| KeyValue::new("thread.name", name.to_owned()));
    number.ok().map(|number| KeyValue::new("thread.id", number)).into_iter().chain(name)
}

/// Reads the fields of a span.
pub(super) struct SpanReader<'a> {
    pub(super) meanings: &'a Meanings,
    pub(super) reader: Reader<'a>,
    pub(super) read: &'a mut Read,
}

impl SpanReader<'_> {
    #[inline]
    fn push(&mut self, field: &Field, value: impl Into<Value>) {
        self.read.attributes.push(KeyValue::new(Key::from_static_str(field.name()), value));
    }

    #[inline]
    pub(super) fn text(&mut self, field: &Field, text: String) {
        match self.meanings.of(field) {
            Meaning::Attribute => self.push(field, text),
            known => self.known_text(known, text),
        }
    }

    #[cold]
    fn known_text(&mut self, meaning: Meaning, text: String) {
        match meaning {
            Meaning::Attribute => {}
            Meaning::Name => self.read.name = Some(text.into()),
            Meaning::Kind => self.read.kind = kind(&text),
            Meaning::StatusCode => self.read.status = Some(status(&text)),
            Meaning::StatusDescription => self.read.status = Some(Status::error(text)),
        }
    }

    pub(super) fn error(&mut self, field: &Field, error: &ErrorText) {
        self.read.attributes.extend(exception(error));
        self.read.attributes.extend(error_field(field.name(), error));
    }

    fn integer<N: TryInto<i64> + fmt::Display + Copy>(&mut self, field: &Field, value: N) {
        match value.try_into() {
            Ok(value) => self.push(field, Value::I64(value)),
            Err(_) => self.push(field, value.to_string()),
        }
    }
}

impl Visit for SpanReader<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, value);
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
        self.push(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let text = self.reader.str(value);
        self.text(field, text);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let error = self.reader.error(value);
        self.error(field, &error);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = self.reader.debug(value);
        self.text(field, text);
    }
}

/// An error as the attributes of an exception.
pub(super) fn exception(error: &ErrorText) -> [KeyValue; 2] {
    [KeyValue::new(EXCEPTION_MESSAGE, error.message.clone()), KeyValue::new(EXCEPTION_STACKTRACE, sources(error))]
}

/// The message of an exception alone.
pub(super) fn exception_message(message: String) -> KeyValue {
    KeyValue::new(EXCEPTION_MESSAGE, message)
}

/// An error as the attributes of the field that holds it.
pub(super) fn error_field(name: &'static str, error: &ErrorText) -> [KeyValue; 2] {
    [KeyValue::new(name, error.message.clone()), KeyValue::new(format!("{name}.chain"), sources(error))]
}

fn sources(error: &ErrorText) -> Value {
    let sources: Vec<StringValue> = error.sources().map(|source| source.to_owned().into()).collect();
    Value::Array(Array::String(sources))
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

fn status(word: &str) -> Status {
    if word.eq_ignore_ascii_case("ok") {
        Status::Ok
    } else if word.eq_ignore_ascii_case("error") {
        Status::error("")
    } else {
        Status::Unset
    }
}
