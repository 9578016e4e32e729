//! Alerts beside the exports: log records about them, and channels that hang.

#![cfg(feature = "rules")]
#![expect(clippy::disallowed_methods, reason = "the deadline is one of real time")]

use std::sync::Mutex;
use std::sync::mpsc::{Receiver as Inbox, Sender, channel};
use std::time::{Duration, Instant};

use bellwether::Alerts;
use bellwether::notifier::{Channel, Notification, Sending};
use bellwether::opentelemetry::TraceId;

use crate::process::case;
use crate::receiver::Receiver;

const DEADLINE: Duration = Duration::from_millis(700);
const TOLERANCE: Duration = Duration::from_millis(150);
const PATIENCE: Duration = Duration::from_secs(20);
const RULES: &str = "groups: [{name: g, rules: [{alert: Busy, expr: traces_span_metrics_calls_total > 0}]}]";

fn alerts() -> Alerts {
    Alerts::new().default_rules(false).interval(Duration::from_millis(20)).rules("rules.yml", RULES)
}

/// A channel that blocks its thread for ever, which no channel may.
#[derive(Debug)]
struct Stuck {
    began: Sender<()>,
    never: Mutex<Inbox<()>>,
}

impl Channel for Stuck {
    fn name(&self) -> &'static str {
        "stuck"
    }

    fn send<'a>(&'a self, _: &'a Notification) -> Sending<'a> {
        self.began.send(()).unwrap();
        assert!(self.never.lock().unwrap().recv().is_err(), "the test has ended");
        Box::pin(async { Ok(()) })
    }
}

#[test]
fn a_channel_that_blocks_stops_neither_exports_nor_a_flush_nor_the_shutdown() {
    case("alerts::a_channel_that_blocks_stops_neither_exports_nor_a_flush_nor_the_shutdown", &[], || {
        let receiver = Receiver::grpc();
        let folder = tempfile::tempdir().unwrap();
        let routes = folder.path().join("routes.yml");
        std::fs::write(&routes, "route: {receiver: x, group_wait: 0s}\nreceivers: [{name: x}]\n").unwrap();
        let ((began, begun), (keep, never)) = (channel(), channel());
        let stuck = Stuck { began, never: Mutex::new(never) };
        let environment = receiver.variables().into_iter().collect();
        let builder = bellwether::builder().environment(environment).console(false);
        let guard = builder.alerts(alerts().routing_file(routes).channel("x", stuck)).init().unwrap();
        tracing::info_span!("before").in_scope(|| ());
        begun.recv_timeout(PATIENCE).unwrap();
        tracing::info_span!("after").in_scope(|| ());
        let report = guard.flush(PATIENCE);
        assert_eq!((report.traces.delivered, report.is_complete()), (2, true), "{report}");
        tracing::info_span!("at the end").in_scope(|| ());
        let start = Instant::now();
        let report = guard.shutdown(DEADLINE);
        assert!(start.elapsed() < DEADLINE + TOLERANCE, "{:?}", start.elapsed());
        assert_eq!(report.traces.delivered, 3, "{report}");
        drop(keep);
    });
}

#[test]
fn an_alert_is_a_log_record_with_an_event_name_among_those_of_the_host() {
    case("alerts::an_alert_is_a_log_record_with_an_event_name_among_those_of_the_host", &[], || {
        let receiver = Receiver::grpc();
        let environment = receiver.variables().into_iter().collect();
        let builder = bellwether::builder().environment(environment).console(false);
        let guard = builder.alerts(alerts().otlp(true).trace_link("https://traces/{trace_id}")).init().unwrap();
        tracing::info_span!("search").in_scope(|| ());
        let looks = (0..1_000).take_while(|_| guard.handle().alerts().is_empty());
        looks.for_each(|_| std::thread::sleep(PATIENCE / 1_000));
        let report = guard.shutdown(PATIENCE);
        assert_eq!(report.logs.dropped_total(), 0, "{report}");
        let records = receiver.logs();
        let [record] = &records[..] else { panic!("{records:?}") };
        assert_eq!((record.event_name.as_str(), record.severity_text.as_str()), ("bellwether.alert", "WARN"));
        let attribute = |name: &str| {
            let value = record.attributes.iter().find(|attribute| attribute.key == name)?.value.clone()?;
            match value.value? {
                opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue(text) => Some(text),
                _ => None,
            }
        };
        assert_eq!(attribute("bellwether.alert.name").as_deref(), Some("Busy"));
        assert_eq!(attribute("bellwether.alert.label.span_name").as_deref(), Some("search"));
        let trace = attribute("bellwether.alert.trace_id").unwrap();
        assert_eq!(attribute("bellwether.alert.trace_url").unwrap(), format!("https://traces/{trace}"));
        let spans = receiver.spans();
        let ids: Vec<String> =
            spans.into_iter().map(|span| TraceId::from_bytes(span.trace_id.try_into().unwrap()).to_string()).collect();
        assert_eq!(ids, [trace]);
    });
}
