//! From a point to samples: which series it is, and what each gets.

use std::borrow::Cow;
use std::sync::Arc;

use super::delta::Total;
use super::labels::{self, Base, Symbols};
use super::native::native;
use crate::clock::Timestamp;
use crate::history::series::Series;
use crate::history::writer::Writer;
use crate::internal::Counter;
use crate::model::{Attributes, Data, Exemplar, ExplicitHistogram, ExponentialHistogram, Number, Point, SampleValue};

/// How long a series of deltas goes on without one, as Prometheus' look-back and the Collector's `max_stale` have it.
const LONGEST_PAUSE_MS: i64 = 300_000;

/// What a point holds, borrowed from a snapshot or owned by a total.
#[derive(Debug, Clone)]
pub(super) enum Value<'a> {
    Number(Number),
    Explicit(Cow<'a, ExplicitHistogram>),
    Exponential(Cow<'a, ExponentialHistogram>),
}

impl Value<'_> {
    fn into_owned(self) -> Value<'static> {
        match self {
            Self::Number(number) => Value::Number(number),
            Self::Explicit(histogram) => Value::Explicit(Cow::Owned(histogram.into_owned())),
            Self::Exponential(histogram) => Value::Exponential(Cow::Owned(histogram.into_owned())),
        }
    }
}

/// A point of any kind.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    pub(super) attributes: &'a Attributes,
    pub(super) start: Timestamp,
    pub(super) time: Timestamp,
    pub(super) value: Value<'a>,
    pub(super) exemplars: &'a [Exemplar],
    stale: bool,
}

impl<'a> Reading<'a> {
    fn of<T>(point: &'a Point<T>, value: Value<'a>) -> Self {
        let Point { attributes, start_time, time, exemplars, stale, value: _ } = point;
        Self { attributes, start: *start_time, time: *time, value, exemplars, stale: *stale }
    }
}

/// Shows every point of a metric.
pub(super) fn each(data: &Data, take: impl FnMut(Reading<'_>)) {
    match data {
        Data::Gauge(points) => {
            // When a gauge began means nothing, and a reset even less.
            let begin = |point| Reading { start: Timestamp(0), exemplars: &[], ..number(point) };
            points.iter().map(begin).for_each(take);
        }
        Data::Sum { points, .. } => points.iter().map(number).for_each(take),
        Data::Histogram { points, .. } => {
            points.iter().map(|point| Reading::of(point, Value::Explicit(Cow::Borrowed(&point.value)))).for_each(take);
        }
        Data::ExponentialHistogram { points, .. } => {
            points
                .iter()
                .map(|point| Reading::of(point, Value::Exponential(Cow::Borrowed(&point.value))))
                .for_each(take);
        }
    }
}

fn number(point: &Point<Number>) -> Reading<'_> {
    Reading::of(point, Value::Number(point.value))
}

/// A point whose series are known from an earlier snapshot. There is one for each series of most metrics: small.
#[derive(Debug)]
pub(super) struct Known {
    series: Place,
    /// The snapshot that had it last.
    pub(super) turn: u64,
    /// The sum so far, when the points are deltas.
    total: Option<Box<Total>>,
}

/// Where the values of a point go.
#[derive(Debug)]
enum Place {
    One(Arc<Series>),
    Explicit(Box<Explicit>),
}

/// The series of an explicit histogram.
#[derive(Debug)]
struct Explicit {
    /// `_count`, `_bucket` by bound, `_bucket` of all, and `_sum` if it has one.
    series: Vec<Arc<Series>>,
    bounds: Arc<[f64]>,
}

impl Place {
    fn series(&self) -> &[Arc<Series>] {
        match self {
            Self::One(series) => std::slice::from_ref(series),
            Self::Explicit(explicit) => &explicit.series,
        }
    }
}

impl Known {
    /// Finds or makes the series of a point; `None`, counted, when there is no room for them.
    pub(super) fn new(
        name: &str,
        base: &Base,
        value: &Value<'_>,
        symbols: &mut Symbols,
        writer: &mut Writer<'_>,
    ) -> Option<Self> {
        let series = if let Value::Explicit(histogram) = value {
            let mut wanted = vec![base.series(&format!("{name}_count"), None, symbols)];
            let bucket = format!("{name}_bucket");
            for bound in histogram.bounds.iter().chain([&f64::INFINITY]) {
                wanted.push(base.series(&bucket, Some(&labels::bound(*bound)), symbols));
            }
            wanted.extend(histogram.sum.map(|_| base.series(&format!("{name}_sum"), None, symbols)));
            let (series, bounds) = (writer.series(wanted)?, Arc::clone(&histogram.bounds));
            Place::Explicit(Box::new(Explicit { series, bounds }))
        } else {
            Place::One(writer.series(vec![base.series(name, None, symbols)])?.pop()?)
        };
        Some(Self { series, turn: 0, total: None })
    }

    /// Whether a point still has the series that are known.
    pub(super) fn fits(&self, value: &Value<'_>) -> bool {
        let Value::Explicit(histogram) = value else { return true };
        let Place::Explicit(known) = &self.series else { return false };
        let same_bounds = Arc::ptr_eq(&known.bounds, &histogram.bounds) || known.bounds == histogram.bounds;
        same_bounds && known.series.len() == known.bounds.len() + 2 + usize::from(histogram.sum.is_some())
    }

    /// Takes a point. `false` when the series ended with it.
    pub(super) fn take(&mut self, reading: Reading<'_>, delta: bool, writer: &mut Writer<'_>) -> bool {
        let Reading { start, time, value, exemplars, stale, .. } = reading;
        if stale {
            self.end(time, writer);
            return false;
        }
        if delta {
            match &mut self.total {
                Some(total) => {
                    if !total.add(time, &value) {
                        writer.count(Counter::SampleOutOfOrder, 1);
                    }
                }
                none => *none = Some(Box::new(Total { start, time, value: value.into_owned() })),
            }
            self.repeat(time, writer);
        } else {
            self.write(millis(start), millis(time), &value, writer);
        }
        self.keep(exemplars, writer);
        true
    }

    /// What becomes of the series when a snapshot at `time` has no such point: deltas pause, others end. `false` when
    /// they ended.
    pub(super) fn miss(&mut self, time: Timestamp, writer: &mut Writer<'_>) -> bool {
        let now = millis(time);
        let pauses = self.total.as_ref().is_some_and(|total| now - millis(total.time) < LONGEST_PAUSE_MS);
        if pauses {
            self.repeat(time, writer);
        } else {
            self.end(time, writer);
        }
        pauses
    }

    /// Marks the series as ended, but for those that `others` has too.
    pub(super) fn replaced_by(&self, others: &Self, time: Timestamp, writer: &mut Writer<'_>) {
        for series in self.series.series() {
            if !others.series.series().iter().any(|other| Arc::ptr_eq(series, other)) {
                writer.end(series, millis(time));
            }
        }
    }

    /// Marks the series as ended.
    pub(super) fn end(&self, time: Timestamp, writer: &mut Writer<'_>) {
        for series in self.series.series() {
            writer.end(series, millis(time));
        }
    }

    /// Writes the total as it stands.
    fn repeat(&mut self, time: Timestamp, writer: &mut Writer<'_>) {
        if let Some(total) = self.total.take() {
            self.write(millis(total.start), millis(time), &total.value, writer);
            self.total = Some(total);
        }
    }

    fn write(&self, start: i64, time: i64, value: &Value<'_>, writer: &mut Writer<'_>) {
        let mut series = self.series.series().iter();
        let mut float = |value: f64| {
            if let Some(series) = series.next() {
                writer.write(series, start, time, SampleValue::Float(value));
            }
        };
        match value {
            Value::Number(number) => float(number.as_f64()),
            Value::Explicit(histogram) => {
                float(histogram.count as f64);
                let mut below = 0;
                for at in 0..histogram.bounds.len() {
                    below += histogram.bucket_counts.get(at).copied().unwrap_or_default();
                    float(below as f64);
                }
                float(histogram.count as f64);
                if let Some(sum) = histogram.sum {
                    float(sum);
                }
            }
            Value::Exponential(histogram) => match (native(histogram), series.next()) {
                (Some(native), Some(series)) => {
                    writer.write(series, start, time, SampleValue::Histogram(Arc::new(native)));
                }
                _ => writer.count(Counter::Untranslatable, 1),
            },
        }
    }

    /// Exemplars go to the one series, or to the bucket that their value fell into.
    pub(super) fn keep(&self, exemplars: &[Exemplar], writer: &mut Writer<'_>) {
        for exemplar in exemplars {
            let series = match &self.series {
                Place::One(series) => Some(series),
                Place::Explicit(explicit) => {
                    let Explicit { series, bounds } = &**explicit;
                    series.get(1 + bounds.partition_point(|bound| *bound < exemplar.value.as_f64()))
                }
            };
            if let Some(series) = series {
                writer.keep(series, exemplar);
            }
        }
    }
}

/// Whole milliseconds since the Unix epoch, as Prometheus counts time.
pub(in crate::history) fn millis(time: Timestamp) -> i64 {
    i64::try_from(time.0 / 1_000_000).unwrap_or(i64::MAX)
}
