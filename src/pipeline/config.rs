//! What the pipeline may be told.

#[cfg(feature = "rules")]
pub use super::alerts::Alerts;
use std::time::Duration;

/// The bounded queue of a signal (`OTEL_BSP_*`, `OTEL_BLRP_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// Longest wait before a batch goes out.
    pub schedule_delay: Duration,
    /// How long one export of a batch may take.
    pub export_timeout: Duration,
    /// Items that may wait; more are dropped and counted.
    pub max_queue_size: usize,
    /// Items a batch; at most `max_queue_size`.
    pub max_export_batch_size: usize,
}

impl Batch {
    /// The specification's defaults for spans.
    pub const SPANS: Self = Self {
        schedule_delay: Duration::from_secs(5),
        export_timeout: Duration::from_secs(30),
        max_queue_size: 2_048,
        max_export_batch_size: 512,
    };
    /// The specification's defaults for log records.
    pub const LOGS: Self = Self { schedule_delay: Duration::from_secs(1), ..Self::SPANS };
}

/// Settings of the pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Time from one collection to the next (`OTEL_METRIC_EXPORT_INTERVAL`).
    pub interval: Duration,
    /// How long an export of metrics may take (`OTEL_METRIC_EXPORT_TIMEOUT`).
    pub export_timeout: Duration,
    /// The queue of spans.
    pub spans: Batch,
    /// The queue of log records.
    pub logs: Batch,
    /// How long the last flush may take when a guard is dropped.
    pub shutdown_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(60),
            export_timeout: Duration::from_secs(30),
            spans: Batch::SPANS,
            logs: Batch::LOGS,
            shutdown_timeout: Duration::from_secs(5),
        }
    }
}

/// How much longer than its own limit an export is waited for. Our client keeps the limit itself and knows what it was
/// waiting for; with two timers for one moment, chance would say which of them speaks.
pub(super) const GRACE: Duration = Duration::from_millis(50);
