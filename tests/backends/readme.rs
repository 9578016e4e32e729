//! The commands of README's section about backends, with the ports of the servers here: what they promise arrives.

use std::collections::BTreeMap;

use crate::Result;
use crate::demo::{Final, SERVICE, demo};
use crate::jaeger::Jaeger;
use crate::prometheus::Prometheus;
use crate::stack::Stack;

const HEADING: &str = "## With the backend that you have";

/// The variables of the `number`th command with `cargo demo`; addresses of the server have its port.
fn variables(number: usize, port: u16) -> Result<Vec<(String, String)>> {
    let readme = include_str!("../../README.md");
    let section = readme.split(HEADING).nth(1).and_then(|rest| rest.split("\n## ").next()).ok_or("no such section")?;
    let commands = section.split("```sh\n").skip(1).filter_map(|block| block.split("```").next());
    let command = commands.filter(|command| command.contains("cargo demo")).nth(number).ok_or("no such command")?;
    let words = command.split_whitespace().filter(|word| !word.starts_with("docker"));
    Ok(words.filter_map(|word| word.split_once('=')).map(|(name, value)| (name.to_owned(), at(value, port))).collect())
}

/// `http://localhost:4318/x` at another port.
fn at(value: &str, port: u16) -> String {
    let Some((before, after)) = value.split_once("localhost:") else { return value.to_owned() };
    let path = after.find('/').map_or("", |slash| &after[slash..]);
    format!("{before}127.0.0.1:{port}{path}")
}

async fn run(number: usize, port: u16) -> Result<Final> {
    let variables = variables(number, port)?;
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert!(!variables.is_empty(), "command {number} has no variables");
    let last = demo(20, &variables).await?;
    assert_eq!(last.dropped(), BTreeMap::new(), "{variables:?}");
    Ok(last)
}

/// Calls of each operation that Prometheus has seen, after the service said that its series end.
async fn calls(prometheus: &Prometheus) -> Result<BTreeMap<String, u64>> {
    let query =
        format!("sum by (span_name) (last_over_time(traces_span_metrics_calls_total{{job=\"{SERVICE}\"}}[10m]))");
    let answer = prometheus.get("query", &[("query", &query)]).await?;
    let series = answer["result"].as_array().ok_or("no vector")?;
    let mut calls = BTreeMap::new();
    for series in series {
        let value: f64 = series["value"][1].as_str().ok_or("no value")?.parse()?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of calls")]
        calls.insert(series["metric"]["span_name"].as_str().unwrap_or_default().to_owned(), value as u64);
    }
    calls.retain(|_, calls| *calls > 0);
    Ok(calls)
}

#[tokio::test]
async fn jaeger_alone_shows_the_traces() -> Result<()> {
    let jaeger = Jaeger::start().await?;
    let last = run(0, jaeger.http_port).await?;
    assert!(last.delivered("traces").is_some_and(|spans| spans > 0));
    assert_eq!((last.delivered("metrics"), last.delivered("logs")), (Some(0), Some(0)));
    assert!(!jaeger.traces(SERVICE, 10, 1).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn prometheus_alone_has_counted_every_call() -> Result<()> {
    let config = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/otel-collector/prometheus.yml"))?;
    let prometheus = Prometheus::start(&config, "exemplar-storage").await?;
    let last = run(1, prometheus.port).await?;
    assert_eq!(calls(&prometheus).await?, last.calls());
    Ok(())
}

/// The last two commands: the second has the servers of `compose.yaml` behind the Collector as well.
#[tokio::test]
async fn the_collector_brings_every_signal_where_it_belongs() -> Result<()> {
    for number in [2, 3] {
        let stack = Stack::start().await?;
        let last = run(number, stack.otlp).await?;
        let traces = last.calls()["index"] + last.calls()["GET"];
        let (prometheus, received) = stack.ended().await?;
        assert_eq!(calls(&prometheus).await?, last.calls(), "command {number}");
        assert_eq!(received.spans_by_name(), last.calls(), "command {number}: what Tempo would get");
        assert!(traces > 10, "{traces} traces");
    }
    Ok(())
}
