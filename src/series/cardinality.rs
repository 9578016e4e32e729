//! The line that says which attribute has too many values.

use std::collections::{BTreeMap, HashSet};

use crate::internal;
use crate::model::Attributes;
use crate::names;

/// Tells a person that an instrument reached its limit of series, and why.
///
/// `refused` are the first attributes that went to an overflow series, where they are known; `live` are those of all
/// series that the instrument has; their number is limited, so that counting distinct values is.
pub(crate) fn warn<'a>(
    metric: &str,
    limit: usize,
    refused: Option<&'a Attributes>,
    live: impl Iterator<Item = &'a Attributes>,
) {
    internal::warn(&message(metric, limit, refused, live));
}

fn message<'a>(
    metric: &str,
    limit: usize,
    refused: Option<&'a Attributes>,
    live: impl Iterator<Item = &'a Attributes>,
) -> String {
    let mut values: BTreeMap<&str, HashSet<String>> = BTreeMap::new();
    for attribute in live.chain(refused).flatten() {
        values.entry(attribute.key.as_str()).or_default().insert(attribute.value.to_string());
    }
    values.remove(names::OVERFLOW);
    // An operation is what the series are about: blame it only when nothing else varies more.
    let blamed = values.iter().max_by_key(|(key, values)| (values.len(), **key != names::SPAN_NAME));
    let blame = blamed.map_or_else(String::new, |(key, values)| {
        format!("; attribute `{key}` has the most values ({}): leave it out, or give it fewer", values.len())
    });
    let operation =
        refused.and_then(|it| it.get(names::SPAN_NAME)).map_or_else(String::new, |name| format!(" (span `{name}`)"));
    format!(
        "metric `{metric}`{operation} has reached its limit of {limit} series; what exceeds it is counted under \
         {}=true{blame}, or raise the cardinality limit",
        names::OVERFLOW
    )
}

#[cfg(test)]
mod tests {
    use opentelemetry::KeyValue;

    use super::*;

    #[test]
    fn the_line_names_metric_operation_limit_and_the_attribute_with_the_most_values() {
        let series = |user: i64| {
            let name = KeyValue::new(names::SPAN_NAME, "search");
            Attributes::new([name, KeyValue::new("user.id", user), KeyValue::new("tier", user % 3)])
        };
        let live: Vec<Attributes> = (0..9).map(series).collect();
        assert_eq!(
            message("calls", 10, Some(&series(9)), live.iter()),
            "metric `calls` (span `search`) has reached its limit of 10 series; what exceeds it is counted under \
             otel.metric.overflow=true; attribute `user.id` has the most values (10): leave it out, or give it fewer, \
             or raise the cardinality limit"
        );
    }
}
