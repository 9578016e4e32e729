//! Cumulative points as deltas, for backends that prefer them. Pure; nothing is lost when an export fails, because a
//! delta counts from what the backend took last.
//!
//! <https://opentelemetry.io/docs/specs/otel/metrics/data-model/#temporality>

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::metrics;

use super::TemporalityPreference;
use super::difference::Difference;
use crate::clock::Timestamp;
use crate::model::{
    Attributes, Data, ExplicitHistogram, ExponentialHistogram, Metric, Number, Point, ScopeMetrics, Snapshot,
};

/// A series across snapshots: its metric and its attributes.
type Key = (Arc<(InstrumentationScope, Cow<'static, str>)>, Attributes);

/// What the backend took last of a series.
#[derive(Debug, Clone)]
struct Base {
    start_time: Timestamp,
    time: Timestamp,
    value: Value,
}

#[derive(Debug, Clone)]
enum Value {
    Number(Number),
    Explicit(ExplicitHistogram),
    Exponential(ExponentialHistogram),
}

/// What goes out, and what to remember of it once the backend took it.
#[derive(Debug)]
pub(super) struct Outgoing<'a> {
    pub(super) snapshot: Cow<'a, Snapshot>,
    /// One for each point of the snapshot, in order; `None` for points that are not deltas.
    bases: Vec<Option<(Key, Base)>>,
    /// Series that did not change: their next delta counts from now.
    unchanged: Vec<(Key, Timestamp)>,
    /// Every series that is a delta and still there.
    present: HashSet<Key>,
}

/// The temporality of exported metrics, and the state that deltas need: one base a series, for the series of the last
/// snapshot only.
#[derive(Debug)]
pub(super) struct Temporality {
    preference: TemporalityPreference,
    bases: HashMap<Key, Base>,
}

impl Temporality {
    pub(super) fn new(preference: TemporalityPreference) -> Self {
        Self { preference, bases: HashMap::new() }
    }

    /// The snapshot as the preference wants it.
    ///
    /// With deltas, counters and histograms become deltas; gauges and up-down counters stay. The snapshot does not tell
    /// asynchronous counters apart, so `lowmemory` equals `delta`. A series that began again since its last delivery
    /// counts from its new start. Points that would say zero are left out, and so are stale markers: a delta series
    /// ends by falling silent. `min` and `max` are left out, because they are those of the whole life of the series.
    pub(super) fn outgoing<'a>(&self, snapshot: &'a Snapshot) -> Outgoing<'a> {
        let mut conversion =
            Conversion { known: &self.bases, bases: Vec::new(), unchanged: Vec::new(), present: HashSet::new() };
        let snapshot = match self.preference {
            TemporalityPreference::Cumulative => Cow::Borrowed(snapshot),
            TemporalityPreference::Delta | TemporalityPreference::LowMemory => {
                let scopes = snapshot.scopes.iter().map(|scope| conversion.scope(scope)).collect();
                Cow::Owned(Snapshot { time: snapshot.time, resource: snapshot.resource.clone(), scopes })
            }
        };
        let Conversion { bases, unchanged, present, .. } = conversion;
        Outgoing { snapshot, bases, unchanged, present }
    }

    /// Remembers what the backend took, and forgets series that are gone.
    pub(super) fn taken(&mut self, outgoing: Outgoing<'_>, taken: &[Range<usize>]) {
        self.bases.retain(|key, _| outgoing.present.contains(key));
        for (key, time) in outgoing.unchanged {
            if let Some(base) = self.bases.get_mut(&key) {
                base.time = time;
            }
        }
        for (position, base) in outgoing.bases.into_iter().enumerate() {
            if let Some((key, base)) = base.filter(|_| taken.iter().any(|range| range.contains(&position))) {
                self.bases.insert(key, base);
            }
        }
    }
}

struct Conversion<'a> {
    known: &'a HashMap<Key, Base>,
    bases: Vec<Option<(Key, Base)>>,
    unchanged: Vec<(Key, Timestamp)>,
    present: HashSet<Key>,
}

impl Conversion<'_> {
    fn scope(&mut self, from: &ScopeMetrics) -> ScopeMetrics {
        let metrics = from.metrics.iter().map(|metric| self.metric(&from.scope, metric)).collect();
        ScopeMetrics { scope: from.scope.clone(), metrics }
    }

    fn metric(&mut self, scope: &InstrumentationScope, from: &Metric) -> Metric {
        use metrics::Temporality::{Cumulative, Delta};

        let name = Arc::new((scope.clone(), from.name.clone()));
        let data = match &from.data {
            Data::Sum { monotonic: true, temporality: Cumulative, points } => {
                Data::Sum { monotonic: true, temporality: Delta, points: self.points(&name, points) }
            }
            Data::Histogram { temporality: Cumulative, points } => {
                Data::Histogram { temporality: Delta, points: self.points(&name, points) }
            }
            Data::ExponentialHistogram { temporality: Cumulative, points } => {
                Data::ExponentialHistogram { temporality: Delta, points: self.points(&name, points) }
            }
            unchanged => {
                self.bases.extend((0..unchanged.len()).map(|_| None));
                unchanged.clone()
            }
        };
        let Metric { name, unit, description, .. } = from.clone();
        Metric { name, unit, description, data }
    }

    fn points<T: Stored>(
        &mut self,
        name: &Arc<(InstrumentationScope, Cow<'static, str>)>,
        points: &[Point<T>],
    ) -> Vec<Point<T>> {
        let mut deltas = Vec::with_capacity(points.len());
        for point in points.iter().filter(|point| !point.stale) {
            let key = (Arc::clone(name), point.attributes.clone());
            let base = self.known.get(&key);
            self.present.insert(key.clone());
            let Some((start_time, value)) = delta(point, base) else {
                self.unchanged.push((key, point.time));
                continue;
            };
            let next = Base { start_time: point.start_time, time: point.time, value: point.value.clone().store() };
            self.bases.push(Some((key, next)));
            deltas.push(Point { start_time, value, ..point.clone() });
        }
        deltas
    }
}

/// From when and how much, or `None` when nothing was counted.
fn delta<T: Stored>(point: &Point<T>, base: Option<&Base>) -> Option<(Timestamp, T)> {
    let continued = base.filter(|base| base.start_time == point.start_time);
    let since = continued.and_then(|base| Some((base.time, point.value.growth_since(T::stored(&base.value)?)?)));
    let (start_time, value) = since.unwrap_or_else(|| {
        // New, or begun again: all of it is new, and counts from its start, but never from before the last delivery.
        let start = base.map_or(point.start_time, |base| point.start_time.max(base.time.min(point.time)));
        (start, point.value.whole())
    });
    (!value.is_zero()).then_some((start_time, value))
}

/// A value that can be kept as a base.
trait Stored: Difference + Clone {
    fn store(self) -> Value;
    fn stored(value: &Value) -> Option<&Self>;
}

macro_rules! stored {
    ($type:ty, $kind:ident) => {
        impl Stored for $type {
            fn store(self) -> Value {
                Value::$kind(self)
            }

            fn stored(value: &Value) -> Option<&Self> {
                match value {
                    Value::$kind(value) => Some(value),
                    _ => None,
                }
            }
        }
    };
}

stored!(Number, Number);
stored!(ExplicitHistogram, Explicit);
stored!(ExponentialHistogram, Exponential);

#[cfg(test)]
mod tests {
    use opentelemetry::KeyValue;
    use opentelemetry_sdk::Resource;

    use super::*;

    fn point(series: &'static str, start: u64, time: u64, value: i64) -> Point<Number> {
        Point {
            attributes: [KeyValue::new("series", series)].into_iter().collect(),
            start_time: Timestamp(start),
            time: Timestamp(time),
            value: Number::I64(value),
            exemplars: Vec::new(),
            stale: false,
        }
    }

    fn snapshot(monotonic: bool, points: Vec<Point<Number>>) -> Snapshot {
        let data = Data::Sum { monotonic, temporality: metrics::Temporality::Cumulative, points };
        let metric = Metric { name: "calls".into(), unit: "".into(), description: "".into(), data };
        let scope = ScopeMetrics { scope: InstrumentationScope::builder("test").build(), metrics: vec![metric] };
        Snapshot { time: Timestamp(0), resource: Resource::builder_empty().build(), scopes: vec![scope] }
    }

    /// Start, time and value of each point that goes out.
    fn told(outgoing: &Outgoing<'_>) -> Vec<(u64, u64, f64)> {
        let Some(Data::Sum { points, .. }) = outgoing.snapshot.metric("calls").map(|metric| &metric.data) else {
            return Vec::new();
        };
        points.iter().map(|point| (point.start_time.0, point.time.0, point.value.as_f64())).collect()
    }

    fn only(range: Range<usize>) -> Vec<Range<usize>> {
        std::iter::once(range).collect()
    }

    fn everything() -> Vec<Range<usize>> {
        only(0..usize::MAX)
    }

    #[test]
    fn deltas_count_from_the_last_delivery_and_nothing_is_lost_by_a_failed_one() {
        let everything = everything();
        let mut temporality = Temporality::new(TemporalityPreference::Delta);
        // time, value, delivered, what goes out
        for (time, value, delivered, expected) in [
            (10, 0, true, vec![]),
            (20, 5, true, vec![(1, 20, 5.0)]),
            (30, 9, false, vec![(20, 30, 4.0)]),
            (40, 10, true, vec![(20, 40, 5.0)]),
            (50, 10, true, vec![]),
            (60, 11, true, vec![(50, 60, 1.0)]),
            (70, 3, true, vec![(60, 70, 3.0)]),
        ] {
            let snapshot = snapshot(true, vec![point("a", 1, time, value)]);
            let outgoing = temporality.outgoing(&snapshot);
            assert_eq!(told(&outgoing), expected, "at {time}");
            temporality.taken(outgoing, if delivered { &everything } else { &[] });
        }
    }

    #[test]
    fn a_series_that_began_again_counts_from_its_new_start() {
        let mut temporality = Temporality::new(TemporalityPreference::LowMemory);
        let before = snapshot(true, vec![point("a", 1, 10, 7)]);
        let outgoing = temporality.outgoing(&before);
        temporality.taken(outgoing, &everything());
        let after = snapshot(true, vec![point("a", 15, 20, 8)]);
        assert_eq!(told(&temporality.outgoing(&after)), [(15, 20, 8.0)]);
    }

    #[test]
    fn of_a_batch_that_was_cut_only_the_delivered_part_counts_as_told() {
        let mut temporality = Temporality::new(TemporalityPreference::Delta);
        let points = |time, value| vec![point("a", 1, time, value), point("b", 1, time, 0), point("c", 1, time, value)];
        let first = snapshot(true, points(10, 2));
        let outgoing = temporality.outgoing(&first);
        // Of two points on the wire the second was delivered, that of c.
        temporality.taken(outgoing, &only(1..2));
        let second = snapshot(true, points(20, 3));
        assert_eq!(told(&temporality.outgoing(&second)), [(1, 20, 3.0), (10, 20, 1.0)]);
    }

    #[test]
    fn stale_markers_are_not_told_and_their_series_are_forgotten() {
        let mut temporality = Temporality::new(TemporalityPreference::Delta);
        let first = snapshot(true, vec![point("a", 1, 10, 2), point("b", 1, 10, 2)]);
        let outgoing = temporality.outgoing(&first);
        temporality.taken(outgoing, &everything());
        let ended = Point { stale: true, ..point("a", 1, 20, 0) };
        let second = snapshot(true, vec![ended, point("b", 1, 20, 2)]);
        let outgoing = temporality.outgoing(&second);
        assert!(told(&outgoing).is_empty());
        temporality.taken(outgoing, &[]);
        assert_eq!(temporality.bases.len(), 1);
    }

    #[test]
    fn up_down_counters_and_everything_under_the_cumulative_preference_stay_as_they_are() {
        let up_down = snapshot(false, vec![point("a", 1, 10, 2), Point { stale: true, ..point("b", 1, 10, 0) }]);
        let counter = snapshot(true, vec![point("a", 1, 10, 2)]);
        let mut delta = Temporality::new(TemporalityPreference::Delta);
        let cumulative = Temporality::new(TemporalityPreference::Cumulative);
        for _ in 0..2 {
            let outgoing = delta.outgoing(&up_down);
            assert_eq!(outgoing.snapshot.scopes[0].metrics, up_down.scopes[0].metrics);
            delta.taken(outgoing, &everything());
            assert_eq!(cumulative.outgoing(&counter).snapshot.scopes[0].metrics, counter.scopes[0].metrics);
        }
        assert!(delta.bases.is_empty());
    }
}
