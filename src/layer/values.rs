//! Field values, read from the host's code once and safely.
//!
//! A field may be any `Debug` implementation of the host: one that panics, logs, or prints megabytes. tracing-opentelemetry
//! and the console format fields while they hold a span's lock, where a log line deadlocks and a panic poisons the
//! span for good. So foreign code runs here first, with nothing held, a panic caught and the length bounded, and the
//! others see only values that are already plain.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing_core::Field;
use tracing_core::field::{DisplayValue, FieldSet, Value, ValueSet, Visit, display};

use super::callsite::LOG_TARGET;
use super::text;
use crate::internal::Internal;

/// What stands where a value could not be read, because reading it panicked.
const UNREADABLE: &str = "(unreadable)";

/// How many sources of an error are read.
const ERROR_DEPTH: usize = 16;

/// Fields of up to this number need no allocation to be shown again as a value set.
const INLINE: usize = 16;

/// How values are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    /// Longest text, in characters.
    pub limit: Option<usize>,
    /// Counts what was cut and what panicked.
    pub internal: &'a Internal,
}

impl Reader<'_> {
    /// The text of a value, never longer than the limit.
    pub(super) fn debug(self, value: &dyn fmt::Debug) -> String {
        // Attributes keep boxed text, which a string of just its length becomes without another allocation.
        let limit = self.limit.unwrap_or(usize::MAX);
        text::with_text(value, limit, self.internal, str::to_owned).unwrap_or_else(|| UNREADABLE.to_owned())
    }

    /// The same without a string of its own. `f` is called once.
    pub(super) fn with_debug(self, value: &dyn fmt::Debug, mut f: impl FnMut(&str)) {
        let limit = self.limit.unwrap_or(usize::MAX);
        if text::with_text(value, limit, self.internal, &mut f).is_none() {
            f(UNREADABLE);
        }
    }

    /// A string, cut to the limit.
    pub(super) fn str(self, value: &str) -> String {
        self.cut(value).to_owned()
    }

    /// The beginning of a string, up to the limit.
    pub(super) fn cut(self, value: &str) -> &str {
        text::cut(value, self.limit.unwrap_or(usize::MAX), self.internal)
    }

    /// An error and its sources, each as its text.
    pub(super) fn error(self, error: &(dyn Error + 'static)) -> ErrorText {
        let mut links = Vec::new();
        let mut next = Some(error);
        while let Some(error) = next.filter(|_| links.len() <= ERROR_DEPTH) {
            links.push(self.debug(&format_args!("{error}")));
            next = catch_unwind(AssertUnwindSafe(|| error.source())).ok().flatten();
        }
        let source = links.drain(1..).rev().fold(None, |source, message| Some(Box::new(ErrorText { message, source })));
        ErrorText { message: links.pop().unwrap_or_default(), source }
    }
}

/// The text of an error, detached from the host's type; its sources are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ErrorText {
    pub message: String,
    pub source: Option<Box<ErrorText>>,
}

impl ErrorText {
    /// The messages of the sources, nearest first.
    pub(super) fn sources(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(self.source.as_deref(), |error| error.source.as_deref())
            .map(|error| error.message.as_str())
    }
}

impl fmt::Display for ErrorText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ErrorText {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// A value that runs no foreign code any more.
#[derive(Debug)]
pub(super) enum Plain {
    Bool(bool),
    I64(i64),
    /// Only where the `log` bridge looks for one.
    U64(u64),
    F64(f64),
    /// Was a string.
    Str(String),
    /// Was anything else, read by its `Debug` or `Display`.
    Text(String),
    /// An [`ErrorText`]; boxed as what a field can hold.
    Error(Box<dyn Error + Send + Sync>),
}

impl Plain {
    /// The text of a string, a formatted value or an error.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Str(text) | Self::Text(text) => Some(text),
            Self::Error(_) => self.as_error().map(|error| error.message.as_str()),
            Self::Bool(_) | Self::I64(_) | Self::U64(_) | Self::F64(_) => None,
        }
    }

    /// The error of a field that holds one.
    pub(super) fn as_error(&self) -> Option<&ErrorText> {
        match self {
            Self::Error(error) => error.downcast_ref(),
            _ => None,
        }
    }
}

/// The fields of one span, record or event as plain values, by the index of the field.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<Option<Plain>>);

impl Fields {
    /// Reads all values; `record` is the `record` method of a span's attributes, a record or an event.
    pub(super) fn read(reader: Reader<'_>, fields: usize, record: impl FnOnce(&mut dyn Visit)) -> Self {
        let mut read = Read { reader, values: Vec::with_capacity(fields) };
        record(&mut read);
        Self(read.values)
    }

    /// Shows the values to `f` as tracing does: each still of its own kind.
    pub(super) fn with_value_set<R>(&self, fields: &FieldSet, f: impl FnOnce(&ValueSet<'_>) -> R) -> R {
        let count = fields.len();
        let mut texts_inline = [const { None }; INLINE];
        let mut values_inline = [const { None }; INLINE];
        let (mut texts_spilled, mut values_spilled) = (Vec::new(), Vec::new());
        let (texts, values): (&mut [_], &mut [_]) = if count <= INLINE {
            (&mut texts_inline[..count], &mut values_inline[..count])
        } else {
            texts_spilled.resize_with(count, || None);
            values_spilled.resize_with(count, || None);
            (&mut texts_spilled, &mut values_spilled)
        };
        for (slot, value) in texts.iter_mut().zip(&self.0) {
            if let Some(Plain::Text(text)) = value {
                *slot = Some(display(text.as_str()));
            }
        }
        for ((slot, text), value) in values.iter_mut().zip(texts.iter()).zip(&self.0) {
            *slot = value.as_ref().and_then(|value| as_value(value, text.as_ref()));
        }
        f(&fields.value_set_all(values))
    }

    /// The target of an event of the `log` crate, as `tracing-log` hands it over.
    pub(super) fn log_target(&self, fields: &FieldSet) -> Option<&str> {
        self.0.get(fields.field(LOG_TARGET)?.index())?.as_ref()?.as_text()
    }

    /// Each value with its field's name, in the order of the fields.
    pub(super) fn named<'a>(&'a self, fields: &FieldSet) -> impl Iterator<Item = (&'static str, &'a Plain)> {
        fields.iter().zip(&self.0).filter_map(|(field, value)| Some((field.name(), value.as_ref()?)))
    }

    /// The same, giving the values away.
    pub(super) fn into_named(self, fields: &FieldSet) -> impl Iterator<Item = (&'static str, Plain)> {
        fields.iter().zip(self.0).filter_map(|(field, value)| Some((field.name(), value?)))
    }
}

fn as_value<'a>(value: &'a Plain, text: Option<&'a DisplayValue<&'a str>>) -> Option<&'a dyn Value> {
    Some(match value {
        Plain::Bool(value) => value,
        Plain::I64(value) => value,
        Plain::U64(value) => value,
        Plain::F64(value) => value,
        Plain::Str(value) => value,
        Plain::Text(_) => text?,
        Plain::Error(value) => value,
    })
}

struct Read<'a> {
    reader: Reader<'a>,
    values: Vec<Option<Plain>>,
}

impl Read<'_> {
    /// The limit is one of attributes; the message becomes a name or a body.
    fn reader(&self, field: &Field) -> Reader<'_> {
        if field.name() == "message" { Reader { limit: None, ..self.reader } } else { self.reader }
    }

    fn put(&mut self, field: &Field, value: Plain) {
        let index = field.index();
        // Fields come in their order, with gaps where one has no value.
        while self.values.len() < index {
            self.values.push(None);
        }
        match self.values.get_mut(index) {
            Some(place) => *place = Some(value),
            None => self.values.push(Some(value)),
        }
    }
}

impl Visit for Read<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Plain::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Plain::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        // `tracing-log` looks for `log.line` among the unsigned numbers.
        let plain = if field.name().starts_with("log.") { Plain::U64(value) } else { integer(value) };
        self.put(field, plain);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.put(field, integer(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.put(field, integer(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Plain::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Plain::Str(self.reader(field).str(value)));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.put(field, Plain::Error(Box::new(self.reader.error(value))));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Plain::Text(self.reader(field).debug(value)));
    }
}

/// An integer attribute has 64 bits and a sign; what does not fit becomes text.
fn integer<N: TryInto<i64> + fmt::Display + Copy>(value: N) -> Plain {
    value.try_into().map_or_else(|_| Plain::Text(value.to_string()), Plain::I64)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tracing_core::{Event, Metadata, Subscriber, span};

    use super::*;
    use crate::internal::Counter;

    /// Gives the event of a callsite to a test, without any layer.
    struct Witness<F>(F);

    impl<F: Fn(&Event<'_>) + 'static> Subscriber for Witness<F> {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }
        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
        fn event(&self, event: &Event<'_>) {
            (self.0)(event);
        }
        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}
    }

    /// Writes down which method of the visitor each field reached, and with what.
    #[derive(Default)]
    struct Seen(Vec<String>);

    impl Visit for Seen {
        fn record_f64(&mut self, field: &Field, value: f64) {
            self.0.push(format!("{field} f64 {value}"));
        }
        fn record_i64(&mut self, field: &Field, value: i64) {
            self.0.push(format!("{field} i64 {value}"));
        }
        fn record_bool(&mut self, field: &Field, value: bool) {
            self.0.push(format!("{field} bool {value}"));
        }
        fn record_str(&mut self, field: &Field, value: &str) {
            self.0.push(format!("{field} str {value}"));
        }
        fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
            self.0.push(format!("{field} error {value}, source {}", value.source().is_some()));
        }
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            self.0.push(format!("{field} debug {value:?}"));
        }
    }

    fn seen(limit: Option<usize>, internal: &'static Internal, emit: impl FnOnce()) -> Vec<String> {
        static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _turn = ONE_AT_A_TIME.lock();
        let witness = Witness(move |event: &Event<'_>| {
            let set = event.metadata().fields();
            let fields = Fields::read(Reader { limit, internal }, set.len(), |visit| event.record(visit));
            let mut seen = Seen::default();
            fields.with_value_set(set, |values| values.record(&mut seen));
            *SEEN.lock().unwrap() = seen.0;
        });
        tracing::subscriber::with_default(witness, emit);
        std::mem::take(&mut *SEEN.lock().unwrap())
    }

    fn internal() -> &'static Internal {
        Box::leak(Box::default())
    }

    struct Panics;
    impl fmt::Debug for Panics {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            std::panic::resume_unwind(Box::new("from Debug"))
        }
    }

    #[test]
    fn every_kind_of_value_is_shown_as_the_kind_it_was_and_integers_as_integers() {
        let error = std::io::Error::other(std::io::Error::other("inner"));
        let seen = seen(None, internal(), || {
            tracing::info!(
                a = 1.5,
                b = -2,
                c = 3_u64,
                d = u64::MAX,
                e = true,
                f = "text",
                g = ?Some("debug"),
                h = %"display",
                i = &error as &(dyn Error + 'static),
                j = i128::MIN,
                "message {}",
                1
            );
        });
        let expected = [
            "message debug message 1",
            "a f64 1.5",
            "b i64 -2",
            "c i64 3",
            "d debug 18446744073709551615",
            "e bool true",
            "f str text",
            "g debug Some(\"debug\")",
            "h debug display",
            "i error inner, source false",
            "j debug -170141183460469231731687303715884105728",
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_panic_while_formatting_is_caught_counted_and_named_and_the_other_fields_stay() {
        let internal = internal();
        let seen = seen(None, internal, || tracing::info!(bad = ?Panics, good = 1));
        assert_eq!(seen, [format!("bad debug {UNREADABLE}"), "good i64 1".to_owned()]);
        assert_eq!(internal.counted(Counter::FieldPanicked), 1);
    }

    #[test]
    fn text_is_cut_at_the_limit_in_characters_and_counted() {
        let internal = internal();
        let seen = seen(Some(3), internal, || {
            tracing::info!(a = "äöü", b = "äöüß", c = ?vec![0; 1_000_000], d = %"x", e = %"日本語学");
        });
        assert_eq!(seen, ["a str äöü", "b str äöü", "c debug [0,", "d debug x", "e debug 日本語"]);
        assert_eq!(internal.counted(Counter::AttributeTruncated), 3);
    }

    #[test]
    fn more_fields_than_fit_inline_are_shown_too() {
        let seen = seen(None, internal(), || {
            tracing::info!(
                a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8, i = 9, j = 10, k = 11, l = 12, m = 13, n = 14,
                o = 15, p = 16, q = %17
            );
        });
        assert_eq!(seen.len(), 17);
        assert_eq!(seen[16], "q debug 17");
    }

    #[test]
    fn an_error_keeps_the_texts_of_its_sources() {
        #[derive(Debug)]
        struct Outer(fmt::Error);
        impl fmt::Display for Outer {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("outer")
            }
        }
        impl Error for Outer {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&self.0)
            }
        }
        let text = Reader { limit: None, internal: internal() }.error(&Outer(fmt::Error));
        assert_eq!(text.to_string(), "outer");
        assert_eq!(text.sources().collect::<Vec<_>>(), [fmt::Error.to_string()]);
    }
}
