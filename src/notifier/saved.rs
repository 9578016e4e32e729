//! What a restart must find again: who was told what about which alerts, so that nobody hears it twice, and so that
//! whoever heard of a beginning hears of the end.
//!
//! Groups by route and labels with their alerts, and what each channel was told last. Channels are known by receiver
//! and name, and what is of a route or channel that is gone is dropped.

use std::time::Duration;

use opentelemetry::trace::TraceId;
use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::model::{Alert, Labels};

/// How long restored alerts count as firing although nothing was heard of them.
const HEARD: Duration = Duration::from_secs(600);

/// A group as it is written.
#[derive(Debug)]
pub(super) struct SavedGroup {
    /// The route's id.
    pub(super) route: String,
    pub(super) labels: Labels,
    /// Whether it was looked at before.
    pub(super) looked_at: bool,
    /// When it is looked at next.
    pub(super) next: Timestamp,
    pub(super) alerts: Vec<Alert>,
    pub(super) told: Vec<SavedEntry>,
}

/// What a channel was told last.
#[derive(Debug)]
pub(super) struct SavedEntry {
    pub(super) receiver: String,
    pub(super) channel: String,
    pub(super) firing: Vec<Labels>,
    pub(super) resolved: Vec<Labels>,
    pub(super) time: Timestamp,
}

impl SavedGroup {
    fn to_json(&self) -> Value {
        let entry = |entry: &SavedEntry| {
            json!({
                "receiver": entry.receiver,
                "channel": entry.channel,
                "firing": entry.firing.iter().map(labels_to_json).collect::<Vec<_>>(),
                "resolved": entry.resolved.iter().map(labels_to_json).collect::<Vec<_>>(),
                "time": entry.time.0,
            })
        };
        json!({
            "route": self.route,
            "labels": labels_to_json(&self.labels),
            "looked_at": self.looked_at,
            "next": self.next.0,
            "alerts": self.alerts.iter().map(alert_to_json).collect::<Vec<_>>(),
            "told": self.told.iter().map(entry).collect::<Vec<_>>(),
        })
    }

    /// Firing alerts count as such until `heard`: whoever evaluates them has until then to say so again.
    fn from_json(value: &Value, heard: Timestamp) -> Option<Self> {
        let entry = |value: &Value| {
            Some(SavedEntry {
                receiver: value["receiver"].as_str()?.to_owned(),
                channel: value["channel"].as_str()?.to_owned(),
                firing: all(&value["firing"], labels_from_json)?,
                resolved: all(&value["resolved"], labels_from_json)?,
                time: Timestamp(value["time"].as_u64()?),
            })
        };
        Some(Self {
            route: value["route"].as_str()?.to_owned(),
            labels: labels_from_json(&value["labels"])?,
            looked_at: value["looked_at"].as_bool()?,
            next: Timestamp(value["next"].as_u64()?),
            alerts: all(&value["alerts"], |value| alert_from_json(value, heard))?,
            told: all(&value["told"], entry)?,
        })
    }
}

/// Everything as JSON: the groups, and the alerts that the records know as firing.
pub(super) fn write<'a>(groups: &[SavedGroup], firing: impl Iterator<Item = &'a Labels>) -> String {
    let groups: Vec<Value> = groups.iter().map(SavedGroup::to_json).collect();
    let firing: Vec<Value> = firing.map(labels_to_json).collect();
    json!({"groups": groups, "firing": firing}).to_string()
}

/// The same read at `now`; `None` when it is not what was written.
pub(super) fn read(text: &str, now: Timestamp) -> Option<(Vec<SavedGroup>, Vec<Labels>)> {
    let value: Value = serde_json::from_str(text).ok()?;
    let group = |value: &Value| SavedGroup::from_json(value, now.plus(HEARD));
    Some((all(&value["groups"], group)?, all(&value["firing"], labels_from_json)?))
}

/// Every entry of a list, if each is what it should be.
fn all<T>(list: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    list.as_array()?.iter().map(read).collect()
}

fn labels_to_json(labels: &Labels) -> Value {
    labels.iter().map(|(name, value)| (name.to_string(), Value::from(&**value))).collect::<Map<_, _>>().into()
}

fn labels_from_json(value: &Value) -> Option<Labels> {
    let pairs = value.as_object()?.iter().map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    pairs.collect::<Option<Vec<_>>>().map(Labels::new)
}

fn alert_to_json(alert: &Alert) -> Value {
    json!({
        "labels": labels_to_json(&alert.labels),
        "annotations": labels_to_json(&alert.annotations),
        // As bits: JSON has no infinities.
        "value": alert.value.to_bits(),
        "starts_at": alert.starts_at.0,
        "resolved_at": alert.resolved_at.map(|time| time.0),
        "generator_url": alert.generator_url,
        "trace_ids": alert.trace_ids.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "trace_link": &*alert.trace_link,
    })
}

fn alert_from_json(value: &Value, heard: Timestamp) -> Option<Alert> {
    let time = |name: &str| value[name].as_u64().map(Timestamp);
    Some(Alert {
        labels: labels_from_json(&value["labels"])?,
        annotations: labels_from_json(&value["annotations"])?,
        value: f64::from_bits(value["value"].as_u64()?),
        starts_at: time("starts_at")?,
        resolved_at: time("resolved_at"),
        valid_until: heard,
        generator_url: value["generator_url"].as_str()?.to_owned(),
        trace_ids: all(&value["trace_ids"], |id| TraceId::from_hex(id.as_str()?).ok())?,
        trace_link: value["trace_link"].as_str()?.into(),
    })
}
