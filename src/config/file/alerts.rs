//! `alerts` of `distribution: bellwether:`: alert rules in the process. An empty mapping turns them on with the defaults.

use std::path::Path;
use std::time::Duration;

use super::section::Settings;
use crate::config::{Draft, parse};
use crate::history;
use crate::notifier::RateLimit;
use crate::pipeline::Alerts;
use crate::yaml::{Fault, Node, Reader, Section};

const KEYS: [&str; 19] = [
    "rule_files",
    "default_rules",
    "routing_file",
    "state_file",
    "interval",
    "strict",
    "log",
    "console",
    "otlp",
    "alertmanagers",
    "trace_link",
    "external_url",
    "external_labels",
    "resend_delay",
    "for_grace_period",
    "outage_tolerance",
    "rate_limit",
    "history",
    "enabled",
];

pub(super) fn read<'n>(reader: &Reader<'n>, node: &'n Node, draft: &mut Draft) -> Result<(), Fault> {
    let section = reader.section(node, &KEYS)?;
    let mut alerts = Alerts::turned(Some(section.flag("enabled")?.unwrap_or(true)));
    for path in section.texts("rule_files")?.unwrap_or_default() {
        if !Path::new(&path).is_absolute() {
            return Err(section.invalid("rule_files", &path, "absolute paths, or patterns of such"));
        }
        alerts = alerts.rule_file(path);
    }
    alerts = set(alerts, section.path("routing_file")?, Alerts::routing_file);
    alerts = set(alerts, section.path("state_file")?, Alerts::state_file);
    alerts = set(alerts, section.flag("default_rules")?, Alerts::default_rules);
    alerts = set(alerts, section.flag("strict")?, Alerts::strict);
    alerts = set(alerts, section.duration("interval")?, Alerts::interval);
    alerts = records(alerts, &section)?;
    alerts = identity(alerts, reader, &section)?;
    alerts = set(alerts, section.duration("resend_delay")?, Alerts::resend_delay);
    alerts = set(alerts, section.duration("for_grace_period")?, Alerts::for_grace_period);
    alerts = set(alerts, section.duration("outage_tolerance")?, Alerts::outage_tolerance);
    if let Some(node) = section.get("rate_limit") {
        alerts = alerts.rate_limit(rate_limit(reader, node)?);
    }
    if let Some(node) = section.get("history") {
        alerts = alerts.history(window(reader, node)?);
    }
    draft.alerts = Some(Box::new(alerts));
    Ok(())
}

/// Who is told beside the routes.
fn records(mut alerts: Alerts, section: &Section<'_>) -> Result<Alerts, Fault> {
    alerts = set(alerts, section.flag("log")?, Alerts::log);
    alerts = set(alerts, section.flag("console")?, Alerts::console);
    alerts = set(alerts, section.flag("otlp")?, Alerts::otlp);
    for url in section.texts("alertmanagers")?.unwrap_or_default() {
        let wrong =
            |expected: parse::Expected| section.invalid("alertmanagers", &parse::endpoint_shown(&url), &expected);
        alerts = alerts.alertmanager(parse::http_url(&url).map_err(wrong)?);
    }
    Ok(alerts)
}

/// What alerts say of where they come from.
fn identity<'n>(mut alerts: Alerts, reader: &Reader<'n>, section: &Section<'n>) -> Result<Alerts, Fault> {
    alerts = set(alerts, section.parsed("trace_link", parse::trace_link)?, Alerts::trace_link);
    alerts = set(alerts, section.parsed("external_url", parse::http_url)?, Alerts::external_url);
    if let Some(node) = section.get("external_labels") {
        let labels = reader.any_section(node, "a mapping of labels")?;
        for entry in labels.entries {
            let value = labels.text(&entry.key)?.unwrap_or_default();
            alerts = alerts.external_label(entry.key.clone(), value);
        }
    }
    Ok(alerts)
}

fn rate_limit<'n>(reader: &Reader<'n>, node: &'n Node) -> Result<RateLimit, Fault> {
    let section = reader.section(node, &["messages", "per"])?;
    let default = RateLimit::default();
    let messages = section.count("messages", 0)?.map_or(default.messages, |number| u32::try_from(number).unwrap_or(0));
    Ok(RateLimit { messages, per: section.duration("per")?.unwrap_or(default.per) })
}

fn window<'n>(reader: &Reader<'n>, node: &'n Node) -> Result<history::Config, Fault> {
    let keys = ["retention", "max_retention", "max_series", "max_bytes", "exemplars", "scope_labels"];
    let section = reader.section(node, &keys)?;
    let default = history::Config::default();
    let time = |key: &str, default: Duration| Ok::<_, Fault>(section.duration(key)?.unwrap_or(default));
    let count = |key: &str, default: usize| Ok::<_, Fault>(section.count(key, 1)?.unwrap_or(default));
    Ok(history::Config {
        retention: time("retention", default.retention)?,
        max_retention: time("max_retention", default.max_retention)?,
        max_series: count("max_series", default.max_series)?,
        max_bytes: count("max_bytes", default.max_bytes)?,
        exemplars: count("exemplars", default.exemplars)?,
        scope_labels: section.flag("scope_labels")?.unwrap_or(default.scope_labels),
    })
}

fn set<T>(alerts: Alerts, value: Option<T>, with: impl FnOnce(Alerts, T) -> Alerts) -> Alerts {
    match value {
        Some(value) => with(alerts, value),
        None => alerts,
    }
}
