//! What a recording rule does at a tick (`rules/recording.go` of Prometheus).

use std::collections::BTreeSet;

use super::alerting::with;
use super::file::RuleSpec;
use crate::model::{Labels, METRIC_NAME, Sample};
use crate::template::Found;

/// The series of a recording: what the expression gave, under the rule's name and labels.
pub(super) fn record(
    rule: &RuleSpec,
    found: Vec<Found>,
    time: i64,
    limit: usize,
) -> Result<Vec<(Labels, Sample)>, String> {
    let mut own = vec![(METRIC_NAME, rule.name.as_str())];
    own.extend(rule.labels.iter().map(|(name, value)| (name.as_str(), value.source())));
    let series: Vec<(Labels, Sample)> =
        found.into_iter().map(|(labels, value)| (with(&labels, &own), Sample { time, start: 0, value })).collect();
    let distinct: BTreeSet<&Labels> = series.iter().map(|(labels, _)| labels).collect();
    if distinct.len() < series.len() {
        return Err("vector contains metrics with the same labelset after applying rule labels".to_owned());
    }
    if limit > 0 && series.len() > limit {
        return Err(format!("exceeded limit of {limit} with {} series", series.len()));
    }
    Ok(series)
}
