//! The process: one reading of everything that the system tells, and what two of them say together.

use std::time::Duration;

use super::points::{Points, number};
use crate::clock::Timestamp;
use crate::model::Number;
use crate::names;

/// The shortest time that a share of the processors is taken over: the system counts in ticks of some milliseconds.
const LEAST: Duration = Duration::from_secs(1);

/// What was learned of the process before.
#[derive(Debug)]
pub(super) struct Process {
    /// When it began; `None` where the system does not say.
    started: Option<Timestamp>,
    /// When it was read first, which sums count from where its beginning is not known.
    known: Timestamp,
    /// Processors that it may use, at its beginning: asking is too much for every collection.
    processors: f64,
    /// Processor time at a reading, to compare with.
    before: Option<(Timestamp, Duration)>,
    /// Share of the processors between the last two readings that were far enough apart.
    utilization: Option<f64>,
}

/// What the system tells; `None` where it does not.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reading {
    /// Processor time in user code and in the system.
    pub(super) cpu: Option<[Duration; 2]>,
    /// Voluntary and involuntary ones.
    pub(super) context_switches: Option<[u64; 2]>,
    /// Bytes of physical memory.
    pub(super) memory: Option<u64>,
    /// Bytes of committed virtual memory.
    pub(super) memory_virtual: Option<u64>,
    /// Bytes that its control group may use.
    pub(super) memory_limit: Option<u64>,
    pub(super) threads: Option<u64>,
    pub(super) file_descriptors: Option<u64>,
    pub(super) file_descriptor_limit: Option<u64>,
}

impl Process {
    pub(super) fn new(now: Timestamp) -> Self {
        let processors = std::thread::available_parallelism().map_or(1.0, |count| count.get() as f64);
        let started = age().map(|age| Timestamp(now.0.saturating_sub(crate::clock::nanos(age))));
        Self { started, known: now, processors, before: None, utilization: None }
    }

    /// Reads everything.
    pub(super) fn read(&mut self, points: &mut Points) {
        let reading = Reading::now();
        let now = points.now();
        points.since(self.started.unwrap_or(self.known));
        if let Some(cpu) = reading.cpu {
            let [user, system] = cpu.map(|time| Number::F64(time.as_secs_f64()));
            points.total(names::CPU_TIME, names::CPU_MODE, [("user", user), ("system", system)]);
            self.compare(now, cpu.iter().sum());
        }
        if let Some(utilization) = self.utilization {
            points.gauge(names::CPU_UTILIZATION, utilization);
        }
        if let Some([voluntary, involuntary]) = reading.context_switches.map(|counts| counts.map(number)) {
            let counts = [("voluntary", voluntary), ("involuntary", involuntary)];
            points.total(names::CONTEXT_SWITCHES, names::CONTEXT_SWITCH_TYPE, counts);
        }
        let levels = [
            (names::MEMORY_USAGE, reading.memory),
            (names::MEMORY_VIRTUAL, reading.memory_virtual),
            (names::MEMORY_LIMIT, reading.memory_limit),
            (names::THREADS, reading.threads),
            (names::FILE_DESCRIPTORS, reading.file_descriptors),
            (names::FILE_DESCRIPTOR_LIMIT, reading.file_descriptor_limit),
        ];
        for (name, value) in levels {
            if let Some(value) = value {
                points.level(name, value);
            }
        }
        if let Some(started) = self.started {
            points.gauge(names::UPTIME, now.since(started).as_secs_f64());
        }
    }

    /// Takes the share of the processors since the last reading, when that was long enough ago.
    fn compare(&mut self, now: Timestamp, cpu: Duration) {
        if let Some((time, before)) = self.before {
            let elapsed = now.since(time);
            if elapsed < LEAST {
                return;
            }
            let used = cpu.saturating_sub(before).as_secs_f64();
            self.utilization = Some((used / elapsed.as_secs_f64() / self.processors).clamp(0.0, 1.0));
        }
        self.before = Some((now, cpu));
    }
}

#[cfg(target_os = "linux")]
use super::linux::age;

/// How long the process has been running.
#[cfg(not(target_os = "linux"))]
fn age() -> Option<Duration> {
    None
}

#[cfg(not(unix))]
impl Reading {
    fn now() -> Self {
        Self::default()
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
impl Reading {
    fn now() -> Self {
        super::usage::read()
    }
}

#[cfg(target_os = "linux")]
impl Reading {
    fn now() -> Self {
        super::linux::read(super::usage::read())
    }
}
