//! Alerts as structured events of `tracing`, for the host's own log.

use tracing::Level;

use super::Record;
use super::text::printable;
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
    fn name(&self) -> &'static str {
        "the log"
    }

    fn record(&self, alert: &Alert, firing: bool) {
        // Where the host writes its log is not known: nothing of a label may begin a line or speak to a terminal.
        let name = &*printable(alert.labels.get("alertname").unwrap_or("alert"));
        let labels = printable(&alert.labels.filtered(|name| name != "alertname").to_string());
        let summary = printable(alert.annotations.get("summary").unwrap_or_default());
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

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::sync::{Arc, Mutex};

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record as Values};
    use tracing::{Event, Metadata, Subscriber};

    use super::*;
    use crate::model::Labels;
    use crate::notifier::fixtures::alert;

    /// Writes down every field of every event.
    #[derive(Clone, Default)]
    struct Fields(Arc<Mutex<Vec<String>>>);

    impl Visit for Fields {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            self.0.lock().unwrap().push(format!("{field}={value:?}"));
        }

        fn record_str(&mut self, field: &Field, value: &str) {
            self.0.lock().unwrap().push(format!("{field}={value}"));
        }
    }

    impl Subscriber for Fields {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Values<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &Event<'_>) {
            event.record(&mut self.clone());
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn no_label_begins_a_line_of_the_log_or_speaks_to_a_terminal() {
        let fields = Fields::default();
        let evil = "a\r\n2026 ERROR forged \u{1b}[2J\u{9b}1A";
        let slow = alert(&[("alertname", evil), ("op", evil), ("severity", "critical")], 1, None);
        let slow = Alert { annotations: Labels::new([("summary", evil)]), ..slow };
        tracing::subscriber::with_default(fields.clone(), || {
            Log.record(&slow, true);
            Log.record(&slow, false);
        });
        let fields = fields.0.lock().unwrap();
        assert_eq!(fields.len(), 10, "{fields:?}");
        assert!(fields.iter().all(|field| !field.chars().any(char::is_control)), "{fields:?}");
    }
}
