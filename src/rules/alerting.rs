//! What an alerting rule does at a tick (`rules/alerting.go` of Prometheus).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::active::{Active, RESOLVED_RETENTION, State};
use super::file::RuleSpec;
use super::place::Place;
use crate::model::{Labels, METRIC_NAME, Sample, SampleValue};
use crate::template::{Context, Data, Found, Template};

/// The label that holds an alert's name.
pub const ALERT_NAME: &str = "alertname";
/// The series that says which alerts are pending and firing, by [`ALERT_STATE`].
pub const ALERTS: &str = "ALERTS";
/// The series whose value is since when an alert is active, in seconds since the Unix epoch.
pub const ALERTS_FOR_STATE: &str = "ALERTS_FOR_STATE";
/// The label of [`ALERTS`] that holds the state.
pub const ALERT_STATE: &str = "alertstate";

/// The alerts of one rule, by their labels.
#[derive(Debug, Default)]
pub(super) struct Alerting {
    pub(super) active: BTreeMap<Labels, Active>,
    /// Until when alerts that came out of the state file are kept as they are although the expression does not give
    /// them: the window is empty after a restart, and nothing is resolved by that.
    pub(super) held_until: Option<i64>,
}

impl Alerting {
    /// Takes what the expression gave at `now`, and returns the series that say so. `offset` is by how much queries look
    /// earlier.
    pub(super) fn update(
        &mut self,
        rule: &RuleSpec,
        found: &[Found],
        now: i64,
        offset: i64,
        limit: usize,
        place: &Place<'_>,
    ) -> Result<Vec<(Labels, Sample)>, String> {
        let mut alerts = BTreeMap::new();
        for (labels, value) in found {
            let alert = instance(rule, labels, value, now, place);
            if alerts.insert(alert.labels.clone(), alert).is_some() {
                return Err("vector contains metrics with the same labelset after applying alert labels".to_owned());
            }
        }
        self.held_until = self.held_until.filter(|until| now < *until);
        let unconfirmed = self.advance_missing(rule, &alerts, now);
        for (labels, alert) in alerts {
            match self.active.get_mut(&labels).filter(|active| active.state != State::Inactive) {
                Some(active) => {
                    (active.value, active.annotations) = (alert.value, alert.annotations);
                    active.keep_firing_since = None;
                }
                None => drop(self.active.insert(labels, alert)),
            }
        }
        self.advance_holding(rule, now, &unconfirmed);
        let count = self.active.values().filter(|active| active.state != State::Inactive).count();
        if limit > 0 && count > limit {
            self.active.clear();
            return Err(format!("exceeded limit of {limit} with {count} alerts"));
        }
        Ok(self.series(now - offset))
    }

    /// Alerts that the expression no longer gives: pending ones are forgotten, firing ones are resolved or kept
    /// firing, resolved ones are remembered for a while. Returns those that are only kept because of a restart.
    fn advance_missing(&mut self, rule: &RuleSpec, alerts: &BTreeMap<Labels, Active>, now: i64) -> BTreeSet<Labels> {
        let (held, mut unconfirmed) = (self.held_until.is_some(), BTreeSet::new());
        self.active.retain(|labels, active| {
            if alerts.contains_key(labels) {
                return true;
            }
            if held && active.state != State::Inactive {
                unconfirmed.insert(labels.clone());
                return true;
            }
            match active.state {
                State::Pending => return false,
                State::Inactive => return active.resolved_at.is_none_or(|at| now - at <= RESOLVED_RETENTION),
                State::Firing => {}
            }
            if rule.keep_firing > 0 {
                let since = *active.keep_firing_since.get_or_insert(now);
                if now - since < rule.keep_firing {
                    return true;
                }
            }
            active.state = State::Inactive;
            active.resolved_at = Some(now);
            true
        });
        unconfirmed
    }

    /// Pending to firing after the time of `for`, and back when that was made longer.
    fn advance_holding(&mut self, rule: &RuleSpec, now: i64, unconfirmed: &BTreeSet<Labels>) {
        let alive = self.active.values_mut().filter(|active| active.state != State::Inactive);
        for active in alive.filter(|active| !unconfirmed.contains(&active.labels)) {
            let long_enough = now - active.active_at >= rule.hold;
            match active.state {
                State::Pending if long_enough => {
                    active.state = State::Firing;
                    active.fired_at = Some(now);
                }
                State::Firing if !long_enough => {
                    active.state = State::Pending;
                    active.fired_at = None;
                    active.last_sent_at = None;
                    active.keep_firing_since = None;
                }
                _ => {}
            }
        }
    }

    fn series(&self, time: i64) -> Vec<(Labels, Sample)> {
        let alive = self.active.values().filter(|active| active.state != State::Inactive);
        let sample = |value: f64| Sample { time, start: 0, value: SampleValue::Float(value) };
        alive
            .flat_map(|active| {
                let state = [(METRIC_NAME, ALERTS), (ALERT_STATE, active.state.as_str())];
                let since = [(METRIC_NAME, ALERTS_FOR_STATE)];
                let seconds = active.active_at.div_euclid(1000) as f64;
                [(with(&active.labels, &state), sample(1.0)), (with(&active.labels, &since), sample(seconds))]
            })
            .collect()
    }
}

/// Labels with others over them; one with an empty value is taken away.
pub(super) fn with(labels: &Labels, more: &[(&str, &str)]) -> Labels {
    let own = labels.iter().map(|(name, value)| (Arc::clone(name), Arc::clone(value)));
    Labels::new(own.chain(more.iter().map(|(name, value)| ((*name).into(), (*value).into()))))
}

/// The alert of one series: its labels without the metric's name, and over them the rule's, with the templates filled
/// in.
fn instance(rule: &RuleSpec, labels: &Labels, value: &SampleValue, now: i64, place: &Place<'_>) -> Active {
    // Templates ask at the time of the tick, whatever the query's offset, as in Prometheus.
    let query = |text: &str| place.query(text, now);
    let context = Context {
        at: now,
        external_labels: Some(&place.config.external_labels),
        external_url: &place.config.external_url,
        query: Some(&query),
    };
    let data = Data { labels, value };
    let expand = |template: &Template| {
        template.expand(&data, &context).unwrap_or_else(|why| {
            format!("<error expanding template: error executing template __alert_{}: {why}>", rule.name)
        })
    };
    let expanded: Vec<(&str, String)> =
        rule.labels.iter().map(|(name, template)| (name.as_str(), expand(template))).collect();
    let mut own: Vec<(&str, &str)> = vec![(METRIC_NAME, "")];
    own.extend(expanded.iter().map(|(name, value)| (*name, value.as_str())));
    own.push((ALERT_NAME, &rule.name));
    let annotations = rule.annotations.iter().map(|(name, template)| (name.as_str(), expand(template)));
    Active {
        labels: with(labels, &own),
        annotations: Labels::new(annotations),
        // Of a histogram there is no one number, and Prometheus gives zero.
        value: if let SampleValue::Float(number) = value { *number } else { 0.0 },
        state: State::Pending,
        active_at: now,
        fired_at: None,
        resolved_at: None,
        keep_firing_since: None,
        last_sent_at: None,
        trace_ids: Vec::new(),
    }
}
