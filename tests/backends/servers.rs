//! The servers and this harness themselves, fed by a client that is not ours: what fails here is no fault of
//! bellwether's.

use std::time::Duration;

use tokio::process::Command;

use crate::Result;
use crate::collector::Collector;
use crate::jaeger::Jaeger;
use crate::program::{installed, run};

const LIMIT: Duration = Duration::from_secs(30);

/// Sends `count` items of a signal over a protocol.
async fn telemetrygen(signal: &str, port: u16, protocol: &str, count: usize, more: &[&str]) -> Result<()> {
    let mut command = Command::new(installed("telemetrygen")?);
    command
        .args([
            signal,
            "--otlp-insecure",
            "--service",
            "generated",
            "--rate",
            "0",
            &format!("--{signal}"),
            &count.to_string(),
        ])
        .args(["--otlp-endpoint", &format!("127.0.0.1:{port}")])
        .args((protocol == "http/protobuf").then_some("--otlp-http"))
        .args(more);
    let ended = run(&mut command, LIMIT).await?;
    if ended.status.success() { Ok(()) } else { Err(format!("telemetrygen failed:\n{}", ended.stderr).into()) }
}

#[tokio::test]
async fn the_collector_writes_down_all_signals_of_both_protocols() -> Result<()> {
    for protocol in ["grpc", "http/protobuf"] {
        let collector = Collector::start().await?;
        let port = if protocol == "grpc" { collector.grpc_port } else { collector.http_port };
        telemetrygen("traces", port, protocol, 50, &["--child-spans", "3"]).await?;
        telemetrygen("metrics", port, protocol, 7, &["--metric-type", "Sum", "--otlp-metric-name", "made"]).await?;
        telemetrygen("logs", port, protocol, 9, &[]).await?;
        let received = collector.received().await?;
        assert_eq!(received.spans.len(), 50 * 4, "{protocol}");
        assert_eq!(received.orphans(), Vec::<&crate::received::Span>::new(), "{protocol}");
        assert_eq!(received.points.iter().filter(|point| point.metric == "made").count(), 7, "{protocol}");
        assert_eq!(received.logs.len(), 9, "{protocol}");
    }
    Ok(())
}

#[tokio::test]
async fn jaeger_shows_the_traces_that_the_collector_passes_on() -> Result<()> {
    let jaeger = Jaeger::start().await?;
    let collector = Collector::start_before(&jaeger).await?;
    telemetrygen("traces", collector.grpc_port, "grpc", 20, &["--child-spans", "2"]).await?;
    let mut shown: Vec<_> = jaeger.traces("generated", 100, 20).await?.into_iter().flatten().collect();
    let mut sent = collector.received().await?.spans;
    shown.sort();
    sent.sort();
    assert_eq!(shown, sent);
    Ok(())
}

#[tokio::test]
async fn jaeger_takes_traces_over_both_protocols() -> Result<()> {
    let jaeger = Jaeger::start().await?;
    telemetrygen("traces", jaeger.grpc_port, "grpc", 3, &[]).await?;
    telemetrygen("traces", jaeger.http_port, "http/protobuf", 4, &[]).await?;
    assert_eq!(jaeger.traces("generated", 100, 7).await?.len(), 7);
    Ok(())
}
