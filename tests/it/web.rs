//! Prometheus' HTTP API over sockets: what it answers, and that it harms nobody.
#![expect(clippy::expect_used, clippy::panic, reason = "what a test needs and does not get fails it")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use bellwether::clock::{Clock, Timestamp};
use bellwether::config::Environment;
use bellwether::instruments::{counter, histogram};
use bellwether::opentelemetry::KeyValue;
use bellwether::{Alerts, Builder, Guard, Web};
use serde_json::{Value, json};
use tracing::Dispatch;
use tracing_subscriber::prelude::*;

/// When things are collected first, in seconds: 2023-11-14T22:13:20Z.
const BEGIN: u64 = 1_700_000_000;
const LIMIT: Duration = Duration::from_secs(20);
/// With a [`pause`] after each.
const TRIES: usize = 2_000;

const RULES: &str = "
groups:
- name: shop
  interval: 10s
  limit: 7
  labels: {team: search}
  rules:
  - record: shop:orders
    expr: sum by (kind) (orders_total)
    labels: {of: shop}
  - alert: Busy
    expr: shop:orders > 2
    for: 10s
    keep_firing_for: 1m
    labels: {severity: '{{ $labels.kind }}'}
    annotations: {summary: '{{ $value }} orders'}
  - alert: Quiet
    expr: shop:orders < 0
- name: broken
  rules:
  - record: twice
    expr: label_replace(orders_total, 'kind', '', '', '')
";

/// Requests, and their status, kind of error, and the beginning of its text.
const REFUSED: [(&str, u16, &str, &str); 22] = [
    ("query?query=up%20%3D", 400, "bad_data", "invalid parameter \"query\": 1:4: parse error: unexpected \"=\""),
    (
        "query",
        400,
        "bad_data",
        "invalid parameter \"query\": unknown position: parse error: no expression found in input",
    ),
    (
        "query?query=1&time=x",
        400,
        "bad_data",
        "invalid parameter \"time\": invalid time value for 'time': cannot parse \"x\" to a valid timestamp",
    ),
    (
        "query?query=1&timeout=x",
        400,
        "bad_data",
        "invalid parameter \"timeout\": cannot parse \"x\" to a valid duration",
    ),
    ("query?query=1&limit=-1", 400, "bad_data", "invalid parameter \"limit\": limit must be non-negative"),
    (
        "query?query=1&limit=x",
        400,
        "bad_data",
        "invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax",
    ),
    (
        "query?query=1&lookback_delta=x",
        400,
        "bad_data",
        "error parsing lookback delta duration: cannot parse \"x\" to a valid duration",
    ),
    ("query?query=orders_total&timeout=0", 503, "timeout", "query timed out in expression evaluation"),
    (
        "query?query=orders_total%2Bon()orders_total",
        422,
        "execution",
        "found duplicate series for the match group {} on the right hand-side of the operation",
    ),
    (
        "query_range?query=1&start=0&end=10&step=0",
        400,
        "bad_data",
        "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer",
    ),
    (
        "query_range?query=1&start=10&end=0&step=1",
        400,
        "bad_data",
        "invalid parameter \"end\": end timestamp must not be before start time",
    ),
    (
        "query_range?query=1&start=0&end=11001&step=1",
        400,
        "bad_data",
        "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
    ),
    (
        "query_range?query=up[1m]&start=0&end=1&step=1",
        400,
        "bad_data",
        "invalid parameter \"query\": invalid expression type \"range vector\" for range query, must be Scalar or instant Vector",
    ),
    (
        "query_range?query=1&end=1&step=1",
        400,
        "bad_data",
        "invalid parameter \"start\": cannot parse \"\" to a valid timestamp",
    ),
    ("series", 400, "bad_data", "no match[] parameter provided"),
    (
        "series?match[]=%7B%7D",
        400,
        "bad_data",
        "invalid parameter \"match[]\": match[] must contain at least one non-empty matcher",
    ),
    ("labels?match[]=%7B%7D", 400, "bad_data", "match[] must contain at least one non-empty matcher"),
    ("metadata?limit=x", 400, "bad_data", "limit must be a number"),
    ("rules?type=x", 400, "bad_data", "invalid parameter \"type\": not supported value \"x\""),
    (
        "rules?group_next_token=x",
        400,
        "bad_data",
        "invalid parameter \"group_next_token\": group_limit needs to be present in order to paginate over the groups",
    ),
    (
        "rules?group_limit=0",
        400,
        "bad_data",
        "invalid parameter \"group_limit\": group_limit needs to be greater than 0",
    ),
    ("query_exemplars?query=1&start=2&end=1", 400, "bad_data", "end timestamp must not be before start timestamp"),
];

/// A service with telemetry whose time stands still until it is moved.
struct Service {
    guard: Guard,
    clock: Clock,
    dispatch: Dispatch,
    address: SocketAddr,
}

struct Response {
    status: u16,
    head: String,
    body: String,
}

impl Response {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

fn builder(clock: &Clock) -> Builder {
    let nowhere = [("OTEL_TRACES_EXPORTER", "none"), ("OTEL_METRICS_EXPORTER", "none"), ("OTEL_LOGS_EXPORTER", "none")];
    bellwether::builder().environment(Environment::from_iter(nowhere)).service("shop").clock(clock.clone())
}

/// Collected as often as a test wants it.
fn no_rules() -> Alerts {
    Alerts::new().default_rules(false).log(false).interval(Duration::from_millis(20))
}

fn rules() -> Alerts {
    no_rules().rules("rules.yml", RULES)
}

impl Service {
    fn start(web: impl Into<Web>, alerts: Alerts) -> Self {
        let clock = Clock::manual(Timestamp((BEGIN - 10) * 1_000_000_000));
        let builder = builder(&clock).resource("service.instance.id", "i-1").web(web).alerts(alerts);
        let (layer, guard) = builder.layer().expect("settings");
        let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
        let address = guard.web_address().expect("a port");
        Self { guard, clock, dispatch, address }
    }

    /// With orders of two kinds, collected twice.
    fn with_orders(web: impl Into<Web>, alerts: &Alerts) -> Self {
        let web = web.into();
        let collected = |_| {
            let service = Self::start(web.clone(), alerts.clone());
            service.orders("books", 3);
            service.orders("pens", 1);
            tracing::dispatcher::with_default(&service.dispatch, || {
                histogram("took").with_unit("s").with_boundaries([0.5, 1.0]).record(0.7, &[]);
            });
            // Time that moves before a collection has come to its end is not waited for by the next one: begin again.
            [BEGIN, BEGIN + 10].into_iter().all(|time| service.reaches(time)).then_some(service)
        };
        (0..20).find_map(collected).expect("two collections")
    }

    /// Moves time, and waits for a collection; whether it came.
    fn reaches(&self, time: u64) -> bool {
        self.clock.advance(Duration::from_secs(10));
        let path = format!("/api/v1/query?query=timestamp(orders_total)=={time}&time={time}");
        let is_there = |_| {
            let answer = self.get(&path).json();
            let there = answer["data"]["result"].as_array().is_some_and(|found| found.len() == 2);
            if !there {
                pause();
            }
            there
        };
        (0..TRIES / 10).any(is_there)
    }

    fn orders(&self, kind: &'static str, times: u64) {
        tracing::dispatcher::with_default(&self.dispatch, || {
            counter("orders").with_description("Orders taken").add(times, &[KeyValue::new("kind", kind)]);
        });
    }

    fn get(&self, path: &str) -> Response {
        ask(self.address, "GET", path, "", "")
    }

    /// Waits until an answer is as it should be.
    fn until(&self, path: &str, is_right: impl Fn(&Value) -> bool) -> Value {
        let mut answer = Value::Null;
        for _ in 0..TRIES {
            answer = self.get(path).json();
            if is_right(&answer) {
                return answer;
            }
            pause();
        }
        panic!("{path}: {answer}");
    }

    fn counted(&self, event: &str) -> f64 {
        let answer = self.get("/metrics").body;
        let line =
            answer.lines().find(|line| line.starts_with("bellwether_internal_events_total") && line.contains(event));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
    }
}

fn ask(address: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> Response {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(LIMIT)).expect("a time limit");
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    // A server that refuses the head may not read the body.
    drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())));
    let mut answer = String::new();
    drop(stream.read_to_string(&mut answer));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Response { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

/// Ten milliseconds for others.
fn pause() {
    let (_sender, nothing) = mpsc::channel::<()>();
    let _nothing = nothing.recv_timeout(Duration::from_millis(10));
}

/// `%` for what a path cannot hold.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-_.=&[]".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[test]
fn each_endpoint_answers_as_prometheus_does() {
    let service = Service::with_orders("127.0.0.1:0", &no_rules());
    let books = json!({"__name__": "orders_total", "instance": "i-1", "job": "shop", "kind": "books"});
    let pens = json!({"__name__": "orders_total", "instance": "i-1", "job": "shop", "kind": "pens"});
    let time = BEGIN + 10;
    let cases = [
        (format!("query?query=1%2B1&time={time}"), json!({"resultType": "scalar", "result": [time, "2"]})),
        (format!("query?query='x'&time={time}.5"), json!({"resultType": "string", "result": [time as f64 + 0.5, "x"]})),
        (
            format!("query?query=orders_total%3E2&time={time}"),
            json!({"resultType": "vector", "result": [{"metric": books, "value": [time, "3"]}]}),
        ),
        (
            format!("query?query=orders_total[1m]&time={time}&limit=1"),
            json!({"resultType": "matrix", "result": [{"metric": books, "values": [[BEGIN - 10, "0"], [BEGIN, "3"], [time, "3"]]}]}),
        ),
        (
            format!("query_range?query=orders_total&start={BEGIN}&end={time}&step=5s&limit=1"),
            json!({"resultType": "matrix", "result": [
                {"metric": books, "values": [[BEGIN, "3"], [BEGIN + 5, "3"], [time, "3"]]}]}),
        ),
        ("series?match[]=orders_total&match[]={kind='pens'}".into(), json!([books, pens])),
        (format!("series?match[]=orders_total&start={}", time + 1), json!([])),
        ("labels?match[]=orders_total".into(), json!(["__name__", "instance", "job", "kind"])),
        ("label/kind/values".into(), json!(["books", "pens"])),
        ("label/kind/values?limit=1".into(), json!(["books"])),
        ("label/U__kind/values?match[]={kind=~'p.*'}".into(), json!(["pens"])),
        ("label/nothing/values".into(), json!([])),
        (
            "metadata?metric=orders_total".into(),
            json!({"orders_total": [{"type": "counter", "unit": "", "help": "Orders taken"}]}),
        ),
        ("metadata?limit=0".into(), json!({})),
        ("rules".into(), json!({"groups": []})),
        ("alerts".into(), json!({"alerts": []})),
        ("query_exemplars?query=orders_total".into(), json!([])),
        ("format_query?query=sum(orders_total)by(kind)".into(), json!("sum by (kind) (orders_total)")),
    ];
    for (path, data) in cases {
        let response =
            service.get(&format!("/api/v1/{}", path.replace('{', "%7B").replace('}', "%7D").replace(' ', "%20")));
        assert_eq!((response.status, &response.json()["data"]), (200, &data), "{path}");
        assert!(response.head.contains("content-type: application/json"), "{}", response.head);
    }
    let form = format!("query=orders_total&time={time}&limit=1");
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    let response = ask(service.address, "POST", "/api/v1/query?time=0", kind, &form).json();
    assert_eq!(response["data"]["result"].as_array().map(Vec::len), Some(1), "the form counts before the path");
    assert_eq!(response["warnings"], json!(["results truncated due to limit"]));
    let response = service.get(&format!("/api/v1/query?query=rate(took_seconds_sum[1m])&time={time}")).json();
    let info = response["infos"][0].as_str().unwrap_or_default();
    assert!(
        info.starts_with("PromQL info: metric might not be a counter") || response["infos"].is_null(),
        "{response}"
    );
    assert_eq!(service.get("/api/v1/status/buildinfo").json()["data"]["version"], "3.14.0");
    assert_eq!(service.get("/api/v1/query_exemplars?query=1").status, 204);
    for path in ["/health", "/-/healthy", "/ready", "/-/ready"] {
        assert_eq!(service.get(path).status, 200, "{path}");
    }
}

#[test]
fn what_cannot_be_answered_is_an_error_of_prometheus_kind() {
    let service = Service::with_orders("127.0.0.1:0", &no_rules());
    for (path, status, kind, message) in REFUSED {
        let response = service.get(&format!("/api/v1/{path}"));
        let answer = response.json();
        let found = (response.status, &answer["status"], &answer["errorType"]);
        assert_eq!(found, (status, &json!("error"), &json!(kind)), "{path}: {answer}");
        assert!(answer["error"].as_str().is_some_and(|text| text.starts_with(message)), "{path}: {answer}");
    }
    assert_eq!(service.get("/api/v1/nothing").status, 404);
    assert_eq!(ask(service.address, "POST", "/api/v1/rules", "", "").status, 405);
    assert_eq!(ask(service.address, "DELETE", "/api/v1/series", "", "").status, 405);
}

#[test]
fn rules_show_their_state_and_alerts_their_life() {
    let service = Service::with_orders("127.0.0.1:0", &rules());
    let answer = service.until("/api/v1/rules", |answer| answer["data"]["groups"][0]["rules"][1]["state"] == "firing");
    let group = &answer["data"]["groups"][0];
    assert_eq!(
        (&group["name"], &group["file"], &group["interval"], &group["limit"]),
        (&json!("shop"), &json!("rules.yml"), &json!(10), &json!(7))
    );
    assert_eq!(group["lastEvaluation"], "2023-11-14T22:13:30Z");
    let keys =
        |value: &Value| value.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let [recording, busy, quiet] = [0, 1, 2].map(|at| &group["rules"][at]);
    assert_eq!(keys(recording), ["evaluationTime", "health", "labels", "lastEvaluation", "name", "query", "type"]);
    assert_eq!(recording["labels"], json!({"of": "shop", "team": "search"}));
    assert_eq!((&busy["duration"], &busy["keepFiringFor"], &busy["health"]), (&json!(10), &json!(60), &json!("ok")));
    assert_eq!(busy["labels"], json!({"severity": "{{ $labels.kind }}", "team": "search"}));
    let alert = json!({
        "labels": {"alertname": "Busy", "kind": "books", "of": "shop", "severity": "books", "team": "search"},
        "annotations": {"summary": "3 orders"},
        "state": "firing",
        "activeAt": "2023-11-14T22:13:20Z",
        "value": "3e+00",
    });
    assert_eq!(busy["alerts"], json!([alert]));
    assert_eq!((&quiet["state"], &quiet["alerts"]), (&json!("inactive"), &json!([])));
    assert_eq!(service.get("/api/v1/alerts").json()["data"], json!({"alerts": [alert]}));
    let broken = &answer["data"]["groups"][1]["rules"][0];
    assert_eq!(broken["health"], "err");
    assert!(broken["lastError"].as_str().is_some_and(|why| why.contains("same labelset")), "{broken}");

    let names = |path: &str| -> Vec<String> {
        let answer = service.get(&format!("/api/v1/rules?{path}")).json();
        let groups = answer["data"]["groups"].as_array().expect("groups").clone();
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default());
        rules.map(|rule| rule["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(names("type=alert"), ["Busy", "Quiet"]);
    assert_eq!(names("type=record"), ["shop:orders", "twice"]);
    assert_eq!(names("rule_name[]=Busy&rule_name[]=twice"), ["Busy", "twice"]);
    assert_eq!(names("rule_group[]=broken"), ["twice"]);
    assert_eq!(names("file[]=other.yml"), Vec::<String>::new());
    assert_eq!(names("match[]=%7Bof='shop'%7D"), ["shop:orders"]);
    let first = service.get("/api/v1/rules?group_limit=1&exclude_alerts=true").json();
    assert_eq!(first["data"]["groups"][0]["rules"][1]["alerts"], Value::Null);
    let token = first["data"]["groupNextToken"].as_str().expect("a second page").to_owned();
    let second = service.get(&format!("/api/v1/rules?group_limit=1&group_next_token={token}")).json();
    assert_eq!(
        (&second["data"]["groups"][0]["name"], &second["data"]["groupNextToken"]),
        (&json!("broken"), &Value::Null)
    );
}

#[test]
fn metrics_are_exposed_as_they_are_now_in_the_format_that_is_asked_for() {
    let service = Service::with_orders("127.0.0.1:0", &rules());
    let text = service.get("/metrics");
    assert!(text.head.contains("content-type: text/plain; version=0.0.4"), "{}", text.head);
    let accept = "Accept: application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3\r\n";
    let open = ask(service.address, "GET", "/metrics", accept, "");
    assert!(open.head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{}", open.head);
    for (body, expected) in [
        (&text.body, "# HELP orders_total Orders taken\n# TYPE orders_total counter\norders_total{kind=\"books\"} 3\n"),
        (
            &text.body,
            "took_seconds_bucket{le=\"1\"} 1\ntook_seconds_bucket{le=\"+Inf\"} 1\ntook_seconds_sum 0.7\ntook_seconds_count 1\n",
        ),
        (&open.body, "# HELP orders Orders taken\n# TYPE orders counter\norders_total{kind=\"books\"} 3\n"),
        (&open.body, "# TYPE took_seconds histogram\n# UNIT took_seconds seconds\ntook_seconds_bucket{le=\"0.5\"} 0\n"),
        (&open.body, "# TYPE target info\n"),
        (&open.body, "service_name=\"shop\""),
    ] {
        assert!(body.contains(expected), "{expected}\nin\n{body}");
    }
    assert!(open.body.ends_with("\n# EOF\n") && !text.body.contains("EOF"));
    assert!(!text.body.contains("shop:orders") && !text.body.contains("ALERTS") && !text.body.contains("job="));
    // Fresh, without a tick in between.
    service.orders("books", 4);
    assert!(service.get("/metrics").body.contains("orders_total{kind=\"books\"} 7\n"));
}

#[test]
fn no_port_is_open_unless_asked_for_and_one_that_is_taken_is_an_error_that_names_the_cure() {
    let clock = Clock::system();
    let (_, guard) = builder(&clock).layer::<tracing_subscriber::Registry>().expect("settings");
    assert_eq!(guard.web_address(), None);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let error = builder(&clock).web(address).layer::<tracing_subscriber::Registry>().expect_err("a taken port");
    assert!(error.is_configuration());
    for part in [&address.to_string(), "Builder::web", "another program listens", "or 0 for any free one"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    let error = builder(&clock).web("everywhere").layer::<tracing_subscriber::Registry>().expect_err("no address");
    assert!(error.to_string().contains("127.0.0.1:9464"), "{error}");
}

#[test]
fn a_variable_opens_a_port_and_code_beats_it() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let asked =
        |address: &str| bellwether::builder().environment(Environment::from_iter([("BELLWETHER_WEB", address)]));
    let (_, guard) = asked("localhost:0").layer::<tracing_subscriber::Registry>().expect("settings");
    assert!(guard.web_address().is_some_and(|address| address.ip().is_loopback()));
    let (_, guard) = asked("0.0.0.0:1").web("127.0.0.1:0").layer::<tracing_subscriber::Registry>().expect("settings");
    assert!(guard.web_address().is_some_and(|address| address.ip().is_loopback() && address.port() != 1));
    let _holder = TcpListener::bind(taken).expect("the port");
    let error = asked(&taken.to_string()).layer::<tracing_subscriber::Registry>().expect_err("a taken port");
    assert!(error.to_string().starts_with("BELLWETHER_WEB: "), "{error}");
}

#[test]
fn a_shutdown_closes_the_port_in_time_whatever_clients_do() {
    let service = Service::with_orders("127.0.0.1:0", &rules());
    let address = service.address;
    let idle = TcpStream::connect(address).expect("a connection");
    let mut half = TcpStream::connect(address).expect("a connection");
    half.write_all(b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nquery=")
        .expect("half a request");
    let (clock, limit) = (Clock::system(), Duration::from_secs(4));
    let begin = clock.ticks();
    drop(service.guard.shutdown(Duration::from_secs(2)));
    let took = Duration::from_nanos(clock.ticks() - begin);
    assert!(took < limit, "{took:?}");
    drop((idle, half));
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
    drop(TcpListener::bind(address).expect("the port is free"));
}

#[test]
fn limits_hold_and_what_falls_over_them_is_counted() {
    let service = Service::with_orders(Web::at(":0").max_connections(3).max_samples(8), &no_rules());
    let path = format!("/api/v1/query?query={}&time={}", escaped("{__name__!=''}[1m]"), BEGIN + 10);
    let answer = service.get(&path).json();
    assert_eq!(answer["errorType"], "execution", "{answer}");
    assert!(answer["error"].as_str().is_some_and(|why| why.contains("too many samples")), "{answer}");
    assert_eq!(service.get("/api/v1/query?query=orders_total&timeout=0").status, 503);
    assert!(service.counted("web_query_stopped") >= 2.0);

    let large = format!("query={}", "1".repeat(2 << 20));
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    let refused = ask(service.address, "POST", "/api/v1/query", kind, &large);
    assert!(matches!(refused.status, 413 | 0), "{}", refused.status);
    assert!(service.counted("web_request_refused") >= 1.0);

    let held: Vec<_> = (0..3).map(|_| TcpStream::connect(service.address).expect("a connection")).collect();
    let is_refused = |service: &Service| service.get("/health").status != 200;
    assert!((0..TRIES).any(|_| is_refused(&service) || {
        pause();
        false
    }));
    drop(held);
    assert!(
        (0..TRIES).any(|_| !is_refused(&service) || {
            pause();
            false
        }),
        "those that are closed make room"
    );
    assert!(service.counted("web_connection_refused") >= 1.0);
}

#[test]
fn what_the_server_does_is_no_telemetry_of_the_host() {
    let clock = Clock::system();
    let (layer, guard) = builder(&clock).filter("trace").web("127.0.0.1:0").layer().expect("settings");
    let address = guard.web_address().expect("a port");
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::info_span!("ours").in_scope(|| {
            for path in ["/metrics", "/api/v1/query?query=up", "/api/v1/labels", "/nowhere"] {
                assert_ne!(ask(address, "GET", path, "", "").status, 0);
            }
        });
    });
    let operations: Vec<_> = guard.operations().into_iter().map(|operation| operation.name).collect();
    assert_eq!(operations, ["ours"]);
}
