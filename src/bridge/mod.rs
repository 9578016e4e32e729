//! OTel SDK meters of the user and of other libraries join at collection.
//!
//! The SDK aggregates what is recorded through the OpenTelemetry API; a manual reader takes it out when the pipeline
//! collects, and `convert` turns it into our model. Always cumulative, without exemplars: the SDK has none.
//!
//! Values that are not finite the SDK leaves out without a count. A negative increment of a counter, which it would add,
//! is refused and counted before it gets there; for that a counter of fractions is one of ours around the SDK's, and
//! cannot be bound to attributes (`experimental_metrics_bound_instruments`). Callbacks are wrapped too, see `meters`.

mod convert;
mod meters;

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, InstrumentKind, ManualReader, Pipeline, SdkMeterProvider, Stream, Temporality,
};

pub use meters::MeterProvider;

use crate::internal::Internal;
use crate::model::{Attributes, Metric, ScopeMetrics};
use crate::names;
use crate::series::{Config, HistogramAggregation, cardinality};

/// The finest resolution that an exponential histogram of the SDK starts with: the specification's default.
const MAX_SCALE: i8 = 20;
/// Metrics at most that a person is told about.
const TOLD_MAX: usize = 1_000;

thread_local! {
    /// Whether this thread is in a collection. A callback that asks for a snapshot must not wait for itself.
    static COLLECTING: Cell<bool> = const { Cell::new(false) };
}

/// Collects what was recorded through the meters of its [`MeterProvider`].
pub struct Bridge {
    reader: Reader,
    provider: MeterProvider,
    internal: Arc<Internal>,
    /// Series an instrument may have, the overflow series included.
    limit: usize,
    /// Names of metrics that a person was told have too many series; [`TOLD_MAX`] at most.
    told: Mutex<HashSet<String>>,
}

impl Bridge {
    /// Aggregates as the store does: same form of histograms, same cardinality limit.
    pub fn new(config: &Config, resource: Resource, internal: Arc<Internal>) -> Self {
        let reader = Reader(Arc::new(ManualReader::builder().with_temporality(Temporality::Cumulative).build()));
        let sdk = SdkMeterProvider::builder()
            .with_resource(resource)
            .with_reader(reader.clone())
            .with_view(view(config))
            .build();
        let provider = MeterProvider::new(sdk, Arc::clone(&internal));
        Self { reader, provider, internal, limit: config.cardinality_limit, told: Mutex::default() }
    }

    /// For `opentelemetry::global::set_meter_provider`, or to pass to a library.
    pub fn provider(&self) -> MeterProvider {
        self.provider.clone()
    }

    /// Whether the calling thread is in a collection.
    pub(crate) fn is_collecting() -> bool {
        COLLECTING.get()
    }

    /// Whether an instrument has a callback, which is code of the host.
    pub(crate) fn has_callbacks(&self) -> bool {
        self.provider.has_callbacks()
    }

    /// All metrics by scope. Callbacks of observable instruments run on the calling thread; within one it is empty.
    pub(crate) fn collect(&self) -> Vec<ScopeMetrics> {
        struct Leave;
        impl Drop for Leave {
            fn drop(&mut self) {
                COLLECTING.set(false);
            }
        }

        if COLLECTING.replace(true) {
            return Vec::new();
        }
        let _leave = Leave;
        let mut found = ResourceMetrics::default();
        match self.reader.collect(&mut found) {
            Ok(()) => {
                let scopes = convert::scopes(&found, &self.internal);
                scopes.iter().flat_map(|scope| &scope.metrics).for_each(|metric| self.tell_of_overflow(metric));
                scopes
            }
            // Shut down by the host: nothing more is recorded either.
            Err(_) => Vec::new(),
        }
    }

    /// One line a metric whose attributes have more values than the limit allows: the SDK has none.
    fn tell_of_overflow(&self, metric: &Metric) {
        let has_overflow = |attributes: &Attributes| attributes.get(names::OVERFLOW).is_some();
        if metric.data.len() < self.limit || !metric.data.attributes().any(has_overflow) {
            return;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = told.len() < TOLD_MAX && told.insert(metric.name.to_string());
        drop(told);
        if is_new {
            cardinality::warn(&metric.name, self.limit, None, metric.data.attributes());
        }
    }
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bridge").finish_non_exhaustive()
    }
}

fn view(config: &Config) -> impl Fn(&Instrument) -> Option<Stream> + Send + Sync + 'static {
    let exponential = config.aggregation == HistogramAggregation::Base2ExponentialBucket;
    let max_size = u32::try_from(config.max_size).unwrap_or(u32::MAX);
    let limit = config.cardinality_limit;
    move |instrument| {
        let mut stream = Stream::builder().with_cardinality_limit(limit);
        if exponential && instrument.kind() == InstrumentKind::Histogram {
            stream = stream.with_aggregation(Aggregation::Base2ExponentialHistogram {
                max_size,
                max_scale: MAX_SCALE,
                record_min_max: true,
            });
        }
        stream.build().ok()
    }
}

/// The SDK takes its reader by value; ours is shared with the bridge.
#[derive(Debug, Clone)]
struct Reader(Arc<ManualReader>);

impl MetricReader for Reader {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, found: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(found)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::metrics::MeterProvider as _;

    use super::*;
    use crate::internal::Counter;
    use crate::model::{Data, Number};

    fn bridge(aggregation: HistogramAggregation) -> (Bridge, Arc<Internal>) {
        let internal = Arc::new(Internal::default());
        let config = Config { aggregation, cardinality_limit: 3, ..Config::default() };
        (Bridge::new(&config, Resource::builder_empty().build(), Arc::clone(&internal)), internal)
    }

    fn data(bridge: &Bridge, name: &str) -> Data {
        let scopes = bridge.collect();
        scopes.iter().flat_map(|scope| &scope.metrics).find(|metric| metric.name == name).unwrap().data.clone()
    }

    fn numbers(data: &Data) -> Vec<Number> {
        match data {
            Data::Gauge(points) | Data::Sum { points, .. } => points.iter().map(|point| point.value).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn numbers_of_every_type_arrive_and_those_that_are_not_finite_are_counted() {
        let (bridge, internal) = bridge(HistogramAggregation::ExplicitBucket);
        let meter = bridge.provider().meter("test");
        meter.u64_counter("large").build().add(u64::MAX, &[]);
        meter.i64_up_down_counter("down").build().add(-7, &[]);
        // The SDK refuses infinities itself, but not a sum that becomes one.
        let infinite = meter.f64_counter("infinite").build();
        infinite.add(f64::MAX, &[]);
        infinite.add(f64::MAX, &[]);
        let _observed = meter.f64_observable_counter("observed").with_callback(|it| it.observe(1.5, &[])).build();
        assert_eq!(numbers(&data(&bridge, "large")), [Number::F64(u64::MAX as f64)]);
        assert_eq!(numbers(&data(&bridge, "down")), [Number::I64(-7)]);
        assert_eq!(numbers(&data(&bridge, "observed")), [Number::F64(1.5)]);
        let before = internal.counted(Counter::NotFinite);
        assert!(data(&bridge, "infinite").is_empty());
        assert!(internal.counted(Counter::NotFinite) > before);
    }

    #[test]
    fn a_counter_refuses_and_counts_what_would_spoil_it() {
        let (bridge, internal) = bridge(HistogramAggregation::ExplicitBucket);
        let meter = bridge.provider().meter("test");
        let counter = meter.f64_counter("sum").with_unit("s").build();
        for value in [5.0, -2.0, f64::NAN, 1.5, f64::INFINITY] {
            counter.add(value, &[]);
        }
        assert_eq!(numbers(&data(&bridge, "sum")), [Number::F64(6.5)]);
        let counted = [Counter::NegativeIncrement, Counter::NotFinite].map(|counter| internal.counted(counter));
        assert_eq!(counted, [1, 2]);
    }

    #[test]
    fn sums_are_cumulative_from_one_start_and_keep_to_the_cardinality_limit() {
        let (bridge, _) = bridge(HistogramAggregation::ExplicitBucket);
        let counter = bridge.provider().meter("test").u64_counter("sum").build();
        for value in 0..9 {
            counter.add(1, &[opentelemetry::KeyValue::new("key", value)]);
        }
        let [first, second] = [data(&bridge, "sum"), data(&bridge, "sum")];
        let (Data::Sum { points, monotonic: true, .. }, Data::Sum { points: later, .. }) = (first, second) else {
            panic!("not sums")
        };
        let total =
            |points: &[crate::model::Point<Number>]| points.iter().map(|point| point.value.as_f64()).sum::<f64>();
        assert_eq!((total(&points), total(&later)), (9.0, 9.0));
        assert_eq!(points[0].start_time, later[0].start_time);
        assert!(points.len() < 9 && points.iter().any(|point| point.attributes.get("otel.metric.overflow").is_some()));
    }

    #[test]
    fn exponential_histograms_lose_the_zeros_at_their_ends_and_a_sum_with_negative_values() {
        let (bridge, _) = bridge(HistogramAggregation::Base2ExponentialBucket);
        let histogram = bridge.provider().meter("test").f64_histogram("spread").build();
        for value in [0.0, 1.0, 1_000.0, -3.0] {
            histogram.record(value, &[]);
        }
        let Data::ExponentialHistogram { points, .. } = data(&bridge, "spread") else { panic!("not exponential") };
        let point = &points[0].value;
        assert_eq!((point.count, point.zero_count, point.sum, point.min), (4, 1, None, Some(-3.0)));
        for buckets in [&point.positive, &point.negative] {
            assert!(buckets.counts.first().is_some_and(|count| *count > 0), "{buckets:?}");
            assert!(buckets.counts.last().is_some_and(|count| *count > 0), "{buckets:?}");
        }
        assert_eq!(point.positive.counts.iter().sum::<u64>(), 2);
        let base = 2.0_f64.powf(2.0_f64.powi(-point.scale));
        assert!(base.powi(point.positive.offset) < 1.0 + 1e-9 && base.powi(point.positive.offset + 1) >= 1.0 - 1e-9);
    }
}
