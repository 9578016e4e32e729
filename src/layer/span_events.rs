//! Events of `tracing` as events of their span, by tracing-opentelemetry's conventions.

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::trace::{Event, Status};
use opentelemetry::{Key, KeyValue, Value};
use tracing::{Level, Metadata};

use super::attributes::{LOCATION, error_field, exception, exception_message, location};
use super::callsite::Callsite;
use super::values::{Fields, Plain};

/// The name of an event that has no message but an error.
const EXCEPTION: &str = "exception";

/// What an event says of its span.
pub(super) struct SpanEvent {
    pub(super) event: Event,
    /// The status that its error gives the span.
    pub(super) status: Option<Status>,
    /// The exception that the span gets too.
    pub(super) attributes: Vec<KeyValue>,
}

impl SpanEvent {
    /// `location` adds where in the source the event stands.
    pub(super) fn new(callsite: &Callsite, fields: &Fields, time: SystemTime, location: bool) -> Self {
        let metadata = callsite.metadata;
        let set = metadata.fields();
        // Level, target and place.
        let mut attributes = Vec::with_capacity(set.len() + if location { 5 } else { 2 });
        attributes.push(KeyValue::new(Key::from_static_str("level"), metadata.level().as_str()));
        let target = match fields.log_target(set) {
            Some(target) if callsite.is_log => Value::from(target.to_owned()),
            _ => Value::from(metadata.target()),
        };
        attributes.push(KeyValue::new(Key::from_static_str("target"), target));
        let event = Event::new("", time, attributes, 0);
        let mut made = Self { event, status: None, attributes: Vec::new() };
        for (name, value) in fields.named(set) {
            made.add(name, value);
        }
        if made.event.name.is_empty() {
            made.event.name = Cow::Borrowed(metadata.name());
        }
        if location {
            made.add_location(metadata, callsite.is_log.then_some(fields));
        }
        made
    }

    fn add(&mut self, name: &'static str, value: &Plain) {
        if let Some(error) = value.as_error() {
            self.attributes.extend(exception(error));
            self.event.attributes.extend(exception(error));
            self.event.attributes.extend(error_field(name, error));
            return;
        }
        match (name, value) {
            ("message", value) => self.event.name = Cow::Owned(text(value)),
            // How `#[instrument(err)]` reports.
            ("error", Plain::Str(error)) if self.event.name.is_empty() => self.add_exception(format!("{error:?}")),
            ("error", Plain::Text(error)) if self.event.name.is_empty() => self.add_exception(error.clone()),
            // The record's own metadata, which has its place already.
            (name, _) if name.starts_with("log.") => {}
            (name, value) => self.event.attributes.push(KeyValue::new(Key::from_static_str(name), plain(value))),
        }
    }

    fn add_exception(&mut self, message: String) {
        self.event.name = Cow::Borrowed(EXCEPTION);
        self.status = Some(Status::error(message.clone()));
        self.event.attributes.push(exception_message(message));
    }

    fn add_location(&mut self, metadata: &'static Metadata<'static>, log: Option<&Fields>) {
        // A record of the `log` crate brings its place in its fields.
        let of_log = |name| {
            let mut named = log.into_iter().flat_map(|fields| fields.named(metadata.fields()));
            named.find_map(|(field, value)| (field == name).then(|| plain(value)))
        };
        if log.is_none() {
            return self.event.attributes.extend(location(metadata));
        }
        let place = ["log.file", "log.module_path", "log.line"].map(of_log);
        let place = LOCATION.into_iter().zip(place).filter_map(|(key, value)| Some(KeyValue::new(key, value?)));
        self.event.attributes.extend(place);
    }
}

/// Whether the event's level makes its span an error.
pub(super) fn is_error(metadata: &Metadata<'_>) -> bool {
    *metadata.level() == Level::ERROR
}

fn text(value: &Plain) -> String {
    match value {
        Plain::Bool(value) => value.to_string(),
        Plain::I64(value) => value.to_string(),
        Plain::U64(value) => value.to_string(),
        Plain::F64(value) => value.to_string(),
        Plain::Str(text) | Plain::Text(text) => text.clone(),
        Plain::Error(error) => error.to_string(),
    }
}

fn plain(value: &Plain) -> Value {
    match value {
        Plain::Bool(value) => Value::Bool(*value),
        Plain::I64(value) => Value::I64(*value),
        Plain::U64(value) => i64::try_from(*value).map_or_else(|_| value.to_string().into(), Value::I64),
        Plain::F64(value) => Value::F64(*value),
        value => text(value).into(),
    }
}
