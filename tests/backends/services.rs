//! Two instrumented services that call each other over HTTP and gRPC: their traces are one, and their calls are exact.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::collector::Collector;
use crate::jaeger::Jaeger;
use crate::received::{Received, Span};
use crate::service::{Fate, Services};
use crate::stack::Stack;
use crate::{Result, http};

/// Orders that are asked for, one trace each.
const ORDERS: u64 = 300;
/// Requests at once.
const AT_ONCE: u64 = 10;

/// Service, operation, kind, status.
pub(crate) type Operation = (&'static str, &'static str, &'static str, &'static str);

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

/// How often everything is called when all orders have been asked for.
pub(crate) fn made() -> BTreeMap<Operation, u64> {
    let mut made = BTreeMap::new();
    for operation in (1..=ORDERS).flat_map(|id| calls(Fate::of(id))) {
        *made.entry(operation).or_insert(0) += 1;
    }
    made
}

/// Asks for all orders.
pub(crate) async fn ask(port: u16) -> Result<()> {
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
    let expected = made();
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

/// Looks back over all that the services did, in milliseconds.
const WINDOW: u64 = 600_000;
/// Longest wait until Prometheus has every call.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(250);

/// Calls and failed calls of each operation of a service that has served, as expected.
fn served(service: &str) -> BTreeMap<&'static str, (f64, f64)> {
    let mut served = BTreeMap::new();
    for (_, name, _, status) in
        (1..=ORDERS).flat_map(|id| calls(Fate::of(id))).filter(|it| it.0 == service && it.2 == SERVER)
    {
        let (calls, errors) = served.entry(name).or_insert((0.0, 0.0));
        *calls += 1.0;
        *errors += f64::from(u8::from(status == ERROR));
    }
    served
}

/// The figures of a service's operations in Jaeger's Monitor tab at a moment, in milliseconds.
async fn monitor(stack: &Stack, figure: &str, service: &str, at: u64) -> Result<BTreeMap<String, f64>> {
    let path = format!(
        "/api/metrics/{figure}?service={service}&spanKind=server&groupByOperation=true&quantile=0.95\
         &endTs={at}&lookback=5000&step=5000&ratePer={WINDOW}"
    );
    let answer = stack.jaeger(&path).await?;
    let mut figures = BTreeMap::new();
    for metric in answer["metrics"].as_array().ok_or("no metrics")? {
        let labels = metric["labels"].as_array().map_or(&[][..], Vec::as_slice);
        let operation = labels.iter().find(|label| label["name"] == "operation").ok_or("no operation")?;
        let last = metric["metricPoints"].as_array().and_then(|points| points.last()).ok_or("no points")?;
        let value = last["gaugeValue"]["doubleValue"].as_f64().unwrap_or(f64::NAN);
        figures.insert(operation["value"].as_str().unwrap_or_default().to_owned(), value);
    }
    Ok(figures)
}

/// What Prometheus answers, by operation.
async fn prometheus(stack: &Stack, query: &str, at: u64) -> Result<BTreeMap<String, f64>> {
    let at = format!("{}.{:03}", at / 1_000, at % 1_000);
    let answer = stack.prometheus.get("query", &[("query", query), ("time", &at)]).await?;
    let mut values = BTreeMap::new();
    for series in answer["result"].as_array().ok_or("no result")? {
        let value = series["value"][1].as_str().unwrap_or_default().parse()?;
        values.insert(series["metric"]["span_name"].as_str().unwrap_or_default().to_owned(), value);
    }
    Ok(values)
}

/// When all calls of a service's operations were in Prometheus: the time of their newest samples, in milliseconds. At
/// that moment a rate is exact, since it begins at a sample of zero and ends at a sample.
async fn complete(stack: &Stack, service: &str) -> Result<u64> {
    let selector = format!("traces_span_metrics_calls_total{{service_name=\"{service}\",span_kind=\"{SERVER}\"}}");
    let expected: f64 = served(service).values().map(|(calls, _)| calls).sum();
    let until = Instant::now() + PATIENCE;
    let number = |answer: &Value| answer["result"][0]["value"][1].as_str().and_then(|value| value.parse::<f64>().ok());
    loop {
        // Both of one moment.
        let query = format!(
            "sum({selector}) == {expected} and on () (max(timestamp({selector})) == min(timestamp({selector})))"
        );
        let answer = stack.prometheus.get("query", &[("query", &query)]).await?;
        if let (Some(_), Some(moment)) = (number(&answer), answer["result"][0]["value"][0].as_f64()) {
            let moment = format!("{moment:.3}");
            let query = format!("max(timestamp({selector})) * 1000");
            let answer = stack.prometheus.get("query", &[("query", &query), ("time", &moment)]).await?;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time of this century")]
            return Ok(number(&answer).ok_or("no time")?.round() as u64);
        }
        if Instant::now() > until {
            return Err(format!("Prometheus does not have {expected} calls of {service}: {answer}").into());
        }
        sleep(LOOK).await;
    }
}

fn assert_near(figures: &BTreeMap<String, f64>, expected: &BTreeMap<String, f64>, what: &str) {
    assert_eq!(figures.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{what}");
    for (operation, expected) in expected {
        assert!((figures[operation] - expected).abs() <= 1e-9 * expected.abs(), "{what}: {figures:?}, {expected}");
    }
}

#[tokio::test]
async fn jaegers_monitor_tab_is_right_to_the_call_for_both_services() -> Result<()> {
    let stack = Stack::start().await?;
    let endpoint = format!("http://127.0.0.1:{}", stack.otlp);
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_METRIC_EXPORT_INTERVAL", "1000")];
    // Few traces, all calls.
    let ratio = [("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.1")];
    let services = Services::start(&variables, &ratio).await?;
    ask(services.shop_port).await?;
    for service in ["shop", "prices"] {
        let at = complete(&stack, service).await?;
        let of = |figure: fn((f64, f64)) -> f64| {
            served(service).into_iter().map(|(name, both)| (name.to_owned(), figure(both))).collect::<BTreeMap<_, _>>()
        };
        let seconds = f64::from(u32::try_from(WINDOW / 1_000)?);
        let calls = monitor(&stack, "calls", service, at).await?;
        let calls = calls.into_iter().map(|(name, rate)| (name, rate * seconds)).collect();
        assert_near(&calls, &of(|(calls, _)| calls), "calls");
        assert_near(&monitor(&stack, "errors", service, at).await?, &of(|(calls, errors)| errors / calls), "errors");
        let query = format!(
            "histogram_quantile(0.95, sum by (span_name, le) (traces_span_metrics_duration_milliseconds_bucket\
             {{service_name=\"{service}\",span_kind=\"{SERVER}\"}}))"
        );
        let expected = prometheus(&stack, &query, at).await?;
        assert_near(&monitor(&stack, "latencies", service, at).await?, &expected, "latencies");
    }
    services.stop().await
}
