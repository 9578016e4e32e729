//! The samples: ten minutes, one every 10 s, of 10,000 series that alerts are about and 10,000 more for one query.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bellwether::history::{Config, History};
use bellwether::internal::Internal;
use bellwether::model::{Labels, Sample, SampleValue};

pub(crate) const STEP: Duration = Duration::from_secs(10);
pub(crate) const JOBS: usize = 10;
const INSTANCES: usize = 10;
const SAMPLES: i64 = 61;
/// Milliseconds since the Unix epoch: a time at which blocks of Prometheus begin.
const START: i64 = 1_760_400_000_000;

/// The time of the last sample, at which queries are asked.
pub(crate) fn end() -> i64 {
    time(SAMPLES - 1)
}

fn time(at: i64) -> i64 {
    START + at * 10_000
}

/// A series, and how its value goes on.
pub(crate) struct Series {
    labels: Labels,
    first: f64,
    slope: f64,
}

impl Series {
    fn value(&self, at: i64) -> f64 {
        self.first + self.slope * at as f64
    }
}

pub(crate) fn series() -> Vec<Series> {
    let mut all = Vec::new();
    for (job, instance) in (0..JOBS).flat_map(|job| (0..INSTANCES).map(move |instance| (job, instance))) {
        let mut seed = 1 + job * INSTANCES + instance;
        let mut add = |name: &str, labels: &[(&str, String)], first: f64, slope: f64| {
            let own = [("__name__", name.to_owned()), ("job", format!("api-{job}"))];
            let instance = [("instance", format!("10.0.{job}.{instance}:9100"))];
            let labels = Labels::new(own.into_iter().chain(instance).chain(labels.iter().cloned()));
            // Counters grow unevenly from series to series, the same in every run.
            seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
            all.push(Series { labels, first, slope: slope * (1.0 + (seed % 100) as f64 / 50.0) });
        };
        of_instance(&mut add);
    }
    all
}

/// Takes a name, labels, the first value, and how it grows.
type Add<'a> = dyn FnMut(&str, &[(&str, String)], f64, f64) + 'a;

fn of_instance(add: &mut Add<'_>) {
    add("up", &[], 1.0, 0.0);
    add("process_cpu_seconds_total", &[], 1_000.0, 3.0);
    add("process_resident_memory_bytes", &[], 4e8, 0.0);
    add("restarts_total", &[], 3.0, 0.0);
    for handler in 0..4 {
        let handler = ("handler", format!("/api/v1/resource/{handler}"));
        for code in ["200", "201", "404", "500", "503"] {
            add("http_requests_total", &[handler.clone(), ("code", code.to_owned())], 100.0, 7.0);
        }
        for (at, le) in ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"]
            .into_iter()
            .enumerate()
        {
            let labels = [handler.clone(), ("le", le.to_owned())];
            add("http_request_duration_seconds_bucket", &labels, 50.0, 3.0 * (at + 1) as f64);
        }
    }
    for mount in 0..5 {
        let mount = [("mountpoint", format!("/data/{mount}"))];
        add("node_filesystem_avail_bytes", &mount, 5e10, -1e6);
        add("node_filesystem_size_bytes", &mount, 1e11, 0.0);
    }
    for queue in 0..18 {
        add("queue_length", &[("queue", format!("queue-{queue}"))], 10.0, 1.0);
    }
    for worker in 0..100 {
        add("load_total", &[("worker", format!("worker-{worker}"))], 1_000.0, 5.0);
    }
}

/// The window with all of them.
pub(crate) fn window(series: &[Series]) -> History {
    let window = History::new(Config { max_bytes: 256 << 20, ..Config::default() }, Arc::new(Internal::default()));
    for at in 0..SAMPLES {
        for series in series {
            let value = SampleValue::Float(series.value(at));
            window.append(&series.labels, Sample { time: time(at), start: 0, value });
        }
    }
    window
}

/// The same as text in the format of `OpenMetrics`, for promtool.
pub(crate) fn open_metrics(series: &[Series]) -> String {
    let mut text = String::new();
    for series in series {
        for at in 0..SAMPLES {
            let seconds = time(at) / 1_000;
            // Without a type there is nothing to check but the lines.
            let name = series.labels.metric_name().unwrap_or_default();
            let labels = series.labels.filtered(|name| name != "__name__").to_string();
            let value = series.value(at);
            if writeln!(text, "{name}{} {value} {seconds}", labels.replace(", ", ",")).is_err() {
                break;
            }
        }
    }
    text.push_str("# EOF\n");
    text
}
