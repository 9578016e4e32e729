//! The table, and the targets with their verdicts.

use std::fmt;

use crate::contenders::{Contender, OTEL_ALL, OTEL_FEW, OURS_ALL, OURS_FEW, OURS_METRICS, REGISTRY, SDK_LAYER};
use crate::rounds::Quantities;

/// What was measured, by contender.
pub(crate) struct Report<'a> {
    contenders: &'a [&'static Contender],
    quantities: &'a [Quantities],
}

/// Something to reach: `value` should be at most `limit`.
struct Target {
    text: &'static str,
    /// `None` when something it needs was not measured.
    value: Option<f64>,
    limit: f64,
    /// Above this the run fails; `None` for times, which depend on the machine and are shown only. Where a target is
    /// not reached yet, its ceiling is what was reached so far and a little more, and may only be lowered; at 1 % chance says
    /// how many traces are sampled, so that the little is more.
    ceiling: Option<f64>,
}

impl Target {
    fn is_within(&self, limit: f64) -> bool {
        self.value.is_some_and(|value| value <= limit)
    }

    /// Whether the run may pass.
    fn holds(&self) -> bool {
        self.ceiling.is_none_or(|ceiling| self.is_within(ceiling))
    }

    fn verdict(&self) -> String {
        match (self.value, self.ceiling) {
            (None, _) => "not measured".into(),
            (_, None) if self.is_within(self.limit) => "(reached, for information)".into(),
            (_, None) => "(missed, for information)".into(),
            _ if self.is_within(self.limit) => "PASS".into(),
            (_, Some(ceiling)) if self.holds() => format!("MISSED, no worse than {}", Number(Some(ceiling))),
            (_, Some(ceiling)) => format!("FAIL, was {} at most", Number(Some(ceiling))),
        }
    }
}

/// A target that is reached, and must stay so.
fn gate(text: &'static str, value: Option<f64>, limit: f64) -> Target {
    Target { text, value, limit, ceiling: Some(limit) }
}

/// A target that is not reached yet, and must not get further away.
fn approached(text: &'static str, value: Option<f64>, limit: f64, ceiling: f64) -> Target {
    Target { text, value, limit, ceiling: Some(ceiling) }
}

fn shown(text: &'static str, value: Option<f64>, limit: f64) -> Target {
    Target { text, value, limit, ceiling: None }
}

impl<'a> Report<'a> {
    pub(crate) fn new(contenders: &'a [&'static Contender], quantities: &'a [Quantities]) -> Self {
        Self { contenders, quantities }
    }

    /// Whether instructions, allocations and bytes were measured, and none is above its ceiling.
    pub(crate) fn gates_hold(&self) -> bool {
        self.targets().iter().all(Target::holds)
    }

    fn get(&self, contender: &str, quantity: &str) -> Option<f64> {
        let at = self.contenders.iter().position(|known| known.name == contender)?;
        self.quantities[at].get(quantity).copied()
    }

    fn ratio(&self, quantity: &str, ours: &str, peer: &str) -> Option<f64> {
        Some(self.get(ours, quantity)? / self.get(peer, quantity)?)
    }

    fn above_registry(&self, quantity: &str, ours: &str) -> Option<f64> {
        Some(self.get(ours, quantity)? - self.get(REGISTRY, quantity)?)
    }

    fn targets(&self) -> Vec<Target> {
        let (ir, ns) = ("instructions", "warm");
        vec![
            gate("metrics: Ir, × Registry", self.ratio(ir, OURS_METRICS, REGISTRY), 1.75),
            gate("metrics: Ir, × plain SDK layer", self.ratio(ir, OURS_METRICS, SDK_LAYER), 0.40),
            // Of most batches: a duration of a size never seen before opens a page of buckets, once.
            gate("metrics: allocations a span", self.get(OURS_METRICS, "allocations of most batches"), 0.0),
            shown("metrics: ns above the Registry", self.above_registry(ns, OURS_METRICS), 70.0),
            shown("metrics: ns, × plain SDK layer", self.ratio(ns, OURS_METRICS, SDK_LAYER), 0.40),
            gate("metrics + 1 %: Ir, × Registry", self.ratio(ir, OURS_FEW, REGISTRY), 2.0),
            approached(
                "metrics + 1 %: Ir, × tracing-opentelemetry 1 %",
                self.ratio(ir, OURS_FEW, OTEL_FEW),
                0.20,
                0.245,
            ),
            gate("metrics + 1 %: allocations a span", self.get(OURS_FEW, "allocations"), 0.3),
            shown("metrics + 1 %: ns, × Registry", self.ratio(ns, OURS_FEW, REGISTRY), 2.0),
            shown("metrics + 1 %: ns, × tracing-opentelemetry 1 %", self.ratio(ns, OURS_FEW, OTEL_FEW), 0.20),
            gate("all at 100 %: Ir, × tracing-opentelemetry", self.ratio(ir, OURS_ALL, OTEL_ALL), 0.75),
            shown("all at 100 %: ns, × tracing-opentelemetry", self.ratio(ns, OURS_ALL, OTEL_ALL), 0.75),
            gate("a further poll: Ir above the Registry", self.above_registry("poll instructions", OURS_METRICS), 83.0),
            shown("a further poll: ns above the Registry", self.above_registry("poll", OURS_METRICS), 5.0),
            gate("bytes a live span above the Registry", self.above_registry("bytes a span", OURS_METRICS), 128.0),
            gate("bytes of 1,000 series, one thread", self.get(OURS_METRICS, "bytes of series"), 1e6),
            gate("the same, durations of 24 octaves each", self.get(OURS_METRICS, "bytes of spread series"), 1e6),
        ]
    }

    fn row(&self, contender: &Contender, own: &Quantities) -> [Option<f64>; COLUMNS.len()] {
        let own = |quantity: &str| own.get(quantity).copied();
        let times = |quantity: &str| Some(own(quantity)? / self.get(REGISTRY, quantity)?);
        [
            own("warm"),
            self.above_registry("warm", contender.name),
            times("warm"),
            own("cold"),
            own("two threads"),
            own("moving tasks"),
            own("process"),
            own("instructions"),
            times("instructions"),
            own("allocations"),
            own("poll"),
            own("poll instructions"),
            own("bytes a span"),
        ]
    }
}

/// Header and width of each column after the name.
const COLUMNS: [(&str, usize); 13] = [
    ("ns", 5),
    ("over R", 7),
    ("× R", 6),
    ("cold", 6),
    ("2 thr.", 7),
    ("moving", 7),
    ("process", 8),
    ("Ir", 6),
    ("× R", 6),
    ("allocs", 7),
    ("poll", 6),
    ("Ir", 5),
    ("bytes", 6),
];

/// A number with as many digits as its size deserves; `-` when it was not measured.
struct Number(Option<f64>);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            None => "-".into(),
            Some(value) if value != 0.0 && value.abs() < 0.01 => format!("{value:.5}"),
            Some(value) if value.abs() < 100.0 && value.fract() != 0.0 => format!("{value:.2}"),
            Some(value) => format!("{value:.0}"),
        };
        f.pad(&text)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<40}", "per span of a tree of 10")?;
        COLUMNS.iter().try_for_each(|(title, width)| write!(f, "{title:>width$}"))?;
        writeln!(f)?;
        for (contender, quantities) in self.contenders.iter().zip(self.quantities) {
            write!(f, "{:<40}", contender.name)?;
            for (value, (_, width)) in self.row(contender, quantities).into_iter().zip(COLUMNS) {
                write!(f, "{:>width$}", Number(value))?;
            }
            writeln!(f)?;
        }
        writeln!(
            f,
            "\nns: thread CPU time, medians · R: Registry + no-op Layer · cold: caches swept before each tree"
        )?;
        writeln!(
            f,
            "moving: tasks that change thread at every await · process: CPU time of all threads, flushes included"
        )?;
        writeln!(f, "Ir: instructions by callgrind · poll: enter + exit of a live span · bytes: of a live span\n")?;
        if self.get(REGISTRY, "instructions").is_none() {
            writeln!(f, "NO INSTRUCTION COUNTS: valgrind is not installed, so no target can be judged; install it.\n")?;
        }
        for target in self.targets() {
            let (value, limit) = (Number(target.value), Number(Some(target.limit)));
            writeln!(f, "{:<50} {value:>8}  <= {limit:>7}  {}", target.text, target.verdict())?;
        }
        Ok(())
    }
}
