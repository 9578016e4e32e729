//! Rules over a service's own series, from the span to the message.
#![expect(clippy::expect_used, reason = "what a test needs and does not get fails it")]

use std::time::Duration;

use bellwether::clock::{Clock, Timestamp};
use bellwether::config::Environment;
use bellwether::notifier::{Channel, Notification, Sending};
use bellwether::rules::State;
use bellwether::rules::code::{Rule, minutes, ms};
use bellwether::{Alerts, Guard};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::sync::mpsc;
use tracing_subscriber::prelude::*;

const RULES: &str = "
groups:
- name: search
  rules:
  - record: op:calls
    expr: sum by (span_name) (traces_span_metrics_calls_total)
  - alert: Busy
    expr: op:calls{span_name=\"search\"} > 2
    labels: {severity: critical}
    annotations: {summary: '{{ $labels.span_name }} was called {{ $value }} times'}
  - alert: Never
    expr: op:calls < 0
";

/// Groups are told at once, and what is new a moment later.
const ROUTES: &str = "
route: {receiver: people, group_wait: 0s, group_interval: 100ms}
receivers: [{name: people}]
";

#[derive(Debug)]
struct People(mpsc::UnboundedSender<Notification>);

impl Channel for People {
    fn name(&self) -> &'static str {
        "people"
    }

    fn send<'a>(&'a self, notification: &'a Notification) -> Sending<'a> {
        // The receiver may be gone when the test ends.
        drop(self.0.send(notification.clone()));
        Box::pin(async { Ok(()) })
    }
}

fn builder() -> bellwether::Builder {
    let nowhere = [("OTEL_TRACES_EXPORTER", "none"), ("OTEL_METRICS_EXPORTER", "none"), ("OTEL_LOGS_EXPORTER", "none")];
    bellwether::builder().environment(Environment::from_iter(nowhere)).service("shop")
}

/// Calls of an operation under telemetry with these alerts.
fn called(alerts: Alerts, times: usize) -> Guard {
    let (layer, guard) = builder().alerts(alerts).layer().expect("settings");
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        for _ in 0..times {
            tracing::info_span!("search").in_scope(|| {});
        }
    });
    guard
}

async fn told(receiver: &mut mpsc::UnboundedReceiver<Notification>) -> Notification {
    tokio::time::timeout(Duration::from_secs(20), receiver.recv()).await.expect("a message in time").expect("a message")
}

#[tokio::test]
async fn a_rule_over_the_services_own_series_fires_and_people_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let (rules, routes) = (folder.path().join("rules.yml"), folder.path().join("routes.yml"));
    std::fs::write(&rules, RULES).and_then(|()| std::fs::write(&routes, ROUTES)).expect("two files");
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let alerts = Alerts::new()
        .default_rules(false)
        .interval(Duration::from_millis(50))
        .rule_file(&rules)
        .routing_file(&routes)
        .channel("people", People(sender));
    let guard = called(alerts, 3);

    let notification = told(&mut receiver).await;
    let [alert] = &notification.alerts[..] else { panic!("one alert: {notification:?}") };
    assert_eq!(alert.labels.get("alertname"), Some("Busy"));
    assert_eq!(alert.labels.get("span_name"), Some("search"));
    assert_eq!(alert.annotations.get("summary"), Some("search was called 3 times"));
    let active = guard.handle().alerts();
    assert_eq!(active.iter().map(|alert| alert.state).collect::<Vec<_>>(), [State::Firing]);

    // The file changes: the alert's rule is gone, another one comes.
    let other = RULES.replace("Busy", "Busier").replace("> 2", "> 1");
    std::fs::write(&rules, other + "\n").expect("a file");
    let notification = told(&mut receiver).await;
    let firing: Vec<_> = notification.firing().filter_map(|alert| alert.labels.get("alertname")).collect();
    assert!(firing.contains(&"Busier"), "{notification:?}");
    drop(guard.shutdown(Duration::from_secs(5)));
}

#[tokio::test]
async fn what_waits_for_its_group_is_told_before_the_end() {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let rules = RULES.replace("> 2", "> 0");
    // Without routes a group waits half a minute, which is longer than this program lives.
    let alerts = Alerts::new()
        .default_rules(false)
        .interval(Duration::from_millis(50))
        .rules("rules.yml", rules)
        .channel("x", People(sender));
    let guard = called(alerts, 1);
    let fires = async {
        while guard.handle().alerts().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), fires).await.expect("it fires");
    assert!(receiver.try_recv().is_err(), "the group waits");
    drop(guard.shutdown_async(Duration::from_secs(10)).await);
    assert_eq!(receiver.try_recv().map(|notification| notification.alerts.len()), Ok(1));
}

#[test]
fn a_rule_file_with_a_mistake_is_an_error_at_setup_with_its_place() {
    let bad = RULES.replace("op:calls < 0", "op:calls <");
    let error =
        builder().alerts(Alerts::new().strict(true).rules("rules.yml", &bad)).layer::<tracing_subscriber::Registry>();
    let error = error.expect_err("a mistake").to_string();
    assert!(error.starts_with("rules.yml:12:") && error.contains('^'), "{error}");
    // Without `strict` only a file without one good group is refused.
    let error = builder()
        .alerts(Alerts::new().default_rules(false).rules("rules.yml", bad))
        .layer::<tracing_subscriber::Registry>();
    assert!(error.is_err());
    let two = format!("{RULES}- name: broken\n  rules: [{{alert: X, expr: 'up ='}}]\n");
    let layer = builder().alerts(Alerts::new().rules("rules.yml", two)).layer::<tracing_subscriber::Registry>();
    assert!(layer.is_ok());
}

#[test]
fn the_default_rules_and_rules_in_code_are_good_rules() {
    let slow = Rule::p95("search").above(ms(200)).for_(minutes(5));
    let layer = builder().alerts(Alerts::new().strict(true).rule(slow)).layer::<tracing_subscriber::Registry>();
    assert!(layer.is_ok(), "{:?}", layer.err());
}

#[test]
fn a_file_that_is_not_there_is_an_error_that_names_it() {
    for alerts in [Alerts::new().rule_file("/nowhere/rules.yml"), Alerts::new().routing_file("/nowhere/routes.yml")] {
        let error = builder().alerts(alerts).layer::<tracing_subscriber::Registry>().expect_err("no file").to_string();
        assert!(error.contains("/nowhere/"), "{error}");
    }
}

/// Takes every span and keeps the trace of the last.
#[derive(Debug)]
struct Spans(mpsc::UnboundedSender<SpanData>);

impl SpanExporter for Spans {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        for span in batch {
            drop(self.0.send(span));
        }
        Ok(())
    }
}

#[tokio::test]
async fn an_alert_names_and_links_the_trace_of_the_span_that_made_it_fire_through_a_recorded_series() {
    let folder = tempfile::tempdir().expect("a folder");
    let routes = folder.path().join("routes.yml");
    std::fs::write(&routes, ROUTES).expect("a file");
    let ((spans, mut exported), (sender, mut receiver)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
    let alerts = Alerts::new()
        .default_rules(false)
        .interval(Duration::from_millis(50))
        .rules("rules.yml", RULES.replace("Never", "Seldom"))
        .routing_file(&routes)
        .trace_link("https://traces.example/{trace_id}")
        .channel("people", People(sender));
    let builder = builder().with_span_exporter(Spans(spans));
    let (layer, guard) = builder.alerts(alerts).layer().expect("settings");
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        (0..3).for_each(|_| tracing::info_span!("search").in_scope(|| {}));
        tracing::info_span!("other").in_scope(|| {});
    });
    let notification = told(&mut receiver).await;
    drop(guard.shutdown_async(Duration::from_secs(5)).await);
    let mut searches = Vec::new();
    while let Ok(span) = exported.try_recv() {
        searches.extend((span.name == "search").then(|| span.span_context.trace_id()));
    }
    let alert = &notification.alerts[0];
    assert!(!alert.trace_ids.is_empty() && alert.trace_ids.iter().all(|id| searches.contains(id)), "{alert:?}");
    assert_eq!(alert.trace_urls().next(), Some(format!("https://traces.example/{}", alert.trace_ids[0])));
}

#[tokio::test]
async fn a_critical_error_event_is_told_at_the_tick_after_it() {
    const LOST: &str = "
groups:
- name: payments
  rules:
  - alert: PaymentLost
    expr: increase(payments_lost_total[1m]) > 0
    labels: {severity: critical}
";
    const TICK: Duration = Duration::from_secs(10);
    let folder = tempfile::tempdir().expect("a folder");
    let routes = folder.path().join("routes.yml");
    std::fs::write(&routes, ROUTES).expect("a file");
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let alerts = Alerts::new().default_rules(false).rules("rules.yml", LOST).routing_file(&routes);
    let clock = Clock::manual(Timestamp(1_767_225_600_000_000_000));
    let builder = builder().clock(clock.clone()).alerts(alerts.channel("people", People(sender)));
    let (layer, guard) = builder.layer().expect("settings");
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        clock.advance(TICK / 2);
        tracing::event!(tracing::Level::ERROR, monotonic_counter.payments_lost = 1, "payment 7 is lost");
    });
    let happened = clock.now();
    clock.advance(TICK / 2);
    let notification = told(&mut receiver).await;
    let alert = &notification.alerts[0];
    assert_eq!(alert.labels.get("alertname"), Some("PaymentLost"));
    // By the clock that the test moves: of ten seconds to a tick, half.
    assert_eq!((notification.time.since(happened), alert.starts_at.since(happened)), (TICK / 2, TICK / 2));
    drop(guard.shutdown(Duration::from_secs(5)));
}

#[tokio::test]
async fn variables_turn_alerts_on_and_disabled_telemetry_turns_them_off() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.yml"), RULES.replace("> 2", "> 0")).expect("a file");
    let pattern = folder.path().join("*.yml").display().to_string();
    let nowhere = ["OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"].map(|name| (name, "none"));
    let variables = || nowhere.into_iter().chain([("BELLWETHER_RULE_FILES", pattern.as_str())]);
    let (sender, mut receiver) = mpsc::unbounded_channel();
    // What code says is added.
    let builder = || bellwether::builder().service("shop");
    let alerts = Alerts::new().interval(Duration::from_millis(50)).channel("x", People(sender));
    let (layer, guard) = builder().environment(variables().collect()).alerts(alerts).layer().expect("settings");
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::info_span!("search").in_scope(|| {});
    });
    let fires = async {
        while guard.handle().alerts().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), fires).await.expect("it fires");
    drop(guard.shutdown_async(Duration::from_secs(10)).await);
    assert_eq!(told(&mut receiver).await.alerts[0].labels.get("alertname"), Some("Busy"));

    let disabled = variables().chain([("OTEL_SDK_DISABLED", "true"), ("BELLWETHER_ROUTING_FILE", "/nowhere")]);
    let (_, guard) =
        builder().environment(disabled.collect()).layer::<tracing_subscriber::Registry>().expect("nothing is read");
    assert!(guard.handle().alerts().is_empty());
}
