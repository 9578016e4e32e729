//! The rule that notices the demo's fault, and what is told about it.

use std::collections::BTreeMap;

use super::args::Args;
use crate::Alerts;
use crate::model::Labels;
use crate::rules::{Active, State};

/// Rules in the form of Prometheus; it would take the file as it is.
const RULES: &str = include_str!("alerts.rules.yml");

/// Rules that are looked at every second: nobody watches a demo for minutes. Those of files come behind the demo's own.
pub fn settings(args: &Args) -> Alerts {
    let alerts = Alerts::new()
        .interval(std::time::Duration::from_secs(1))
        .default_rules(false)
        .log(false)
        .strict(true)
        .rules("alerts.rules.yml", RULES);
    let alerts = args.rules.iter().fold(alerts, Alerts::rule_file);
    match &args.routing {
        Some(file) => alerts.routing_file(file),
        None => alerts,
    }
}

/// What each alert was when it was last looked at.
#[derive(Debug, Default)]
pub struct Changes(BTreeMap<Labels, State>);

impl Changes {
    /// A line for each alert that is another one than before.
    pub fn read(&mut self, alerts: &[Active]) -> Vec<String> {
        let mut lines = Vec::new();
        let now: BTreeMap<Labels, State> = alerts.iter().map(|alert| (alert.labels.clone(), alert.state)).collect();
        for alert in alerts {
            if self.0.get(&alert.labels) != Some(&alert.state) {
                lines.push(format!("Alert {} is {}: {}", name(&alert.labels), alert.state.as_str(), summary(alert)));
            }
        }
        for (labels, state) in self.0.iter().filter(|(labels, _)| !now.contains_key(labels)) {
            let end = if *state == State::Firing { "resolved" } else { "over before it fired" };
            lines.push(format!("Alert {} is {end}.", name(labels)));
        }
        self.0 = now;
        lines
    }
}

/// What the alert is called.
pub fn name(labels: &Labels) -> &str {
    labels.get("alertname").unwrap_or("alert")
}

/// What it says.
pub fn summary(alert: &Active) -> &str {
    alert.annotations.get("summary").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(state: State) -> Active {
        Active {
            labels: Labels::new([("alertname", "RerankSlow")]),
            annotations: Labels::new([("summary", "it is slow")]),
            value: 9.0,
            state,
            active_at: 0,
            fired_at: None,
            resolved_at: None,
            keep_firing_since: None,
            last_sent_at: None,
            trace_ids: Vec::new(),
        }
    }

    #[test]
    fn a_change_is_told_once() {
        let mut changes = Changes::default();
        assert_eq!(changes.read(&[]), [""; 0]);
        assert_eq!(changes.read(&[alert(State::Pending)]), ["Alert RerankSlow is pending: it is slow"]);
        assert_eq!(changes.read(&[alert(State::Pending)]), [""; 0]);
        assert_eq!(changes.read(&[alert(State::Firing)]), ["Alert RerankSlow is firing: it is slow"]);
        assert_eq!(changes.read(&[]), ["Alert RerankSlow is resolved."]);
    }

    #[test]
    fn the_rule_is_a_good_one() {
        let environment = crate::config::Environment::from_iter([("OTEL_SDK_DISABLED", "false")]);
        let settings = settings(&Args::default());
        let layer = crate::builder().environment(environment).alerts(settings).layer::<tracing_subscriber::Registry>();
        assert!(layer.is_ok(), "{:?}", layer.err());
    }
}
