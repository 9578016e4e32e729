//! One snapshot from everything that measures: the store, the bridge, and the counters about ourselves.

use std::collections::HashSet;
use std::sync::Arc;

use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::Temporality;

use super::api::Api;
use crate::clock::{Clock, Timestamp};
use crate::families::{Family, tempo};
use crate::internal::{Counter, Internal};
use crate::layer;
use crate::model::{Attributes, Data, Metric, Number, Point, Reason, ScopeMetrics, Signal, Snapshot};
use crate::names::{self, Name};
use crate::series::{Collect, Store};
use crate::system::System;

/// Two points of a series must differ by a millisecond to be two samples in Prometheus.
const RESOLUTION_NANOS: u64 = 1_000_000;

/// What is collected, and whom it belongs to.
#[derive(Debug)]
pub(super) struct Collector {
    pub(super) store: Arc<Store>,
    pub(super) api: Api,
    pub(super) internal: Arc<Internal>,
    pub(super) clock: Clock,
    pub(super) system: System,
    pub(super) resource: Resource,
    /// When counting began.
    pub(super) start: Timestamp,
}

impl Collector {
    /// Everything as it is now, and nothing changed by looking. It waits for callbacks of the host's instruments.
    pub(super) fn peek(&self) -> Snapshot {
        // On a thread of the host: what the pipeline has read of the process is good enough.
        self.together(self.api.collect(), self.system.last(), Collect::Peek)
    }

    /// Everything as it is now, and nothing changed by looking; callbacks of the host's instruments may take until
    /// `patience` ends.
    #[cfg(feature = "rules")]
    pub(super) async fn look(&self, patience: impl Future<Output = ()>) -> Snapshot {
        self.together(self.api.collected(patience).await, self.system(), Collect::Peek)
    }

    /// A snapshot without metrics.
    pub(super) fn nothing(&self) -> Snapshot {
        self.snapshot(self.clock.now(), Vec::new())
    }

    /// Everything as it is now, for export; callbacks of the host's instruments may take until `patience` ends.
    pub(super) async fn tick(&self, patience: impl Future<Output = ()>) -> Snapshot {
        self.together(self.api.collected(patience).await, self.system(), Collect::Tick)
    }

    fn system(&self) -> Vec<Metric> {
        self.system.read(self.clock.now())
    }

    fn together(&self, api: Vec<ScopeMetrics>, system: Vec<Metric>, mode: Collect) -> Snapshot {
        layer::suppressed(|| {
            let now = self.clock.now();
            let mut own = self.store.collect(now, mode);
            own.extend(self.about_ourselves(now));
            own.extend(self.target_info(now));
            own.extend(system);
            let mut scopes = vec![ScopeMetrics { scope: scope(), metrics: own }];
            scopes.extend(api);
            self.snapshot(now, scopes)
        })
    }

    /// The stale markers of all series, those of the `last` snapshot that the store does not know included: nothing
    /// follows them.
    pub(super) fn end(&self, last: &Snapshot) -> Snapshot {
        let now = self.clock.now();
        let mut metrics = self.store.end(now);
        let mut scopes = Vec::new();
        let later = Timestamp(now.0.max(last.time.0.saturating_add(RESOLUTION_NANOS)));
        for from in &last.scopes {
            let ended = from.metrics.iter().map(|metric| Metric { data: metric.data.ended(later), ..metric.clone() });
            if from.scope == scope() {
                let known: HashSet<_> = metrics.iter().map(|metric| metric.name.clone()).collect();
                metrics.extend(ended.filter(|metric| !known.contains(&metric.name)));
            } else {
                scopes.push(ScopeMetrics { scope: from.scope.clone(), metrics: ended.collect() });
            }
        }
        scopes.insert(0, ScopeMetrics { scope: scope(), metrics });
        self.snapshot(now, scopes)
    }

    fn snapshot(&self, time: Timestamp, mut scopes: Vec<ScopeMetrics>) -> Snapshot {
        for scope in &mut scopes {
            scope.metrics.retain(|metric| !metric.data.is_empty());
        }
        scopes.retain(|scope| !scope.metrics.is_empty());
        Snapshot { time, resource: self.resource.clone(), scopes }
    }

    /// The resource as Tempo tells of it, in Tempo's family.
    fn target_info(&self, now: Timestamp) -> Option<Metric> {
        if !self.store.config().families.has(Family::Tempo) {
            return None;
        }
        let attributes = tempo::target_info(self.resource.iter());
        let point = Point { attributes, value: Number::I64(1), ..self.point(now, None, 1) };
        let Name { name, unit, description } = names::TEMPO_TARGET_INFO;
        let data = Data::Gauge(Some(point).filter(|point| !point.attributes.is_empty()).into_iter().collect());
        Some(Metric { name: name.into(), unit: unit.into(), description: description.into(), data })
    }

    fn about_ourselves(&self, now: Timestamp) -> Vec<Metric> {
        let report = self.internal.report();
        let exported = [
            (Signal::Traces, names::EXPORTED_SPANS),
            (Signal::Metrics, names::EXPORTED_POINTS),
            (Signal::Logs, names::EXPORTED_LOGS),
        ];
        let mut metrics: Vec<Metric> = exported
            .into_iter()
            .map(|(signal, name)| {
                let account = report.signal(signal);
                let delivered = self.point(now, None, account.delivered);
                let lost = account.dropped.iter().map(|(reason, items)| self.point(now, Some(lost(*reason)), *items));
                sum(name, std::iter::once(delivered).chain(lost).collect())
            })
            .collect();
        let events = Counter::ALL
            .into_iter()
            .map(|counter| (counter, self.internal.counted(counter)))
            .filter(|(_, count)| *count > 0)
            .map(|(counter, count)| self.point(now, Some(KeyValue::new(names::EVENT, counter.name())), count));
        metrics.push(sum(names::INTERNAL_EVENTS, events.collect()));
        metrics
    }

    fn point(&self, now: Timestamp, attribute: Option<KeyValue>, count: u64) -> Point<Number> {
        Point {
            attributes: Attributes::new(attribute),
            start_time: self.start,
            time: now,
            value: Number::I64(i64::try_from(count).unwrap_or(i64::MAX)),
            exemplars: Vec::new(),
            stale: false,
        }
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope::builder(names::SCOPE).with_version(env!("CARGO_PKG_VERSION")).build()
}

fn lost(reason: Reason) -> KeyValue {
    KeyValue::new(names::ERROR_TYPE, reason.name())
}

fn sum(name: Name, points: Vec<Point<Number>>) -> Metric {
    Metric {
        name: name.name.into(),
        unit: name.unit.into(),
        description: name.description.into(),
        data: Data::Sum { monotonic: true, temporality: Temporality::Cumulative, points },
    }
}
