//! Two instrumented services that call each other over HTTP and gRPC: their traces are one, and their calls are exact.

use std::collections::{BTreeMap, BTreeSet};

use tokio::task::JoinSet;

use crate::collector::Collector;
use crate::jaeger::Jaeger;
use crate::received::{Received, Span};
use crate::service::{Fate, Services};
use crate::{Result, http};

/// Orders that are asked for, one trace each.
const ORDERS: u64 = 300;
/// Requests at once.
const AT_ONCE: u64 = 10;

/// Service, operation, kind, status.
type Operation = (&'static str, &'static str, &'static str, &'static str);

const UNSET: &str = "STATUS_CODE_UNSET";
const ERROR: &str = "STATUS_CODE_ERROR";
const SERVER: &str = "SPAN_KIND_SERVER";
const CLIENT: &str = "SPAN_KIND_CLIENT";

/// What an order calls, in order: each is the parent of the next.
fn calls(fate: Fate) -> Vec<Operation> {
    let broken = if fate == Fate::Broken { ERROR } else { UNSET };
    let refused = if fate == Fate::Priced { UNSET } else { ERROR };
    let mut calls = vec![
        ("shop", "GET /orders/{id}", SERVER, broken),
        ("shop", "shop.Prices/Get", CLIENT, refused),
        ("prices", "shop.Prices/Get", SERVER, broken),
    ];
    if fate != Fate::Unknown {
        calls.extend([("prices", "GET", CLIENT, broken), ("shop", "GET /stock/{id}", SERVER, broken)]);
    }
    calls
}

/// Asks for all orders.
async fn ask(port: u16) -> Result<()> {
    let mut running = JoinSet::new();
    for first in 1..=AT_ONCE {
        running.spawn(async move {
            for id in (first..=ORDERS).step_by(usize::try_from(AT_ONCE)?) {
                let answer = http::get(port, &format!("/orders/{id}")).await?;
                assert_eq!(answer.status, Fate::of(id).status(), "order {id}");
            }
            Result::Ok(())
        });
    }
    running.join_all().await.into_iter().collect()
}

/// Both services between a request and the backends; what the Collector wrote and Jaeger shows.
async fn run(sampler: &[(&str, &str)]) -> Result<(Received, Vec<Vec<Span>>)> {
    let jaeger = Jaeger::start().await?;
    let collector = Collector::start_before(&jaeger).await?;
    let endpoint = format!("http://127.0.0.1:{}", collector.http_port);
    let services = Services::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)], sampler).await?;
    ask(services.shop_port).await?;
    services.stop().await?;
    let received = collector.received().await?;
    let traces = received.spans.iter().map(|span| &span.trace_id).collect::<BTreeSet<_>>().len();
    let shown = jaeger.traces("shop", 1_500, traces).await?;
    assert_eq!(shown.len(), traces, "Jaeger shows what the Collector got");
    Ok((received, shown))
}

/// Guarantees at any ratio.
fn assert_exact_and_whole(received: &Received, traces: &[Vec<Span>]) {
    let mut expected = BTreeMap::new();
    for operation in (1..=ORDERS).flat_map(|id| calls(Fate::of(id))) {
        *expected.entry(operation).or_insert(0) += 1;
    }
    let counted =
        received.totals_by("traces.span.metrics.calls", ["service.name", "span.name", "span.kind", "status.code"]);
    let counted: BTreeMap<_, u64> = counted
        .iter()
        .map(|([a, b, c, d], calls)| ((a.as_str(), b.as_str(), c.as_str(), d.as_str()), *calls))
        .collect();
    assert_eq!(counted, expected, "calls are exact in both services");
    let ways = [Fate::Priced, Fate::Unknown].map(|fate| {
        let way = calls(fate).into_iter().map(|(service, name, ..)| (service.to_owned(), name.to_owned()));
        way.collect::<Vec<_>>()
    });
    for trace in traces {
        let way = way(trace);
        assert!(ways.contains(&way), "not a whole trace: {way:?} of {trace:#?}");
    }
}

/// Services and operations from the root on, each the only child of the one before; shorter when there is a gap.
fn way(trace: &[Span]) -> Vec<(String, String)> {
    let mut way = Vec::new();
    let mut parent: Option<&str> = None;
    while let Some(span) = trace.iter().find(|span| span.parent_id.as_deref() == parent) {
        way.push((span.service.clone(), span.name.clone()));
        parent = Some(&span.span_id);
    }
    if way.len() == trace.len() { way } else { Vec::new() }
}

#[tokio::test]
async fn traces_go_through_both_services_and_calls_are_exact() -> Result<()> {
    let (received, traces) = run(&[]).await?;
    assert_exact_and_whole(&received, &traces);
    assert_eq!(traces.len() as u64, ORDERS);
    Ok(())
}

#[tokio::test]
async fn at_a_ratio_of_the_first_service_no_trace_is_half_and_calls_are_exact() -> Result<()> {
    // The second would sample all that is left to it.
    let ratio = [("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.1")];
    let (received, traces) = run(&ratio).await?;
    assert_exact_and_whole(&received, &traces);
    assert!((1..ORDERS / 3).contains(&(traces.len() as u64)), "{} traces of {ORDERS}", traces.len());
    Ok(())
}
