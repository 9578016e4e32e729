//! The files of `otel-collector`: each is taken by its program, and together they show what the demo sends. Every query
//! of every dashboard has data.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::collector::Collector;
use crate::program::{Server, free_ports, installed, run};
use crate::prometheus::Prometheus;
use crate::received::Received;
use crate::{Result, http};

const SERVICE: &str = "demo-of-the-stack";
const LIMIT: Duration = Duration::from_secs(30);
/// Longest wait until every panel has data. Rules are judged every ten seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// An alert of our own, because dashboards show alerts and nothing goes wrong at once.
const ALWAYS: &str = r"
groups:
  - name: always
    interval: 1s
    rules: [{alert: Called, expr: 'sum by (job) (rate(traces_span_metrics_calls_total[1m])) > 0'}]
";

/// What Grafana's Tempo data source asks of Prometheus: for the service graph, and for the table of spans under it
/// (`public/app/plugins/datasource/tempo/graphTransform.ts` there).
pub(crate) const VIEWS: [&str; 7] = [
    "sum by (client, server) (rate(traces_service_graph_request_server_seconds_sum{}[1m]))",
    "sum by (client, server) (rate(traces_service_graph_request_total{}[1m]))",
    "sum by (client, server) (rate(traces_service_graph_request_failed_total{}[1m]))",
    "histogram_quantile(.9, sum(rate(traces_service_graph_request_server_seconds_bucket{}[1m])) by (le, client, server))",
    "topk(5, sum(rate(traces_spanmetrics_calls_total{span_kind=\"SPAN_KIND_SERVER\"}[1m])) by (span_name))",
    "topk(5, sum(rate(traces_spanmetrics_calls_total{status_code=\"STATUS_CODE_ERROR\"}[1m])) by (span_name))",
    "histogram_quantile(.9, sum(rate(traces_spanmetrics_latency_bucket{span_kind=\"SPAN_KIND_SERVER\"}[1m])) by (le))",
];

/// A file of `otel-collector`.
pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("otel-collector").join(name)
}

pub(crate) fn text(name: &str) -> Result<String> {
    Ok(std::fs::read_to_string(file(name))?)
}

async fn takes(program: &str, arguments: &[String], variables: &[(&str, String)]) -> Result<()> {
    let mut command = Command::new(installed(program)?);
    command.args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
    let ended = run(&mut command, LIMIT).await?;
    if ended.status.success() {
        return Ok(());
    }
    Err(format!("{program} {}:\n{}{}", arguments.join(" "), ended.stdout, ended.stderr).into())
}

pub(crate) fn config(name: &str) -> String {
    format!("--config={}", file(name).display())
}

#[tokio::test]
async fn the_collector_takes_its_files() -> Result<()> {
    takes("otelcol", &["validate".to_owned(), config("collector.yaml")], &[]).await?;
    takes("otelcol", &["validate".to_owned(), config("collector.yaml"), config("collector-scrape.yaml")], &[]).await
}

#[tokio::test]
async fn prometheus_takes_its_files_and_the_rules() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::create_dir(folder.path().join("rules"))?;
    std::fs::write(folder.path().join("rules/bellwether.rules.yml"), bellwether::rules::DEFAULT_RULES)?;
    for name in ["prometheus.yml", "prometheus-scrape.yml"] {
        let path = folder.path().join(name);
        std::fs::copy(file(name), &path)?;
        takes("promtool", &["check".to_owned(), "config".to_owned(), path.display().to_string()], &[]).await?;
    }
    Ok(())
}

#[tokio::test]
async fn alertmanager_takes_its_file_and_so_do_we() -> Result<()> {
    takes("amtool", &["check-config".to_owned(), file("alertmanager.yml").display().to_string()], &[]).await?;
    bellwether::notifier::Routing::parse("alertmanager.yml", &text("alertmanager.yml")?)?;
    Ok(())
}

/// Every file that `compose.yaml` mounts is there, and its flags are those that the other tests start Prometheus with.
#[tokio::test]
async fn compose_takes_its_file() -> Result<()> {
    let mut command = Command::new(installed("compose-spec")?);
    command.args(["--format", "json", "compose.yaml"]).current_dir(file(""));
    let ended = run(&mut command, LIMIT).await?;
    assert!(ended.status.success(), "{}", ended.stderr);
    let project: Value = serde_json::from_str(&ended.stdout)?;
    let services = project["services"].as_object().ok_or("no services")?;
    for (service, settings) in services {
        for volume in settings["volumes"].as_array().into_iter().flatten().filter(|volume| volume["type"] == "bind") {
            let source = volume["source"].as_str().ok_or("a mount of nothing")?;
            assert!(Path::new(source).exists(), "{service} mounts {source}, which is not there");
        }
    }
    let flags = services["prometheus"]["command"].to_string();
    assert!(flags.contains("--web.enable-otlp-receiver") && flags.contains("--enable-feature=exemplar-storage"));
    Ok(())
}

#[tokio::test]
async fn kubernetes_takes_the_manifest_with_the_collectors_own_file() -> Result<()> {
    let mut build = Command::new(installed("kustomize")?);
    build.arg("build").arg(file(""));
    let built = run(&mut build, LIMIT).await?;
    assert!(built.status.success(), "{}", built.stderr);
    assert!(built.stdout.contains("otlp_http/prometheus"), "collector.yaml is part of it");
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("manifest.yaml");
    std::fs::write(&path, &built.stdout)?;
    takes("kubernetes-validate", &["--strict".to_owned(), path.display().to_string()], &[]).await
}

/// The programs of `compose.yaml` on ports of this machine. What Tempo would get, a second Collector writes down.
pub(crate) struct Stack {
    /// Of the Collector, over HTTP.
    pub(crate) otlp: u16,
    jaeger: u16,
    pub(crate) prometheus: Prometheus,
    tempo: Collector,
    collector: Server,
    _jaeger: Server,
    _folder: TempDir,
}

impl Stack {
    pub(crate) async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let local = |port: u16| format!("127.0.0.1:{port}");
        let rules = [("bellwether.rules.yml", bellwether::rules::DEFAULT_RULES), ("always.rules.yml", ALWAYS)];
        let prometheus = Prometheus::start_with_rules(&text("prometheus.yml")?, "exemplar-storage", &rules).await?;
        let address = format!("http://{}", local(prometheus.port));
        let tempo = Collector::start().await?;

        let [grpc, http, health, jaeger, query_grpc] = free_ports()?;
        let variables = [
            ("OTLP_GRPC", local(grpc)),
            ("OTLP_HTTP", local(http)),
            ("HEALTH", local(health)),
            ("QUERY", local(jaeger)),
            ("QUERY_GRPC", local(query_grpc)),
            ("PROMETHEUS", address.clone()),
            ("JAEGER_UI", file("jaeger-ui.json").display().to_string()),
        ];
        let mut shown = Server::start("jaeger", [config("jaeger.yaml")], &variables, folder.path())?;
        shown.ready(health, "/status").await?;

        let [collector_grpc, otlp, health] = free_ports()?;
        let variables = [
            ("OTLP_GRPC", local(collector_grpc)),
            ("OTLP_HTTP", local(otlp)),
            ("HEALTH", local(health)),
            ("JAEGER", local(grpc)),
            ("TEMPO", local(tempo.grpc_port)),
            ("PROMETHEUS", address),
        ];
        let mut collector = Server::start("otelcol", [config("collector.yaml")], &variables, folder.path())?;
        collector.ready(health, "/").await?;
        Ok(Self { otlp, jaeger, prometheus, tempo, collector, _jaeger: shown, _folder: folder })
    }

    /// A demo that runs until it is dropped.
    fn demo(&self) -> Result<Child> {
        let child = Command::new(env!("CARGO_BIN_EXE_bellwether"))
            .args(["demo", "--for", "5m", "--format", "json", "--rate", "20", "--documents", "300"])
            .env_clear()
            .env("OTEL_SERVICE_NAME", SERVICE)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://127.0.0.1:{}", self.otlp))
            .env("OTEL_METRIC_EXPORT_INTERVAL", "1000")
            .env("BELLWETHER_FAMILIES", "collector,tempo,service_graph")
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        Ok(child)
    }

    /// A score as a detector would write it, by a client that is not ours: no detector watches the demo.
    async fn score(&self, metric: &str) -> Result<()> {
        let endpoint = format!("127.0.0.1:{}", self.otlp);
        let arguments =
            ["metrics", "--otlp-insecure", "--otlp-http", "--otlp-endpoint", &endpoint, "--service", SERVICE];
        let what = ["--metric-type", "Gauge", "--otlp-metric-name", metric, "--metrics", "1"];
        takes(
            "telemetrygen",
            &[&arguments[..], &what[..]].concat().iter().map(ToString::to_string).collect::<Vec<_>>(),
            &[],
        )
        .await
    }

    /// Ends the Collector, which sends what it still holds: Prometheus, and what Tempo would have got.
    pub(crate) async fn ended(self) -> Result<(Prometheus, Received)> {
        self.collector.stop().await?;
        Ok((self.prometheus, self.tempo.received().await?))
    }

    /// What Jaeger's own page asks.
    pub(crate) async fn jaeger(&self, path: &str) -> Result<Value> {
        let response = http::get(self.jaeger, path).await?;
        if response.status == 200 { Ok(serde_json::from_str(&response.body)?) } else { Err(response.body.into()) }
    }
}

/// The queries of a dashboard's panels, with values for its variables.
fn queries(dashboard: &Value) -> Vec<(String, String)> {
    let panels = dashboard["panels"].as_array().map_or(&[][..], Vec::as_slice);
    let mut queries = Vec::new();
    for panel in panels {
        for target in panel["targets"].as_array().map_or(&[][..], Vec::as_slice) {
            let query = target["expr"].as_str().unwrap_or_default();
            let query = query.replace("$__rate_interval", "1m").replace("$job", SERVICE).replace("$operation", ".+");
            queries.push((panel["title"].to_string(), query));
        }
    }
    queries
}

/// Asks until there is data.
pub(crate) async fn has_data(prometheus: &Prometheus, query: &str, until: Instant) -> Result<bool> {
    loop {
        let answer = prometheus.get("query", &[("query", query)]).await?;
        if answer["result"].as_array().is_some_and(|result| !result.is_empty()) {
            return Ok(true);
        }
        if Instant::now() > until {
            return Ok(false);
        }
        sleep(Duration::from_millis(250)).await;
    }
}

#[tokio::test]
async fn dashboards_monitor_tab_and_exemplars_show_the_demo() -> Result<()> {
    let stack = Stack::start().await?;
    let demo = stack.demo()?;
    for score in ["bellwether.drift.score", "bellwether.anomaly.score"] {
        stack.score(score).await?;
    }
    let until = Instant::now() + PATIENCE;
    let mut empty = Vec::new();
    let mut asked = 0;
    for entry in std::fs::read_dir(file("grafana/dashboards"))? {
        let path = entry?.path();
        let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
        for (panel, query) in queries(&dashboard) {
            asked += 1;
            if !has_data(&stack.prometheus, &query, until).await? {
                empty.push(format!("{} / {panel}: {query}", path.display()));
            }
        }
    }
    for query in VIEWS {
        if !has_data(&stack.prometheus, query, until).await? {
            empty.push(format!("Grafana's views: {query}"));
        }
    }
    assert!(asked > 10, "only {asked} queries");
    assert!(empty.is_empty(), "{} of {asked} queries have no data:\n{}", empty.len(), empty.join("\n"));
    the_monitor_tab_has_every_figure(&stack).await?;
    exemplars_open_traces(&stack).await?;
    drop(demo);
    Ok(())
}

/// What Jaeger's Monitor tab asks. Spans of a plain `#[instrument]` are internal.
async fn the_monitor_tab_has_every_figure(stack: &Stack) -> Result<()> {
    for figure in ["calls", "errors", "latencies"] {
        let path = format!(
            "/api/metrics/{figure}?service={SERVICE}&spanKind=internal&spanKind=server&groupByOperation=true\
             &quantile=0.95&lookback=600000&step=5000&ratePer=60000"
        );
        let answer = stack.jaeger(&path).await?;
        let metrics = answer["metrics"].as_array().map_or(0, Vec::len);
        assert!(metrics > 0, "{figure}: {answer}");
    }
    Ok(())
}

/// Exemplars that Prometheus holds lead to traces that Jaeger holds.
async fn exemplars_open_traces(stack: &Stack) -> Result<()> {
    let query = format!("traces_span_metrics_duration_milliseconds_bucket{{job=\"{SERVICE}\"}}");
    let answer = stack.prometheus.get("query_exemplars", &[("query", &query)]).await?;
    let exemplars: Vec<&str> = answer
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|series| series["exemplars"].as_array().into_iter().flatten())
        .filter_map(|exemplar| exemplar["labels"]["trace_id"].as_str())
        .collect();
    assert!(!exemplars.is_empty(), "Prometheus holds no exemplar");
    // Metrics are faster than traces, which wait for a batch.
    let until = Instant::now() + LIMIT;
    for id in exemplars.iter().take(5) {
        while stack.jaeger(&format!("/api/traces/{id}")).await.is_err() {
            assert!(Instant::now() < until, "Jaeger does not have trace {id}");
            sleep(Duration::from_millis(250)).await;
        }
    }
    Ok(())
}
