//! The values that only messages have (`template/template.go` of Alertmanager), with their fields and methods.

use std::sync::Arc;

use regex::escape;

use super::{Data, Item};
use crate::model::Labels;
use crate::template::builtin::position;
use crate::template::format;
use crate::template::text::Text;
use crate::template::time::{self, NEVER, Zone};
use crate::template::value::Value;

/// The name of an alert stands before its other labels.
const FIRST: &str = "alertname";

#[derive(Debug, Clone)]
pub(in crate::template) enum Part {
    /// What `.` is at the beginning.
    Message(Arc<Message>),
    Alerts(Arc<[Arc<Item>]>),
    Alert(Arc<Item>),
    /// Labels or annotations.
    Set(Labels),
    Pairs(Arc<[Pair]>),
    Pair(Pair),
    List(Arc<[Value]>),
    /// Nanoseconds since the Unix epoch, in the time of a place.
    Time(i128, Arc<Zone>),
    /// HTML that is taken as it is.
    Safe(Arc<str>),
    /// An address that is taken as it is.
    Url(Arc<str>),
}

/// Name and value.
pub(in crate::template) type Pair = (Arc<str>, Arc<str>);

/// [`Data`], to be shared.
#[derive(Debug)]
pub(in crate::template) struct Message {
    receiver: Arc<str>,
    status: Arc<str>,
    reason: Arc<str>,
    alerts: Arc<[Arc<Item>]>,
    group_labels: Labels,
    common_labels: Labels,
    common_annotations: Labels,
    external_url: Arc<str>,
}

impl Part {
    pub(super) fn message(data: Data<'_>) -> Self {
        Self::Message(Arc::new(Message {
            // As in Alertmanager, where it stands in addresses that search for it.
            receiver: escape(data.receiver).into(),
            status: data.status.into(),
            reason: data.reason.into(),
            alerts: data.alerts.into_iter().map(Arc::new).collect(),
            group_labels: data.group_labels,
            common_labels: data.common_labels,
            common_annotations: data.common_annotations,
            external_url: data.external_url.into(),
        }))
    }

    pub(super) fn utc(nanos: i128) -> Self {
        Self::Time(nanos, Arc::new(Zone::UTC))
    }

    pub(super) fn texts(texts: impl Iterator<Item = Arc<str>>) -> Self {
        Self::List(texts.map(Value::Text).collect())
    }

    pub(in crate::template) fn type_name(&self) -> &'static str {
        match self {
            Self::Message(_) => "*template.Data",
            Self::Alerts(_) => "template.Alerts",
            Self::Alert(_) => "template.Alert",
            Self::Set(_) => "template.KV",
            Self::Pairs(_) => "template.Pairs",
            Self::Pair(_) => "template.Pair",
            Self::List(_) => "[]interface {}",
            Self::Time(..) => "time.Time",
            Self::Safe(_) => "template.HTML",
            Self::Url(_) => "template.URL",
        }
    }

    pub(in crate::template) fn truth(&self) -> bool {
        match self {
            Self::Safe(text) | Self::Url(text) => !text.is_empty(),
            other => other.len().is_none_or(|length| length > 0),
        }
    }

    /// `None`: it has no length.
    pub(in crate::template) fn len(&self) -> Option<usize> {
        match self {
            Self::Alerts(alerts) => Some(alerts.len()),
            Self::Set(labels) => Some(labels.len()),
            Self::Pairs(pairs) => Some(pairs.len()),
            Self::List(values) => Some(values.len()),
            Self::Safe(text) | Self::Url(text) => Some(text.len()),
            Self::Message(_) | Self::Alert(_) | Self::Pair(_) | Self::Time(..) => None,
        }
    }

    /// Values within each other.
    pub(in crate::template) fn depth(&self) -> usize {
        match self {
            Self::List(values) => 1 + values.iter().map(Value::depth).max().unwrap_or(0),
            _ => 0,
        }
    }

    pub(in crate::template) fn index(&self, index: &Value) -> Result<Value, String> {
        match (self, index) {
            (Self::Set(labels), Value::Text(name)) => Ok(Value::text(labels.get(name).unwrap_or_default())),
            (Self::Set(_), other) => Err(format!("value has type {}; should be string", other.type_name())),
            (_, Value::Int(at)) if !matches!(self, Self::Safe(_) | Self::Url(_)) => {
                let items = self.items()?;
                Ok(items[position(*at, items.len())?].1.clone())
            }
            _ => Err(format!("can't index item of type {}", self.type_name())),
        }
    }

    /// What a range goes through: keys and values.
    pub(in crate::template) fn items(&self) -> Result<Vec<(Value, Value)>, String> {
        let values: Vec<Value> = match self {
            Self::Alerts(alerts) => alerts.iter().map(|alert| Value::Part(Self::Alert(Arc::clone(alert)))).collect(),
            Self::Pairs(pairs) => pairs.iter().map(|pair| Value::Part(Self::Pair(pair.clone()))).collect(),
            Self::List(values) => values.to_vec(),
            Self::Set(labels) => {
                let text = |text: &Arc<str>| Value::Text(Arc::clone(text));
                return Ok(labels.iter().map(|(name, value)| (text(name), text(value))).collect());
            }
            other => return Err(format!("range can't iterate over {}", other.type_name())),
        };
        Ok((0_i64..).map(Value::Int).zip(values).collect())
    }

    /// A field, a method or an entry.
    pub(in crate::template) fn field(&self, name: &str, args: &[Value]) -> Result<Value, String> {
        if let (Self::Time(nanos, _), "Sub", [Value::Part(Self::Time(other, _))]) = (self, name, args) {
            let between = nanos - other;
            return Ok(Value::Duration(i64::try_from(between).unwrap_or(if between < 0 {
                i64::MIN
            } else {
                i64::MAX
            })));
        }
        if let Self::Time(nanos, zone) = self {
            let found = time::method(*nanos, zone, name, args);
            return found.unwrap_or_else(|| Err(self.unknown(name)));
        }
        if let (Self::Set(labels), "Remove") = (self, name) {
            return removed(labels, args);
        }
        if !args.is_empty() {
            return Err(format!("{name} has arguments but cannot be invoked as function"));
        }
        let text = |text: &str| Value::text(text);
        let set = |labels: &Labels| Value::Part(Self::Set(labels.clone()));
        let part = match (self, name) {
            (Self::Message(message), "Receiver") => return Ok(Value::Text(Arc::clone(&message.receiver))),
            (Self::Message(message), "Status") => return Ok(Value::Text(Arc::clone(&message.status))),
            (Self::Message(message), "NotificationReason") => return Ok(Value::Text(Arc::clone(&message.reason))),
            (Self::Message(message), "ExternalURL") => return Ok(Value::Text(Arc::clone(&message.external_url))),
            (Self::Message(message), "GroupLabels") => return Ok(set(&message.group_labels)),
            (Self::Message(message), "CommonLabels") => return Ok(set(&message.common_labels)),
            (Self::Message(message), "CommonAnnotations") => return Ok(set(&message.common_annotations)),
            (Self::Message(message), "Alerts") => Self::Alerts(Arc::clone(&message.alerts)),
            (Self::Alerts(alerts), "Firing" | "Resolved") => {
                let wanted = name == "Firing";
                Self::Alerts(alerts.iter().filter(|alert| alert.firing == wanted).cloned().collect())
            }
            (Self::Alert(alert), "Status") => return Ok(text(if alert.firing { "firing" } else { "resolved" })),
            (Self::Alert(alert), "Labels") => return Ok(set(&alert.labels)),
            (Self::Alert(alert), "Annotations") => return Ok(set(&alert.annotations)),
            (Self::Alert(alert), "GeneratorURL") => return Ok(text(&alert.generator_url)),
            (Self::Alert(alert), "Fingerprint") => return Ok(text(&alert.fingerprint)),
            (Self::Alert(alert), "StartsAt") => Self::utc(i128::from(alert.starts_at)),
            (Self::Alert(alert), "EndsAt") => Self::utc(alert.ends_at.map_or(NEVER, i128::from)),
            (Self::Alert(alert), "TraceIDs") => Self::texts(alert.trace_ids.iter().map(|id| id.as_str().into())),
            (Self::Set(labels), "SortedPairs") => Self::Pairs(sorted(labels)),
            (Self::Set(labels), "Names") => Self::texts(sorted(labels).iter().map(|(name, _)| Arc::clone(name))),
            (Self::Set(labels), "Values") => Self::texts(sorted(labels).iter().map(|(_, value)| Arc::clone(value))),
            (Self::Set(labels), name) => return Ok(text(labels.get(name).unwrap_or_default())),
            (Self::Pairs(pairs), "Names") => Self::texts(pairs.iter().map(|(name, _)| Arc::clone(name))),
            (Self::Pairs(pairs), "Values") => Self::texts(pairs.iter().map(|(_, value)| Arc::clone(value))),
            (Self::Pair((key, _)), "Name") => return Ok(Value::Text(Arc::clone(key))),
            (Self::Pair((_, value)), "Value") => return Ok(Value::Text(Arc::clone(value))),
            _ => return Err(self.unknown(name)),
        };
        Ok(Value::Part(part))
    }

    fn unknown(&self, name: &str) -> String {
        format!("can't evaluate field {name} in type {}", self.type_name())
    }

    pub(in crate::template) fn print(&self, text: &mut Text) {
        match self {
            Self::Safe(inside) | Self::Url(inside) => text.push(inside),
            Self::Set(labels) => joined(text, &sorted(labels)),
            Self::Pairs(pairs) => joined(text, pairs),
            Self::Pair((name, value)) => {
                for part in ["{", name, " ", value, "}"] {
                    text.push(part);
                }
            }
            Self::Time(nanos, zone) => text.push(&time::print(*nanos, zone)),
            Self::Alert(alert) => {
                text.push("{");
                text.push(if alert.firing { "firing " } else { "resolved " });
                joined(text, &sorted(&alert.labels));
                text.push("}");
            }
            Self::Message(message) => Self::Alerts(Arc::clone(&message.alerts)).print(text),
            Self::Alerts(_) | Self::List(_) => {
                text.push("[");
                for (at, (_, value)) in self.items().unwrap_or_default().iter().enumerate() {
                    text.push(if at > 0 { " " } else { "" });
                    format::value(text, value);
                    if text.is_full() {
                        break;
                    }
                }
                text.push("]");
            }
        }
    }
}

/// `a=b, c=d`
fn joined(text: &mut Text, pairs: &[Pair]) {
    for (at, (name, value)) in pairs.iter().enumerate() {
        for part in [if at > 0 { ", " } else { "" }, name, "=", value] {
            text.push(part);
        }
    }
}

fn sorted(labels: &Labels) -> Arc<[Pair]> {
    let first = labels.iter().filter(|(name, _)| &***name == FIRST);
    let others = labels.iter().filter(|(name, _)| &***name != FIRST);
    first.chain(others).map(|(name, value)| (Arc::clone(name), Arc::clone(value))).collect()
}

fn removed(labels: &Labels, args: &[Value]) -> Result<Value, String> {
    let [Value::Part(Part::List(names))] = args else {
        return Err("Remove: expected a list of names".to_owned());
    };
    let is_named = |label: &str| names.iter().any(|name| matches!(name, Value::Text(name) if &**name == label));
    Ok(Value::Part(Part::Set(labels.filtered(|label| !is_named(label)))))
}
