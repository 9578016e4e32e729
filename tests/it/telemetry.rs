//! The pipeline behind the door: exporters of others, callers that wait, collection of the OpenTelemetry API.

#![cfg(test)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use bellwether::model::{Data, Number, Reason, Snapshot};
use bellwether::{Builder, Guard, Layer};
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tracing_subscriber::Registry;
use tracing_subscriber::prelude::*;

/// Longer than any of this takes.
const DEADLINE: Duration = Duration::from_secs(20);

type Behaviour = Box<dyn Fn(usize) -> OTelSdkResult + Send + Sync>;

/// An exporter that does on each export what a test says, and keeps the names.
struct Own {
    exports: Mutex<usize>,
    names: Arc<Mutex<Vec<String>>>,
    behaviour: Behaviour,
}

impl std::fmt::Debug for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Own")
    }
}

impl SpanExporter for Own {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let number = {
            let mut exports = self.exports.lock().unwrap();
            *exports += 1;
            *exports
        };
        self.names.lock().unwrap().extend(batch.into_iter().map(|span| span.name.into_owned()));
        (self.behaviour)(number)
    }
}

/// Only spans, through an exporter with this behaviour.
fn builder(behaviour: impl Fn(usize) -> OTelSdkResult + Send + Sync + 'static) -> (Builder, Arc<Mutex<Vec<String>>>) {
    let names = Arc::new(Mutex::default());
    let exporter = Own { exports: Mutex::default(), names: Arc::clone(&names), behaviour: Box::new(behaviour) };
    let variables = [
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "8"),
        ("OTEL_BSP_SCHEDULE_DELAY", "3600000"),
    ];
    let builder = bellwether::builder().environment(variables.into_iter().collect()).with_span_exporter(exporter);
    (builder, names)
}

fn start(behaviour: impl Fn(usize) -> OTelSdkResult + Send + Sync + 'static) -> (Guard, Arc<Mutex<Vec<String>>>) {
    let (builder, names) = builder(behaviour);
    let (_, guard): (Layer<Registry>, Guard) = builder.layer().unwrap();
    (guard, names)
}

fn spans(guard: &Guard, count: usize) {
    let tracer = guard.tracer_provider().unwrap().tracer("test");
    (0..count).for_each(|_| tracer.in_span("span", |_| ()));
}

#[test]
fn an_exporter_that_panics_or_fails_loses_its_batch_and_no_other() {
    let (guard, names) = start(|export| match export {
        1 => panic!("the exporter of a test"),
        2 => Err(OTelSdkError::InternalFailure(String::from("no"))),
        3 => Err(OTelSdkError::Timeout(Duration::ZERO)),
        _ => Ok(()),
    });
    for _ in 0..4 {
        spans(&guard, 2);
        drop(guard.flush(DEADLINE));
    }
    let report = guard.shutdown(DEADLINE);
    assert_eq!(report.traces.delivered, 2, "{report}");
    assert_eq!(report.traces.dropped, [(Reason::Unreachable, 2), (Reason::Refused, 4)], "{report}");
    assert_eq!(names.lock().unwrap().len(), 8);
}

#[test]
fn an_exporter_that_blocks_for_ever_costs_no_memory_and_no_caller_more_than_the_deadline() {
    let (hang, hung) = mpsc::sync_channel::<()>(0);
    let hang = Mutex::new(Some(hang));
    let (guard, _names) = start(move |_| {
        // Blocks until the test lets go.
        let hang = hang.lock().unwrap().take();
        hang.map_or(Ok(()), |hang| hang.send(()).or(Ok(())))
    });
    spans(&guard, 4);
    let report = guard.flush(Duration::from_millis(50));
    assert_eq!((report.traces.delivered, report.traces.dropped_total()), (0, 0), "a flush in time loses nothing");
    spans(&guard, 100);
    let report = guard.shutdown(Duration::from_millis(100));
    assert_eq!(report.traces.delivered, 0);
    assert_eq!(report.traces.dropped_total(), 104, "{report}");
    let lost_in_queue = report.traces.dropped.iter().find(|(reason, _)| *reason == Reason::QueueFull).unwrap().1;
    assert!(lost_in_queue >= 92, "at most a queue of 8 beside the batch of 4: {report}");
    drop(hung);
}

#[test]
fn an_exporter_may_block_on_a_runtime_of_its_own_and_may_use_that_of_its_thread() {
    let (guard, names) = start(|export| {
        if export == 1 {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(tokio::task::yield_now());
        } else {
            // Spawned on the pipeline's own runtime.
            drop(tokio::spawn(async {}));
        }
        Ok(())
    });
    for _ in 0..2 {
        spans(&guard, 1);
        assert!(guard.flush(DEADLINE).is_complete());
    }
    assert!(guard.shutdown(DEADLINE).is_complete());
    assert_eq!(names.lock().unwrap().len(), 2);
}

#[test]
fn a_full_batch_goes_out_without_a_flush_and_after_shutdown_everything_is_counted() {
    let (sender, exported) = mpsc::channel();
    let (guard, _names) = start(move |_| {
        sender.send(()).unwrap();
        Ok(())
    });
    let tracer = guard.tracer_provider().unwrap().tracer("test");
    spans(&guard, 4);
    exported.recv_timeout(DEADLINE).unwrap();
    let handle = guard.handle();
    assert!(guard.shutdown(DEADLINE).is_complete());
    tracer.in_span("late", |_| ());
    assert_eq!(handle.report().traces.dropped, [(Reason::AfterShutdown, 1)]);
    // Nobody waits for a pipeline that has ended.
    assert_eq!(handle.flush(DEADLINE), handle.shutdown(DEADLINE));
}

#[test]
fn many_callers_may_flush_at_once() {
    let (guard, names) = start(|_| Ok(()));
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                spans(&guard, 1);
                drop(guard.flush(DEADLINE));
            });
        }
    });
    // The queue holds 8, so what was pushed at once beyond that is counted instead.
    let report = guard.report();
    assert_eq!(report.traces.delivered + report.traces.dropped_total(), 20, "{report}");
    assert_eq!(names.lock().unwrap().len() as u64, report.traces.delivered);
}

#[test]
fn a_flush_inside_a_current_thread_runtime_ends() {
    let (guard, names) = start(|_| Ok(()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        spans(&guard, 1);
        assert!(guard.flush(DEADLINE).is_complete());
        spans(&guard, 1);
        assert!(guard.flush_async(DEADLINE).await.is_complete());
        assert_eq!(names.lock().unwrap().len(), 2);
        assert!(guard.shutdown(DEADLINE).is_complete());
    });
}

#[test]
fn the_sdks_force_flush_flushes_and_its_shutdown_does_not_end_the_pipeline() {
    let (guard, names) = start(|_| Ok(()));
    let provider = guard.tracer_provider().unwrap();
    spans(&guard, 1);
    provider.force_flush().unwrap();
    assert_eq!(names.lock().unwrap().len(), 1);
    spans(&guard, 1);
    provider.shutdown().unwrap();
    assert!(guard.shutdown(DEADLINE).is_complete());
    assert_eq!(names.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_task_of_the_host_delivers_until_its_shutdown_and_tells_what_became_of_everything() {
    let (builder, names) = builder(|_| Ok(()));
    let (_, pipeline): (Layer<Registry>, bellwether::Pipeline) = builder.build().unwrap();
    let tracer = pipeline.tracer_provider().unwrap().tracer("test");
    let handle = pipeline.handle();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(pipeline.run(async { drop(stopped.await) }));
    tracer.in_span("first", |_| ());
    assert!(handle.flush_async(DEADLINE).await.is_complete());
    assert_eq!(*names.lock().unwrap(), ["first"]);
    tracer.in_span("second", |_| ());
    drop(stop);
    let report = task.await.unwrap();
    assert_eq!((report.traces.delivered, report.is_complete()), (2, true), "{report}");
}

#[test]
fn a_task_that_never_runs_or_is_dropped_keeps_nobody_waiting() {
    let (builder, _names) = builder(|_| Ok(()));
    let (_, pipeline): (Layer<Registry>, bellwether::Pipeline) = builder.build().unwrap();
    let handle = pipeline.handle();
    drop(pipeline);
    assert!(handle.shutdown(DEADLINE).is_complete());
}

#[test]
fn instruments_of_the_opentelemetry_api_are_collected_and_their_callbacks_cannot_hurt() {
    let (guard, _names) = start(|_| Ok(()));
    let meter = guard.meter_provider().meter("library");
    meter.u64_counter("counted").with_unit("{thing}").build().add(3, &[KeyValue::new("a", "b")]);
    meter.f64_histogram("measured").with_boundaries(vec![1.0, 2.0]).build().record(1.5, &[]);
    let handle = guard.handle();
    let _observed = meter
        .i64_observable_gauge("observed")
        .with_callback(|_| panic!("the callback of a test"))
        // Asks for what it is part of; it sees what does not come from callbacks.
        .with_callback(move |gauge| gauge.observe(i64::from(handle.snapshot().metrics().count() > 0), &[]))
        .build();
    for _ in 0..2 {
        let snapshot = guard.snapshot();
        let counted = snapshot.metric("counted").unwrap();
        assert_eq!(counted.unit, "{thing}");
        let Data::Sum { monotonic: true, points, .. } = &counted.data else { panic!("{counted:?}") };
        assert_eq!((points[0].value, points[0].attributes.get("a")), (Number::I64(3), Some(&"b".into())));
        let Data::Histogram { points, .. } = &snapshot.metric("measured").unwrap().data else { panic!() };
        assert_eq!((points[0].value.count, &points[0].value.bucket_counts[..]), (1, &[0, 1, 0][..]));
        let Data::Gauge(points) = &snapshot.metric("observed").unwrap().data else { panic!() };
        assert_eq!(points[0].value, Number::I64(1));
    }
    let events = guard.snapshot();
    let Data::Sum { points, .. } = &events.metric("bellwether.internal.events").unwrap().data else { panic!() };
    let panicked = points.iter().find(|point| point.attributes.get("event") == Some(&"callback_panicked".into()));
    assert_eq!(panicked.unwrap().value, Number::I64(3), "one a collection");
}

#[test]
fn a_callback_that_hangs_holds_up_neither_spans_nor_the_end_and_its_metrics_stay_as_they_were() {
    let (guard, _names) = start(|_| Ok(()));
    let meter = guard.meter_provider().meter("library");
    let (hang, hung) = mpsc::sync_channel::<()>(0);
    let hang = Mutex::new(hang);
    let calls = AtomicU64::new(0);
    let _observed = meter
        .u64_observable_gauge("observed")
        .with_callback(move |gauge| {
            let call = calls.fetch_add(1, Ordering::Relaxed);
            gauge.observe(call, &[]);
            if call > 0 {
                // Blocks until the test lets go.
                let _sent = hang.lock().unwrap().send(());
            }
        })
        .build();
    let observed = |snapshot: &Snapshot| {
        let Data::Gauge(points) = &snapshot.metric("observed").unwrap().data else { panic!() };
        let events = snapshot.metric("bellwether.internal.events").map(|metric| metric.data.attributes());
        let late = events.is_some_and(|mut events| events.any(|it| it.get("event") == Some(&"callback_late".into())));
        (points[0].value, late)
    };
    assert_eq!(observed(&guard.snapshot()), (Number::I64(0), false));
    for _ in 0..2 {
        spans(&guard, 3);
        assert!(guard.flush(DEADLINE).is_complete());
    }
    let handle = guard.handle();
    let report = guard.shutdown(Duration::from_millis(100));
    assert_eq!((report.traces.delivered, report.traces.dropped_total()), (6, 0), "{report}");
    while handle.latest().is_none() {
        std::thread::yield_now();
    }
    // Nobody waits for it any more, which is counted.
    assert_eq!(observed(&handle.latest().unwrap()), (Number::I64(0), true));
    assert_eq!(observed(&handle.snapshot()), (Number::I64(0), true));
    drop(hung);
}

#[test]
fn what_is_declared_in_code_is_what_events_record_into() {
    let environment = [("OTEL_TRACES_EXPORTER", "none"), ("OTEL_LOGS_EXPORTER", "none")].into_iter().collect();
    let builder = bellwether::builder().environment(environment).endpoint("http://127.0.0.1:9");
    let builder = builder.histogram("waited", "s", "Time in the queue", &[0.5, 1.0]).counter("sold", "{cup}", "Cups");
    let (layer, guard) = builder.layer().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(histogram.waited = 0.7, monotonic_counter.sold = 2_u64);
    });
    let snapshot = guard.snapshot();
    let waited = snapshot.metric("waited").unwrap();
    assert_eq!((&*waited.unit, &*waited.description), ("s", "Time in the queue"));
    let Data::Histogram { points, .. } = &waited.data else { panic!("{waited:?}") };
    assert_eq!((&*points[0].value.bounds, &points[0].value.bucket_counts[..]), (&[0.5, 1.0][..], &[0, 1, 0][..]));
    assert_eq!(snapshot.metric("sold").unwrap().unit, "{cup}");
    drop(guard.shutdown(Duration::ZERO));
}

#[cfg(feature = "config-file")]
#[test]
fn what_a_file_declares_is_what_is_recorded_into_unless_code_declares_it_otherwise() {
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    let text = "file_format: '1.0'\ndistribution: { bellwether: { instruments: [\
        { histogram: { name: waited, unit: s, description: Time in the queue, boundaries: [0.5, 1] } },\
        { counter: { name: sold, unit: '{cup}' } }, { gauge: { name: level, unit: '%' } }] } }\n";
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    let environment = bellwether::config::Environment::default();
    let builder = bellwether::builder().environment(environment).config_file(file.path());
    let (layer, guard) = builder.up_down_counter("SOLD", "{pot}", "Pots").layer().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(histogram.waited = 0.7, counter.sold = 2_u64);
        bellwether::instruments::gauge("level").record(7, &[]);
    });
    let snapshot = guard.snapshot();
    let said = ["waited", "SOLD", "level"].map(|name| {
        let metric = snapshot.metric(name).unwrap();
        (&*metric.unit, &*metric.description)
    });
    assert_eq!(said, [("s", "Time in the queue"), ("{pot}", "Pots"), ("%", "")]);
    let Data::Histogram { points, .. } = &snapshot.metric("waited").unwrap().data else { panic!() };
    assert_eq!((&*points[0].value.bounds, &points[0].value.bucket_counts[..]), (&[0.5, 1.0][..], &[0, 1, 0][..]));
    drop(guard.shutdown(Duration::ZERO));
}

#[cfg(feature = "tls")]
#[test]
fn a_signal_that_goes_nowhere_needs_no_certificates() {
    let certificate = [
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "https://localhost:1"),
        ("OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE", "/nowhere/ca.pem"),
    ];
    for (exporter, wrong) in [("otlp", true), ("none", false)] {
        let variables = certificate.into_iter().chain([("OTEL_LOGS_EXPORTER", exporter)]);
        let built = bellwether::builder().environment(variables.collect()).build::<Registry>();
        let error = built.map(|_| ()).map_err(|error| error.to_string()).err();
        assert_eq!(error.is_some_and(|error| error.starts_with("OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE")), wrong);
    }
}

#[test]
fn wrong_settings_in_code_are_errors_that_name_them() {
    let builder = || bellwether::builder().environment(bellwether::config::Environment::default());
    let cases = [
        (builder().sample_ratio(1.5), "Builder::sample_ratio: \"1.5\""),
        (builder().interval(Duration::ZERO), "Builder::interval"),
        (builder().endpoint("localhost:4318"), "Builder::endpoint: \"localhost:4318\""),
        (builder().filter("a=loud"), "Builder::filter: \"a=loud\""),
        (builder().console_filter("[="), "Builder::console_filter"),
        (builder().header("no good", "secret"), "Builder::header: \"no good\""),
        (builder().histogram("h", "", "", &[2.0, 1.0]), "the boundaries of h: \"[2.0, 1.0]\""),
        (builder().counter("n", "", "").gauge("n", "", ""), "the declaration of an instrument: \"n\""),
    ];
    for (builder, expected) in cases {
        let error = builder.layer::<Registry>().map(|_| ()).unwrap_err();
        let text = error.to_string();
        assert!(error.is_configuration() && text.starts_with(expected) && !text.contains("secret"), "{text}");
    }
}
