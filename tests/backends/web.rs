//! Our HTTP API against Prometheus' own: the same data and rules in both, the same answers.

use std::net::SocketAddr;
use std::time::Duration;

use bellwether::clock::{Clock, Timestamp};
use bellwether::config::Environment;
use bellwether::instruments::{counter, gauge, histogram};
use bellwether::opentelemetry::KeyValue;
use bellwether::{Alerts, Builder, Guard};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::sleep;
use tracing::{Dispatch, dispatcher, info_span};
use tracing_subscriber::prelude::*;

use crate::program::{installed, run};
use crate::prometheus::Prometheus;
use crate::{Result, http};

/// Collections of the table, fifteen seconds apart.
const ROUNDS: u64 = 20;
const STEP: Duration = Duration::from_secs(15);
/// Looks of fifty milliseconds that a test waits for something.
const LOOKS: usize = 600;

/// A service under telemetry, with our API.
struct Service {
    guard: Guard,
    dispatch: Dispatch,
    address: SocketAddr,
}

/// Takes spans, so that there are sampled ones that exemplars link to.
#[derive(Debug)]
struct Nowhere;

impl SpanExporter for Nowhere {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Ok(())
    }
}

fn builder(prometheus: Option<&Prometheus>, variables: &[(&str, &str)]) -> Builder {
    let port = prometheus.map_or(1, |prometheus| prometheus.port);
    let endpoint = format!("http://127.0.0.1:{port}/api/v1/otlp/v1/metrics");
    let mut all = vec![
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/protobuf"),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_METRICS_EXPORTER", if prometheus.is_some() { "otlp" } else { "none" }),
    ];
    all.extend(variables);
    bellwether::builder()
        .environment(Environment::from_iter(all))
        .service("shop")
        .resource("service.instance.id", "i-1")
        .with_span_exporter(Nowhere)
        .histogram("shop.took", "s", "Time that an order took", &[0.5, 1.0, 2.5])
        .gauge("shop.stock", "", "What is there")
        .counter("shop.orders", "", "Orders taken")
        .web("127.0.0.1:0")
}

fn alerts(interval: Duration) -> Alerts {
    Alerts::new().default_rules(false).log(false).interval(interval)
}

impl Service {
    fn start(builder: Builder) -> Result<Self> {
        let (layer, guard) = builder.layer()?;
        let address = guard.web_address().ok_or("no port")?;
        Ok(Self { guard, dispatch: Dispatch::new(tracing_subscriber::registry().with(layer)), address })
    }

    /// What happens in one round: orders of two kinds, one of which restocks, each in a span of its own.
    fn work(&self, round: u64) {
        dispatcher::with_default(&self.dispatch, || {
            for (at, kind) in ["books", "pens"].into_iter().enumerate() {
                let attributes = [KeyValue::new("kind", kind)];
                info_span!("order").in_scope(|| {
                    counter("shop.orders").add(1 + round % 3 * at as u64, &attributes);
                    histogram("shop.took").record(0.3 * (1 + round % 5) as f64 + at as f64, &attributes);
                });
                gauge("shop.stock").record(50.0 - 7.25 * (round % 9) as f64 * at as f64, &attributes);
            }
        });
    }

    /// Whether the window has a collection of this time, after some looks.
    async fn reaches(&self, time: u64) -> Result<bool> {
        let query = format!("/api/v1/query?query={}&time={time}", escaped("max(timestamp(shop_stock))"));
        let seen = json!([{"metric": {}, "value": [time, time.to_string()]}]);
        for _ in 0..LOOKS / 10 {
            if self.ask(&query).await?.1["data"]["result"] == seen {
                return Ok(true);
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(false)
    }

    async fn ask(&self, path: &str) -> Result<(u16, Value)> {
        let response = http::get(self.address.port(), path).await?;
        let body = if response.body.is_empty() { Value::Null } else { serde_json::from_str(&response.body)? };
        Ok((response.status, body))
    }
}

async fn asked(prometheus: &Prometheus, path: &str) -> Result<(u16, Value)> {
    let response = http::get(prometheus.port, path).await?;
    // Of HTTP/1.0 Prometheus answers with no more than this.
    let body = if response.body.is_empty() { Value::Null } else { serde_json::from_str(&response.body)? };
    Ok((response.status, body))
}

/// `%` for what a path cannot hold.
fn escaped(text: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.=&[]/?".contains(&byte);
    let escape = |byte| if kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(escape).collect()
}

/// Series in the order of their labels: of an instant vector there is none.
fn sorted(mut answer: Value) -> Value {
    if let Some(result) = answer.pointer_mut("/data/result").and_then(Value::as_array_mut) {
        result.sort_by_key(|series| series["metric"].to_string());
    }
    answer
}

/// The same collections in our window and in Prometheus; the time of the last one, in seconds.
async fn fed(prometheus: &Prometheus, variables: &[(&str, &str)]) -> Result<(Service, u64)> {
    let begin = (Clock::system().now().0 / 15_000_000_000 * 15) - (2 * ROUNDS + 2) * 15;
    let clock = Clock::manual(Timestamp(begin * 1_000_000_000));
    let builder = builder(Some(prometheus), variables).alerts(alerts(Duration::from_millis(20))).clock(clock.clone());
    let service = Service::start(builder)?;
    let mut time = begin;
    for round in 0..ROUNDS {
        // What is measured now is collected after the clock has moved, by the window and by the export.
        service.work(round);
        // Time that moves before a collection has come to its end is not waited for by the next one.
        loop {
            clock.advance(STEP);
            time += STEP.as_secs();
            if service.reaches(time).await? {
                break;
            }
            if time > begin + 2 * ROUNDS * STEP.as_secs() {
                return Err("the window is not fed".into());
            }
        }
        let report = service.guard.handle().flush_async(Duration::from_secs(10)).await;
        if !report.metrics.dropped.is_empty() {
            return Err(format!("not everything was delivered: {report}").into());
        }
    }
    Ok((service, time))
}

/// Requests whose answers are the same byte for byte of meaning; `T` is the time of the last collection, `B` of the
/// first, and `L` one from which on our window has kept every exemplar.
const REQUESTS: [&str; 67] = [
    "query?query=shop_orders_total&time=T",
    "query?query=shop_orders_total&time=T.5",
    "query?query=sum by (kind) (rate(shop_orders_total[2m]))&time=T",
    "query?query=shop_orders_total[1m]&time=T",
    "query?query=shop_stock / 0&time=T",
    "query?query=-shop_stock / 0&time=T",
    "query?query=0 * shop_stock / 0&time=T",
    "query?query=shop_stock * 1e30&time=T",
    "query?query=shop_stock * 1e-30&time=T",
    "query?query=histogram_quantile(0.9, sum by (le) (rate(shop_took_seconds_bucket[2m])))&time=T",
    "query?query=histogram_quantile(2, shop_took_seconds_bucket)&time=T",
    "query?query=rate(shop_stock[2m])&time=T",
    "query?query=shop_orders_total offset 1m&time=T",
    "query?query=shop_orders_total @ B&time=T",
    "query?query=target_info&time=T",
    "query?query=shop_orders_total * on (job, instance) group_left (telemetry_sdk_language) target_info&time=T",
    "query?query=topk(1, shop_stock)&time=T",
    "query?query=absent(nothing{a='b'})&time=T",
    "query?query=1 + 1&time=T",
    "query?query=1e300 * 10&time=T",
    "query?query='text \"quoted\" \\u2028 <html>'&time=T",
    "query?query=time()&time=T.25",
    "query?query=vector(scalar(shop_stock{kind='pens'}))&time=T",
    "query?query=max_over_time(shop_stock[3m:15s])&time=T",
    "query?query=shop_stock&time=T&lookback_delta=1s",
    "query?query=sort(shop_stock)&time=T&limit=1",
    "query?query=label_replace(shop_stock, 'ünï', '$1', 'kind', '(.*)')&time=T",
    "query?query=traces_span_metrics_calls_total&time=T",
    "query?query=nothing&time=T",
    "query_range?query=shop_orders_total&start=B&end=T&step=15",
    "query_range?query=rate(shop_orders_total[1m])&start=B&end=T&step=30s",
    "query_range?query=shop_stock&start=B&end=T&step=0.5m",
    "query_range?query=shop_stock&start=B.123&end=T&step=17.5",
    "query_range?query=1&start=B&end=T&step=1m",
    "query_range?query=shop_stock > 40&start=B&end=T&step=15",
    "query_range?query=sort(shop_stock)&start=B&end=T&step=1m&limit=1",
    "query_range?query=nothing&start=B&end=T&step=15",
    "query_range?query=histogram_quantile(0.5, rate(shop_took_seconds_bucket[1m]))&start=B&end=T&step=15",
    "series?match[]=shop_orders_total",
    "series?match[]={__name__=~'shop_.+',kind='pens'}&match[]=shop_stock",
    "series?match[]=nothing",
    "series?match[]=shop_stock&limit=1",
    "labels?match[]={__name__=~'shop_.*'}",
    "labels?match[]=shop_stock&match[]=shop_took_seconds_bucket",
    "labels?match[]=shop_stock&limit=2",
    "label/kind/values",
    "label/U__kind/values?match[]=shop_stock",
    "label/le/values?match[]={__name__=~'shop_.*'}",
    "label/__name__/values?match[]={kind='pens'}",
    "label/kind/values?limit=1",
    "label/nothing/values",
    "query_exemplars?query=shop_took_seconds_bucket&start=L&end=T",
    "query_exemplars?query=sum(rate(shop_orders_total[1m])) by (kind)&start=L&end=T",
    "query_exemplars?query=1&start=B&end=T",
    "format_query?query=sum(rate(shop_orders_total{kind='pens'}[5m]))by(kind)",
    // Errors, with their texts.
    "query?query=up =&time=T",
    "query?query=&time=T",
    "query?query=rate(up)&time=T",
    "query?query=up&time=x",
    "query?query=up&time=T&timeout=x",
    "query?query=up&time=T&limit=x",
    "query?query=up&time=T&limit=-1",
    "query_range?query=up[5m]&start=B&end=T&step=15",
    "query_range?query=up&start=T&end=B&step=15",
    "query_range?query=up&start=B&end=T&step=0",
    "query_range?query=up&start=0&end=T&step=1",
    "series?match[]={}",
];

/// The same for histograms with exponential buckets.
const NATIVE: [&str; 6] = [
    "query?query=shop_took_seconds&time=T",
    "query?query=sum(rate(shop_took_seconds[2m]))&time=T",
    "query?query=shop_took_seconds[1m]&time=T",
    "query?query=histogram_quantile(0.9, sum(rate(shop_took_seconds[2m])))&time=T",
    "query_range?query=histogram_avg(rate(shop_took_seconds[1m]))&start=B&end=T&step=15",
    "query_range?query=shop_took_seconds&start=B&end=T&step=30",
];

#[tokio::test]
async fn queries_of_the_same_data_have_the_same_answers() -> Result<()> {
    let exponential =
        [("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "base2_exponential_bucket_histogram")];
    let mut differing = Vec::new();
    for (variables, requests) in [(&[][..], &REQUESTS[..]), (&exponential[..], &NATIVE[..])] {
        let prometheus = Prometheus::start("global: {}\n", "exemplar-storage").await?;
        let (service, last) = fed(&prometheus, variables).await?;
        let first = last - (ROUNDS - 1) * 15;
        for request in requests {
            let (endpoint, parameters) = request.split_once('?').unwrap_or((request, ""));
            let times = |text: &str| {
                let with = |text: String, mark: &str, time: u64| {
                    text.replace(&format!("={mark}"), &format!("={time}"))
                        .replace(&format!("@ {mark}"), &format!("@ {time}"))
                };
                with(with(with(text.to_owned(), "T", last), "B", first), "L", last - 31)
            };
            let path = format!("/api/v1/{endpoint}?{}", escaped(&times(parameters)).replace("%20/", "%20%2F"));
            let (ours, theirs) = (service.ask(&path).await?, asked(&prometheus, &path).await?);
            let (ours, theirs) = ((ours.0, sorted(ours.1)), (theirs.0, sorted(theirs.1)));
            if ours != theirs {
                differing.push(format!("{request}\n  ours:   {ours:?}\n  theirs: {theirs:?}"));
            }
        }
        drop(service.guard.shutdown_async(Duration::from_secs(5)).await);
    }
    assert!(differing.is_empty(), "{} answers differ:\n{}", differing.len(), differing.join("\n"));
    Ok(())
}

const RULES: &str = "
groups:
- name: shop
  interval: 1s
  limit: 20
  labels: {team: search}
  rules:
  - record: shop:stock:sum
    expr: sum by (kind) (shop_stock)
    labels: {of: shop}
  - alert: Low
    expr: shop:stock:sum < 40
    for: 2s
    keep_firing_for: 10m
    labels: {severity: '{{ if lt $value 20.0 }}critical{{ else }}warning{{ end }}'}
    annotations: {summary: '{{ $labels.kind }}: {{ $value | humanize }} left'}
  - alert: Waits
    expr: shop_stock > 0
    for: 1h
  - alert: Never
    expr: shop_stock > 1000
- name: broken
  interval: 1s
  rules:
  - record: twice
    expr: label_replace({__name__=~'shop_stock|shop_orders_total'}, '__name__', '', '', '')
";

#[tokio::test]
async fn the_same_rules_make_the_same_alerts_and_look_the_same() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("rules.yml");
    std::fs::write(&file, RULES)?;
    let config = format!("rule_files: [{}]\n", file.display());
    let prometheus = Prometheus::start(&config, "exemplar-storage").await?;
    let second = Duration::from_secs(1);
    let service =
        Service::start(builder(Some(&prometheus), &[]).interval(second).alerts(alerts(second).rule_file(&file)))?;
    dispatcher::with_default(&service.dispatch, || {
        counter("shop.orders").add(1, &[KeyValue::new("kind", "pens")]);
        for (kind, stock) in [("books", 50.0), ("pens", 12.5), ("ink", 30.0)] {
            gauge("shop.stock").record(stock, &[KeyValue::new("kind", kind)]);
        }
    });
    let path = "/api/v1/rules";
    let is_settled = |answer: &Value| {
        let (rules, broken) = (&answer["data"]["groups"][0]["rules"], &answer["data"]["groups"][1]["rules"][0]);
        let count = |at: usize| rules[at]["alerts"].as_array().map_or(0, Vec::len);
        rules[1]["state"] == "firing"
            && (count(1), count(2)) == (2, 3)
            && broken["health"] == "err"
            && rules[1]["alerts"].as_array().is_some_and(|all| all.iter().all(|alert| alert["state"] == "firing"))
    };
    let (mut ours, mut theirs) = (Value::Null, Value::Null);
    for _ in 0..LOOKS {
        (ours, theirs) = (service.ask(path).await?.1, asked(&prometheus, path).await?.1);
        // The groups of one file stand in no order there.
        if let Some(groups) = theirs.pointer_mut("/data/groups").and_then(Value::as_array_mut) {
            groups.sort_by_key(|group| std::cmp::Reverse(group["name"].to_string()));
        }
        if is_settled(&ours) && is_settled(&theirs) {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    let mut times = (Vec::new(), Vec::new());
    timeless(&mut ours, &mut times.0);
    timeless(&mut theirs, &mut times.1);
    assert_eq!(ours, theirs);
    assert_eq!(times.0.len(), 5, "{times:?}");
    // Prometheus moves the ticks of a group by a hash of its name, and its data arrive in their own time.
    let apart = times.0.iter().zip(&times.1).map(|(ours, theirs)| (ours - theirs).abs());
    assert!(apart.clone().all(|apart| apart < 4.0), "{times:?}");

    let (mut ours, mut theirs) =
        (service.ask("/api/v1/alerts").await?.1, asked(&prometheus, "/api/v1/alerts").await?.1);
    for answer in [&mut ours, &mut theirs] {
        timeless(answer, &mut Vec::new());
    }
    assert_eq!(ours, theirs);
    assert_eq!(ours["data"]["alerts"].as_array().map(Vec::len), Some(5));
    drop(service.guard.shutdown_async(Duration::from_secs(5)).await);
    Ok(())
}

/// Replaces what depends on the moment by its kind, orders alerts by their labels, and collects when they became active.
fn timeless(value: &mut Value, active: &mut Vec<f64>) {
    match value {
        Value::Array(items) => {
            if items.iter().all(|item| item.get("activeAt").is_some()) {
                items.sort_by_key(|item| item["labels"].to_string());
            }
            for item in items {
                timeless(item, active);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                match (name.as_str(), &*field) {
                    ("evaluationTime", Value::Number(_)) => *field = json!("a number"),
                    ("lastEvaluation" | "activeAt" | "keepFiringSince", Value::String(text)) => {
                        let moment: std::result::Result<jiff::Timestamp, _> = text.parse();
                        let Ok(moment) = moment else { continue };
                        if name == "activeAt" {
                            active.push(moment.as_millisecond() as f64 / 1_000.0);
                        }
                        *field = json!("a time");
                    }
                    _ => timeless(field, active),
                }
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn prometheus_scrapes_our_metrics_with_their_exemplars() -> Result<()> {
    let service = Service::start(builder(None, &[]).alerts(alerts(Duration::from_millis(50))))?;
    for round in 0..5 {
        service.work(round);
    }
    // Once the window has seen them an export does not take the exemplars away.
    for _ in 0..LOOKS {
        let (_, linked) = service.ask("/api/v1/query_exemplars?query=shop_took_seconds_bucket").await?;
        if linked["data"].as_array().is_some_and(|series| series.len() > 3) {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    let config = format!(
        "scrape_configs:\n- job_name: scraped\n  scrape_interval: 1s\n  scrape_protocols: [OpenMetricsText1.0.0]\n  \
         static_configs: [{{targets: ['{}']}}]\n",
        service.address
    );
    let prometheus = Prometheus::start(&config, "exemplar-storage").await?;
    let query = [("query", "shop_orders_total")];
    let mut found = Value::Null;
    for _ in 0..LOOKS {
        found = prometheus.get("query", &query).await?["result"].take();
        if found.as_array().is_some_and(|found| found.len() == 2) {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    let ours = http::get(service.address.port(), "/metrics").await?.body;
    let lines = ours.lines().filter(|line| !line.starts_with('#') && !line.starts_with("bellwether_internal")).count();
    let everything = r#"count({job="scraped", __name__!~"up|scrape_.*|bellwether_internal_.*"})"#;
    let count = prometheus.get("query", &[("query", everything)]).await?;
    assert_eq!(count["result"][0]["value"][1], json!(lines.to_string()), "{ours}");
    for kind in ["books", "pens"] {
        let line = ours.lines().find_map(|line| line.strip_prefix(&format!("shop_orders_total{{kind=\"{kind}\"}} ")));
        let there = found.as_array().into_iter().flatten().find(|series| series["metric"]["kind"] == kind);
        assert_eq!(there.and_then(|series| series["value"][1].as_str()), line, "{kind}");
    }
    let range = [("query", r#"{__name__=~"shop_.+"}"#), ("start", "0"), ("end", "99999999999")];
    let linked = prometheus.get("query_exemplars", &range).await?;
    let linked: usize =
        linked.as_array().into_iter().flatten().map(|series| series["exemplars"].as_array().map_or(0, Vec::len)).sum();
    let open = open_metrics(service.address).await?;
    let written = open.lines().filter(|line| line.starts_with("shop_") && line.contains(" # {trace_id=")).count();
    assert!(written > 3, "{open}");
    assert_eq!(linked, written, "{open}");

    let (_, metadata) = service.ask("/api/v1/metadata").await?;
    let scraped = prometheus.get("metadata", &[]).await?;
    for (name, ours) in metadata["data"].as_object().into_iter().flatten().filter(|(name, _)| name.starts_with("shop_"))
    {
        let theirs = &scraped[name.strip_suffix("_total").unwrap_or(name)];
        assert_eq!(theirs, ours, "{name}");
    }
    Ok(())
}

async fn open_metrics(address: SocketAddr) -> Result<String> {
    let head = "Accept: application/openmetrics-text;version=1.0.0\r\n";
    Ok(http::get_with(address.port(), "/metrics", head).await?.body)
}

#[tokio::test]
async fn promtool_finds_nothing_wrong_with_our_metrics_and_asks_our_api() -> Result<()> {
    let service = Service::start(builder(None, &[]).alerts(alerts(Duration::from_millis(100))))?;
    service.work(1);
    let ready = "/api/v1/query?query=shop_stock";
    for _ in 0..LOOKS {
        if service.ask(ready).await?.1["data"]["result"][0].is_object() {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    let folder = tempfile::tempdir()?;
    let (promtool, url) = (installed("promtool")?, format!("http://{}", service.address));
    let file = folder.path().join("metrics");
    std::fs::write(&file, http::get(service.address.port(), "/metrics").await?.body)?;
    let mut check = Command::new("sh");
    check.args(["-c", "exec \"$0\" check metrics < \"$1\""]).arg(&promtool).arg(&file);
    let checked = run(&mut check, Duration::from_secs(30)).await?;
    // What it says about names and help is lint; that of a format is an error and begins with these words.
    let said = format!("{}{}", checked.stdout, checked.stderr);
    assert!(!said.contains("error while linting") && !said.contains("text format parsing error"), "{said}");
    for (arguments, expected) in [
        (&["query", "instant", &url, "sum by (kind) (shop_orders_total)"][..], "{kind=\"books\"} => 1 @["),
        (&["query", "range", &url, "shop_orders_total", "--step=1s"], "shop_orders_total{"),
        (&["query", "series", &url, "--match=shop_stock"], "kind=\"pens\""),
        (&["query", "labels", &url, "kind"], "pens"),
    ] {
        let mut command = Command::new(&promtool);
        command.args(arguments);
        let asked = run(&mut command, Duration::from_secs(30)).await?;
        assert!(
            asked.status.success() && asked.stdout.contains(expected),
            "{arguments:?}: {}{}",
            asked.stdout,
            asked.stderr
        );
    }
    Ok(())
}
