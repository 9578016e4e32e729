//! Alert rules in the process.

use super::Variables;
use crate::Error;
use crate::config::{Draft, parse};
use crate::pipeline::Alerts;

pub(super) fn read(variables: &mut Variables<'_>, draft: &mut Draft) -> Result<(), Error> {
    let mut alerts = Alerts::turned(variables.flag("BELLWETHER_ALERTS"));
    for path in variables.list("BELLWETHER_RULE_FILES") {
        alerts = alerts.rule_file(path);
        alerts.on = alerts.on.or(Some(true));
    }
    if let Some(on) = variables.flag("BELLWETHER_DEFAULT_RULES") {
        alerts = alerts.default_rules(on);
    }
    if let Some(path) = variables.text("BELLWETHER_ROUTING_FILE") {
        alerts = alerts.routing_file(path);
    }
    for url in variables.list("BELLWETHER_ALERTMANAGERS") {
        let url = parse::http_url(url)
            .map_err(|expected| Error::invalid("BELLWETHER_ALERTMANAGERS", parse::endpoint_shown(url), expected))?;
        alerts = alerts.alertmanager(url);
    }
    if let Some(path) = variables.text("BELLWETHER_ALERT_STATE_FILE") {
        alerts = alerts.state_file(path);
    }
    if let Some(template) = variables.parsed("BELLWETHER_TRACE_LINK", parse::trace_link)? {
        alerts = alerts.trace_link(template);
    }
    draft.alerts = (alerts.on.is_some() || alerts.says_something()).then(|| Box::new(alerts));
    Ok(())
}
