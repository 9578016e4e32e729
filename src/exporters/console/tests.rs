use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::trace::{SpanContext, SpanKind, TraceFlags, TraceState};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::LogExporter;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::trace::{SpanEvents, SpanExporter, SpanLinks};

use super::*;
use crate::exporters::MetricExporter;
use crate::model::{ExplicitHistogram, ScopeMetrics};

const START: Timestamp = Timestamp(1_709_164_799_250_000_000);

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// A pipe that nobody reads.
struct Torn;

impl Write for Torn {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The exports here never wait.
fn now<F: Future>(future: F) -> F::Output {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("the console waits"),
    }
}

fn a_span() -> SpanData {
    SpanData {
        span_context: SpanContext::new(
            TraceId::from(0xabc),
            SpanId::from(0xd),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        ),
        parent_span_id: SpanId::from(0xe),
        parent_span_is_remote: false,
        span_kind: SpanKind::Server,
        name: "search\n".into(),
        start_time: START.into(),
        end_time: START.plus(Duration::from_micros(12_300)).into(),
        attributes: vec![KeyValue::new("q", "a \"b\""), KeyValue::new("n", 3)],
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::error("no index"),
        instrumentation_scope: InstrumentationScope::builder("test").build(),
    }
}

#[test]
fn a_span_is_one_line() {
    let (paper, internal) = (Paper::default(), Arc::new(Internal::default()));
    let console = Console::new(paper.clone(), Arc::clone(&internal));
    now(SpanExporter::export(&console, vec![a_span()])).unwrap();
    assert_eq!(
        paper.text(),
        "2024-02-28T23:59:59.262Z span search\\n 12.300 ms Server error=\"no index\" {q=\"a \\\"b\\\"\", n=3} \
         trace=00000000000000000000000000000abc span=000000000000000d parent=000000000000000e\n"
    );
    assert_eq!(internal.report().traces.delivered, 1);
}

#[test]
fn a_log_record_is_one_line() {
    let paper = Paper::default();
    let console = Console::new(paper.clone(), Arc::default());
    let logger = SdkLoggerProvider::builder().build().logger("scope");
    let mut record = logger.create_log_record();
    record.set_timestamp(START.into());
    record.set_severity_text("WARN");
    record.set_severity_number(Severity::Warn);
    record.set_target("app::index");
    record.set_body(AnyValue::from("slow"));
    record.add_attribute("shard", 7);
    let scope = InstrumentationScope::builder("scope").build();
    now(LogExporter::export(&console, LogBatch::new(&[(&record, &scope)]))).unwrap();
    assert_eq!(paper.text(), "2024-02-28T23:59:59.250Z log WARN app::index: slow {shard=7}\n");
}

#[test]
fn a_point_is_one_line() {
    let paper = Paper::default();
    let mut console = Console::new(paper.clone(), Arc::default());
    let at = |value: ExplicitHistogram, stale| Point {
        attributes: [KeyValue::new("op", "rerank")].into_iter().collect(),
        start_time: START,
        time: START,
        value,
        exemplars: Vec::new(),
        stale,
    };
    let value = ExplicitHistogram {
        count: 2,
        sum: Some(3.5),
        min: Some(1.0),
        max: None,
        bounds: Arc::from([2.0]),
        bucket_counts: vec![1, 1],
    };
    let points = vec![at(value.clone(), false), at(value, true)];
    let data = Data::Histogram { temporality: Temporality::Cumulative, points };
    let metrics = vec![Metric { name: "duration".into(), unit: "ms".into(), description: "".into(), data }];
    let scope = InstrumentationScope::builder("test").build();
    let scopes = vec![ScopeMetrics { scope, metrics }];
    now(MetricExporter::export(
        &mut console,
        &Snapshot { time: START, resource: Resource::builder_empty().build(), scopes },
    ));
    assert_eq!(
        paper.text(),
        "2024-02-28T23:59:59.250Z metric duration count=2 sum=3.5 ms min=1 ms {op=\"rerank\"}\n\
         2024-02-28T23:59:59.250Z metric duration ended {op=\"rerank\"}\n"
    );
}

#[test]
fn what_nobody_reads_is_counted() {
    let internal = Arc::new(Internal::default());
    let console = Console::new(Torn, Arc::clone(&internal));
    assert!(now(SpanExporter::export(&console, vec![a_span(), a_span()])).is_err());
    assert_eq!(internal.report().traces.dropped, [(Reason::Unreachable, 2)]);
}
