//! Families of metrics against what others make of the same spans: the Collector's span-metrics connector, a service graph
//! joined from the spans by their ids, and the names that Prometheus gives.
//!
//! With `--nocapture` both sides are printed.
#![expect(clippy::print_stdout, reason = "whoever looks wants both figures")]

use std::collections::BTreeMap;
use std::time::Duration;

use bellwether::config::{Environment, Family};
use serde_json::Value;
use tracing::info_span;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::Result;
use crate::collector::Collector;
use crate::prometheus::Prometheus;
use crate::received::{Details, Received};

const DEADLINE: Duration = Duration::from_secs(30);
const SERVICE: &str = "shop";

type Attributes = BTreeMap<String, String>;
type Counts = BTreeMap<Attributes, u64>;

/// One request, as a web service with a database, a payment service, a queue and a part of its own behind a client.
fn request(number: u64) {
    let failed = number % 10 == 3;
    let code = if failed { 500 } else { 200 };
    let status = if failed { "ERROR" } else { "" };
    let request = info_span!(
        "GET /item/{id}",
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        error.type = tracing::field::Empty,
        http.request.method = "GET",
        http.route = "/item/{id}",
        http.response.status_code = code,
        url.scheme = "http"
    );
    if failed {
        request.record("otel.status_code", status);
        request.record("error.type", "500");
    }
    let _entered = request.enter();
    drop(info_span!("parse"));
    drop(info_span!(
        "SELECT items",
        otel.kind = "client",
        db.system.name = "postgresql",
        db.namespace = "items",
        db.operation.name = "SELECT"
    ));
    drop(info_span!("POST", otel.kind = "client", http.request.method = "POST", server.address = "pay.example.com"));
    info_span!("call", otel.kind = "client").in_scope(|| {
        drop(info_span!("serve", otel.kind = "server"));
    });
    info_span!("send", otel.kind = "producer").in_scope(|| drop(info_span!("receive", otel.kind = "consumer")));
}

const SPANS_A_REQUEST: u64 = 8;

/// Serves requests with telemetry that goes to `url`, until all of it is sent; returns how many spans went out.
async fn serve(requests: u64, ratio: f64, url: &str, families: &[Family], variables: &[(&str, &str)]) -> Result<u64> {
    let mut environment = vec![
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100000"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5000"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url),
    ];
    environment.extend(variables);
    let builder = bellwether::builder().environment(Environment::from_iter(environment)).service(SERVICE);
    let families = families.iter().copied();
    let (layer, guard) = builder.sample_ratio(ratio).families(families).resource("host.name", "h").layer()?;
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || (0..requests).for_each(request));
    let report = guard.shutdown_async(DEADLINE).await;
    let lost = [&report.traces, &report.metrics].iter().any(|signal| !signal.dropped.is_empty());
    if lost { Err(format!("{report:?}").into()) } else { Ok(report.traces.delivered) }
}

async fn collected(requests: u64, ratio: f64, families: &[Family]) -> Result<(Received, Received)> {
    let collector = Collector::start_making_metrics().await?;
    let url = format!("http://127.0.0.1:{}", collector.http_port);
    let spans = serve(requests, ratio, &url, families, &[]).await?;
    collector.received_and_made(spans).await
}

fn counts(received: &Received, metric: &str) -> Counts {
    let newest = received.newest(metric).into_iter().filter(|(_, count)| *count > 0);
    newest.map(|(attributes, count)| (attributes.clone(), count)).collect()
}

/// Without what tells one Collector from another.
fn made_by_the_connector(made: &Received, metric: &str) -> Counts {
    let mut all = Counts::new();
    for (mut attributes, count) in counts(made, metric) {
        attributes.remove("collector.instance.id");
        *all.entry(attributes).or_default() += count;
    }
    all
}

fn total(counts: &Counts) -> u64 {
    counts.values().sum()
}

#[tokio::test]
async fn at_a_hundred_percent_the_connector_makes_the_same_series_with_the_same_counts() -> Result<()> {
    let (received, made) = collected(500, 1.0, &[Family::Collector]).await?;
    for metric in ["traces.span.metrics.calls", "traces.span.metrics.duration"] {
        let (ours, theirs) = (counts(&received, metric), made_by_the_connector(&made, metric));
        println!("{metric} at 100 %: ours {}, the connector's {}", total(&ours), total(&theirs));
        assert_eq!(ours, theirs, "{metric}");
        assert_eq!((ours.len(), total(&ours)), (9, 500 * SPANS_A_REQUEST));
    }
    Ok(())
}

#[tokio::test]
async fn at_one_percent_ours_is_exact_in_every_family_and_the_connector_undercounts() -> Result<()> {
    let requests = 5_000;
    let (received, made) = collected(requests, 0.01, &Family::ALL).await?;
    let theirs = made_by_the_connector(&made, "traces.span.metrics.calls");
    let ours = counts(&received, "traces.span.metrics.calls");
    let calls = requests * SPANS_A_REQUEST;
    println!("traces.span.metrics.calls at 1 %: ours {}, the connector's {}", total(&ours), total(&theirs));
    assert_eq!(total(&ours), calls);
    // Of five thousand traces, that none is sampled or a twentieth is as good as impossible.
    assert!((1..calls / 20).contains(&total(&theirs)), "{}", total(&theirs));
    assert_eq!(total(&theirs), received.spans.len() as u64, "the connector counts what reaches it");
    let exact = [
        ("traces_spanmetrics_calls_total", calls),
        ("traces_spanmetrics_latency", calls),
        ("traces_service_graph_request_total", 5 * requests),
        ("traces_service_graph_request_failed_total", requests / 10),
        ("traces_service_graph_request_server_seconds", 5 * requests),
        ("traces_service_graph_request_client_seconds", 5 * requests),
        ("http.server.request.duration", requests),
        ("http.client.request.duration", requests),
        ("db.client.operation.duration", requests),
    ];
    for (metric, expected) in exact {
        println!("{metric} at 1 %: {}", total(&counts(&received, metric)));
        assert_eq!(total(&counts(&received, metric)), expected, "{metric}");
    }
    let known = received.span_ids();
    assert!(received.exemplars().all(|it| known.contains(&(it.trace_id.as_str(), it.span_id.as_str()))));
    for metric in exact.map(|(metric, _)| metric) {
        let mut points = received.points.iter().filter(|point| point.metric == metric);
        let is_one = points.any(|point| !point.exemplars.is_empty());
        assert_eq!(is_one, !metric.ends_with("calls_total"), "exemplars of {metric}");
    }
    Ok(())
}

#[tokio::test]
async fn tempos_series_are_the_collectors_under_other_labels() -> Result<()> {
    let (received, _) = collected(100, 1.0, &[Family::Collector, Family::Tempo]).await?;
    let renamed = |attributes: &Attributes| -> Attributes {
        let label = |key: &str| if key == "service.name" { "service".to_owned() } else { key.replace('.', "_") };
        attributes.iter().map(|(key, value)| (label(key), value.clone())).collect()
    };
    for (collectors, tempos) in [
        ("traces.span.metrics.calls", "traces_spanmetrics_calls_total"),
        ("traces.span.metrics.duration", "traces_spanmetrics_latency"),
    ] {
        let expected: Counts = counts(&received, collectors).iter().map(|(it, n)| (renamed(it), *n)).collect();
        assert_eq!(counts(&received, tempos), expected, "{tempos}");
    }
    Ok(())
}

/// The edges as somebody joins them who has the spans: client, server, kind of connection, calls, and those that failed.
fn joined(received: &Received) -> BTreeMap<[String; 3], (u64, u64)> {
    let spans: Vec<_> = received.spans.iter().zip(&received.details).collect();
    let mut edges = BTreeMap::new();
    let mut add = |client: &str, server: &str, connection: &str, failed: bool| {
        let edge: &mut (u64, u64) = edges.entry([client, server, connection].map(str::to_owned)).or_default();
        edge.0 += 1;
        edge.1 += u64::from(failed);
    };
    for (span, details) in &spans {
        let Details { kind, failed, attributes } = details;
        let get = |key: &str| attributes.get(key).map(String::as_str);
        let served = || {
            spans
                .iter()
                .find(|(other, it)| [2, 5].contains(&it.kind) && other.parent_id.as_ref() == Some(&span.span_id))
        };
        match kind {
            2 | 5 if span.parent_id.is_none() => add("user", SERVICE, "virtual_node", *failed),
            3 | 4 => match (get("db.namespace").or_else(|| get("db.system.name")), served(), get("server.address")) {
                (Some(database), ..) => add(SERVICE, database, "database", *failed),
                (None, Some((_, by)), _) => {
                    let connection = if *kind == 4 { "messaging_system" } else { "" };
                    add(SERVICE, SERVICE, connection, *failed || by.failed);
                }
                (None, None, Some(peer)) => add(SERVICE, peer, "virtual_node", *failed),
                (None, None, None) => {}
            },
            _ => {}
        }
    }
    edges
}

#[tokio::test]
async fn the_graph_is_that_which_joining_the_spans_by_their_ids_gives() -> Result<()> {
    let (received, _) = collected(100, 1.0, &[Family::ServiceGraph]).await?;
    let mut ours: BTreeMap<[String; 3], (u64, u64)> = BTreeMap::new();
    let edge = |attributes: &Attributes| {
        ["client", "server", "connection_type"].map(|key| attributes.get(key).cloned().unwrap_or_default())
    };
    for (attributes, calls) in counts(&received, "traces_service_graph_request_total") {
        ours.entry(edge(&attributes)).or_default().0 = calls;
    }
    for (attributes, calls) in counts(&received, "traces_service_graph_request_failed_total") {
        ours.entry(edge(&attributes)).or_default().1 = calls;
    }
    assert_eq!(ours, joined(&received));
    assert_eq!(ours.len(), 5, "{ours:?}");
    Ok(())
}

/// The names of a server's series that match.
async fn names(prometheus: &Prometheus, matcher: &str) -> Result<Vec<String>> {
    let found = prometheus.get("label/__name__/values", &[("match[]", matcher)]).await?;
    Ok(found.as_array().into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect())
}

/// The value of a query that has one.
async fn value(prometheus: &Prometheus, query: &str) -> Result<f64> {
    let answer = prometheus.get("query", &[("query", query)]).await?;
    let value = answer["result"][0]["value"][1].as_str().ok_or_else(|| format!("{query}: {answer}"))?;
    Ok(value.parse()?)
}

#[tokio::test]
async fn prometheus_shows_every_family_under_the_names_that_views_ask_for() -> Result<()> {
    for strategy in ["UnderscoreEscapingWithSuffixes", "NoTranslation"] {
        let config = format!("otlp: {{translation_strategy: {strategy}}}\n");
        let prometheus = Prometheus::start(&config, "exemplar-storage").await?;
        push(&prometheus, &Family::ALL).await?;
        let tempos = names(&prometheus, r#"{__name__=~"traces_.*",__name__!~"traces_span_metrics_.*"}"#).await?;
        let histogram = |name: &str| ["_bucket", "_count", "_sum"].map(|suffix| format!("{name}{suffix}"));
        let mut expected = vec![
            "traces_service_graph_request_total".to_owned(),
            "traces_service_graph_request_failed_total".to_owned(),
            "traces_spanmetrics_calls_total".to_owned(),
            "traces_target_info".to_owned(),
        ];
        expected.extend(histogram("traces_service_graph_request_client_seconds"));
        expected.extend(histogram("traces_service_graph_request_server_seconds"));
        expected.extend(histogram("traces_spanmetrics_latency"));
        expected.sort();
        assert_eq!(tempos, expected, "{strategy}");
        assert_answers(&prometheus, strategy).await?;
    }
    Ok(())
}

#[tokio::test]
async fn prometheus_shows_the_conventions_metrics_by_their_names_and_units() -> Result<()> {
    let prometheus = Prometheus::start("", "exemplar-storage").await?;
    push(&prometheus, &[Family::Semconv]).await?;
    for metric in ["http_server_request", "http_client_request", "db_client_operation"] {
        let query = format!("sum(last_over_time({metric}_duration_seconds_count[1m]))");
        assert!((value(&prometheus, &query).await? - 50.0).abs() < 1e-9, "{metric}");
    }
    Ok(())
}

/// Serves fifty requests and pushes their metrics to Prometheus.
async fn push(prometheus: &Prometheus, families: &[Family]) -> Result<()> {
    let url = format!("http://127.0.0.1:{}/api/v1/otlp/v1/metrics", prometheus.port);
    let variables = [
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", url.as_str()),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
    ];
    serve(50, 1.0, "http://127.0.0.1:1", families, &variables).await.map(drop)
}

/// The queries of Grafana's service graph and span table, over what the stale markers left.
async fn assert_answers(prometheus: &Prometheus, strategy: &str) -> Result<()> {
    let cases = [
        (r#"sum(last_over_time(traces_service_graph_request_total{client="user",server="shop"}[1m]))"#, 50.0),
        (
            r#"sum by (client,server,connection_type) (last_over_time(traces_service_graph_request_total{connection_type="database"}[1m]))"#,
            50.0,
        ),
        (r#"sum(last_over_time(traces_service_graph_request_failed_total{server="shop"}[1m]))"#, 5.0),
        (
            r#"sum(last_over_time(traces_service_graph_request_server_seconds_bucket{le="+Inf",connection_type="virtual_node"}[1m]))"#,
            100.0,
        ),
        (
            r#"sum(last_over_time(traces_spanmetrics_calls_total{service="shop",span_kind="SPAN_KIND_SERVER",span_name="GET /item/{id}"}[1m]))"#,
            50.0,
        ),
        (r#"sum(last_over_time(traces_spanmetrics_calls_total{status_code="STATUS_CODE_ERROR"}[1m]))"#, 5.0),
        (r#"sum(last_over_time(traces_spanmetrics_latency_bucket{le="+Inf",http_route="/item/{id}"}[1m]))"#, 50.0),
        (r#"count(last_over_time(traces_target_info{host_name="h",job="shop",instance!=""}[1m]))"#, 1.0),
    ];
    for (query, expected) in cases {
        let found = value(prometheus, query).await?;
        assert!((found - expected).abs() < 1e-9, "{strategy}: {query}: {found}");
    }
    let answer: Value = prometheus.get("query", &[("query", "traces_spanmetrics_latency_bucket[1m]")]).await?;
    let bounds: Vec<&str> =
        answer["result"].as_array().into_iter().flatten().filter_map(|it| it["metric"]["le"].as_str()).collect();
    assert!(bounds.contains(&"0.002") && bounds.contains(&"15") | bounds.contains(&"15.0"), "{bounds:?}");
    Ok(())
}
