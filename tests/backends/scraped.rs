//! The Collector, scraped by a Prometheus of today and by an older one that knows no OTLP (`collector-scrape.yaml`): they
//! have what two services counted, to the call, and answer what Jaeger and Grafana ask.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::Result;
use crate::collector::Collector;
use crate::jaeger::Jaeger;
use crate::program::{Server, free_ports};
use crate::prometheus::Prometheus;
use crate::service::Services;
use crate::services::{Operation, ask, made};
use crate::stack::{VIEWS, config, has_data, text};

/// Longest wait until everything has been scraped, at one second's interval.
const PATIENCE: Duration = Duration::from_secs(40);
const LOOK: Duration = Duration::from_millis(250);
/// What Jaeger's Monitor tab asks, for one service and all kinds of spans.
const MONITOR: [&str; 3] = [
    "sum(rate(traces_span_metrics_calls_total{service_name=~\"shop\",span_kind=~\"SPAN_KIND_SERVER\"}[1m])) by (service_name, span_name)",
    "sum(rate(traces_span_metrics_calls_total{service_name=~\"shop\",status_code=\"STATUS_CODE_ERROR\",span_kind=~\"SPAN_KIND_SERVER\"}[1m])) by (service_name, span_name) / sum(rate(traces_span_metrics_calls_total{service_name=~\"shop\",span_kind=~\"SPAN_KIND_SERVER\"}[1m])) by (service_name, span_name)",
    "histogram_quantile(0.95, sum(rate(traces_span_metrics_duration_milliseconds_bucket{service_name=~\"shop\",span_kind=~\"SPAN_KIND_SERVER\"}[1m])) by (service_name, span_name, le))",
];

/// A Collector whose metrics are scraped, and whose traces go to Jaeger.
struct Scraped {
    otlp: u16,
    metrics: u16,
    _collector: Server,
    _tempo: Collector,
    _folder: TempDir,
}

impl Scraped {
    async fn start(jaeger: &Jaeger) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let tempo = Collector::start().await?;
        let [grpc, otlp, health, metrics] = free_ports()?;
        let local = |port: u16| format!("127.0.0.1:{port}");
        let variables = [
            ("OTLP_GRPC", local(grpc)),
            ("OTLP_HTTP", local(otlp)),
            ("HEALTH", local(health)),
            ("SCRAPED", local(metrics)),
            ("JAEGER", local(jaeger.grpc_port)),
            ("TEMPO", local(tempo.grpc_port)),
        ];
        let files = [config("collector.yaml"), config("collector-scrape.yaml")];
        let mut collector = Server::start("otelcol", files, &variables, folder.path())?;
        collector.ready(health, "/").await?;
        Ok(Self { otlp, metrics, _collector: collector, _tempo: tempo, _folder: folder })
    }
}

/// Calls by service, operation, kind and status.
async fn counted(prometheus: &Prometheus) -> Result<BTreeMap<[String; 4], u64>> {
    let labels = ["service_name", "span_name", "span_kind", "status_code"];
    let query = format!("sum by ({}) (traces_span_metrics_calls_total)", labels.join(", "));
    let answer = prometheus.get("query", &[("query", &query)]).await?;
    let mut counted = BTreeMap::new();
    for series in answer["result"].as_array().ok_or("no vector")? {
        let value: f64 = series["value"][1].as_str().ok_or("no value")?.parse()?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of calls")]
        counted
            .insert(labels.map(|label| series["metric"][label].as_str().unwrap_or_default().to_owned()), value as u64);
    }
    counted.retain(|_, calls| *calls > 0);
    Ok(counted)
}

fn texts((service, name, kind, status): Operation) -> [String; 4] {
    [service, name, kind, status].map(str::to_owned)
}

/// The trace of an exemplar that Prometheus holds. A scrape sees those of the newest export only, so there must be calls
/// until one comes in time.
async fn exemplar(prometheus: &Prometheus, shop: u16) -> Result<Option<String>> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        ask(shop).await?;
        let query = [("query", "traces_span_metrics_duration_milliseconds_bucket")];
        let answer = prometheus.get("query_exemplars", &query).await?;
        let held: Option<&Value> =
            answer.as_array().into_iter().flatten().find_map(|series| series["exemplars"].get(0));
        if let Some(id) = held.and_then(|exemplar| exemplar["labels"]["trace_id"].as_str()) {
            return Ok(Some(id.to_owned()));
        }
        sleep(LOOK).await;
    }
    Ok(None)
}

#[tokio::test]
async fn a_prometheus_of_any_age_has_every_call_by_scraping_the_collector() -> Result<()> {
    let jaeger = Jaeger::start().await?;
    let scraped = Scraped::start(&jaeger).await?;
    let file = text("prometheus-scrape.yml")?
        .replace("collector:8889", &format!("127.0.0.1:{}", scraped.metrics))
        .replace("scrape_interval: 10s", "scrape_interval: 1s");
    let flag = ["--enable-feature=exemplar-storage"];
    let new = Prometheus::start_program("prometheus", &flag, &file, &[]).await?;
    let old = Prometheus::start_program("prometheus-debian", &flag, &file, &[]).await?;

    let endpoint = format!("http://127.0.0.1:{}", scraped.otlp);
    let both = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1000"),
        ("BELLWETHER_FAMILIES", "collector,tempo,service_graph"),
    ];
    let services = Services::start(&both, &[]).await?;
    // So that the first scrape finds the zeros that rates begin at.
    ask(services.shop_port).await?;
    let expected: BTreeMap<_, _> = made().into_iter().map(|(operation, calls)| (texts(operation), calls)).collect();
    let ages = [("3.14", &new), ("Debian's", &old)];
    for (age, prometheus) in ages {
        let until = Instant::now() + PATIENCE;
        while counted(prometheus).await? != expected {
            assert!(Instant::now() < until, "{age}: {:#?}", counted(prometheus).await?);
            sleep(LOOK).await;
        }
        for query in MONITOR.into_iter().chain(VIEWS) {
            assert!(has_data(prometheus, query, until).await?, "{age}: no data for {query}");
        }
    }
    for (age, prometheus) in ages {
        let id = exemplar(prometheus, services.shop_port).await?.ok_or_else(|| format!("{age}: no exemplars"))?;
        let until = Instant::now() + PATIENCE;
        while !jaeger.has(&id).await? {
            assert!(Instant::now() < until, "{age}: Jaeger does not have trace {id}");
            sleep(LOOK).await;
        }
    }
    services.stop().await
}
