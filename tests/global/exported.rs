//! From one call to the message on the wire: what settings promise, as a backend sees it.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bellwether::clock::{Clock, Timestamp};
use bellwether::{Builder, Guard};
use opentelemetry::trace::Status;
use opentelemetry::{KeyValue as ApiKeyValue, global};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, DataPointFlags, HistogramDataPoint, Metric, NumberDataPoint,
};
use tracing::{info, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::process::case;
use crate::receiver::Receiver;

const DEADLINE: Duration = Duration::from_secs(10);
const CALLS: &str = "traces.span.metrics.calls";
const DURATION: &str = "traces.span.metrics.duration";

fn builder(receiver: &Receiver, variables: &[(&str, &str)]) -> Builder {
    let environment = receiver.variables().into_iter().chain(variables.iter().copied()).collect();
    bellwether::builder().environment(environment).console(false)
}

/// Runs `f` under `init` with these variables; what arrived.
fn exported(variables: &[(&str, &str)], f: impl FnOnce(&Guard)) -> Receiver {
    let receiver = Receiver::http();
    let guard = builder(&receiver, variables).init().unwrap();
    f(&guard);
    let report = guard.shutdown(DEADLINE);
    assert!(report.is_complete(), "{report}");
    receiver
}

fn flush(guard: &Guard) {
    let report = guard.flush(DEADLINE);
    assert!(report.is_complete(), "{report}");
}

/// Every message about a metric, in order.
fn named(receiver: &Receiver, name: &str) -> Vec<Metric> {
    receiver.metrics().into_iter().filter(|metric| metric.name == name).collect()
}

/// Points of a sum over all messages, stale markers included.
fn sums(receiver: &Receiver, name: &str) -> Vec<NumberDataPoint> {
    let points = |metric: Metric| match metric.data {
        Some(Data::Sum(sum)) => sum.data_points,
        other => panic!("{name}: {other:?}"),
    };
    named(receiver, name).into_iter().flat_map(points).collect()
}

/// Points of an explicit histogram over all messages, stale markers included.
fn histograms(receiver: &Receiver, name: &str) -> Vec<HistogramDataPoint> {
    let points = |metric: Metric| match metric.data {
        Some(Data::Histogram(histogram)) => histogram.data_points,
        other => panic!("{name}: {other:?}"),
    };
    named(receiver, name).into_iter().flat_map(points).collect()
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    match attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()? {
        AnyValue { value: Some(Value::StringValue(text)) } => Some(text.clone()),
        other => Some(format!("{other:?}")),
    }
}

fn is_stale(flags: u32) -> bool {
    flags == DataPointFlags::NoRecordedValueMask as u32
}

fn work(times: usize) {
    for _ in 0..times {
        info_span!("work").in_scope(|| info!(histogram.size = 3.0, "worked"));
    }
}

#[test]
fn every_exemplar_has_its_span_among_the_exported_ones_and_logs_name_it() {
    case("exported::every_exemplar_has_its_span_among_the_exported_ones_and_logs_name_it", &[], || {
        let receiver = exported(&[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.5")], |_| {
            work(200);
        });
        let spans = receiver.spans();
        assert!((50..150).contains(&spans.len()), "{}", spans.len());
        for name in [DURATION, "size"] {
            let points = histograms(&receiver, name);
            let exemplars: Vec<_> = points.iter().flat_map(|point| &point.exemplars).collect();
            assert!(!exemplars.is_empty(), "{name}");
            for exemplar in exemplars {
                let is_its = |span: &&opentelemetry_proto::tonic::trace::v1::Span| {
                    (&span.trace_id, &span.span_id) == (&exemplar.trace_id, &exemplar.span_id)
                };
                assert!(spans.iter().find(is_its).is_some() && exemplar.time_unix_nano > 0, "{name}");
            }
        }
        let logs = receiver.logs();
        let sampled = logs.iter().filter(|record| record.flags == 1).count();
        assert_eq!((logs.len(), sampled), (200, spans.len()));
        assert!(logs.iter().all(|record| record.trace_id.len() == 16 && record.span_id.len() == 8));
    });
}

#[test]
fn a_sampler_that_is_off_leaves_metrics_and_logs_exact() {
    case("exported::a_sampler_that_is_off_leaves_metrics_and_logs_exact", &[], || {
        let receiver = exported(&[("OTEL_TRACES_SAMPLER", "always_off")], |_| work(100));
        assert!(receiver.spans().is_empty());
        assert_eq!(receiver.logs().len(), 100);
        assert!(receiver.logs().iter().all(|record| record.trace_id.len() == 16 && record.flags == 0));
        let points = histograms(&receiver, DURATION);
        assert_eq!(points.iter().map(|point| point.count).max(), Some(100));
        assert!(points.iter().all(|point| point.exemplars.is_empty()));
    });
}

#[test]
fn limits_of_variables_hold_on_the_wire_and_what_they_take_is_counted() {
    case("exported::limits_of_variables_hold_on_the_wire_and_what_they_take_is_counted", &[], || {
        let limits = [
            ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3"),
            ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "1"),
            ("OTEL_SPAN_EVENT_COUNT_LIMIT", "1"),
            ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "1"),
        ];
        let receiver = exported(&limits, |_| {
            info_span!("work", first = "12345", second = "12345").in_scope(|| {
                info!(first = "12345", second = 2, "one");
                info!("two");
            });
        });
        let [span] = &receiver.spans()[..] else { panic!("{:?}", receiver.spans()) };
        assert_eq!((span.attributes.len(), span.dropped_attributes_count), (1, 1));
        assert_eq!(text(&span.attributes, "first").as_deref(), Some("123"));
        assert_eq!((span.events.len(), span.dropped_events_count), (1, 1));
        let record = &receiver.logs()[0];
        assert_eq!(record.attributes.len(), 1);
        assert_eq!(text(&record.attributes, "first").as_deref(), Some("123"));
        let counted: Vec<_> = sums(&receiver, "bellwether.internal.events")
            .iter()
            .filter_map(|point| text(&point.attributes, "event"))
            .collect();
        assert!(counted.contains(&"attribute_truncated".into()) && counted.contains(&"attribute_dropped".into()));
    });
}

#[test]
fn exponential_histograms_on_demand_for_spans_events_and_instruments_of_the_api() {
    case("exported::exponential_histograms_on_demand_for_spans_events_and_instruments_of_the_api", &[], || {
        let variable = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";
        let receiver = exported(&[(variable, "base2_exponential_bucket_histogram")], |_| {
            work(10);
            global::meter("own").f64_histogram("api").build().record(3.0, &[]);
        });
        for (name, count, exemplars) in [(DURATION, 10, true), ("size", 10, true), ("api", 1, false)] {
            let metrics = named(&receiver, name);
            let Some(Data::ExponentialHistogram(histogram)) = &metrics[0].data else { panic!("{metrics:?}") };
            let point = histogram.data_points.last().unwrap();
            let positive: u64 = point.positive.as_ref().unwrap().bucket_counts.iter().sum();
            assert_eq!((point.count, positive + point.zero_count), (count, count), "{name}");
            assert_eq!(!point.exemplars.is_empty(), exemplars, "{name}");
        }
    });
}

#[test]
fn deltas_say_what_was_added_since_the_last_message() {
    case("exported::deltas_say_what_was_added_since_the_last_message", &[], || {
        let variable = ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta");
        let receiver = exported(&[variable], |guard| {
            let asked = global::meter("own").u64_counter("asked").build();
            for times in [3, 0, 2] {
                work(times);
                asked.add(times as u64, &[]);
                flush(guard);
            }
        });
        let delta = AggregationTemporality::Delta as i32;
        for name in [CALLS, "asked"] {
            let points = sums(&receiver, name);
            let values: Vec<_> = points.iter().map(|point| point.value).collect();
            assert_eq!(values, [Some(Number::AsInt(3)), Some(Number::AsInt(2))], "{name}");
            assert!(points[0].time_unix_nano <= points[1].start_time_unix_nano, "{name}");
        }
        for metric in named(&receiver, DURATION) {
            let Some(Data::Histogram(histogram)) = metric.data else { panic!("no histogram") };
            assert_eq!(histogram.aggregation_temporality, delta);
        }
        assert_eq!(histograms(&receiver, DURATION).iter().map(|point| point.count).collect::<Vec<_>>(), [3, 2]);
    });
}

#[test]
fn a_series_begins_with_a_point_of_zero_and_ends_with_a_stale_marker_when_it_is_idle() {
    case("exported::a_series_begins_with_a_point_of_zero_and_ends_with_a_stale_marker_when_it_is_idle", &[], || {
        let receiver = Receiver::grpc();
        let clock = Clock::manual(Timestamp(1_767_225_600_000_000_000));
        let guard = builder(&receiver, &[]).clock(clock.clone()).init().unwrap();
        work(2);
        clock.advance(Duration::from_secs(1));
        flush(&guard);
        clock.advance(Duration::from_secs(7_200));
        flush(&guard);
        let of_work = |point: &NumberDataPoint| text(&point.attributes, "span.name").as_deref() == Some("work");
        let points: Vec<_> = sums(&receiver, CALLS).into_iter().filter(of_work).collect();
        let values: Vec<_> = points.iter().map(|point| point.value).collect();
        assert_eq!(values, [Some(Number::AsInt(0)), Some(Number::AsInt(2)), None]);
        assert_eq!(points[0].time_unix_nano, points[0].start_time_unix_nano);
        assert!(points.is_sorted_by(|a, b| a.time_unix_nano < b.time_unix_nano));
        assert_eq!(points.iter().map(|point| is_stale(point.flags)).collect::<Vec<_>>(), [false, false, true]);
        let histograms = histograms(&receiver, DURATION);
        assert_eq!(histograms.iter().map(|point| point.count).collect::<Vec<_>>(), [0, 2, 0]);
        assert!(is_stale(histograms[2].flags));
        assert!(guard.shutdown(DEADLINE).is_complete());
    });
}

/// What the console wrote.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn too_many_values_of_an_attribute_keep_their_operation_and_make_one_line_that_names_it() {
    case("exported::too_many_values_of_an_attribute_keep_their_operation_and_make_one_line_that_names_it", &[], || {
        let (receiver, lines) = (Receiver::http(), Lines::default());
        let writer = lines.clone();
        let variables = [("OTEL_TRACES_EXPORTER", "none"), ("OTEL_LOGS_EXPORTER", "none")];
        let builder = builder(&receiver, &variables).dimension("user.id").console(true);
        let guard = builder.console_writer(move || writer.clone()).init().unwrap();
        let api = global::meter("own").u64_counter("api").build();
        for round in 0..2 {
            (0..3_000).for_each(|user| drop(info_span!("login", user.id = user + round)));
            (0..3_000).for_each(|session| api.add(1, &[ApiKeyValue::new("session.id", session)]));
            flush(&guard);
        }
        assert!(guard.shutdown(DEADLINE).is_complete());

        let points = sums(&receiver, CALLS);
        let overflow = points.iter().filter(|point| text(&point.attributes, "otel.metric.overflow").is_some());
        let overflow: Vec<_> = overflow.filter(|point| !is_stale(point.flags)).collect();
        assert!(overflow.iter().all(|point| text(&point.attributes, "span.name").as_deref() == Some("login")));
        let latest = points.iter().filter(|point| !is_stale(point.flags)).map(|point| point.time_unix_nano).max();
        let calls = |point: &NumberDataPoint| match point.value {
            Some(Number::AsInt(calls)) => calls,
            other => panic!("{other:?}"),
        };
        let total: i64 = points.iter().filter(|point| Some(point.time_unix_nano) == latest).map(calls).sum();
        assert_eq!(total, 6_000);
        let written = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let blame: Vec<_> = written.lines().filter(|line| line.contains("otel.metric.overflow")).collect();
        assert_eq!(blame.len(), 2, "one for the spans, one for the instrument of the API: {written}");
        assert!(blame.iter().any(|line| line.contains("`user.id`") && line.contains("`login`")), "{written}");
        assert!(blame.iter().any(|line| line.contains("`session.id`") && line.contains("`api`")), "{written}");
    });
}

#[test]
fn what_the_builder_declares_reaches_the_wire() {
    case("exported::what_the_builder_declares_reaches_the_wire", &[], || {
        let receiver = Receiver::http();
        let builder =
            builder(&receiver, &[]).histogram("search.results", "{document}", "Documents found", &[1.0, 10.0]);
        let guard = builder.counter("sold", "{cup}", "Cups sold").init().unwrap();
        info!(histogram.search.results = 7, monotonic_counter.sold = 2);
        assert!(guard.shutdown(DEADLINE).is_complete());
        let metric = &named(&receiver, "search.results")[0];
        assert_eq!((&*metric.unit, &*metric.description), ("{document}", "Documents found"));
        let points = histograms(&receiver, "search.results");
        let point = points.iter().find(|point| point.count == 1).unwrap();
        assert_eq!((&point.explicit_bounds[..], &point.bucket_counts[..]), (&[1.0, 10.0][..], &[0, 1, 0][..]));
        let sold = &named(&receiver, "sold")[0];
        assert_eq!((&*sold.unit, &*sold.description), ("{cup}", "Cups sold"));
    });
}

/// `error.type` of the calls that failed, by operation.
fn errors(receiver: &Receiver) -> Vec<(String, String)> {
    let mut errors: Vec<_> = sums(receiver, CALLS)
        .iter()
        .filter(|point| text(&point.attributes, "status.code").as_deref() == Some("STATUS_CODE_ERROR"))
        .map(|point| {
            let attribute = |key| text(&point.attributes, key).unwrap_or_default();
            (attribute("span.name"), attribute("error.type"))
        })
        .collect();
    errors.sort();
    errors.dedup();
    errors
}

fn fail() {
    let by_hand = info_span!("by hand");
    by_hand.in_scope(|| by_hand.set_status(Status::error("no")));
    let unentered = info_span!("unentered");
    unentered.set_status(Status::error("no"));
    drop(unentered);
    let typed = info_span!("typed");
    typed.in_scope(|| tracing::event!(tracing::Level::ERROR, error.type = "timeout", "no"));
    let panicked = std::panic::catch_unwind(|| info_span!("panicked").in_scope(|| panic!("no")));
    assert!(panicked.is_err());
}

fn errors_are_errors(sampler: &str) {
    let expected = [("by hand", "_OTHER"), ("panicked", "panic"), ("typed", "timeout"), ("unentered", "_OTHER")];
    let receiver = exported(&[("OTEL_TRACES_SAMPLER", sampler)], |_| fail());
    assert_eq!(errors(&receiver), expected.map(|(name, kind)| (name.to_owned(), kind.to_owned())), "{sampler}");
}

#[test]
fn a_status_an_error_event_and_a_panic_are_errors_of_metrics_in_a_sampled_trace() {
    let name = "exported::a_status_an_error_event_and_a_panic_are_errors_of_metrics_in_a_sampled_trace";
    case(name, &[], || errors_are_errors("always_on"));
}

#[test]
fn a_status_an_error_event_and_a_panic_are_errors_of_metrics_in_an_unsampled_trace() {
    let name = "exported::a_status_an_error_event_and_a_panic_are_errors_of_metrics_in_an_unsampled_trace";
    case(name, &[], || errors_are_errors("always_off"));
}

/// What a call to another service carries in a request that came with these headers: made in the thread of the request,
/// and by a task of it in another thread.
fn outgoing(flags: &str) -> [HashMap<String, String>; 2] {
    fn call() -> HashMap<String, String> {
        let client = info_span!("client", otel.kind = "client");
        let mut headers = HashMap::new();
        global::get_text_map_propagator(|propagator| propagator.inject_context(&client.context(), &mut headers));
        headers
    }
    let incoming = HashMap::from([
        (String::from("traceparent"), format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}")),
        (String::from("tracestate"), String::from("vendor=x")),
        (String::from("baggage"), String::from("tenant=7")),
    ]);
    let server = info_span!("server", otel.kind = "server");
    server.set_parent(global::get_text_map_propagator(|propagator| propagator.extract(&incoming))).unwrap();
    let internal = server.in_scope(|| info_span!("internal"));
    let here = server.in_scope(|| internal.in_scope(call));
    let there = std::thread::spawn(move || internal.in_scope(call)).join().unwrap();
    [here, there]
}

#[test]
fn a_call_carries_the_trace_its_state_and_the_baggage_of_the_request_whether_it_is_sampled_or_not() {
    let name =
        "exported::a_call_carries_the_trace_its_state_and_the_baggage_of_the_request_whether_it_is_sampled_or_not";
    case(name, &[], || {
        let receiver = exported(&[], |_| {
            for flags in ["01", "00"] {
                for (headers, place) in outgoing(flags).into_iter().zip(["here", "there"]) {
                    let parent = &headers["traceparent"];
                    assert!(parent.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{headers:?}");
                    assert!(parent.ends_with(flags) && !parent.contains("b7ad6b7169203331"), "{headers:?}");
                    assert_eq!(headers.get("tracestate").map(String::as_str), Some("vendor=x"), "{flags} {place}");
                    let baggage = headers.get("baggage").map(String::as_str);
                    assert_eq!(baggage, Some("tenant=7"), "{flags} {place}");
                }
            }
        });
        assert_eq!(receiver.spans().len(), 4, "server, internal and two clients of the sampled request");
    });
}

#[test]
fn a_queue_that_overflows_is_said_while_the_program_runs_with_the_cure() {
    let name = "exported::a_queue_that_overflows_is_said_while_the_program_runs_with_the_cure";
    let written = case(name, &[], || {
        let receiver = Receiver::http();
        let small = [("OTEL_BSP_MAX_QUEUE_SIZE", "4"), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2")];
        let guard = builder(&receiver, &small).console(true).init().unwrap();
        for _ in 0..100 {
            drop(info_span!("quick"));
        }
        let report = guard.flush(DEADLINE);
        assert!(report.traces.dropped_total() > 0, "{report}");
        tracing::warn!("still running");
        drop(guard);
    });
    let Some(written) = written else { return };
    let (before, _) = written.split_once("still running").unwrap();
    let lines: Vec<&str> = before.lines().filter(|line| line.contains("the queue of")).collect();
    let [line] = lines[..] else { panic!("{written}") };
    let cure = "they come faster than they are exported. Raise OTEL_BSP_MAX_QUEUE_SIZE";
    assert!(line.contains("WARN") && line.contains("the queue of 4 spans is full") && line.contains(cure), "{line}");
}

/// What goes over OTLP and to the console, through these variables.
fn shown_and_sent(name: &str, variables: &[(&str, &str)]) {
    let written = case(name, &[], || {
        let receiver = exported(variables, |_| info_span!("seen twice").in_scope(|| info!("told twice")));
        assert_eq!(receiver.span_names(), ["seen twice"]);
        assert_eq!(receiver.logs().len(), 1);
        assert!(receiver.has_metric(CALLS));
    });
    let Some(written) = written else { return };
    for shown in [" span seen twice ", "told twice", " traces.span.metrics.calls 1 "] {
        assert_eq!(written.matches(shown).count(), 1, "{shown}: {written}");
    }
}

#[test]
fn variables_may_send_each_signal_to_a_backend_and_to_the_console() {
    let name = "exported::variables_may_send_each_signal_to_a_backend_and_to_the_console";
    let both = "otlp,console";
    let variables =
        [("OTEL_TRACES_EXPORTER", both), ("OTEL_METRICS_EXPORTER", both), ("OTEL_LOGS_EXPORTER", "console,otlp")];
    shown_and_sent(name, &variables);
}

#[cfg(feature = "config-file")]
#[test]
fn a_file_may_send_each_signal_to_a_backend_and_to_the_console() {
    let name = "exported::a_file_may_send_each_signal_to_a_backend_and_to_the_console";
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    let otlp = |signal| format!("{{ otlp_http: {{ endpoint: '${{OTEL_EXPORTER_OTLP_ENDPOINT}}/v1/{signal}' }} }}");
    let processors = |signal| {
        let otlp = otlp(signal);
        format!("processors: [{{ simple: {{ exporter: {{ console: }} }} }}, {{ batch: {{ exporter: {otlp} }} }}]")
    };
    let (traces, logs, metrics) = (processors("traces"), processors("logs"), otlp("metrics"));
    let text = format!(
        "file_format: '1.0'\ntracer_provider: {{ {traces} }}\nlogger_provider: {{ {logs} }}\nmeter_provider:\n  \
         readers: [{{ periodic: {{ exporter: {{ console: }} }} }}, {{ periodic: {{ exporter: {metrics} }} }}]\n"
    );
    io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    shown_and_sent(name, &[("OTEL_CONFIG_FILE", file.path().to_str().unwrap())]);
}
