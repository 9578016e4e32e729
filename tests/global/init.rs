//! `init`: once a process, anywhere, all or nothing.

use std::time::Duration;

use opentelemetry::global;
use opentelemetry::trace::Tracer;
use opentelemetry_proto::tonic::metrics::v1::DataPointFlags;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use tracing::{info, info_span};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::process::case;
use crate::receiver::Receiver;

const DEADLINE: Duration = Duration::from_secs(10);

#[tracing::instrument]
fn answer() -> u32 {
    info!("thinking");
    42
}

/// Whether the last points of this sum say that its series have ended.
fn has_ended(receiver: &Receiver, name: &str) -> bool {
    let metrics = receiver.metrics();
    let last = metrics.iter().rfind(|metric| metric.name == name).and_then(|metric| metric.data.as_ref());
    let Some(Data::Sum(sum)) = last else { return false };
    sum.data_points.iter().all(|point| point.flags == DataPointFlags::NoRecordedValueMask as u32)
}

/// All three signals of one call arrive, and the report says so.
fn one_call(receiver: &Receiver) {
    let guard = init(receiver).unwrap();
    answer();
    global::meter("meter").u64_counter("asked").build().add(1, &[]);
    global::tracer("tracer").in_span("by_hand", |_| ());
    let report = guard.shutdown(DEADLINE);
    assert!(report.is_complete(), "{report}");
    let mut names = receiver.span_names();
    names.sort();
    assert_eq!(names, ["answer", "by_hand"]);
    assert_eq!(receiver.logs().len(), 1, "{:?}", receiver.logs());
    for metric in ["traces.span.metrics.calls", "traces.span.metrics.duration", "asked"] {
        assert!(receiver.has_metric(metric), "{metric}");
    }
    assert_eq!((report.traces.delivered, report.logs.delivered), (2, 1));
    for metric in ["traces.span.metrics.calls", "asked", "otel.sdk.exporter.span.exported"] {
        assert!(has_ended(receiver, metric), "a shutdown ends series with stale markers: {metric}");
    }
}

fn init(receiver: &Receiver) -> Result<bellwether::Guard, bellwether::Error> {
    let environment = receiver.variables().into_iter().collect();
    bellwether::builder().environment(environment).init()
}

#[test]
fn one_call_is_enough_without_a_runtime_over_grpc() {
    case("init::one_call_is_enough_without_a_runtime_over_grpc", &[], || one_call(&Receiver::grpc()));
}

#[test]
fn one_call_is_enough_without_a_runtime_over_http() {
    case("init::one_call_is_enough_without_a_runtime_over_http", &[], || one_call(&Receiver::http()));
}

#[test]
fn one_call_is_enough_in_a_current_thread_runtime() {
    case("init::one_call_is_enough_in_a_current_thread_runtime", &[], || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async { one_call(&Receiver::grpc()) });
    });
}

#[test]
fn one_call_is_enough_in_a_multi_thread_runtime_and_the_async_shutdown_delivers() {
    let name = "init::one_call_is_enough_in_a_multi_thread_runtime_and_the_async_shutdown_delivers";
    case(name, &[], || {
        let receiver = Receiver::http();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let report = runtime.block_on(async {
            let guard = init(&receiver).unwrap();
            tokio::spawn(async { answer() }).await.unwrap();
            assert!(guard.flush_async(DEADLINE).await.is_complete());
            assert_eq!(receiver.span_names(), ["answer"]);
            guard.shutdown_async(DEADLINE).await
        });
        assert!(report.is_complete(), "{report}");
    });
}

#[test]
fn the_guard_delivers_on_drop_after_the_hosts_runtime_is_gone() {
    case("init::the_guard_delivers_on_drop_after_the_hosts_runtime_is_gone", &[], || {
        let receiver = Receiver::grpc();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let guard = runtime.block_on(async { init(&receiver).unwrap() });
        runtime.block_on(async { answer() });
        drop(runtime);
        drop(guard);
        assert_eq!(receiver.span_names(), ["answer"]);
        assert!(receiver.has_metric("traces.span.metrics.calls"));
    });
}

#[test]
fn a_second_init_is_refused_and_the_first_goes_on() {
    case("init::a_second_init_is_refused_and_the_first_goes_on", &[], || {
        let (first, second) = (Receiver::grpc(), Receiver::grpc());
        let guard = init(&first).unwrap();
        let error = init(&second).unwrap_err();
        assert!(error.is_already_initialized() && !error.is_configuration(), "{error}");
        answer();
        let report = guard.shutdown(DEADLINE);
        assert!(report.is_complete(), "{report}");
        assert_eq!(first.span_names(), ["answer"]);
        assert!(second.spans().is_empty() && second.metrics().is_empty());
    });
}

#[test]
fn where_a_subscriber_stands_nothing_global_is_touched() {
    case("init::where_a_subscriber_stands_nothing_global_is_touched", &[], || {
        tracing::subscriber::set_global_default(tracing_subscriber::registry()).unwrap();
        let error = init(&Receiver::grpc()).unwrap_err();
        assert!(error.is_already_initialized(), "{error}");
        let context = global::tracer("tracer").in_span("nothing", |context| context);
        assert!(!opentelemetry::trace::TraceContextExt::span(&context).span_context().is_valid());
        let fields = global::get_text_map_propagator(|propagator| propagator.fields().count());
        assert_eq!(fields, 0);
    });
}

#[test]
fn a_malformed_variable_is_an_error_and_init_can_be_called_again() {
    case("init::a_malformed_variable_is_an_error_and_init_can_be_called_again", &[], || {
        let environment = [("OTEL_BSP_MAX_QUEUE_SIZE", "many")].into_iter().collect();
        let error = bellwether::builder().environment(environment).init().unwrap_err();
        assert!(error.is_configuration() && error.to_string().contains("OTEL_BSP_MAX_QUEUE_SIZE"), "{error}");
        one_call(&Receiver::http());
    });
}

#[test]
fn a_subscriber_of_the_hosts_hears_what_was_strange_about_the_settings() {
    let name = "init::a_subscriber_of_the_hosts_hears_what_was_strange_about_the_settings";
    let written = case(name, &[("OTEL_TRACES_SAMPLER", "sometimes")], || {
        let (layer, guard) = bellwether::builder().endpoint(Receiver::http().url).layer().unwrap();
        let console = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer).with(console)).unwrap();
        drop(guard);
    });
    if let Some(written) = written {
        assert_eq!(
            written.matches("OTEL_TRACES_SAMPLER: \"sometimes\" is not known and ignored").count(),
            1,
            "{written}"
        );
    }
}

#[test]
fn the_console_says_once_what_goes_where_and_rust_log_governs_only_the_console() {
    let name = "init::the_console_says_once_what_goes_where_and_rust_log_governs_only_the_console";
    let written = case(name, &[("RUST_LOG", "bellwether=info,warn"), ("OTEL_SERVICE_NAME", "search")], || {
        let receiver = Receiver::grpc();
        let guard = bellwether::builder()
            .endpoint(&receiver.url)
            .protocol(bellwether::exporters::otlp::Protocol::Grpc)
            .header("api-key", "secret")
            .init()
            .unwrap();
        info_span!("shown nowhere").in_scope(|| info!("not on the console"));
        log::warn!("from the log crate");
        let report = guard.shutdown(DEADLINE);
        assert!(report.is_complete(), "{report}");
        assert_eq!(receiver.logs().len(), 2);
        assert_eq!(receiver.span_names(), ["shown nowhere"]);
    });
    let Some(written) = written else { return };
    let lines: Vec<&str> = written.lines().filter(|line| line.contains(" bellwether::telemetry: ")).collect();
    assert_eq!(lines.len(), 1, "{written}");
    let expected = "traces (parentbased_always_on), metrics and logs -> http://127.0.0.1";
    assert!(
        lines[0].contains(expected) && lines[0].contains("(grpc); metrics every 60s; service \"search\""),
        "{written}"
    );
    assert!(written.contains("from the log crate"), "{written}");
    assert!(!written.contains("not on the console") && !written.contains("secret"), "{written}");
}

#[test]
fn a_disabled_sdk_leaves_console_and_propagation() {
    let variables = [("OTEL_SDK_DISABLED", "true")];
    let written = case("init::a_disabled_sdk_leaves_console_and_propagation", &variables, || {
        let guard = bellwether::init().unwrap();
        answer();
        let mut fields: Vec<String> = global::get_text_map_propagator(|it| it.fields().map(String::from).collect());
        fields.sort();
        assert_eq!(fields, ["baggage", "traceparent", "tracestate"]);
        let report = guard.shutdown(DEADLINE);
        assert_eq!(report, bellwether::Report::default());
    });
    if let Some(written) = written {
        assert!(written.contains("telemetry is disabled") && written.contains("thinking"), "{written}");
    }
}
