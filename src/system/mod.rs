//! What the operating system and tokio say about this process, read when the pipeline collects.
//!
//! Names are those of OpenTelemetry's conventions for processes
//! (<https://opentelemetry.io/docs/specs/semconv/system/process-metrics/>); limits, of which they know nothing, and tokio
//! have names of ours in the same form. A reading costs a handful of system calls, on the thread that collects and never
//! on one of the host's. On Linux everything is known; on other Unix systems what `getrusage` and `getrlimit` tell (CPU
//! time, context switches, the limit of file descriptors); elsewhere nothing but tokio.

mod config;
#[cfg(target_os = "linux")]
mod linux;
mod points;
mod process;
mod runtime;
#[cfg(unix)]
mod usage;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use config::Config;

use self::points::Points;
use self::process::Process;
use self::runtime::Runtime;
use crate::clock::Timestamp;
use crate::model::Metric;

/// Reads the process and the host's tokio runtime.
#[derive(Debug)]
pub struct System {
    state: Mutex<State>,
    /// What was read last. Apart, because [`State`] is held while files are read.
    last: Mutex<Vec<Metric>>,
}

#[derive(Debug)]
struct State {
    process: Option<Process>,
    runtime: Option<Runtime>,
}

impl System {
    /// Reads what the settings ask for. Built inside a tokio runtime, it is that one whose readings are taken.
    pub fn new(config: &Config, now: Timestamp) -> Self {
        let process = config.process.then(|| Process::new(now));
        let runtime = if config.runtime { Runtime::current() } else { None };
        Self { state: Mutex::new(State { process, runtime }), last: Mutex::default() }
    }

    /// Everything as it is now.
    pub fn read(&self, now: Timestamp) -> Vec<Metric> {
        let mut state = lock(&self.state);
        let mut points = Points::new(now);
        if let Some(process) = &mut state.process {
            process.read(&mut points);
        }
        if let Some(runtime) = &state.runtime {
            runtime.read(&mut points);
        }
        let metrics = points.into_metrics();
        lock(&self.last).clone_from(&metrics);
        metrics
    }

    /// Everything as it was when it was read last: for threads of the host, which must not wait for files.
    pub fn last(&self) -> Vec<Metric> {
        lock(&self.last).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Data, Number};
    use crate::names;

    fn value(metrics: &[Metric], name: &str) -> f64 {
        let metric = metrics.iter().find(|metric| metric.name == name).unwrap_or_else(|| panic!("{name}"));
        let (Data::Gauge(points) | Data::Sum { points, .. }) = &metric.data else { panic!("{name}") };
        points.iter().map(|point| point.value.as_f64()).sum()
    }

    fn seconds(count: u64) -> Timestamp {
        Timestamp(1_700_000_000_000_000_000 + count * 1_000_000_000)
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn everything_about_the_process_is_read_and_makes_sense() {
        let system = System::new(&Config::default(), seconds(0));
        let first = system.read(seconds(0));
        for name in [names::CPU_TIME, names::MEMORY_USAGE, names::UPTIME, names::FILE_DESCRIPTOR_LIMIT] {
            assert!(value(&first, name.name) > 0.0, "{}", name.name);
        }
        assert!(value(&first, names::THREADS.name) >= 2.0, "of a test: its own and the main one");
        assert!(value(&first, names::MEMORY_VIRTUAL.name) >= value(&first, names::MEMORY_USAGE.name));
        assert!(value(&first, names::FILE_DESCRIPTORS.name) < value(&first, names::FILE_DESCRIPTOR_LIMIT.name));
        assert!(first.iter().all(|metric| metric.name != names::CPU_UTILIZATION.name), "nothing to compare with yet");
        let second = system.read(seconds(10));
        assert!((0.0..=1.0).contains(&value(&second, names::CPU_UTILIZATION.name)));
        assert!(value(&second, names::CPU_TIME.name) >= value(&first, names::CPU_TIME.name));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn open_files_are_counted() {
        let system = System::new(&Config::default(), seconds(0));
        let count = || value(&system.read(seconds(1)), names::FILE_DESCRIPTORS.name);
        let before = count();
        let files: Vec<_> = (0..100).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
        // Other tests open and close files too.
        assert!(count() >= before + 50.0);
        drop(files);
    }

    #[test]
    fn what_is_switched_off_is_not_read_and_what_was_read_stays_to_be_looked_at() {
        let off = System::new(&Config { process: false, runtime: false }, seconds(0));
        assert_eq!(off.read(seconds(1)), []);
        let on = System::new(&Config::default(), seconds(0));
        assert_eq!(on.last(), []);
        let read = on.read(seconds(1));
        assert_eq!(on.last(), read);
    }

    #[test]
    fn who_looks_at_the_last_reading_does_not_wait_for_one_under_way() {
        let system = System::new(&Config::default(), seconds(0));
        let read = system.read(seconds(1));
        let _under_way = lock(&system.state);
        assert!(system.last.try_lock().is_ok());
        assert_eq!(system.last(), read);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_name_that_is_no_text_hides_no_reading() {
        // The system cuts names after 15 bytes, in the middle of a character if need be.
        let name = std::fs::read("/proc/self/comm").unwrap();
        std::fs::write("/proc/self/comm", b"caf\xc3) (").unwrap();
        let metrics = System::new(&Config::default(), seconds(0)).read(seconds(1));
        std::fs::write("/proc/self/comm", name.trim_ascii_end()).unwrap();
        for name in [names::MEMORY_USAGE, names::THREADS, names::UPTIME] {
            assert!(value(&metrics, name.name) > 0.0, "{}", name.name);
        }
    }

    #[tokio::test]
    async fn of_the_runtime_that_it_is_built_in_workers_tasks_and_their_queue_are_read() {
        let system = System::new(&Config { process: false, runtime: true }, seconds(0));
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(async { drop(stopped.await) });
        let metrics = system.read(seconds(1));
        assert_eq!(metrics.len(), 3);
        assert!((value(&metrics, names::TOKIO_WORKERS.name) - 1.0).abs() < 1e-9);
        assert!(value(&metrics, names::TOKIO_TASKS.name) >= 1.0);
        drop(stop);
        task.await.unwrap();
        assert!(value(&system.read(seconds(2)), names::TOKIO_TASKS.name) < 1.0);
    }

    #[test]
    fn without_a_runtime_there_are_none_of_its_readings() {
        let system = System::new(&Config { process: false, runtime: true }, seconds(0));
        assert_eq!(system.read(seconds(1)), []);
    }

    #[test]
    fn a_share_of_the_processors_is_taken_over_a_second_at_least() {
        let system = System::new(&Config::default(), seconds(0));
        drop(system.read(seconds(1)));
        let utilization = |now| {
            let metrics = system.read(now);
            let metric = metrics.iter().find(|metric| metric.name == names::CPU_UTILIZATION.name)?.clone();
            let Data::Gauge(points) = metric.data else { return None };
            let Number::F64(value) = points[0].value else { return None };
            Some(value.to_bits())
        };
        if cfg!(unix) {
            let first = utilization(seconds(2));
            assert!(first.is_some());
            assert_eq!(utilization(Timestamp(seconds(2).0 + 1_000_000)), first, "too soon for another one");
        }
    }
}
