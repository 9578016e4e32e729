//! Labels of a series: from attributes, resource and scope, as Prometheus' OTLP receiver makes them with its default
//! settings (`createAttributes` in `storage/remote/otlptranslator/prometheusremotewrite/helper.go`).

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use opentelemetry::{Array, InstrumentationScope, Key, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;

use super::names;
use crate::model::{Labels, METRIC_NAME};

const JOB: &str = "job";
const INSTANCE: &str = "instance";
const SERVICE_NAME: &str = "service.name";
const SERVICE_NAMESPACE: &str = "service.namespace";
const SERVICE_INSTANCE: &str = "service.instance.id";
/// What of a resource `job` and `instance` say already.
const IDENTIFYING: [&str; 3] = [SERVICE_NAMESPACE, SERVICE_NAME, SERVICE_INSTANCE];
pub(super) const TARGET_INFO: &str = "target_info";

/// Labels in the making.
type Draft = BTreeMap<String, String>;

/// The labels that every series of a resource and a scope has.
#[derive(Debug, Clone, Default)]
pub(super) struct Common {
    labels: Vec<(String, String)>,
}

impl Common {
    /// `job` and `instance` of a resource.
    pub(super) fn of(resource: &Resource) -> Self {
        let get = |key: &'static str| resource.get(&Key::from_static_str(key)).map(|value| text(&value));
        let job = get(SERVICE_NAME).map(|name| match get(SERVICE_NAMESPACE) {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name,
        });
        let labels = [(JOB, job), (INSTANCE, get(SERVICE_INSTANCE))];
        let given = |(name, value): (&str, Option<String>)| {
            value.filter(|value| !value.is_empty()).map(|value| (name.to_owned(), value))
        };
        Self { labels: labels.into_iter().filter_map(given).collect() }
    }

    /// The same with the labels of a scope that has a name.
    pub(super) fn within(&self, scope: &InstrumentationScope) -> Self {
        let mut labels = self.labels.clone();
        if scope.name().is_empty() {
            return Self { labels };
        }
        let attributes = scope.attributes().filter_map(|attribute| {
            Some((names::label(&format!("otel_scope_{}", attribute.key))?, text(&attribute.value)))
        });
        labels.extend(attributes);
        labels.push(("otel_scope_name".to_owned(), scope.name().to_owned()));
        labels.push(("otel_scope_version".to_owned(), scope.version().unwrap_or_default().to_owned()));
        labels.push(("otel_scope_schema_url".to_owned(), scope.schema_url().unwrap_or_default().to_owned()));
        Self { labels }
    }

    /// The labels of a point, still without the metric's name. `None` when an attribute's key leaves no name.
    pub(super) fn with<'a>(&self, attributes: impl IntoIterator<Item = &'a KeyValue>) -> Option<Base> {
        let pairs = attributes.into_iter().map(|attribute| (attribute.key.as_str(), &attribute.value));
        let mut draft = sanitized(pairs)?;
        for (name, value) in &self.labels {
            draft.insert(name.clone(), value.clone());
        }
        Some(Base(draft))
    }

    /// The labels of the series `target_info`; `None` when it would say nothing, or nobody could join it.
    pub(super) fn target_info(&self, resource: &Resource) -> Option<Base> {
        let rest = resource.iter().filter(|(key, _)| !IDENTIFYING.contains(&key.as_str()));
        let mut rest: Vec<_> = rest.map(|(key, value)| (key.as_str(), value)).collect();
        if rest.is_empty() {
            return None;
        }
        rest.sort_by_key(|(key, _)| *key);
        let mut draft = sanitized(rest)?;
        draft.extend(self.labels.iter().cloned());
        (draft.contains_key(JOB) || draft.contains_key(INSTANCE)).then_some(Base(draft))
    }
}

/// The labels of a point, without the metric's name.
#[derive(Debug)]
pub(super) struct Base(Draft);

impl Base {
    /// The labels of a series: with the metric's name, and `le` for a bucket.
    pub(super) fn series(&self, name: &str, le: Option<&str>, symbols: &mut Symbols) -> Labels {
        let own = [Some((METRIC_NAME, name)), le.map(|le| ("le", le))];
        let given = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let all: Vec<(Arc<str>, Arc<str>)> = given
            .chain(own.into_iter().flatten())
            .map(|(name, value)| (symbols.get(name), symbols.get(value)))
            .collect();
        Labels::new(all)
    }
}

/// Names made fit, in the order of the names that were given; values of names that fall together are joined by `;`.
fn sanitized<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a Value)>) -> Option<Draft> {
    let mut draft = Draft::new();
    for (key, value) in pairs.into_iter().filter(|(key, _)| *key != METRIC_NAME) {
        let (name, value) = (names::label(key)?, text(value));
        match draft.get_mut(&name) {
            Some(before) if !before.is_empty() => {
                before.push(';');
                before.push_str(&value);
            }
            _ => {
                draft.insert(name, value);
            }
        }
    }
    Some(draft)
}

/// The upper bound of a bucket as the label `le` has it: never with an exponent.
pub(super) fn bound(bound: f64) -> String {
    if bound == f64::INFINITY { "+Inf".to_owned() } else { bound.to_string() }
}

/// Each text once, shared by all labels that have it.
#[derive(Debug, Default)]
pub(super) struct Symbols(HashSet<Arc<str>>);

impl Symbols {
    fn get(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }

    /// Forgets the texts that no series has any more.
    pub(super) fn prune(&mut self) {
        self.0.retain(|text| Arc::strong_count(text) > 1);
    }
}

/// A value as OpenTelemetry's own conversion to text has it: arrays as JSON, numbers as JavaScript writes them.
fn text(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::I64(value) => value.to_string(),
        Value::F64(value) => number(*value),
        Value::String(value) => value.as_str().to_owned(),
        Value::Array(Array::Bool(values)) => list(values, bool::to_string),
        Value::Array(Array::I64(values)) => list(values, i64::to_string),
        Value::Array(Array::F64(values)) => list(values, |value| number(*value)),
        Value::Array(Array::String(values)) => list(values, StringValue::to_json),
        other => other.as_str().into_owned(),
    }
}

fn list<T>(values: &[T], text: impl Fn(&T) -> String) -> String {
    format!("[{}]", values.iter().map(text).collect::<Vec<_>>().join(","))
}

fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        let name = if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        };
        format!("json: unsupported value: {name}")
    } else if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        if size < 1.0 { text } else { text.replace('e', "e+") }
    } else {
        value.to_string()
    }
}

trait Json {
    fn to_json(&self) -> String;
}

impl Json for StringValue {
    /// Quoted, with the characters escaped that Go's encoder escapes.
    fn to_json(&self) -> String {
        let mut json = String::from("\"");
        for c in self.as_str().chars() {
            match c {
                '"' | '\\' => json.extend(['\\', c]),
                '\n' => json.push_str("\\n"),
                '\r' => json.push_str("\\r"),
                '\t' => json.push_str("\\t"),
                '\u{8}' => json.push_str("\\b"),
                '\u{c}' => json.push_str("\\f"),
                '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                    json.extend(format!("\\u{:04x}", u32::from(c)).chars());
                }
                _ => json.push(c),
            }
        }
        json.push('"');
        json
    }
}
