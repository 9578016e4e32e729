//! The account of a signal: what was delivered, what was lost, and why.

use std::fmt;

/// One of the three kinds of telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Metric data points.
    Metrics,
    /// Log records.
    Logs,
}

impl Signal {
    /// All of them, in the order of the enumeration.
    pub const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    /// `traces`, `metrics` or `logs`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why items were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// The bounded queue was full.
    QueueFull,
    /// The backend could not be reached, or did not answer in time, until no retry was left.
    Unreachable,
    /// The backend refused the request for good (a status that is not retryable).
    Refused,
    /// The backend took the request but rejected these items (OTLP's partial success).
    Rejected,
    /// The backend does not implement the signal.
    Unimplemented,
    /// A single item exceeds the message limit.
    TooLarge,
    /// The deadline of a shutdown or flush passed first.
    Deadline,
    /// Recorded after shutdown.
    AfterShutdown,
    /// Recorded in a process that was forked after telemetry began: only its parent has the thread that sends.
    Forked,
}

impl Reason {
    /// All of them, in the order of the enumeration.
    pub const ALL: [Self; 9] = [
        Self::QueueFull,
        Self::Unreachable,
        Self::Refused,
        Self::Rejected,
        Self::Unimplemented,
        Self::TooLarge,
        Self::Deadline,
        Self::AfterShutdown,
        Self::Forked,
    ];

    /// Whether an item lost for this reason never entered the pipeline.
    pub(crate) const fn is_at_entry(self) -> bool {
        matches!(self, Self::QueueFull | Self::AfterShutdown | Self::Forked)
    }

    /// The word used as the attribute `reason`, for example `queue_full`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Rejected => "rejected",
            Self::Unimplemented => "unimplemented",
            Self::TooLarge => "too_large",
            Self::Deadline => "deadline",
            Self::AfterShutdown => "after_shutdown",
            Self::Forked => "forked",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The account of one signal since telemetry began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignalReport {
    /// Items (spans, data points, log records) that the backend confirmed.
    pub delivered: u64,
    /// Items lost, with the reason, each reason at most once and never with a zero.
    pub dropped: Vec<(Reason, u64)>,
}

impl SignalReport {
    /// Items that entered the pipeline and have come to their end, delivered or lost.
    pub(crate) fn settled(&self) -> u64 {
        let lost = self.dropped.iter().filter(|(reason, _)| !reason.is_at_entry()).map(|(_, items)| items);
        self.delivered + lost.sum::<u64>()
    }

    /// All items lost, whatever the reason.
    pub fn dropped_total(&self) -> u64 {
        self.dropped.iter().map(|(_, count)| count).sum()
    }
}

/// What became of the telemetry of this process; returned by a shutdown or a flush.
///
/// Its text is one line: `traces: 120 delivered; metrics: 40 delivered; logs: 7 delivered, 3 dropped (queue_full 3)`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "a report says what was lost"]
pub struct Report {
    /// Spans.
    pub traces: SignalReport,
    /// Metric data points.
    pub metrics: SignalReport,
    /// Log records.
    pub logs: SignalReport,
}

impl Report {
    /// The account of one signal.
    pub fn signal(&self, signal: Signal) -> &SignalReport {
        match signal {
            Signal::Traces => &self.traces,
            Signal::Metrics => &self.metrics,
            Signal::Logs => &self.logs,
        }
    }

    /// Adds losses that the counters do not hold yet.
    pub(crate) fn add_dropped(&mut self, signal: Signal, reason: Reason, items: u64) {
        let account = match signal {
            Signal::Traces => &mut self.traces,
            Signal::Metrics => &mut self.metrics,
            Signal::Logs => &mut self.logs,
        };
        match account.dropped.iter_mut().find(|(why, _)| *why == reason) {
            _ if items == 0 => {}
            Some((_, lost)) => *lost += items,
            None => account.dropped.push((reason, items)),
        }
    }

    /// Whether nothing was lost.
    pub fn is_complete(&self) -> bool {
        Signal::ALL.iter().all(|signal| self.signal(*signal).dropped.is_empty())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, signal) in Signal::ALL.into_iter().enumerate() {
            let account = self.signal(signal);
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{signal}: {} delivered", account.delivered)?;
            if !account.dropped.is_empty() {
                let reasons: Vec<String> = account.dropped.iter().map(|(why, n)| format!("{why} {n}")).collect();
                write!(f, ", {} dropped ({})", account.dropped_total(), reasons.join(", "))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_as_one_line_and_knows_whether_something_was_lost() {
        let mut report = Report::default();
        report.traces.delivered = 120;
        assert!(report.is_complete());
        report.logs = SignalReport { delivered: 7, dropped: vec![(Reason::QueueFull, 3), (Reason::Deadline, 1)] };
        assert!(!report.is_complete());
        assert_eq!(
            report.to_string(),
            "traces: 120 delivered; metrics: 0 delivered; logs: 7 delivered, 4 dropped (queue_full 3, deadline 1)"
        );
    }
}
