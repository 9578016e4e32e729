//! Events become log records, in the manner of opentelemetry-appender-tracing: the message is the body, fields are
//! attributes of their own type, the level is the severity, the target names the scope.
//!
//! Better than there: a record carries the trace and span id of the span its event belongs to, in an unsampled trace
//! too; unsigned and 128-bit integers are integers where they fit; records of the `log` crate have their own target;
//! limits hold and are counted.

use std::fmt;
use std::sync::Arc;

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
use crate::clock::Timestamp;
use crate::internal::{Counter, Internal};
use crate::series::Link;

/// Where tracing puts the text of an event.
const MESSAGE: &str = "message";
/// The field in which `#[instrument(err)]` reports; the body of an event without a message.
const ERROR: &str = "error";

/// Takes the events that become log records, on the host's threads: it must not block, and make no events.
pub trait LogSink: Send + Sync {
    /// Takes one.
    fn put(&self, written: Written);
}

/// What becomes a log record.
pub struct Written(Content);

enum Content {
    Event(Plainly),
    #[cfg_attr(not(feature = "rules"), expect(dead_code, reason = "made of alerts only"))]
    Record(Box<SdkLogRecord>),
}

/// An event as it leaves the host's thread: plain values. A log record of the SDK is several times as large and costs
/// more to make, which [`Written::into_record`] does elsewhere.
struct Plainly {
    metadata: &'static Metadata<'static>,
    /// An event of the `log` crate.
    is_log: bool,
    time: Timestamp,
    context: Option<Active>,
    fields: Fields,
    maker: Arc<Maker>,
}

/// What all records of a layer are made with.
struct Maker {
    /// The SDK gives records to loggers only.
    logger: SdkLogger,
    internal: Arc<Internal>,
    /// Attributes of a record at most.
    attributes: usize,
    /// Longest text value, in characters.
    length: Option<usize>,
    /// Whether records say where in the source they were written.
    location: bool,
}

/// The log bridge.
pub(super) struct Logs {
    core: Arc<Core>,
    sink: Box<dyn LogSink>,
    maker: Arc<Maker>,
}

impl Logs {
    pub(super) fn new(config: &Config, sink: Box<dyn LogSink>, core: &Arc<Core>) -> Self {
        let maker = Maker {
            logger: SdkLoggerProvider::builder().build().logger(""),
            internal: Arc::clone(&core.internal),
            attributes: config.limits.log_attributes,
            length: config.limits.log_value_length,
            location: config.details.location,
        };
        Self { core: Arc::clone(core), sink, maker: Arc::new(maker) }
    }

    /// `fields` are those of the event, `span` is the slot of the span that the event belongs to.
    pub(super) fn on_event(&self, event: &Event<'_>, callsite: &Callsite, fields: Fields, span: Option<Live<'_>>) {
        let ambient = suppress::ambient();
        if ambient == Ambient::Suppressed {
            return;
        }
        self.sink.put(Written(Content::Event(Plainly {
            metadata: callsite.metadata,
            is_log: callsite.is_log,
            time: self.core.clock.now(),
            context: context(event, span, ambient),
            fields,
            maker: Arc::clone(&self.maker),
        })));
    }
}

impl Written {
    /// One that is a log record already; its target stands for the scope.
    #[cfg(feature = "rules")]
    pub(crate) fn made(record: SdkLogRecord) -> Self {
        Self(Content::Record(Box::new(record)))
    }

    /// The log record. Its target stands for the scope, which is the empty one.
    pub fn into_record(self) -> SdkLogRecord {
        match self.0 {
            Content::Event(event) => event.into_record(),
            Content::Record(record) => *record,
        }
    }
}

impl Plainly {
    fn into_record(self) -> SdkLogRecord {
        let Self { metadata, is_log, time, context, fields, maker } = self;
        let mut record = maker.logger.create_log_record();
        record.set_timestamp(time.into());
        record.set_observed_timestamp(time.into());
        record.set_severity_number(severity(*metadata.level()));
        record.set_severity_text(metadata.level().as_str());
        match fields.log_target(metadata.fields()) {
            Some(target) if is_log => record.set_target(target.to_owned()),
            _ => record.set_target(metadata.target()),
        }
        // Without a name of its own an event is called after its place in the source, which says nothing.
        if !is_log && !metadata.name().starts_with("event ") {
            record.set_event_name(metadata.name());
        }
        if let Some(Active { trace_id, span_id, sampled }) = context {
            let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
            record.set_trace_context(trace_id, span_id, Some(flags));
        }
        if maker.location && !is_log {
            add_location(&mut record, metadata);
        }
        maker.add_fields(&mut record, metadata, is_log, fields);
        record
    }
}

impl Maker {
    fn add_fields(&self, record: &mut SdkLogRecord, metadata: &Metadata<'_>, is_log: bool, fields: Fields) {
        let (mut body, mut error) = (None, None);
        let (mut added, mut dropped) = (0, 0);
        for (name, value) in fields.into_named(metadata.fields()) {
            if is_log && name.starts_with("log.") {
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
            self.internal.add(Counter::AttributeDropped, dropped);
        }
        if let Some(body) = body.or(error) {
            record.set_body(body);
        }
    }

    fn cut(&self, value: AnyValue) -> AnyValue {
        match (value, self.length) {
            (AnyValue::String(text), Some(limit)) if text.as_str().len() > limit => {
                AnyValue::from(text::cut(text.as_str(), limit, &self.internal).to_owned())
            }
            (value, _) => value,
        }
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Content::Event(event) => {
                let mut shown = f.debug_struct("Written");
                shown.field("callsite", event.metadata).field("time", &event.time).finish_non_exhaustive()
            }
            Content::Record(record) => f.debug_tuple("Written").field(record).finish(),
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
    use opentelemetry::{Context, SpanId, TraceId};
    use opentelemetry_sdk::Resource;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing::{Dispatch, info, info_span};
    use tracing_core::LevelFilter;
    use tracing_subscriber::Registry;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::clock::{Clock, Timestamp};
    use crate::internal::Internal;
    use crate::layer::{Layer, Limits, Parts, Sampler, SpanDetails, Traces};

    #[derive(Debug, Clone, Default)]
    struct Kept(Arc<Mutex<Vec<SdkLogRecord>>>);

    impl LogSink for Kept {
        fn put(&self, written: Written) {
            self.0.lock().unwrap().push(written.into_record());
        }
    }

    struct Bench {
        internal: Arc<Internal>,
        provider: SdkTracerProvider,
        kept: Kept,
        dispatch: Dispatch,
    }

    impl Bench {
        fn new(config: &Config) -> Self {
            // The modules of this crate are filtered like those of an exporter.
            let filter = config.filter.clone().with_target(module_path!(), LevelFilter::TRACE);
            let config = &Config { filter, ..config.clone() };
            let (internal, kept) = (Arc::<Internal>::default(), Kept::default());
            let traces = Traces::new(config, Resource::builder_empty().build(), Vec::new(), &internal);
            let provider = traces.provider().clone();
            let parts = Parts {
                store: None,
                internal: Arc::clone(&internal),
                clock: Clock::manual(Timestamp(5)),
                traces: Some(traces),
                logs: Some(Box::new(kept.clone())),
                console: None,
            };
            let dispatch = Dispatch::new(Registry::default().with(Layer::new(config, parts)));
            Self { internal, provider, kept, dispatch }
        }

        fn run(&self, f: impl FnOnce()) -> Vec<SdkLogRecord> {
            tracing::dispatcher::with_default(&self.dispatch, f);
            std::mem::take(&mut *self.kept.0.lock().unwrap())
        }
    }

    fn attributes(record: &SdkLogRecord) -> Vec<(&str, AnyValue)> {
        record.attributes_iter().map(|(key, value)| (key.as_str(), value.clone())).collect()
    }

    /// Trace id, span id, sampled.
    fn ids(record: &SdkLogRecord) -> Option<(TraceId, SpanId, bool)> {
        let context = record.trace_context()?;
        Some((context.trace_id, context.span_id, context.trace_flags.unwrap_or_default().is_sampled()))
    }

    fn current() -> (TraceId, SpanId, bool) {
        let context = tracing_opentelemetry::OpenTelemetrySpanExt::context(&tracing::Span::current());
        let span = context.span();
        (span.span_context().trace_id(), span.span_context().span_id(), span.span_context().is_sampled())
    }

    #[test]
    fn levels_messages_names_targets_and_typed_fields_arrive() {
        let bench = Bench::new(&Config::default());
        let records = bench.run(|| {
            tracing::trace!("1");
            tracing::debug!("5");
            info!(name: "user.login", target: "auth", user = "eve", tries = 3_u64, ratio = 0.5, ok = true, why = ?Some(1));
            tracing::warn!("{}", 13);
            tracing::event!(Level::ERROR, error = %"it broke");
        });
        let severities: Vec<_> =
            records.iter().map(|r| (r.severity_number().unwrap() as u8, r.severity_text().unwrap())).collect();
        assert_eq!(severities, [(1, "TRACE"), (5, "DEBUG"), (9, "INFO"), (13, "WARN"), (17, "ERROR")]);
        let texts: Vec<_> = records.iter().map(|record| record.body().cloned()).collect();
        assert_eq!(texts, [Some("1".into()), Some("5".into()), None, Some("13".into()), Some("it broke".into())]);
        let record = &records[2];
        assert_eq!((record.event_name(), record.target().map(|target| &**target)), (Some("user.login"), Some("auth")));
        let expected = [
            ("user", AnyValue::from("eve")),
            ("tries", 3.into()),
            ("ratio", 0.5.into()),
            ("ok", true.into()),
            ("why", "Some(1)".into()),
        ];
        assert_eq!(attributes(record), expected);
        assert_eq!(record.timestamp(), Some(Timestamp(5).into()));
        assert_eq!(records[0].event_name(), None);
        assert_eq!(records[0].target().map(|target| &**target), Some(module_path!()));
        assert_eq!(attributes(&records[4]), [("error", AnyValue::from("it broke"))]);
    }

    #[test]
    fn records_carry_the_ids_of_their_span_in_sampled_and_unsampled_traces() {
        for ratio in [0.0, 1.0] {
            let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatio(ratio)));
            let bench = Bench::new(&Config { sampler, ..Config::default() });
            let root = || info_span!("root");
            let mut expected = Vec::new();
            let records = bench.run(|| {
                (0..20).for_each(|_| drop(root().entered()));
                let root = root();
                let _entered = root.enter();
                info!("in the root");
                info_span!("child").in_scope(|| info!("in the child"));
                let other = info_span!("other");
                info!(parent: &other, "of another");
                bench.provider.tracer("own").in_span("api", |context| {
                    info!("in a span of the API");
                    expected.push(context.span().span_context().trace_id());
                });
                info!(parent: None, "of none");
                // Asked last: asking lets dropped spans through.
                expected.push(current().0);
            });
            assert_eq!(records.len(), 5);
            let ids: Vec<_> = records.iter().map(ids).collect();
            assert_eq!(ids[4], None);
            let spans: std::collections::HashSet<_> = ids.iter().flatten().map(|(_, span, _)| *span).collect();
            assert_eq!(
                spans.len(),
                if ratio > 0.0 { 4 } else { 3 },
                "an unsampled span of the API writes as its parent"
            );
            for (trace, _, sampled) in ids.into_iter().flatten() {
                assert_eq!((trace, sampled), (expected[0], ratio > 0.0));
                assert_eq!(trace, expected[1]);
            }
        }
    }

    #[test]
    fn limits_cut_values_and_attributes_but_not_the_message() {
        let limits =
            Limits { log_attributes: 2, log_value_length: Some(3), span_value_length: Some(3), ..Limits::default() };
        let bench = Bench::new(&Config { limits, ..Config::default() });
        let records = bench.run(|| info!(a = "12345", b = ?"12345", c = 1, "a long message"));
        assert_eq!(attributes(&records[0]), [("a", AnyValue::from("123")), ("b", "\"12".into())]);
        assert_eq!(records[0].body(), Some(&"a long message".into()));
        assert_eq!(bench.internal.counted(Counter::AttributeTruncated), 2);
        assert_eq!(bench.internal.counted(Counter::AttributeDropped), 1);
    }

    #[test]
    fn what_is_filtered_suppressed_or_our_own_is_not_written() {
        let bench = Bench::new(&Config::default());
        let records = bench.run(|| {
            tracing::debug!(target: "elsewhere", "below the level");
            info!(target: "h2::codec", "of the exporter");
            crate::internal::warn("of our own");
            crate::layer::suppressed(|| info!("suppressed"));
            let _suppressed = Context::enter_telemetry_suppressed_scope();
            info!("suppressed by OpenTelemetry");
        });
        assert!(records.is_empty(), "{records:?}");
    }

    #[test]
    fn a_record_of_the_log_crate_has_its_own_target_and_is_filtered_by_it() {
        use tracing_log::log;
        let filter = Config::default().filter.with_target("legacy::noise", LevelFilter::OFF);
        let bench = Bench::new(&Config { filter, ..Config::default() });
        let records = bench.run(|| {
            for target in ["legacy::db", "legacy::noise", "h2::codec"] {
                let mut record = log::Record::builder();
                record.level(log::Level::Warn).target(target).line(Some(7)).file(Some("db.rs"));
                tracing_log::format_trace(&record.args(format_args!("of {target}")).build()).unwrap();
            }
        });
        assert_eq!(records.len(), 1, "{records:?}");
        assert_eq!(records[0].target().map(|target| &**target), Some("legacy::db"));
        assert_eq!(records[0].body(), Some(&"of legacy::db".into()));
        assert_eq!(records[0].severity_text(), Some("WARN"));
        assert!(attributes(&records[0]).is_empty());
    }

    #[test]
    fn the_place_in_the_source_is_written_on_demand() {
        let details = SpanDetails { location: true, ..SpanDetails::default() };
        let bench = Bench::new(&Config { details, ..Config::default() });
        let line = line!() + 1;
        let records = bench.run(|| info!("here"));
        let expected = [("code.file.path", AnyValue::from(file!())), ("code.line.number", i64::from(line).into())];
        assert_eq!(attributes(&records[0]), expected);
    }
}
