//! Alerts as log records: from the notifier into the queue of the host's records.

use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::logs::{LogRecord as _, LoggerProvider as _};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogProcessor, SdkLogRecord, SdkLogger, SdkLoggerProvider};

use super::LogQueue;
use crate::layer::{LogSink as _, Written};
use crate::names;

#[derive(Debug)]
struct Records(LogQueue);

impl LogProcessor for Records {
    fn emit(&self, record: &mut SdkLogRecord, _: &InstrumentationScope) {
        let mut record = record.clone();
        record.set_target(names::SCOPE);
        self.0.put(Written::made(record));
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// A logger whose records go where those of the host go.
pub(super) fn logger(queue: LogQueue) -> SdkLogger {
    SdkLoggerProvider::builder().with_log_processor(Records(queue)).build().logger(names::SCOPE)
}
