//! Values as JSON, in the shapes of Alertmanager's webhook.

use serde_json::{Map, Value as Json, json};

use super::{Item, Part};
use crate::model::Labels;
use crate::template::time::{self, Zone};
use crate::template::value::Value;

/// # Errors
/// When a value has no JSON.
pub(super) fn json(value: &Value) -> Result<Json, String> {
    Ok(match value {
        Value::Nil => Json::Null,
        Value::Bool(on) => json!(on),
        Value::Int(number) | Value::Duration(number) => json!(number),
        Value::Float(number) => json!(number),
        Value::Text(text) => json!(&**text),
        Value::Labels(labels) => set(labels),
        Value::Map(map) => {
            let entry = |(name, value): (&String, &Value)| Ok::<_, String>((name.clone(), json(value)?));
            Json::Object(map.entries.iter().map(entry).collect::<Result<_, _>>()?)
        }
        Value::Part(part) => of_part(part)?,
        other => return Err(format!("json: unsupported type: {}", other.type_name())),
    })
}

fn of_part(part: &Part) -> Result<Json, String> {
    Ok(match part {
        Part::Alert(alert) => of_alert(alert),
        Part::Alerts(alerts) => alerts.iter().map(|alert| of_alert(alert)).collect(),
        Part::Set(labels) => set(labels),
        Part::Pair((name, value)) => json!({"Name": &**name, "Value": &**value}),
        Part::Safe(text) | Part::Url(text) => json!(&**text),
        Part::Time(nanos, zone) => json!(written(*nanos, zone)),
        Part::Pairs(_) | Part::List(_) => {
            part.items()?.iter().map(|(_, value)| json(value)).collect::<Result<Json, String>>()?
        }
        Part::Message(_) => {
            let fields = [
                ("receiver", "Receiver"),
                ("status", "Status"),
                ("alerts", "Alerts"),
                ("notification_reason", "NotificationReason"),
                ("groupLabels", "GroupLabels"),
                ("commonLabels", "CommonLabels"),
                ("commonAnnotations", "CommonAnnotations"),
                ("externalURL", "ExternalURL"),
            ];
            let field = |(key, name): (&str, &str)| Ok::<_, String>((key.to_owned(), json(&part.field(name, &[])?)?));
            Json::Object(fields.into_iter().map(field).collect::<Result<Map<_, _>, _>>()?)
        }
    })
}

fn of_alert(alert: &Item) -> Json {
    json!({
        "status": if alert.firing { "firing" } else { "resolved" },
        "labels": set(&alert.labels),
        "annotations": set(&alert.annotations),
        "startsAt": written(i128::from(alert.starts_at), &Zone::UTC),
        "endsAt": written(alert.ends_at.map_or(time::NEVER, i128::from), &Zone::UTC),
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
    })
}

/// RFC 3339, as Go writes it.
fn written(nanos: i128, zone: &Zone) -> String {
    time::layout(nanos, zone, "2006-01-02T15:04:05.999999999Z07:00")
}

fn set(labels: &Labels) -> Json {
    Json::Object(labels.iter().map(|(name, value)| (name.to_string(), json!(&**value))).collect())
}
