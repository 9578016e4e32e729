//! Alerts as structured events of `tracing`, for the host's own log.

use tracing::Level;

use super::Record;
use crate::model::Alert;
use crate::notifier::Severity;

/// Target of these events. Ours, so that they reach the console and never become telemetry about telemetry; alerts go
/// over OTLP by a channel of their own.
const TARGET: &str = "bellwether::alert";

/// Writes an event for each alert that begins or ends.
#[derive(Debug, Default)]
pub(crate) struct Log;

/// The first trace: where it is found, or its id.
fn trace(alert: &Alert) -> String {
    let id = || alert.trace_ids.first().map(ToString::to_string);
    alert.trace_urls().next().or_else(id).unwrap_or_default()
}

impl Record for Log {
    fn record(&self, alert: &Alert, firing: bool) {
        let name = alert.labels.get("alertname").unwrap_or("alert");
        let labels = alert.labels.filtered(|name| name != "alertname");
        let summary = alert.annotations.get("summary").unwrap_or_default();
        let (value, trace) = (alert.value, trace(alert));
        match (firing, Severity::of(alert)) {
            (true, Severity::Critical | Severity::Emergency) => {
                tracing::event!(target: TARGET, Level::ERROR, alert = name, %labels, value, trace, "alert fires: {name} {summary}");
            }
            (true, Severity::Warning) => {
                tracing::warn!(target: TARGET, alert = name, %labels, value, trace, "alert fires: {name} {summary}");
            }
            (true, Severity::Info) => {
                tracing::info!(target: TARGET, alert = name, %labels, value, trace, "alert fires: {name} {summary}");
            }
            (false, _) => {
                tracing::info!(target: TARGET, alert = name, %labels, value, trace, "alert resolved: {name} {summary}");
            }
        }
    }
}
