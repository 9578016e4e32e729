//! What a backend does not take: one clear line with the cure, and the other signals go on.

use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::Result;
use crate::collector::Collector;
use crate::program::{Ended, run};
use crate::prometheus::Prometheus;

const LIMIT: Duration = Duration::from_secs(90);

/// Runs the demo with these variables; what it said, and its report.
async fn demo(variables: &[(&str, &str)]) -> Result<(Ended, Value)> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwether"));
    command
        .args(["demo", "--for", "4s", "--format", "json", "--rate", "20", "--documents", "300", "--no-fault"])
        .env_clear()
        .env("OTEL_METRIC_EXPORT_INTERVAL", "1000")
        .envs(variables.iter().copied());
    let ended = run(&mut command, LIMIT).await?;
    let last: Value = serde_json::from_str(ended.stdout.lines().last().ok_or("the demo printed nothing")?)?;
    Ok((ended, last["report"].clone()))
}

/// The warnings about a signal's endpoint.
fn warnings(ended: &Ended, port: u16) -> Vec<&str> {
    let of_port = format!("127.0.0.1:{port}");
    ended.stderr.lines().filter(|line| line.contains("WARN") && line.contains(&of_port)).collect()
}

#[tokio::test]
async fn deltas_that_prometheus_refuses_are_told_once_with_the_cure_and_traces_go_on() -> Result<()> {
    let prometheus = Prometheus::start("", "exemplar-storage").await?;
    let collector = Collector::start().await?;
    let (ended, report) = demo(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://127.0.0.1:{}", collector.http_port)),
        (
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
            &format!("http://127.0.0.1:{}/api/v1/otlp/v1/metrics", prometheus.port),
        ),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
    ])
    .await?;
    let lines = warnings(&ended, prometheus.port);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative"), "{}", lines[0]);
    assert!(report["metrics"]["dropped"]["refused"].as_u64().is_some_and(|lost| lost > 0), "{report}");
    let received = collector.received().await?;
    assert_eq!(report["traces"]["delivered"].as_u64(), Some(received.spans.len() as u64), "{report}");
    assert_eq!(report["traces"]["dropped"], serde_json::json!({}));
    Ok(())
}

#[tokio::test]
async fn signals_that_prometheus_does_not_know_are_stopped_with_one_line_each_and_metrics_go_on() -> Result<()> {
    let prometheus = Prometheus::start("", "exemplar-storage").await?;
    let endpoint = format!("http://127.0.0.1:{}/api/v1/otlp", prometheus.port);
    let (ended, report) = demo(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]).await?;
    let lines = warnings(&ended, prometheus.port);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    for signal in ["TRACES", "LOGS"] {
        let cure = format!("OTEL_{signal}_EXPORTER=none");
        assert_eq!(lines.iter().filter(|line| line.contains(&cure)).count(), 1, "{lines:#?}");
    }
    assert_eq!(report["metrics"]["dropped"], serde_json::json!({}), "{report}");
    assert!(report["metrics"]["delivered"].as_u64().is_some_and(|points| points > 0), "{report}");
    Ok(())
}
