//! What the window of the rules costs: bytes a sample, time to write and to read.
//!
//! ```text
//! cargo bench --bench history                 the table
//! cargo bench --bench history -- --gate       fails when memory is over its limit
//! ```
//! Memory is the same on every machine and in every run, and has limits; times depend on the machine, and have none.
//! Bytes are those that glibc hands out, its own included, at their highest; times are of the processor.
#![expect(clippy::print_stdout, reason = "a benchmark prints")]
#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "loads are drawn from floats")]

mod count;
mod workload;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bellwether::history::{Config, History, MatchOp, Matcher, Source};
use bellwether::model::SampleValue;

use self::workload::{Kind, TICK_MS, Workload};

/// Collections of one hour.
const HOUR: usize = 360;
/// Ten thousand series for one hour at ten seconds.
const SERIES: usize = 10_000;
const SERIES_LIMIT: usize = 12_000_000;
/// The same where no two series belong to one point, which takes the most.
const COUNTERS_LIMIT: usize = 11_200_000;
/// Ten thousand collections of a service with fifty operations.
const SNAPSHOTS: usize = 10_000;
const SNAPSHOTS_LIMIT: usize = 50_000_000;

fn main() -> ExitCode {
    let gate = std::env::args().any(|argument| argument == "--gate");
    println!("{:<52}{:>10}{:>15}{:>11}", "", "MB", "bytes a sample", "limit, MB");
    let filled = [
        Fill {
            name: "10,000 series, 1 h at 10 s",
            kind: Kind::OperationsAndGauges,
            operations: SERIES / 25,
            ticks: HOUR,
        },
        Fill { name: "50 operations, 10,000 snapshots", kind: Kind::Operations, operations: 50, ticks: SNAPSHOTS },
        Fill {
            name: "a counter with 10,000 series, 1 h at 10 s",
            kind: Kind::Counter,
            operations: SERIES,
            ticks: HOUR,
        },
    ]
    .map(Fill::run);
    let limits = [SERIES_LIMIT, SNAPSHOTS_LIMIT, COUNTERS_LIMIT];
    let mut fits = true;
    for (filled, limit) in filled.iter().zip(limits) {
        filled.print(limit);
        fits &= filled.bytes <= limit;
    }
    read(&filled[2]);
    if fits || !gate { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A window to be filled.
struct Fill {
    name: &'static str,
    kind: Kind,
    operations: usize,
    ticks: usize,
}

/// A window that was filled.
struct Filled {
    name: &'static str,
    history: History,
    /// The most bytes that it had.
    bytes: usize,
    samples: usize,
    writing: Duration,
    now: i64,
}

impl Fill {
    fn run(self) -> Filled {
        let mut workload = Workload::new(self.kind, self.operations);
        let mut snapshot = workload.snapshot();
        // What the service and its collections hold is not the window's.
        let before = count::bytes();
        let day = Duration::from_secs(86_400);
        let config = Config { max_retention: 3 * day, max_bytes: 1 << 30, ..Config::default() };
        let history = History::new(config, Arc::default());
        history.set_retention(TICK.saturating_mul(u32::try_from(self.ticks).unwrap_or(u32::MAX)));
        let (mut bytes, mut samples, mut writing, mut now) = (0, 0, Duration::ZERO, 0);
        for _ in 0..self.ticks {
            let begun = count::cpu_time();
            history.ingest(&snapshot);
            writing += count::cpu_time().saturating_sub(begun);
            bytes = bytes.max(count::bytes().saturating_sub(before));
            now = workload.now_ms();
            snapshot = workload.snapshot();
        }
        history.visit(&[], i64::MIN, i64::MAX, &mut |_, shown| samples += shown.len());
        Filled { name: self.name, history, bytes, samples, writing, now }
    }
}

const TICK: Duration = Duration::from_millis(TICK_MS.unsigned_abs());

impl Filled {
    fn print(&self, limit: usize) {
        let limit = limit as f64 / 1e6;
        let each = self.bytes as f64 / self.samples as f64;
        println!("{:<52}{:>10.2}{each:>15.2}{limit:>11.1}", self.name, self.bytes as f64 / 1e6);
        println!("{:<52}{:>10.0} ns", "    to write a sample", nanos(self.writing, self.samples));
    }
}

fn read(filled: &Filled) {
    let (history, now) = (&filled.history, filled.now);
    let matchers: Vec<Matcher> = Matcher::new("__name__", MatchOp::Equal, "load_calls_total").into_iter().collect();
    for (what, past) in [("newest sample", TICK_MS), ("5 min", 300_000), ("1 h", 3_600_000)] {
        let (mut visited, mut selected, mut shown) = (Duration::MAX, Duration::MAX, (0, 0, 0.0));
        for _ in 0..9 {
            let begun = count::cpu_time();
            shown = visit(history, &matchers, now - past - 1, now);
            visited = visited.min(count::cpu_time().saturating_sub(begun));
            let begun = count::cpu_time();
            let all = history.select(&matchers, now - past - 1, now);
            selected = selected.min(count::cpu_time().saturating_sub(begun));
            drop(all);
        }
        let (series, samples, rise) = shown;
        println!(
            "{:<52}{:>10.0} ns a series of {} (`visit`), {:.0} ns (`select`); the values rose by {rise}",
            format!("    to read {what}"),
            nanos(visited, series),
            samples / series.max(1),
            nanos(selected, series),
        );
    }
}

/// Series, samples, and by how much all values rose.
fn visit(history: &History, matchers: &[Matcher], after: i64, until: i64) -> (usize, usize, f64) {
    let (mut series, mut samples, mut rise) = (0, 0, 0.0);
    history.visit(matchers, after, until, &mut |_, shown| {
        series += 1;
        samples += shown.len();
        let ends = [shown.first(), shown.last()].map(|sample| match sample.map(|sample| &sample.value) {
            Some(SampleValue::Float(value)) => *value,
            _ => 0.0,
        });
        rise += ends[1] - ends[0];
    });
    (series, samples, rise)
}

fn nanos(duration: Duration, count: usize) -> f64 {
    duration.as_secs_f64() * 1e9 / count.max(1) as f64
}
