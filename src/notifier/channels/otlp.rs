//! Alerts as log records over OTLP, with an event name that backends can find them by.

use std::time::SystemTime;

use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, Severity as LogSeverity};
use opentelemetry_sdk::logs::SdkLogger;

use super::Record;
use crate::model::Alert;
use crate::names;
use crate::notifier::Severity;
use crate::notifier::notification::status;

/// Writes a log record for each alert that begins or ends.
#[derive(Debug)]
pub(crate) struct OtlpLog {
    logger: SdkLogger,
}

impl OtlpLog {
    pub(crate) fn new(logger: SdkLogger) -> Self {
        Self { logger }
    }
}

impl Record for OtlpLog {
    fn name(&self) -> &'static str {
        "log records"
    }

    fn record(&self, alert: &Alert, firing: bool) {
        let (severity, text) = match (firing, Severity::of(alert)) {
            (false, _) | (true, Severity::Info) => (LogSeverity::Info, "INFO"),
            (true, Severity::Warning) => (LogSeverity::Warn, "WARN"),
            (true, Severity::Critical) => (LogSeverity::Error, "ERROR"),
            (true, Severity::Emergency) => (LogSeverity::Fatal, "FATAL"),
        };
        let name = alert.labels.get("alertname").unwrap_or("alert");
        let time = if firing { alert.starts_at } else { alert.resolved_at.unwrap_or(alert.starts_at) };
        let mut record = self.logger.create_log_record();
        record.set_event_name(names::ALERT_EVENT);
        record.set_timestamp(SystemTime::from(time));
        record.set_severity_number(severity);
        record.set_severity_text(text);
        let summary = alert.annotations.get("summary").unwrap_or_default();
        record.set_body(AnyValue::from(format!("{} {name} {summary}", status(firing)).trim_end().to_owned()));
        record.add_attribute(names::ALERT_NAME, name.to_owned());
        record.add_attribute(names::ALERT_STATUS, status(firing));
        record.add_attribute(names::ALERT_VALUE, alert.value);
        let prefixed = |prefix: &str, name: &str| format!("{prefix}.{name}");
        for (label, value) in alert.labels.iter().filter(|(label, _)| &***label != "alertname") {
            record.add_attribute(prefixed(names::ALERT_LABEL, label), value.to_string());
        }
        for (annotation, value) in alert.annotations.iter() {
            record.add_attribute(prefixed(names::ALERT_ANNOTATION, annotation), value.to_string());
        }
        if let Some(trace) = alert.trace_ids.first() {
            record.add_attribute(names::ALERT_TRACE, trace.to_string());
        }
        if let Some(url) = alert.trace_urls().next() {
            record.add_attribute(names::ALERT_TRACE_URL, url);
        }
        self.logger.emit(record);
    }
}
