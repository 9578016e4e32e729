//! `bellwether demo` against the real servers: what they hold at the end is what the demo counted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::Result;
use crate::collector::Collector;
use crate::jaeger::Jaeger;
use crate::program::run;
use crate::received::{Received, Span};

pub(crate) const SERVICE: &str = "demo-under-test";
/// A run takes five seconds, indexing before and a flush after it.
const LIMIT: Duration = Duration::from_secs(90);
/// So few that a build without optimizations keeps up with the load.
const DOCUMENTS: &str = "300";
const CALLS: &str = "traces.span.metrics.calls";
const DURATION: &str = "traces.span.metrics.duration";

/// The last object that the demo printed.
pub(crate) struct Final(Value);

impl Final {
    /// Calls of each operation that was called, by the spans' name.
    pub(crate) fn calls(&self) -> BTreeMap<String, u64> {
        let mut calls = BTreeMap::new();
        for operation in self.0["operations"].as_array().map_or(&[][..], Vec::as_slice) {
            let name = operation["name"].as_str().unwrap_or_default().to_owned();
            *calls.entry(name).or_insert(0) += operation["calls"].as_u64().unwrap_or(0);
        }
        calls.retain(|_, calls| *calls > 0);
        calls
    }

    pub(crate) fn delivered(&self, signal: &str) -> Option<u64> {
        self.0["report"][signal]["delivered"].as_u64()
    }

    /// What the demo says that it lost, of all signals.
    pub(crate) fn dropped(&self) -> BTreeMap<&str, &Value> {
        ["traces", "metrics", "logs"]
            .map(|signal| (signal, &self.0["report"][signal]["dropped"]))
            .into_iter()
            .filter(|(_, dropped)| dropped.as_object().is_none_or(|reasons| !reasons.is_empty()))
            .collect()
    }
}

/// Runs the demo for five seconds with nothing but these variables in its environment.
pub(crate) async fn demo(rate: u32, variables: &[(&str, &str)]) -> Result<Final> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwether"));
    command
        .args(["demo", "--for", "5s", "--format", "json", "--rate", &rate.to_string(), "--documents", DOCUMENTS])
        .env_clear()
        .env("OTEL_SERVICE_NAME", SERVICE)
        .envs(variables.iter().copied());
    let ended = run(&mut command, LIMIT).await?;
    if !ended.status.success() {
        return Err(format!("the demo ended with {}:\n{}", ended.status, ended.stderr).into());
    }
    let last = ended.stdout.lines().last().ok_or("the demo printed nothing")?;
    let last: Value = serde_json::from_str(last)?;
    if last["final"] == true { Ok(Final(last)) } else { Err("the demo's last object is not the final one".into()) }
}

fn endpoint(collector: &Collector, protocol: &str) -> String {
    let port = if protocol == "grpc" { collector.grpc_port } else { collector.http_port };
    format!("http://127.0.0.1:{port}")
}

/// Guarantees at any sampling ratio: metrics are exact, ids are linked, exemplars lead to traces.
fn assert_complete(received: &Received, last: &Final, case: &str) {
    let known = received.span_ids();
    assert!(last.calls().len() >= 5, "{case}: the demo has a handful of operations: {:?}", last.calls());
    assert_eq!(last.dropped(), BTreeMap::new(), "{case}");
    assert_eq!(received.totals(CALLS, "span.name"), last.calls(), "{case}: calls");
    assert_eq!(received.totals(DURATION, "span.name"), last.calls(), "{case}: durations");
    assert_eq!(last.delivered("traces"), Some(received.spans.len() as u64), "{case}");
    assert_eq!(last.delivered("logs"), Some(received.logs.len() as u64), "{case}");
    assert_eq!(received.orphans(), Vec::<&Span>::new(), "{case}");
    let lost: Vec<_> = received
        .exemplars()
        .filter(|exemplar| !known.contains(&(exemplar.trace_id.as_str(), exemplar.span_id.as_str())))
        .collect();
    assert!(lost.is_empty(), "{case}: exemplars whose trace is not there: {lost:?}");
    assert!(known.is_empty() || received.exemplars().next().is_some(), "{case}: there is no exemplar");
    for log in received.logs.iter().filter(|log| log.sampled) {
        let ids = log.trace_id.as_deref().zip(log.span_id.as_deref());
        assert!(ids.is_some_and(|ids| known.contains(&ids)), "{case}: a log record of no span: {log:?}");
    }
}

#[tokio::test]
async fn everything_arrives_over_both_protocols_and_spans_are_as_many_as_calls() -> Result<()> {
    for protocol in ["grpc", "http/protobuf"] {
        let collector = Collector::start().await?;
        let endpoint = endpoint(&collector, protocol);
        let last =
            demo(100, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint), ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)]).await?;
        let received = collector.received().await?;
        assert_complete(&received, &last, protocol);
        assert_eq!(received.spans_by_name(), last.calls(), "{protocol}");
        assert!(received.logs.iter().any(|log| log.sampled), "{protocol}: no log record belongs to a span");
    }
    Ok(())
}

#[tokio::test]
async fn at_one_percent_calls_are_exact_and_the_traces_that_are_there_are_whole() -> Result<()> {
    let collector = Collector::start().await?;
    let last = demo(
        400,
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint(&collector, "grpc")),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.01"),
        ],
    )
    .await?;
    let received = collector.received().await?;
    assert_complete(&received, &last, "1 %");
    let (spans, calls) = (received.spans.len() as u64, last.calls().values().sum::<u64>());
    assert!(spans < calls / 20, "{spans} spans of {calls} calls");
    // A machine under load serves few requests; of a thousand traces, that none is sampled is as good as impossible.
    assert!(spans > 0 || last.calls()["GET"] < 1_000, "not one trace");
    assert!(
        received.logs.iter().all(|log| log.trace_id.is_some()),
        "unsampled log records carry their trace's id, too"
    );
    Ok(())
}

#[tokio::test]
async fn jaeger_shows_the_traces_of_the_demo_with_the_right_parents() -> Result<()> {
    let jaeger = Jaeger::start().await?;
    let collector = Collector::start_before(&jaeger).await?;
    let endpoint = endpoint(&collector, "http/protobuf");
    let last = demo(20, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]).await?;
    let mut sent = collector.received().await?.spans;
    let traces = sent.iter().map(|span| span.trace_id.as_str()).collect::<BTreeSet<_>>().len();
    assert_eq!(traces as u64, last.calls()["index"] + last.calls()["GET"], "a trace for each root");
    let mut shown: Vec<Span> = jaeger.traces(SERVICE, 1_500, traces).await?.into_iter().flatten().collect();
    assert_eq!(shape(&shown), expected_shape(), "which operation calls which");
    shown.sort();
    sent.sort();
    assert_eq!(shown, sent, "Jaeger's spans are the Collector's");
    Ok(())
}

/// Which operation is called by which, over all traces; roots by nobody.
fn shape(spans: &[Span]) -> BTreeSet<(String, String)> {
    let names: BTreeMap<_, _> = spans.iter().map(|span| ((&span.trace_id, &span.span_id), &span.name)).collect();
    let parent = |span: &Span| {
        let parent = span.parent_id.as_ref()?;
        Some(names.get(&(&span.trace_id, parent)).map_or_else(|| "?".to_owned(), |name| (*name).clone()))
    };
    spans.iter().map(|span| (parent(span).unwrap_or_default(), span.name.clone())).collect()
}

/// What the demo's code says: an index that is built at the start, and requests over HTTP.
fn expected_shape() -> BTreeSet<(String, String)> {
    let within = ["parse", "cache_get", "retrieve", "embed", "vector_search", "rerank", "cache_put"];
    let within = within.map(|operation| ("GET /search", operation));
    let edges = [("", "index"), ("", "GET"), ("GET", "GET /search")].into_iter().chain(within);
    edges.map(|(parent, child)| (parent.to_owned(), child.to_owned())).collect()
}
