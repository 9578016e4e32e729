//! Events become log records, in the manner of opentelemetry-appender-tracing: the message is the body, fields are
//! attributes of their own type, the level is the severity, the target names the scope.
//!
//! Better than there: a record carries the trace and span id of the span its event belongs to, in an unsampled trace
//! too; unsigned and 128-bit integers are integers where they fit; records of the `log` crate have their own target;
//! limits hold and are counted.

use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::{Key, TraceFlags};
use opentelemetry_sdk::logs::{SdkLogRecord, SdkLogger, SdkLoggerProvider};
use tracing::{Event, Level, Metadata};

use super::callsite::Callsite;
use super::handle::{self, Core};
use super::spans::Live;
use super::suppress::{self, Active, Ambient};
use super::values::{Fields, Plain};
use super::{Config, text};
use crate::internal::Counter;
use crate::series::Link;

/// Where tracing puts the text of an event.
const MESSAGE: &str = "message";
/// The field in which `#[instrument(err)]` reports; the body of an event without a message.
const ERROR: &str = "error";

/// The log bridge.
pub(super) struct Logs {
    core: Arc<Core>,
    logger: SdkLogger,
    /// Attributes of a record at most.
    attributes: usize,
    /// Longest text value, in characters.
    length: Option<usize>,
    /// Whether records say where in the source they were written.
    location: bool,
}

impl Logs {
    pub(super) fn new(config: &Config, provider: &SdkLoggerProvider, core: &Arc<Core>) -> Self {
        Self {
            core: Arc::clone(core),
            // The target of each record stands for the scope.
            logger: provider.logger(""),
            attributes: config.limits.log_attributes,
            length: config.limits.log_value_length,
            location: config.details.location,
        }
    }

    /// `fields` are those of the event, `span` is the slot of the span that the event belongs to.
    pub(super) fn on_event(&self, event: &Event<'_>, callsite: &Callsite, fields: Fields, span: Option<Live<'_>>) {
        let ambient = suppress::ambient();
        // The SDK asks OpenTelemetry's current context whether it may take the record.
        if ambient == Ambient::Suppressed || !suppress::is_alive() {
            return;
        }
        let metadata = callsite.metadata;
        let mut record = self.logger.create_log_record();
        let now: SystemTime = self.core.clock.now().into();
        record.set_timestamp(now);
        record.set_observed_timestamp(now);
        record.set_severity_number(severity(*metadata.level()));
        record.set_severity_text(metadata.level().as_str());
        match fields.log_target(callsite.metadata.fields()) {
            Some(target) if callsite.is_log => record.set_target(target.to_owned()),
            _ => record.set_target(metadata.target()),
        }
        // Without a name of its own an event is called after its place in the source, which says nothing.
        if !callsite.is_log && !metadata.name().starts_with("event ") {
            record.set_event_name(metadata.name());
        }
        if let Some(Active { trace_id, span_id, sampled }) = context(event, span, ambient) {
            let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
            record.set_trace_context(trace_id, span_id, Some(flags));
        }
        if self.location && !callsite.is_log {
            add_location(&mut record, metadata);
        }
        self.add_fields(&mut record, callsite, fields);
        self.logger.emit(record);
    }

    fn add_fields(&self, record: &mut SdkLogRecord, callsite: &Callsite, fields: Fields) {
        let (mut body, mut error) = (None, None);
        let (mut added, mut dropped) = (0, 0);
        for (name, value) in fields.into_named(callsite.metadata.fields()) {
            if callsite.is_log && name.starts_with("log.") {
                continue;
            }
            let value = any_value(value);
            if name == MESSAGE {
                body = Some(value);
                continue;
            }
            if name == ERROR {
                error = Some(value.clone());
            }
            if added == self.attributes {
                dropped += 1;
                continue;
            }
            added += 1;
            record.add_attribute(Key::from_static_str(name), self.cut(value));
        }
        if dropped > 0 {
            self.core.internal.add(Counter::AttributeDropped, dropped);
        }
        if let Some(body) = body.or(error) {
            record.set_body(body);
        }
    }

    fn cut(&self, value: AnyValue) -> AnyValue {
        match (value, self.length) {
            (AnyValue::String(text), Some(limit)) if text.as_str().len() > limit => {
                AnyValue::from(text::cut(text.as_str(), limit, &self.core.internal).to_owned())
            }
            (value, _) => value,
        }
    }
}

/// The ids that a record carries: those of its span, or of what the application started in that span with the
/// OpenTelemetry API.
fn context(event: &Event<'_>, span: Option<Live<'_>>, ambient: Ambient) -> Option<Active> {
    let span = span.and_then(|span| handle::link(span.slot));
    match (span, ambient) {
        (None, Ambient::Active(active)) if event.is_contextual() => Some(active),
        (None, _) => None,
        (Some(span), Ambient::Active(active)) if event.is_contextual() && active.trace_id == span.trace_id => {
            Some(if active.sampled { active } else { span.into() })
        }
        (Some(span), _) => Some(span.into()),
    }
}

impl From<Link> for Active {
    fn from(Link { trace_id, span_id, sampled }: Link) -> Self {
        Self { trace_id, span_id, sampled }
    }
}

fn add_location(record: &mut SdkLogRecord, metadata: &'static Metadata<'static>) {
    if let Some(file) = metadata.file() {
        record.add_attribute("code.file.path", file);
    }
    if let Some(line) = metadata.line() {
        record.add_attribute("code.line.number", i64::from(line));
    }
}

fn any_value(value: Plain) -> AnyValue {
    match value {
        Plain::Bool(value) => value.into(),
        Plain::I64(value) => value.into(),
        Plain::U64(value) => i64::try_from(value).map_or_else(|_| value.to_string().into(), AnyValue::from),
        Plain::F64(value) => value.into(),
        Plain::Str(text) | Plain::Text(text) => text.into(),
        Plain::Error(error) => error.to_string().into(),
    }
}

/// <https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber>
const fn severity(level: Level) -> Severity {
    match level {
        Level::TRACE => Severity::Trace,
        Level::DEBUG => Severity::Debug,
        Level::INFO => Severity::Info,
        Level::WARN => Severity::Warn,
        Level::ERROR => Severity::Error,
    }
}
