//! Whether two answers are the same.

use std::collections::BTreeMap;

use bellwether::model::SampleValue;
use bellwether::promql::{Answer, Instant, Value};

use crate::Result;

/// What a query found: the value of each series, by its labels. A histogram is none.
pub(crate) type Found = BTreeMap<BTreeMap<String, String>, f64>;

/// Sums of many floats depend on their order in the last digits.
const TOLERANCE: f64 = 1e-9;

/// What was found here.
pub(crate) fn found(answer: Answer) -> Found {
    let Value::Vector(vector) = answer.value else { return Found::new() };
    let series = |Instant { labels, value, .. }: Instant| {
        let labels = labels.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        (labels, if let SampleValue::Float(value) = value { value } else { f64::NAN })
    };
    vector.into_iter().map(series).collect()
}

/// Fails with the first difference.
pub(crate) fn compare(query: &str, here: &Found, there: &Found) -> Result<()> {
    let absent = |labels: &_, where_| Err(format!("{query}: {labels:?} is only {where_}").into());
    if let Some(labels) = there.keys().find(|labels| !here.contains_key(*labels)) {
        return absent(labels, "in Prometheus");
    }
    for (labels, value) in here {
        let Some(other) = there.get(labels) else { return absent(labels, "here") };
        if !same(*value, *other) {
            return Err(format!("{query}: {labels:?} is {value} here, {other} in Prometheus").into());
        }
    }
    Ok(())
}

fn same(a: f64, b: f64) -> bool {
    let size = a.abs().max(b.abs());
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan() || (a - b).abs() <= size * TOLERANCE
}
