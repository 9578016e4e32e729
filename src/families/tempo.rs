//! Tempo's names for the metrics of spans, derived from those of the Collector at collection.
//!
//! Follows `modules/generator/processor/spanmetrics` of <https://github.com/grafana/tempo>: the labels `service`,
//! `span_name`, `span_kind` and `status_code`; dimensions with every character that a label cannot have replaced, and with
//! two underscores before them when that makes one of these labels of them. The buckets are ours, in seconds; Tempo's are
//! 2 ms to 16.4 s, each twice the one before. Not here: `traces_spanmetrics_size_total`, because nobody knows the size of a
//! span that is not made.

use std::sync::Arc;

use opentelemetry::{Key, KeyValue};

use crate::model::{Attributes, Exemplar, ExplicitHistogram, Number};
use crate::names;

/// Labels that Tempo takes from fixed data of a span, and the attributes that we have for them.
const LABELS: [(&str, &str); 4] = [
    (names::SERVICE_NAME, "service"),
    (names::SPAN_NAME, "span_name"),
    (names::SPAN_KIND, "span_kind"),
    (names::STATUS_CODE, "status_code"),
];
/// Labels that Tempo keeps for itself, which a dimension cannot have.
const KEPT: [&str; 7] = ["service", "span_name", "span_kind", "status_code", "status_message", "job", "instance"];
/// Attributes of the resource that [`target_info`] leaves out: `job` and `instance` say the same.
const IDENTITY: [&str; 3] = ["service.name", "service.namespace", "service.instance.id"];

/// Milliseconds a second.
const MILLIS: f64 = 1_000.0;

/// The labels of a series of [`names::CALLS`], as Tempo has them.
pub fn attributes(attributes: &Attributes) -> Attributes {
    attributes.iter().map(|kv| KeyValue::new(label(kv.key.as_str()), kv.value.clone())).collect()
}

/// The attributes of `traces_target_info` for the attributes of a resource; empty when there are none to tell of, and
/// then Tempo has no such series. `job` and `instance` come from the resource, at the receiver.
pub fn target_info<'a>(resource: impl Iterator<Item = (&'a Key, &'a opentelemetry::Value)>) -> Attributes {
    let tells =
        |key: &str| !IDENTITY.contains(&key) && !key.is_empty() && !key.starts_with(|c: char| c.is_ascii_digit());
    let told = resource.filter(|(key, _)| tells(key.as_str()));
    told.map(|(key, value)| KeyValue::new(label(key.as_str()), value.as_str().into_owned())).collect()
}

fn label(key: &str) -> Key {
    if let Some((_, label)) = LABELS.iter().find(|(ours, _)| *ours == key) {
        return Key::from_static_str(label);
    }
    if key == names::OVERFLOW {
        return Key::from_static_str(names::OVERFLOW);
    }
    let label: String = key.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if KEPT.contains(&label.as_str()) { format!("__{label}").into() } else { label.into() }
}

/// Bounds in milliseconds as seconds. A division, so that what is a short decimal stays one.
pub fn bounds(millis: &[f64]) -> Arc<[f64]> {
    millis.iter().map(|bound| bound / MILLIS).collect()
}

/// A histogram of milliseconds as one of seconds: the same counts between `bounds`, which are those of the histogram by
/// [`bounds`].
pub fn seconds(millis: ExplicitHistogram, bounds: &Arc<[f64]>) -> ExplicitHistogram {
    let second = |value: Option<f64>| value.map(|value| value / MILLIS);
    ExplicitHistogram {
        sum: second(millis.sum),
        min: second(millis.min),
        max: second(millis.max),
        bounds: Arc::clone(bounds),
        ..millis
    }
}

/// An exemplar of milliseconds as one of seconds.
pub fn exemplar(millis: &Exemplar) -> Exemplar {
    Exemplar { value: Number::F64(millis.value.as_f64() / MILLIS), ..*millis }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_tempos_and_a_dimension_takes_none_of_them() {
        let ours = Attributes::new([
            KeyValue::new(names::SERVICE_NAME, "shop"),
            KeyValue::new(names::SPAN_NAME, "GET /"),
            KeyValue::new(names::SPAN_KIND, "SPAN_KIND_SERVER"),
            KeyValue::new(names::STATUS_CODE, "STATUS_CODE_UNSET"),
            KeyValue::new("http.response.status_code", 200),
            KeyValue::new("status_message", "mine"),
            KeyValue::new("job", "mine"),
        ]);
        let tempo = attributes(&ours);
        let text: Vec<String> = tempo.iter().map(|kv| format!("{}={}", kv.key, kv.value)).collect();
        assert_eq!(
            text,
            [
                "__job=mine",
                "__status_message=mine",
                "http_response_status_code=200",
                "service=shop",
                "span_kind=SPAN_KIND_SERVER",
                "span_name=GET /",
                "status_code=STATUS_CODE_UNSET",
            ]
        );
    }

    #[test]
    fn bounds_in_seconds_are_the_nearest_numbers_to_their_decimals() {
        let bounds = bounds(&[2.0, 4.0, 6.0, 8.0, 50.0, 1_400.0, 15_000.0]);
        let text: Vec<String> = bounds.iter().map(ToString::to_string).collect();
        assert_eq!(text, ["0.002", "0.004", "0.006", "0.008", "0.05", "1.4", "15"]);
    }

    #[test]
    fn target_info_tells_of_the_resource_what_job_and_instance_do_not() {
        let resource = [
            KeyValue::new("service.name", "shop"),
            KeyValue::new("service.instance.id", "a"),
            KeyValue::new("host.name", "h"),
            KeyValue::new("2x", "not a label"),
        ];
        let told = target_info(resource.iter().map(|kv| (&kv.key, &kv.value)));
        assert_eq!(told, Attributes::new([KeyValue::new("host_name", "h")]));
        assert!(target_info(resource[..2].iter().map(|kv| (&kv.key, &kv.value))).is_empty());
    }
}
