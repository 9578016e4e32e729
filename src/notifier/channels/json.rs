//! The shapes of Alertmanager: its webhook body, version 4, and its API v2.
//!
//! <https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>,
//! <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>

use jiff::Timestamp as Moment;
use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::model::{Alert, Labels};
use crate::notifier::Notification;
use crate::notifier::notification::status;

/// What Go writes for a time that is not known.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// A webhook's body. Alerts beyond `max_alerts` are counted in it; 0 means all.
pub(super) fn webhook(notification: &Notification, max_alerts: usize) -> Value {
    let all = notification.alerts.len();
    let shown = if max_alerts == 0 { all } else { all.min(max_alerts) };
    let alerts: Vec<Value> = notification.alerts[..shown].iter().map(|alert| of_webhook(alert, notification)).collect();
    json!({
        "version": "4",
        "groupKey": notification.group_key,
        "truncatedAlerts": all - shown,
        "receiver": notification.receiver,
        "status": notification.status(),
        "notification_reason": notification.reason.name(),
        "alerts": alerts,
        "groupLabels": map(&notification.group_labels),
        "commonLabels": map(&notification.common_labels()),
        "commonAnnotations": map(&notification.common_annotations()),
        "externalURL": "",
        // Ours; a receiver that does not know it ignores it.
        "suppressedNotifications": notification.suppressed,
    })
}

fn of_webhook(alert: &Alert, notification: &Notification) -> Value {
    let firing = alert.is_firing(notification.time);
    let mut body = json!({
        "status": status(firing),
        "labels": map(&alert.labels),
        "annotations": map(&alert.annotations),
        "startsAt": time(alert.starts_at),
        "endsAt": alert.resolved_at.filter(|_| !firing).map_or_else(|| NEVER.to_owned(), time),
        "generatorURL": alert.generator_url,
        "fingerprint": format!("{:016x}", alert.labels.fingerprint()),
    });
    if !alert.trace_ids.is_empty() {
        let traces: Vec<String> = alert.trace_ids.iter().map(ToString::to_string).collect();
        body["traceIDs"] = json!(traces);
        let links: Vec<String> = alert.trace_urls().collect();
        if !links.is_empty() {
            body["traceURLs"] = json!(links);
        }
    }
    body
}

/// A body of `POST /api/v2/alerts`.
pub(super) fn alerts<'a>(alerts: impl Iterator<Item = &'a Alert>) -> Value {
    let one = |alert: &Alert| {
        json!({
            "labels": map(&alert.labels),
            "annotations": map(&annotations_with_traces(alert)),
            "startsAt": time(alert.starts_at),
            "endsAt": time(alert.resolved_at.unwrap_or(alert.valid_until)),
            "generatorURL": alert.generator_url,
        })
    };
    alerts.map(one).collect()
}

/// The annotations, with the first trace where Alertmanager's templates can show it. Those of the rule count first.
fn annotations_with_traces(alert: &Alert) -> Labels {
    let trace = alert.trace_ids.first().map(|id| ("trace_id", id.to_string()));
    let traces = trace.into_iter().chain(alert.trace_urls().next().map(|url| ("trace_url", url)));
    let more = traces.map(|(name, value)| (name.to_owned(), value));
    let own = alert.annotations.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    Labels::new(more.chain(own))
}

fn map(labels: &Labels) -> Map<String, Value> {
    labels.iter().map(|(name, value)| (name.to_string(), Value::from(&**value))).collect()
}

/// RFC 3339 in UTC with nanoseconds where there are some.
pub(super) fn time(time: Timestamp) -> String {
    Moment::from_nanosecond(i128::from(time.0)).map_or_else(|_| NEVER.to_owned(), |moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TraceId;

    use super::*;
    use crate::notifier::Reason;
    use crate::notifier::fixtures::{alert, minutes};

    #[test]
    fn a_webhook_gets_alertmanagers_body() {
        let slow = alert(&[("alertname", "Slow"), ("op", "search")], 1, None);
        let trace_link = "https://traces/{trace_id}".into();
        let slow = Alert { trace_ids: vec![TraceId::from(7)], trace_link, ..slow };
        let ended = alert(&[("alertname", "Slow"), ("op", "rerank")], 2, Some(9));
        let notification = Notification {
            receiver: "team".to_owned(),
            group_key: "{}:{alertname=\"Slow\"}".to_owned(),
            group_labels: Labels::new([("alertname", "Slow")]),
            alerts: vec![slow, ended.clone(), ended],
            reason: Reason::First,
            time: minutes(10),
            suppressed: 3,
        };
        let body = webhook(&notification, 2);
        assert_eq!(body["version"], "4");
        assert_eq!(body["truncatedAlerts"], 1);
        assert_eq!(body["suppressedNotifications"], 3);
        assert_eq!(body["commonLabels"], json!({"alertname": "Slow"}));
        assert_eq!(
            body["alerts"][0],
            json!({
                "status": "firing",
                "labels": {"alertname": "Slow", "op": "search"},
                "annotations": {},
                "startsAt": "1970-01-02T00:01:00Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "",
                "fingerprint": body["alerts"][0]["fingerprint"],
                "traceIDs": ["00000000000000000000000000000007"],
                "traceURLs": ["https://traces/00000000000000000000000000000007"],
            })
        );
        assert_eq!(
            (&body["alerts"][1]["status"], &body["alerts"][1]["endsAt"]),
            (&json!("resolved"), &json!("1970-01-02T00:09:00Z"))
        );
        assert_eq!(body["alerts"][0]["fingerprint"].as_str().map(str::len), Some(16));
    }

    #[test]
    fn what_a_label_holds_stays_within_its_text() {
        let evil = "\"}],\"status\":\"resolved\n\u{1}\u{2028}\\é";
        let slow = alert(&[("alertname", "Slow"), ("op", evil)], 1, None);
        let text = alerts([&slow].into_iter()).to_string();
        assert!(!text.contains(['\n', '\u{1}']), "{text}");
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&read[0]["labels"]["op"], read[0].as_object().map(Map::len)), (&json!(evil), Some(5)));
    }

    #[test]
    fn alertmanager_is_told_until_when_an_alert_holds() {
        let firing = alert(&[("alertname", "Slow")], 1, None);
        let ended = alert(&[("alertname", "Slow")], 1, Some(4));
        let body = alerts([&firing, &ended].into_iter());
        assert_eq!(body[0]["endsAt"], time(firing.valid_until));
        assert_eq!(body[1]["endsAt"], "1970-01-02T00:04:00Z");
    }
}
