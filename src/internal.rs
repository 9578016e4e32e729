//! What the crate says about itself: counters for everything lost or refused, and the few lines it writes.
//!
//! Counters are read at collection and exported as metrics (names in [`crate::names`]); [`Internal::report`] makes the
//! account that a shutdown returns. Lines are `tracing` events with the target [`TARGET`]: they reach the console
//! like any event of the host, and our own layer keeps them out of the exported telemetry, so that trouble in
//! exporting never makes more to export.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Timestamp;
use crate::model::{Reason, Report, Signal, SignalReport};

/// Target of every event of our own; the telemetry layers leave it out. Filters compare beginnings, so that a directive
/// for `bellwether` alone would govern a host's crate `bellwether_shop` as well.
pub const TARGET: &str = "bellwether::telemetry";

/// Something refused, trimmed or approximated, counted over the life of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Counter {
    /// A measurement that was `NaN` or infinite.
    NotFinite,
    /// A negative increment of a monotonic counter.
    NegativeIncrement,
    /// A field of a metric event that is not a number, or a kind that does not fit the metric.
    InvalidMeasurement,
    /// A measurement that went to an overflow series because of the cardinality limit.
    CardinalityOverflow,
    /// An instrument beyond the limit of instruments, or declared twice with different meanings.
    InstrumentRefused,
    /// A span whose state did not fit the side table and was kept the slower way.
    SpanTableOverflow,
    /// A span whose metrics were lost because there was no room for its state at all.
    SpanUnmeasured,
    /// An attribute value cut to the length limit.
    AttributeTruncated,
    /// An attribute left out because of the attribute count limit.
    AttributeDropped,
    /// A histogram value outside the range that the fine buckets can hold; counted in the outermost one.
    HistogramRange,
    /// A `Debug` or `Display` implementation of the host that panicked while a field was read.
    FieldPanicked,
    /// A series that was removed because nothing was recorded for the idle time.
    SeriesExpired,
    /// A measurement made with a series that had been removed long before: it belongs to nobody any more.
    SeriesGone,
    /// A tick that came later than its interval.
    TickMissed,
    /// A line of our own held back by its rate limit.
    LineSuppressed,
    /// A callback of an observable instrument that panicked.
    CallbackPanicked,
    /// A collection that did not wait longer for callbacks of observable instruments.
    CallbackLate,
    /// A span or event in a thread-local destructor, after what the registry needs there was destroyed.
    ThreadEnding,
    /// A sample older than the newest one of its series; the window of the rules keeps series in order.
    SampleOutOfOrder,
    /// A second sample of a series at the same time with another value: two series that got the same labels.
    SampleDuplicate,
    /// A sample of a new series beyond the series limit of the rules' window.
    HistorySeriesRefused,
    /// A sample that left the rules' window before its time because of the limit of bytes.
    HistoryEvicted,
    /// A point that Prometheus' naming or its histograms have no place for; rules do not see it.
    Untranslatable,
    /// An alert beyond the limit of alerts that the notifier holds.
    AlertRefused,
    /// A notification that a channel did not take in time or at all. One about a group is made again when the group is
    /// looked at next.
    NotificationFailed,
    /// A notification that the rate limit of its channel held back; it is made again when the group is looked at next.
    NotificationSuppressed,
    /// A connection to the HTTP API that was closed at once because there were too many.
    WebConnectionRefused,
    /// A request to the HTTP API that was too large, or too slow in coming.
    WebRequestRefused,
    /// A query of the HTTP API that took too long or asked for too many samples.
    WebQueryStopped,
}

impl Counter {
    /// All of them, in the order of the enumeration.
    pub const ALL: [Self; 29] = [
        Self::NotFinite,
        Self::NegativeIncrement,
        Self::InvalidMeasurement,
        Self::CardinalityOverflow,
        Self::InstrumentRefused,
        Self::SpanTableOverflow,
        Self::SpanUnmeasured,
        Self::AttributeTruncated,
        Self::AttributeDropped,
        Self::HistogramRange,
        Self::FieldPanicked,
        Self::SeriesExpired,
        Self::SeriesGone,
        Self::TickMissed,
        Self::LineSuppressed,
        Self::CallbackPanicked,
        Self::CallbackLate,
        Self::ThreadEnding,
        Self::SampleOutOfOrder,
        Self::SampleDuplicate,
        Self::HistorySeriesRefused,
        Self::HistoryEvicted,
        Self::Untranslatable,
        Self::AlertRefused,
        Self::NotificationFailed,
        Self::NotificationSuppressed,
        Self::WebConnectionRefused,
        Self::WebRequestRefused,
        Self::WebQueryStopped,
    ];

    /// The word used as the attribute `event`, for example `not_finite`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotFinite => "not_finite",
            Self::NegativeIncrement => "negative_increment",
            Self::InvalidMeasurement => "invalid_measurement",
            Self::CardinalityOverflow => "cardinality_overflow",
            Self::InstrumentRefused => "instrument_refused",
            Self::SpanTableOverflow => "span_table_overflow",
            Self::SpanUnmeasured => "span_unmeasured",
            Self::AttributeTruncated => "attribute_truncated",
            Self::AttributeDropped => "attribute_dropped",
            Self::HistogramRange => "histogram_range",
            Self::FieldPanicked => "field_panicked",
            Self::SeriesExpired => "series_expired",
            Self::SeriesGone => "series_gone",
            Self::TickMissed => "tick_missed",
            Self::LineSuppressed => "line_suppressed",
            Self::CallbackPanicked => "callback_panicked",
            Self::CallbackLate => "callback_late",
            Self::ThreadEnding => "thread_ending",
            Self::SampleOutOfOrder => "sample_out_of_order",
            Self::SampleDuplicate => "sample_duplicate",
            Self::HistorySeriesRefused => "history_series_refused",
            Self::HistoryEvicted => "history_evicted",
            Self::Untranslatable => "untranslatable",
            Self::AlertRefused => "alert_refused",
            Self::NotificationFailed => "notification_failed",
            Self::NotificationSuppressed => "notification_suppressed",
            Self::WebConnectionRefused => "web_connection_refused",
            Self::WebRequestRefused => "web_request_refused",
            Self::WebQueryStopped => "web_query_stopped",
        }
    }
}

/// The counters of one telemetry instance; shared by all its rooms through an `Arc`.
#[derive(Debug, Default)]
pub struct Internal {
    counters: [AtomicU64; Counter::ALL.len()],
    delivered: [AtomicU64; Signal::ALL.len()],
    dropped: [[AtomicU64; Reason::ALL.len()]; Signal::ALL.len()],
    /// Whether telemetry is about to end.
    ending: watch::Sender<bool>,
}

impl Internal {
    /// Counts one occurrence.
    pub fn count(&self, counter: Counter) {
        self.add(counter, 1);
    }

    /// Counts `n` occurrences.
    pub fn add(&self, counter: Counter, n: u64) {
        self.counters[counter as usize].fetch_add(n, Ordering::Relaxed);
    }

    /// How often something happened so far.
    pub fn counted(&self, counter: Counter) -> u64 {
        self.counters[counter as usize].load(Ordering::Relaxed)
    }

    /// Counts items that the backend confirmed.
    pub fn delivered(&self, signal: Signal, items: u64) {
        self.delivered[signal as usize].fetch_add(items, Ordering::Relaxed);
    }

    /// Counts items that were lost.
    pub fn dropped(&self, signal: Signal, reason: Reason, items: u64) {
        self.dropped[signal as usize][reason as usize].fetch_add(items, Ordering::Relaxed);
    }

    /// How many items were lost for one reason so far.
    pub fn dropped_so_far(&self, signal: Signal, reason: Reason) -> u64 {
        self.dropped[signal as usize][reason as usize].load(Ordering::Relaxed)
    }

    /// Says that telemetry is about to end: what is exported now is tried for the last time.
    pub fn begin_end(&self) {
        self.ending.send_replace(true);
    }

    /// Ends when telemetry is about to end; at once when that was said before.
    pub async fn ending(&self) {
        // The sender lives as long as `self`.
        drop(self.ending.subscribe().wait_for(|ending| *ending).await);
    }

    /// How many items of a signal entered the pipeline and came to their end so far, delivered or lost.
    pub fn settled(&self, signal: Signal) -> u64 {
        self.account(signal).settled()
    }

    /// The account so far.
    pub fn report(&self) -> Report {
        Report {
            traces: self.account(Signal::Traces),
            metrics: self.account(Signal::Metrics),
            logs: self.account(Signal::Logs),
        }
    }

    fn account(&self, signal: Signal) -> SignalReport {
        SignalReport {
            delivered: self.delivered[signal as usize].load(Ordering::Relaxed),
            dropped: Reason::ALL
                .into_iter()
                .map(|reason| (reason, self.dropped_so_far(signal, reason)))
                .filter(|(_, items)| *items > 0)
                .collect(),
        }
    }
}

/// Writes a line about trouble, with its cure. Call it at a change of state, never once an item.
pub fn warn(message: &str) {
    tracing::warn!(target: TARGET, "{message}");
}

/// Writes a line that a person wants to see once: what goes where, what is back.
pub fn info(message: &str) {
    tracing::info!(target: TARGET, "{message}");
}

/// Lets a line through at most once an interval; what it holds back is counted.
#[derive(Debug)]
pub struct RateLimit {
    interval: Duration,
    /// Unix nanoseconds of the last line; 0 before the first.
    last: AtomicU64,
}

impl RateLimit {
    /// At most one line in `interval`.
    pub const fn new(interval: Duration) -> Self {
        Self { interval, last: AtomicU64::new(0) }
    }

    /// Whether a line may be written at `now`.
    pub fn allows(&self, now: Timestamp, internal: &Internal) -> bool {
        let last = self.last.load(Ordering::Relaxed);
        let due = last == 0 || now.since(Timestamp(last)) >= self.interval;
        let first = due && self.last.compare_exchange(last, now.0, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if !first {
            internal.count(Counter::LineSuppressed);
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_and_reason_has_its_own_slot_and_name() {
        assert!(Counter::ALL.iter().enumerate().all(|(at, counter)| *counter as usize == at));
        assert!(Reason::ALL.iter().enumerate().all(|(at, reason)| *reason as usize == at));
        assert!(Signal::ALL.iter().enumerate().all(|(at, signal)| *signal as usize == at));
        let names: std::collections::HashSet<_> = Counter::ALL.map(Counter::name).into();
        assert_eq!(names.len(), Counter::ALL.len());
    }

    #[test]
    fn a_report_lists_only_reasons_that_happened() {
        let internal = Internal::default();
        internal.delivered(Signal::Traces, 5);
        internal.dropped(Signal::Logs, Reason::TooLarge, 2);
        let report = internal.report();
        assert_eq!(report.traces.delivered, 5);
        assert_eq!(report.logs.dropped, [(Reason::TooLarge, 2)]);
        assert!(report.metrics.dropped.is_empty());
    }

    #[test]
    fn a_rate_limit_lets_one_line_through_per_interval_and_counts_the_others() {
        let internal = Internal::default();
        let limit = RateLimit::new(Duration::from_secs(60));
        let at = |seconds: u64| Timestamp(seconds * 1_000_000_000);
        let allowed: Vec<bool> = [100, 101, 159, 160, 161].map(|s| limit.allows(at(s), &internal)).into();
        assert_eq!(allowed, [true, false, false, true, false]);
        assert_eq!(internal.counted(Counter::LineSuppressed), 3);
    }
}
