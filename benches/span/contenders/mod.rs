//! Who takes part: each installs itself for the whole process and says afterwards what it recorded.

mod ours;
mod peers;

use std::error::Error;

use crate::workload::{self, RATIO, Task, Tree};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// What a contender has recorded so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// Spans that reached the exporter.
    pub(crate) spans: u64,
    /// Measurements that a collection finds.
    pub(crate) measurements: u64,
    /// Log records that reached the exporter.
    pub(crate) logs: u64,
}

/// An installed contender.
pub(crate) trait Installed: Send + Sync {
    /// Empties its queues; called between batches, outside the timed part.
    fn flush(&self) -> Result<()>;
    /// Called after a flush.
    fn recorded(&self) -> Result<Recorded>;
}

/// What must have been recorded, as a share of the spans that ran.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    pub(crate) spans: f64,
    pub(crate) measurements: f64,
    pub(crate) logs: f64,
}

const NOTHING: Expected = Expected { spans: 0.0, measurements: 0.0, logs: 0.0 };
const ALL_SPANS: Expected = Expected { spans: 1.0, ..NOTHING };
const FEW_SPANS: Expected = Expected { spans: RATIO, ..NOTHING };
const MEASUREMENTS: Expected = Expected { measurements: 1.0, ..NOTHING };

/// Each leaf has an event.
const LOGS: f64 = workload::LEAVES as f64 / workload::SPANS as f64;

impl Expected {
    /// Whether chance says which of its traces are sampled.
    pub(crate) fn is_by_chance(&self) -> bool {
        self.spans > 0.0 && self.spans < 1.0
    }

    /// Whether `recorded` is what `spans` spans must have left: exact, but for a sampled share, which is a random
    /// number of whole trees.
    pub(crate) fn agrees(&self, recorded: Recorded, spans: u64) -> bool {
        let exact = |share: f64, count: u64| (share * spans as f64 - count as f64).abs() < 0.5;
        let traces = if self.is_by_chance() {
            let expected = self.spans * spans as f64;
            (recorded.spans as f64) > 0.4 * expected && (recorded.spans as f64) < 2.0 * expected
        } else {
            exact(self.spans, recorded.spans)
        };
        traces && exact(self.measurements, recorded.measurements) && exact(self.logs, recorded.logs)
    }
}

/// A contender before it is installed.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) install: fn() -> Result<Box<dyn Installed>>,
    pub(crate) tree: Tree,
    pub(crate) task: fn(u64) -> Task,
    pub(crate) expected: Expected,
    /// Whether its spans are those of `tracing`: then memory and further polls can be measured.
    pub(crate) tracing: bool,
}

impl Contender {
    const fn new(name: &'static str, install: fn() -> Result<Box<dyn Installed>>, expected: Expected) -> Self {
        let (tree, task) = (workload::spans::tree as Tree, workload::tasks::task as fn(u64) -> Task);
        Self { name, install, tree, task, expected, tracing: true }
    }
}

pub(crate) const OURS_METRICS: &str = "bellwether: metrics";
pub(crate) const OURS_FEW: &str = "bellwether: metrics, traces 1 %";
pub(crate) const OURS_ALL: &str = "bellwether: metrics, logs, traces 100 %";
pub(crate) const REGISTRY: &str = "Registry + no-op Layer";
pub(crate) const SDK_LAYER: &str = "plain Layer, SDK instruments";
pub(crate) const OTEL_ALL: &str = "tracing-opentelemetry, 100 %";
pub(crate) const OTEL_FEW: &str = "tracing-opentelemetry, 1 %";

/// Everybody, in the order of the table.
pub(crate) const ALL: &[Contender] = &[
    Contender::new("no subscriber", peers::nobody, NOTHING),
    Contender::new(REGISTRY, peers::registry, NOTHING),
    Contender::new(OTEL_ALL, peers::otel_all, ALL_SPANS),
    Contender::new(OTEL_FEW, peers::otel_few, FEW_SPANS),
    Contender::new("tracing-opentelemetry, 0 %", peers::otel_none, NOTHING),
    Contender::new("tracing-opentelemetry lean, 100 %", peers::lean_all, ALL_SPANS),
    Contender::new("tracing-opentelemetry lean, 1 %", peers::lean_few, FEW_SPANS),
    Contender::new("tracing-opentelemetry lean, 0 %", peers::lean_none, NOTHING),
    Contender::new(SDK_LAYER, peers::sdk_layer, MEASUREMENTS),
    Contender {
        tree: workload::metric_events::tree,
        task: workload::metric_event_tasks::task,
        ..Contender::new("MetricsLayer, an event a span", peers::metrics_layer, MEASUREMENTS)
    },
    Contender {
        tree: workload::fastrace_spans::tree,
        task: workload::fastrace_spans::task,
        tracing: false,
        ..Contender::new("fastrace, 100 %", peers::fastrace, ALL_SPANS)
    },
    Contender {
        tree: workload::fastrace_spans::tree_at_one_percent,
        task: workload::fastrace_spans::task_at_one_percent,
        tracing: false,
        ..Contender::new("fastrace, 1 % of roots", peers::fastrace, FEW_SPANS)
    },
    Contender::new(OURS_METRICS, ours::metrics, MEASUREMENTS),
    Contender::new(OURS_FEW, ours::metrics_and_few_traces, Expected { measurements: 1.0, ..FEW_SPANS }),
    Contender::new(OURS_ALL, ours::everything, Expected { spans: 1.0, measurements: 1.0, logs: LOGS }),
];

/// The contender of a name.
pub(crate) fn find(name: &str) -> Option<&'static Contender> {
    ALL.iter().find(|contender| contender.name == name)
}
