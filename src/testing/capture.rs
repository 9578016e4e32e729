//! A telemetry instance of a test's own.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanProcessor;
use tracing::Dispatch;
use tracing::instrument::{WithDispatch, WithSubscriber};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Registry, filter::Targets};

use super::records::{Kept, Log, Span};
use crate::bridge::{Bridge, MeterProvider};
use crate::clock::{Clock, Timestamp};
use crate::families::Family;
use crate::internal::Internal;
use crate::layer::{self, Layer, Parts, Sampler};
use crate::model::{Data, Metric, Operation, ScopeMetrics, Snapshot};
use crate::names;
use crate::series::{self, Collect, Store};

/// Settings of a [`Capture`].
#[derive(Debug, Clone)]
pub struct Builder {
    layer: layer::Config,
    series: series::Config,
    start: Timestamp,
}

impl Builder {
    /// Where the clock stands at first: 2026-01-01T00:00:00Z.
    pub const START: Timestamp = Timestamp(1_767_225_600_000_000_000);

    /// The share of traces that is sampled, 0 to 1; by the parent's decision where there is a parent. Default: 1.
    #[must_use]
    pub fn sampling_ratio(mut self, ratio: f64) -> Self {
        self.layer.sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatio(ratio)));
        self
    }

    /// The least grave level that becomes telemetry. Default: INFO.
    #[must_use]
    pub fn level(mut self, level: LevelFilter) -> Self {
        self.layer.filter = self.layer.filter.with_default(level);
        self
    }

    /// Which spans and events become telemetry. Default: [`layer::Config::default_filter`].
    #[must_use]
    pub fn filter(mut self, filter: Targets) -> Self {
        self.layer.filter = filter;
        self
    }

    /// Further span fields that become metric attributes.
    #[must_use]
    pub fn dimensions(mut self, fields: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.layer.dimensions.extend(fields.into_iter().map(Into::into));
        self
    }

    /// Under which names the metrics of spans are captured. Default: [`Family::Collector`] alone.
    #[must_use]
    pub fn families(mut self, families: impl IntoIterator<Item = Family>) -> Self {
        self.series.families = families.into_iter().collect();
        self
    }

    /// Where the clock stands at first. Default: [`Builder::START`].
    #[must_use]
    pub fn start(mut self, start: Timestamp) -> Self {
        self.start = start;
        self
    }

    /// Sets it up. Nothing is captured outside the capture's scopes.
    pub fn build(self) -> Capture {
        let Self { layer, series, start } = self;
        let (clock, internal) = (Clock::manual(start), Arc::new(Internal::default()));
        let store = Store::new(series, clock.clone(), Arc::clone(&internal));
        let (spans, logs) = (Kept::<Span>::default(), Kept::<Log>::default());
        let resource = Resource::builder_empty().with_service_name(store.config().service_name.clone()).build();
        let bridge = Bridge::new(store.config(), resource.clone(), Arc::clone(&internal));
        let processors: Vec<Box<dyn SpanProcessor>> = vec![Box::new(spans.clone())];
        let traces = layer::Traces::new(&layer, resource.clone(), processors, &internal);
        let parts = Parts {
            store: Some(Arc::clone(&store)),
            internal: Arc::clone(&internal),
            clock: clock.clone(),
            traces: Some(traces),
            logs: Some(Box::new(logs.clone())),
            console: None,
        };
        let dispatch = Dispatch::new(Registry::default().with(Layer::new(&layer, parts)));
        Capture { dispatch, store, bridge, internal, clock, resource, spans, logs }
    }
}

impl Default for Builder {
    fn default() -> Self {
        let series = series::Config { service_name: String::from("test"), ..series::Config::default() };
        Self { layer: layer::Config::default(), series, start: Self::START }
    }
}

/// What ran in its scopes: spans, log records, metrics.
///
/// It may be shared between threads and scopes; a thread that the scope's code starts needs a scope of its own.
#[derive(Debug)]
pub struct Capture {
    dispatch: Dispatch,
    store: Arc<Store>,
    bridge: Bridge,
    internal: Arc<Internal>,
    clock: Clock,
    resource: Resource,
    spans: Kept<Span>,
    logs: Kept<Log>,
}

impl Capture {
    /// Runs code whose telemetry is captured.
    pub fn scope<R>(&self, f: impl FnOnce() -> R) -> R {
        tracing::dispatcher::with_default(&self.dispatch, f)
    }

    /// A future whose telemetry is captured, wherever it is polled. Tasks that it spawns need a scope of their own.
    ///
    /// ```
    /// #[tracing::instrument]
    /// async fn work() {}
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// let capture = bellwether::testing::capture();
    /// capture.scope_async(work()).await;
    /// assert_eq!(capture.calls("work"), 1);
    /// # });
    /// ```
    pub fn scope_async<F: Future>(&self, future: F) -> WithDispatch<F> {
        future.with_subscriber(self.dispatch.clone())
    }

    /// The subscriber of the capture, for code that takes one.
    pub fn dispatch(&self) -> &Dispatch {
        &self.dispatch
    }

    /// Meters of the OpenTelemetry API whose instruments the capture collects, for code that takes a provider or a meter.
    /// Instruments of the global provider (`opentelemetry::global::meter`) belong to the process and are not captured;
    /// neither does the capture's clock govern the times of their points.
    ///
    /// ```
    /// use bellwether::opentelemetry::metrics::{Meter, MeterProvider as _};
    ///
    /// fn serve(meter: &Meter) {
    ///     meter.u64_counter("served").build().add(2, &[]);
    /// }
    ///
    /// let capture = bellwether::testing::capture();
    /// serve(&capture.meter_provider().meter("shop"));
    /// assert_eq!(capture.value("served", &[]), Some(2.0));
    /// ```
    pub fn meter_provider(&self) -> MeterProvider {
        self.bridge.provider()
    }

    /// Moves the clock. Durations of spans and timers come from it alone.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let capture = bellwether::testing::capture();
    /// capture.scope(|| tracing::info_span!("work").in_scope(|| capture.advance(Duration::from_millis(30))));
    /// let work = capture.operation("work").unwrap();
    /// assert!((work.quantile(0.5).unwrap() - 30.0).abs() < 1.0);
    /// assert_eq!(capture.spans()[0].duration(), Duration::from_millis(30));
    /// ```
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    #[cfg(feature = "rules")]
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The time of the clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Sampled spans that have ended, in the order of their ends.
    pub fn spans(&self) -> Vec<Span> {
        self.spans.all()
    }

    /// Log records in their order.
    pub fn logs(&self) -> Vec<Log> {
        self.logs.all()
    }

    /// What each operation did so far.
    pub fn operations(&self) -> Vec<Operation> {
        self.store.operations()
    }

    /// What the first operation with this name did so far.
    pub fn operation(&self, name: &str) -> Option<Operation> {
        self.operations().into_iter().find(|operation| operation.name == name)
    }

    /// How often spans of this name ended, sampled or not, whatever their kind.
    pub fn calls(&self, operation: &str) -> u64 {
        self.operations().iter().filter(|found| found.name == operation).map(|found| found.calls).sum()
    }

    /// How often spans of this name ended in an error.
    pub fn errors(&self, operation: &str) -> u64 {
        self.operations().iter().filter(|found| found.name == operation).map(|found| found.errors).sum()
    }

    /// A metric as it would be exported now.
    pub fn metric(&self, name: &str) -> Option<Metric> {
        self.snapshot().metric(name).cloned()
    }

    /// The sum of the points of a metric that have these attributes among theirs: values of counters and gauges, sums
    /// of histograms. `None` without such a point.
    pub fn value(&self, metric: &str, attributes: &[KeyValue]) -> Option<f64> {
        let has = |point: &crate::model::Attributes| {
            attributes.iter().all(|wanted| point.get(wanted.key.as_str()) == Some(&wanted.value))
        };
        let values: Vec<f64> = match self.metric(metric)?.data {
            Data::Gauge(points) | Data::Sum { points, .. } => {
                points.iter().filter(|point| has(&point.attributes)).map(|point| point.value.as_f64()).collect()
            }
            Data::Histogram { points, .. } => {
                points.iter().filter(|point| has(&point.attributes)).filter_map(|point| point.value.sum).collect()
            }
            Data::ExponentialHistogram { points, .. } => {
                points.iter().filter(|point| has(&point.attributes)).filter_map(|point| point.value.sum).collect()
            }
        };
        (!values.is_empty()).then(|| values.iter().sum())
    }

    /// All metrics as they would be exported now. Reading changes nothing.
    pub fn snapshot(&self) -> Snapshot {
        let time = self.clock.now();
        let scope = InstrumentationScope::builder(names::SCOPE).build();
        let metrics = self.store.collect(time, Collect::Peek);
        let mut scopes = vec![ScopeMetrics { scope, metrics }];
        scopes.extend(self.bridge.collect());
        Snapshot { time, resource: self.resource.clone(), scopes }
    }

    /// How often something was refused, trimmed or approximated.
    #[doc(hidden)]
    pub fn counted(&self, counter: crate::internal::Counter) -> u64 {
        self.internal.counted(counter)
    }
}
