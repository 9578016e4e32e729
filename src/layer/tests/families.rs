//! Families of metrics beyond the span's own: exact for every span, and nothing where they are off.

use tracing::field::Empty;
use tracing::{Level, event, info_span};

use super::*;
use crate::families::{Families, Family};
use crate::model::Number;

fn scene_with_families(families: impl IntoIterator<Item = Family>) -> Scene {
    let families: Families = families.into_iter().collect();
    scene_with(&config(), series::Config { service_name: "shop".into(), families, ..series::Config::default() })
}

impl Scene {
    /// The series of a histogram: attributes as text, and count, sum in milliseconds, and the bucket counts above zero
    /// with their upper bounds.
    fn histogram(&self, metric: &str) -> BTreeMap<String, String> {
        let metrics = self.store.collect(self.clock.now(), Collect::Peek);
        let Some(metric) = metrics.into_iter().find(|found| found.name == metric) else { return BTreeMap::new() };
        let Data::Histogram { points, .. } = metric.data else { panic!("{metric:?}") };
        let point = |point: &crate::model::Point<crate::model::ExplicitHistogram>| {
            let attributes: Vec<_> = point.attributes.iter().map(|kv| format!("{}={}", kv.key, kv.value)).collect();
            let value = &point.value;
            let bounds = value.bounds.iter().copied().chain([f64::INFINITY]);
            let buckets: Vec<_> =
                bounds.zip(&value.bucket_counts).filter(|(_, n)| **n > 0).map(|(le, n)| format!("{le}:{n}")).collect();
            let sum = (value.sum.unwrap_or_default() * 1e3).round();
            (attributes.join(" "), format!("{} {sum} {}", value.count, buckets.join(",")))
        };
        points.iter().map(point).collect()
    }

    fn names(&self) -> Vec<String> {
        let metrics = self.store.collect(self.clock.now(), Collect::Peek);
        metrics.into_iter().map(|metric| metric.name.into_owned()).collect()
    }
}

fn texts<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

/// A span that takes this long.
macro_rules! took {
    ($scene:expr, $ms:expr, $($span:tt)*) => {{
        let span = info_span!($($span)*);
        $scene.ms($ms);
        drop(span);
    }};
}

#[test]
fn without_families_a_span_with_all_their_fields_makes_the_collectors_metrics_only() {
    let scene = scene();
    scene.run(|| took!(scene, 1, "GET /", otel.kind = "server", http.request.method = "GET", peer.service = "x"));
    let names = scene.names();
    assert_eq!(
        names,
        [
            "traces.span.metrics.calls",
            "traces.span.metrics.duration",
            "bellwether.span.self_time",
            "bellwether.span.in_flight",
            "bellwether.span.in_flight.peak"
        ]
    );
}

#[test]
fn tempos_family_has_the_same_counts_in_seconds_under_tempos_labels() {
    let scene = scene_with_families([Family::Collector, Family::Tempo]);
    scene.run(|| {
        took!(scene, 3, "work", http.route = "/a");
        took!(scene, 250, "work", http.route = "/a");
        took!(scene, 20_000, "other");
    });
    let route = "http_route=/a service=shop span_kind=SPAN_KIND_INTERNAL span_name=work status_code=STATUS_CODE_UNSET";
    let other = "service=shop span_kind=SPAN_KIND_INTERNAL span_name=other status_code=STATUS_CODE_UNSET";
    let latency = scene.histogram("traces_spanmetrics_latency");
    assert_eq!(latency, texts([(route, "2 253 0.004:1,0.4:1"), (other, "1 20000 inf:1")]));
    assert_eq!(scene.points("traces_spanmetrics_calls_total"), expect([(route, 2.0), (other, 1.0)]));
    let ours: f64 = scene.points("traces.span.metrics.calls").values().sum();
    assert!((ours - 3.0).abs() < f64::EPSILON);
}

#[test]
fn tempos_family_alone_leaves_the_collectors_names_out_and_is_explicit_beside_exponential_histograms() {
    let families = Families::from_iter([Family::Tempo]);
    let aggregation = series::HistogramAggregation::Base2ExponentialBucket;
    let scene = scene_with(&config(), series::Config { aggregation, families, ..series::Config::default() });
    scene.run(|| took!(scene, 3, "work"));
    assert!(!scene.names().iter().any(|name| name.starts_with("traces.span.metrics")), "{:?}", scene.names());
    let latency = scene.histogram("traces_spanmetrics_latency");
    assert_eq!(latency.values().collect::<Vec<_>>(), ["1 3 0.004:1"]);
}

#[test]
fn http_rpc_and_database_spans_are_counted_with_the_attributes_of_their_conventions_and_no_others() {
    let scene = scene_with_families([Family::Semconv]);
    scene.run(|| {
        let span = info_span!(
            "GET /item/{id}",
            otel.kind = "server",
            http.request.method = "GET",
            http.route = "/item/{id}",
            http.response.status_code = Empty,
            url.scheme = "https",
            network.protocol.version = "1.1",
            user.id = 7,
            server.address = "shop.local",
            server.port = 443
        );
        scene.ms(20);
        span.record("http.response.status_code", 200);
        drop(span);
        took!(
            scene,
            30,
            "GET",
            otel.kind = "client",
            http.request.method = "GET",
            server.address = "a",
            server.port = 80
        );
        took!(
            scene,
            4,
            "call",
            otel.kind = "client",
            rpc.system = "grpc",
            rpc.method = "Shop/Buy",
            server.address = "b"
        );
        took!(
            scene,
            4,
            "serve",
            otel.kind = "server",
            rpc.system.name = "grpc",
            rpc.method = "Shop/Buy",
            server.address = "b"
        );
        took!(
            scene,
            2,
            "SELECT",
            otel.kind = "client",
            db.system = "postgresql",
            db.name = "shop",
            db.query.text = "secret"
        );
        took!(scene, 2, "not a request", http.request.method = "GET");
        took!(scene, 2, "no method", otel.kind = "server", http.request.method = Empty, http.route = "/");
    });
    let server = "http.request.method=GET http.response.status_code=200 http.route=/item/{id} \
                  network.protocol.version=1.1 url.scheme=https";
    assert_eq!(scene.histogram("http.server.request.duration"), texts([(server, "1 20 0.025:1")]));
    let client = "http.request.method=GET server.address=a server.port=80";
    assert_eq!(scene.histogram("http.client.request.duration"), texts([(client, "1 30 0.05:1")]));
    let rpc = "rpc.method=Shop/Buy rpc.system.name=grpc server.address=b";
    assert_eq!(scene.histogram("rpc.client.call.duration"), texts([(rpc, "1 4 0.005:1")]));
    let rpc = "rpc.method=Shop/Buy rpc.system.name=grpc";
    assert_eq!(scene.histogram("rpc.server.call.duration"), texts([(rpc, "1 4 0.005:1")]));
    let database = "db.namespace=shop db.system.name=postgresql";
    assert_eq!(scene.histogram("db.client.operation.duration"), texts([(database, "1 2 0.005:1")]));
}

#[test]
fn what_failed_says_so_by_its_type_else_its_status_else_other_and_what_is_ok_says_nothing() {
    let scene = scene_with_families([Family::Semconv]);
    scene.run(|| {
        let span = || {
            info_span!(
                "GET",
                otel.kind = "server",
                http.request.method = "GET",
                http.response.status_code = Empty,
                error.type = Empty,
                otel.status_code = Empty
            )
        };
        let typed = span();
        typed.record("error.type", "timeout");
        drop(typed);
        let by_status = span();
        by_status.record("http.response.status_code", 503);
        by_status.record("otel.status_code", "ERROR");
        drop(by_status);
        let cut_short = span();
        cut_short.record("http.response.status_code", 200);
        cut_short.record("otel.status_code", "ERROR");
        drop(cut_short);
        span().in_scope(|| event!(Level::ERROR, "failed"));
        span().in_scope(|| event!(Level::ERROR, exception.type = "Broken", "failed"));
        let fine = span();
        fine.record("otel.status_code", "OK");
        drop(fine);
    });
    let found = scene.histogram("http.server.request.duration");
    let expected = [
        "error.type=503 http.request.method=GET http.response.status_code=503",
        "error.type=Broken http.request.method=GET",
        "error.type=_OTHER http.request.method=GET",
        "error.type=_OTHER http.request.method=GET http.response.status_code=200",
        "error.type=timeout http.request.method=GET",
        "http.request.method=GET",
    ];
    assert_eq!(found.keys().collect::<Vec<_>>(), expected);
}

#[test]
fn messages_are_counted_where_they_are_sent_and_received_and_their_processing_apart() {
    let scene = scene_with_families([Family::Semconv]);
    scene.run(|| {
        for batch in [3, 4] {
            took!(
                scene, 5, "send", otel.kind = "producer", messaging.system = "kafka", messaging.operation.name = "send",
                messaging.operation.type = "send", messaging.batch.message_count = batch
            );
        }
        took!(scene, 5, "poll", otel.kind = "consumer", messaging.system = "kafka", messaging.operation.name = "poll", messaging.operation.type = "receive");
        took!(scene, 7, "work", otel.kind = "consumer", messaging.system = "kafka", messaging.operation.name = "work", messaging.operation.type = "process");
    });
    let send = "messaging.operation.name=send messaging.system=kafka";
    assert_eq!(scene.points("messaging.client.sent.messages"), expect([(send, 7.0)]));
    let poll = "messaging.operation.name=poll messaging.system=kafka";
    assert_eq!(scene.points("messaging.client.consumed.messages"), expect([(poll, 1.0)]));
    let typed = |name, operation| {
        format!("messaging.operation.name={name} messaging.operation.type={operation} messaging.system=kafka")
    };
    assert_eq!(
        scene.histogram("messaging.client.operation.duration"),
        texts([(&typed("send", "send"), "2 10 0.005:2"), (&typed("poll", "receive"), "1 5 0.005:1")])
    );
    let work = "messaging.operation.name=work messaging.system=kafka";
    assert_eq!(scene.histogram("messaging.process.duration"), texts([(work, "1 7 0.01:1")]));
}

#[test]
fn tokens_are_counted_by_type_however_many_values_they_have() {
    let scene = scene_with_families([Family::Semconv]);
    scene.run(|| {
        for tokens in 1..=5_000 {
            let span = info_span!(
                "chat",
                gen_ai.operation.name = "chat",
                gen_ai.system = "openai",
                gen_ai.request.model = "gpt-4",
                gen_ai.usage.input_tokens = tokens,
                gen_ai.usage.output_tokens = Empty
            );
            if tokens <= 2 {
                span.record("gen_ai.usage.output_tokens", 1_000_u64);
            }
        }
    });
    let of = |of| format!("gen_ai.operation.name=chat gen_ai.provider.name=openai gen_ai.request.model=gpt-4{of}");
    let (input, output) = (of(" gen_ai.token.type=input"), of(" gen_ai.token.type=output"));
    assert_eq!(
        scene.histogram("gen_ai.client.token.usage"),
        texts([
            (&input, "5000 12502500000 1:1,4:3,16:12,64:48,256:192,1024:768,4096:3072,16384:904"),
            (&output, "2 2000000 1024:2")
        ])
    );
    assert_eq!(scene.histogram("gen_ai.client.operation.duration").len(), 1);
}

#[test]
fn the_graph_has_pairs_databases_peers_and_users_with_the_durations_that_are_known() {
    let scene = scene_with_families([Family::ServiceGraph]);
    scene.run(|| {
        let request = info_span!("POST /order", otel.kind = "server");
        request.in_scope(|| {
            scene.ms(10);
            took!(scene, 5, "SELECT", otel.kind = "client", db.system.name = "postgresql", db.namespace = "orders");
            took!(scene, 20, "GET", otel.kind = "client", server.address = "pay.example.com");
            took!(scene, 20, "unknown", otel.kind = "client", network.peer.address = "10.0.0.1");
            let call = info_span!("call", otel.kind = "client");
            call.in_scope(|| {
                scene.ms(100);
                let served = info_span!("serve", otel.kind = "server", otel.status_code = "ERROR");
                scene.ms(300);
                drop(served);
            });
            drop(call);
            let send = info_span!("send", otel.kind = "producer");
            send.in_scope(|| took!(scene, 1, "receive", otel.kind = "consumer"));
            drop(send);
            took!(scene, 1, "within");
        });
        drop(request);
    });
    let pair = "client=shop connection_type= server=shop";
    let message = "client=shop connection_type=messaging_system server=shop";
    let database = "client=shop connection_type=database server=orders";
    let peer = "client=shop connection_type=virtual_node server=pay.example.com";
    let user = "client=user connection_type=virtual_node server=shop";
    assert_eq!(
        scene.points("traces_service_graph_request_total"),
        expect([(pair, 1.0), (message, 1.0), (database, 1.0), (peer, 1.0), (user, 1.0)])
    );
    assert_eq!(scene.points("traces_service_graph_request_failed_total"), expect([(pair, 1.0)]));
    assert_eq!(
        scene.histogram("traces_service_graph_request_server_seconds"),
        texts([
            (pair, "1 300 0.4:1"),
            (message, "1 1 0.1:1"),
            (database, "1 5 0.1:1"),
            (peer, "1 0 0.1:1"),
            (user, "1 457 0.8:1")
        ])
    );
    assert_eq!(
        scene.histogram("traces_service_graph_request_client_seconds"),
        texts([
            (pair, "1 400 0.4:1"),
            (message, "1 1 0.1:1"),
            (database, "1 5 0.1:1"),
            (peer, "1 20 0.1:1"),
            (user, "1 0 0.1:1")
        ])
    );
}

#[test]
fn beyond_the_limit_edges_and_rows_go_to_the_overflow_and_none_is_lost() {
    let families = Families::from_iter([Family::Semconv, Family::ServiceGraph]);
    let limited = series::Config { cardinality_limit: 10, families, ..series::Config::default() };
    let scene = scene_with(&config(), limited);
    scene.run(|| {
        for _ in 0..3 {
            for peer in 0..50 {
                let (peer, method) = (format!("peer-{peer}"), format!("M{peer}"));
                took!(scene, 1, "call", otel.kind = "client", server.address = peer, http.request.method = method);
            }
        }
    });
    let requests = scene.points("traces_service_graph_request_total");
    assert_eq!(requests.len(), 10);
    assert!((requests.values().sum::<f64>() - 150.0).abs() < f64::EPSILON, "{requests:?}");
    assert!(requests.keys().any(|key| key.contains("otel.metric.overflow=true")), "{requests:?}");
    let rows = scene.histogram("http.client.request.duration");
    let counts = rows.values().filter_map(|row| row.split(' ').next()?.parse::<u64>().ok());
    assert_eq!((rows.len(), counts.sum::<u64>()), (10, 150));
}

#[test]
fn series_that_ended_come_back_when_they_are_measured_again() {
    let families = Families::from_iter([Family::Semconv, Family::ServiceGraph]);
    let brief = series::Config { idle_timeout: Duration::from_secs(1), families, ..series::Config::default() };
    let scene = scene_with(&config(), brief);
    let call = || took!(scene, 1, "call", otel.kind = "client", server.address = "a", http.request.method = "GET");
    let tick = || {
        scene.ms(2_000);
        scene.store.collect(scene.clock.now(), Collect::Tick)
    };
    scene.run(call);
    (0..6).for_each(|_| drop(tick()));
    scene.run(call);
    let metrics = tick();
    let calls = metrics.iter().find(|metric| metric.name == "traces_service_graph_request_total").unwrap();
    let Data::Sum { points, .. } = &calls.data else { panic!("{calls:?}") };
    assert_eq!(points.last().map(|point| point.value), Some(Number::I64(1)));
    assert_eq!(scene.counted(Counter::SeriesGone), 0);
}
