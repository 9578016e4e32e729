//! From readings of the operations to what is shown: the whole run, and the last few seconds.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use opentelemetry::trace::SpanKind;

use crate::clock::Timestamp;
use crate::model::Operation;

/// Readings that a window spans: enough calls for a 99th percentile, few enough to see a fault begin.
pub const WINDOW: usize = 5;

/// The service's operations in the order of a request's way through them; others follow by name.
const ORDER: [&str; 10] =
    ["GET", "GET /search", "parse", "cache_get", "embed", "retrieve", "vector_search", "rerank", "cache_put", "index"];

/// One operation over some time.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Calls that ended.
    pub calls: u64,
    /// Those that ended in an error.
    pub errors: u64,
    /// Calls a second.
    pub rate: f64,
    /// Quantiles of the duration in milliseconds; `None` without calls.
    pub quantiles: Option<Quantiles>,
    /// Time that no child span covered, in milliseconds over all calls.
    pub self_total_ms: f64,
    /// Share of the self time of all operations, 0 to 1; `None` for clients, whose time is a server's.
    pub self_share: Option<f64>,
}

impl Row {
    /// Errors among the calls, 0 to 1.
    pub fn error_ratio(&self) -> f64 {
        self.errors as f64 / self.calls.max(1) as f64
    }

    /// Self time a call, in milliseconds.
    pub fn self_ms(&self) -> Option<f64> {
        (self.calls > 0).then(|| self.self_total_ms / self.calls as f64)
    }
}

/// Durations in milliseconds that half, 95 % and 99 % of the calls stay below.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantiles {
    /// The median.
    pub p50: f64,
    /// The 95th percentile.
    pub p95: f64,
    /// The 99th percentile.
    pub p99: f64,
}

/// One operation as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The operation's name.
    pub name: String,
    /// `client`, `server`, `internal`, `producer` or `consumer`.
    pub kind: &'static str,
    /// Since the start.
    pub total: Row,
    /// Over the window.
    pub recent: Row,
    /// Open now.
    pub in_flight: i64,
    /// Most that were open at once in any reading so far.
    pub peak: i64,
}

/// All operations at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Time since the start.
    pub elapsed: Duration,
    /// Length of the window.
    pub window: Duration,
    /// Operations in the order of a request's way.
    pub lines: Vec<Line>,
}

/// Keeps the readings of a window.
#[derive(Debug)]
pub struct Figures {
    start: Timestamp,
    /// The oldest first, at most [`WINDOW`].
    readings: VecDeque<(Timestamp, Vec<Operation>)>,
    peaks: HashMap<(String, &'static str), i64>,
}

impl Figures {
    /// Figures of a run that starts at `now`; what was done before counts in the whole run only.
    pub fn new(now: Timestamp, before: Vec<Operation>) -> Self {
        Self { start: now, readings: VecDeque::from([(now, before)]), peaks: HashMap::new() }
    }

    /// Takes a reading.
    pub fn read(&mut self, now: Timestamp, operations: Vec<Operation>) -> Frame {
        let elapsed = now.since(self.start);
        let (since, before) = self.readings.front().map_or((self.start, &[][..]), |(time, all)| (*time, all));
        let window = now.since(since);
        let mut lines: Vec<Line> =
            operations.iter().map(|operation| line(operation, before, elapsed, window)).collect();
        for line in &mut lines {
            let peak = self.peaks.entry((line.name.clone(), line.kind)).or_default();
            *peak = line.peak.max(*peak);
            line.peak = *peak;
        }
        lines.sort_by_key(|line| (place(&line.name), line.name.clone(), line.kind));
        share(&mut lines, |line| &mut line.total);
        share(&mut lines, |line| &mut line.recent);
        if self.readings.len() == WINDOW {
            self.readings.pop_front();
        }
        self.readings.push_back((now, operations));
        Frame { elapsed, window, lines }
    }
}

fn line(operation: &Operation, before: &[Operation], elapsed: Duration, window: Duration) -> Line {
    let earlier = before.iter().find(|earlier| earlier.name == operation.name && earlier.kind == operation.kind);
    let recent = earlier.map_or_else(|| operation.clone(), |earlier| operation.since(earlier));
    Line {
        name: operation.name.clone(),
        kind: kind(&operation.kind),
        total: row(operation, elapsed),
        recent: row(&recent, window),
        in_flight: operation.in_flight,
        peak: operation.peak.max(operation.in_flight),
    }
}

fn row(operation: &Operation, time: Duration) -> Row {
    let quantile = |q| operation.quantile(q);
    let quantiles = quantile(0.5).zip(quantile(0.95)).zip(quantile(0.99));
    Row {
        calls: operation.calls,
        errors: operation.errors,
        rate: if time.is_zero() { 0.0 } else { operation.calls as f64 / time.as_secs_f64() },
        quantiles: quantiles.map(|((p50, p95), p99)| Quantiles { p50, p95, p99 }),
        self_total_ms: operation.self_ms,
        self_share: None,
    }
}

/// Fills in the shares, of the total and the recent rows alike.
fn share(lines: &mut [Line], row: impl Fn(&mut Line) -> &mut Row) {
    let served = |line: &Line| line.kind != "client";
    let all: f64 = lines.iter_mut().filter(|line| served(line)).map(|line| row(line).self_total_ms).sum();
    for line in lines.iter_mut().filter(|line| served(line)) {
        let row = row(line);
        row.self_share = (all > 0.0).then(|| row.self_total_ms / all);
    }
}

fn place(name: &str) -> usize {
    ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len())
}

fn kind(kind: &SpanKind) -> &'static str {
    match kind {
        SpanKind::Client => "client",
        SpanKind::Server => "server",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
        SpanKind::Internal => "internal",
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{Buckets, ExponentialHistogram};

    pub(in super::super) fn operation(name: &str, kind: SpanKind, calls: u64, self_ms: f64) -> Operation {
        // Scale 0: bucket 3 holds durations from 8 to 16 ms.
        let duration = ExponentialHistogram {
            count: calls,
            min: Some(8.0),
            max: Some(16.0),
            positive: Buckets::of([(3, calls)]),
            ..ExponentialHistogram::empty(0)
        };
        Operation { name: name.into(), kind, calls, errors: calls / 10, self_ms, in_flight: 1, peak: 3, duration }
    }

    fn seconds(n: u64) -> Timestamp {
        Timestamp((1_000 + n) * 1_000_000_000)
    }

    #[test]
    fn a_frame_has_the_whole_run_and_the_window_side_by_side() {
        let mut figures = Figures::new(seconds(0), Vec::new());
        let mut calls = 0;
        let frames: Vec<Frame> = (1..=8)
            .map(|second| {
                calls += if second > 3 { 40 } else { 10 };
                figures.read(seconds(second), vec![operation("rerank", SpanKind::Internal, calls, calls as f64)])
            })
            .collect();
        let last = &frames[7].lines[0];
        assert_eq!((last.total.calls, last.total.errors), (230, 23));
        assert!((last.total.rate - 230.0 / 8.0).abs() < 1e-9);
        assert_eq!((frames[7].elapsed, frames[7].window), (Duration::from_secs(8), Duration::from_secs(5)));
        assert_eq!((last.recent.calls, last.recent.self_ms()), (200, Some(1.0)));
        assert!((last.recent.rate - 40.0).abs() < 1e-9);
        assert!(
            last.recent.quantiles.is_some_and(|q| (8.0..=16.0).contains(&q.p50) && q.p50 <= q.p95 && q.p95 <= q.p99)
        );
    }

    #[test]
    fn self_time_is_shared_among_what_the_service_does_and_lines_follow_a_request() {
        let mut figures = Figures::new(seconds(0), Vec::new());
        let operations = vec![
            operation("other", SpanKind::Internal, 1, 1.0),
            operation("rerank", SpanKind::Internal, 1, 6.0),
            operation("GET /search", SpanKind::Server, 1, 1.0),
            operation("GET", SpanKind::Client, 1, 9.0),
        ];
        let frame = figures.read(seconds(1), operations);
        let shares: Vec<_> = frame.lines.iter().map(|line| (line.name.as_str(), line.total.self_share)).collect();
        assert_eq!(
            shares,
            [("GET", None), ("GET /search", Some(0.125)), ("rerank", Some(0.75)), ("other", Some(0.125))]
        );
    }

    #[test]
    fn the_highest_peak_of_the_run_stays() {
        let mut figures = Figures::new(seconds(0), Vec::new());
        let mut busy = operation("GET /search", SpanKind::Server, 1, 1.0);
        busy.peak = 9;
        figures.read(seconds(1), vec![busy]);
        let frame = figures.read(seconds(2), vec![operation("GET /search", SpanKind::Server, 2, 2.0)]);
        assert_eq!((frame.lines[0].peak, frame.lines[0].in_flight), (9, 1));
    }
}
