//! From OpenTelemetry's points to Prometheus' series, as Prometheus 3.14's own OTLP receiver does it
//! (`storage/remote/otlptranslator/prometheusremotewrite`), so that a rule finds here what it finds there.
//!
//! A point is translated when it is first seen; from then on its attributes lead to its series. What Prometheus does and
//! a receiver of requests cannot do is done here as a scrape does it: a point that a snapshot no longer has ends its
//! series with a staleness marker.

mod delta;
mod labels;
mod names;
pub(super) mod native;
mod points;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::Temporality;

use self::labels::{Common, Symbols, TARGET_INFO};
pub use self::names::{NamedAs, prometheus_name};
pub(super) use self::points::millis;
use self::points::{Known, Reading};
use super::metadata::{Metadata, MetricKind};
use super::series::Series;
use super::writer::Writer;
use crate::internal::Counter;
use crate::model::{Attributes, Data, Metric, SampleValue, Snapshot};

/// Time between two samples of `target_info` when points of a snapshot lie apart: half of Prometheus' look-back.
const TARGET_INFO_MS: usize = 150_000;

/// What is known of those who send.
#[derive(Debug, Default)]
pub(super) struct Translation {
    targets: Vec<Target>,
    symbols: Symbols,
    /// By the name that the metric has in Prometheus.
    pub(super) metadata: Arc<BTreeMap<String, Metadata>>,
}

/// One that sends snapshots, by its resource.
#[derive(Debug)]
struct Target {
    resource: Resource,
    common: Common,
    info: Option<Arc<Series>>,
    scopes: Vec<Scope>,
    /// Counts its snapshots.
    turn: u64,
    /// When it sent the last one, in milliseconds.
    heard: i64,
}

/// The metrics of one instrumentation scope.
#[derive(Debug)]
struct Scope {
    identity: InstrumentationScope,
    common: Common,
    families: HashMap<Cow<'static, str>, Family>,
}

/// The points of one metric.
#[derive(Debug)]
struct Family {
    shape: Shape,
    unit: Cow<'static, str>,
    /// In Prometheus; `None` when nothing of it is left.
    name: Option<String>,
    points: HashMap<Attributes, Known>,
}

/// What kind of points a metric has. A metric that changes it is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    kind: Kind,
    delta: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gauge,
    Counter,
    UpDownCounter,
    Histogram,
    ExponentialHistogram,
}

impl Translation {
    /// Writes every point of a snapshot, and ends what it no longer has.
    pub(super) fn take(&mut self, snapshot: &Snapshot, scope_labels: bool, writer: &mut Writer<'_>) {
        let Self { targets, symbols, metadata } = self;
        let at = targets.iter().position(|target| target.resource == snapshot.resource).unwrap_or_else(|| {
            targets.push(Target::new(snapshot.resource.clone()));
            targets.len() - 1
        });
        let Some(target) = targets.get_mut(at) else { return };
        target.turn += 1;
        target.heard = millis(snapshot.time);
        let mut span: Option<(i64, i64)> = None;
        for scope_metrics in &snapshot.scopes {
            let turn = target.turn;
            let scope = target.scope(&scope_metrics.scope, scope_labels);
            for metric in &scope_metrics.metrics {
                let family = scope.families.entry(metric.name.clone()).or_insert_with(|| Family::new(metric));
                if family.shape != Shape::of(&metric.data) || family.unit != metric.unit {
                    let before = std::mem::replace(family, Family::new(metric));
                    before.points.into_values().for_each(|known| known.end(snapshot.time, writer));
                }
                family.describe(metric, metadata);
                points::each(&metric.data, |reading| {
                    let time = millis(reading.time);
                    span = Some(span.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
                    family.take(reading, turn, &scope.common, symbols, writer);
                });
            }
        }
        if let Some(span) = span {
            target.say_info(span, symbols, writer);
        }
        target.end_missing(snapshot, writer);
    }

    /// Keeps the exemplars of a snapshot whose points are not written, with the series that are known.
    pub(super) fn keep_exemplars(&self, snapshot: &Snapshot, writer: &mut Writer<'_>) {
        let Some(target) = self.targets.iter().find(|target| target.resource == snapshot.resource) else { return };
        for scope_metrics in &snapshot.scopes {
            let Some(scope) = target.scopes.iter().find(|scope| scope.identity == scope_metrics.scope) else {
                continue;
            };
            for metric in &scope_metrics.metrics {
                let Some(family) = scope.families.get(&metric.name) else { continue };
                points::each(&metric.data, |reading| {
                    if let Some(known) = family.points.get(reading.attributes) {
                        known.keep(reading.exemplars, writer);
                    }
                });
            }
        }
    }

    /// Forgets targets that were last heard of before `time`, and texts that no series has.
    pub(super) fn prune(&mut self, time: i64) {
        self.targets.retain(|target| target.heard >= time);
        self.symbols.prune();
    }
}

impl Target {
    fn new(resource: Resource) -> Self {
        let common = Common::of(&resource);
        Self { resource, common, info: None, scopes: Vec::new(), turn: 0, heard: 0 }
    }

    fn scope(&mut self, scope: &InstrumentationScope, labels: bool) -> &mut Scope {
        let known = self.scopes.iter().position(|known| known.identity == *scope);
        let at = known.unwrap_or(self.scopes.len());
        if known.is_none() {
            let common = if labels { self.common.within(scope) } else { self.common.clone() };
            self.scopes.push(Scope { identity: scope.clone(), common, families: HashMap::new() });
        }
        &mut self.scopes[at]
    }

    /// Says what the resource is, as a series that others join: from the first to the last time of a snapshot's points.
    fn say_info(&mut self, (first, last): (i64, i64), symbols: &mut Symbols, writer: &mut Writer<'_>) {
        if self.info.is_none() {
            let Some(base) = self.common.target_info(&self.resource) else { return };
            let labels = base.series(TARGET_INFO, None, symbols);
            self.info = writer.series(vec![labels]).and_then(|series| series.into_iter().next());
        }
        if let Some(series) = &self.info {
            for time in (first..last).step_by(TARGET_INFO_MS).chain([last]) {
                writer.write(series, 0, time, SampleValue::Float(1.0));
            }
        }
    }

    fn end_missing(&mut self, snapshot: &Snapshot, writer: &mut Writer<'_>) {
        let turn = self.turn;
        for scope in &mut self.scopes {
            for family in scope.families.values_mut() {
                family.points.retain(|_, known| known.turn == turn || known.miss(snapshot.time, writer));
            }
            scope.families.retain(|_, family| !family.points.is_empty());
        }
        self.scopes.retain(|scope| !scope.families.is_empty());
    }
}

impl Family {
    fn new(metric: &Metric) -> Self {
        let shape = Shape::of(&metric.data);
        let named_as = match shape.kind {
            Kind::Counter => NamedAs::Counter,
            Kind::Gauge => NamedAs::Gauge,
            _ => NamedAs::Other,
        };
        let name = names::metric(&metric.name, &metric.unit, named_as);
        Self { shape, unit: metric.unit.clone(), name, points: HashMap::new() }
    }

    /// Notes type, unit and help of a metric that was not there before.
    fn describe(&self, metric: &Metric, metadata: &mut Arc<BTreeMap<String, Metadata>>) {
        if let Some(name) = self.name.as_ref().filter(|_| self.points.is_empty()) {
            let kind = match self.shape.kind {
                Kind::Counter => MetricKind::Counter,
                Kind::Gauge | Kind::UpDownCounter => MetricKind::Gauge,
                Kind::Histogram | Kind::ExponentialHistogram => MetricKind::Histogram,
            };
            let metadatum = Metadata { kind, unit: names::unit(&metric.unit), help: metric.description.to_string() };
            if metadata.get(name) != Some(&metadatum) {
                Arc::make_mut(metadata).insert(name.clone(), metadatum);
            }
        }
    }

    fn take(
        &mut self,
        reading: Reading<'_>,
        turn: u64,
        common: &Common,
        symbols: &mut Symbols,
        writer: &mut Writer<'_>,
    ) {
        let Some(name) = &self.name else { return writer.count(Counter::Untranslatable, 1) };
        let attributes = reading.attributes;
        if !self.points.get(attributes).is_some_and(|known| known.fits(&reading.value)) {
            let Some(base) = common.with(attributes) else { return writer.count(Counter::Untranslatable, 1) };
            let Some(new) = Known::new(name, &base, &reading.value, symbols, writer) else { return };
            if let Some(before) = self.points.remove(attributes) {
                before.replaced_by(&new, reading.time, writer);
            }
            self.points.insert(attributes.clone(), new);
        }
        if let Some(known) = self.points.get_mut(attributes) {
            known.turn = turn;
            if !known.take(reading, self.shape.delta, writer) {
                self.points.remove(attributes);
            }
        }
    }
}

impl Shape {
    fn of(data: &Data) -> Self {
        let (kind, temporality) = match data {
            Data::Gauge(_) => (Kind::Gauge, Temporality::Cumulative),
            Data::Sum { monotonic: true, temporality, .. } => (Kind::Counter, *temporality),
            Data::Sum { monotonic: false, temporality, .. } => (Kind::UpDownCounter, *temporality),
            Data::Histogram { temporality, .. } => (Kind::Histogram, *temporality),
            Data::ExponentialHistogram { temporality, .. } => (Kind::ExponentialHistogram, *temporality),
        };
        Self { kind, delta: temporality == Temporality::Delta }
    }
}
