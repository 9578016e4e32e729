//! The peers, set up as their documentation says, with exporters that count and throw away.
#![expect(clippy::unnecessary_wraps, reason = "one signature for all that install themselves")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, MeterProvider as _};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, HistogramDataPoint, MetricData, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{InstrumentKind, ManualReader, Pipeline, SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter};
use tracing::Subscriber;
use tracing::span::{Attributes, Id};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Registry};

use super::{Installed, Recorded, Result};
use crate::workload::RATIO;

/// Records nothing.
struct Nothing;

impl Installed for Nothing {
    fn flush(&self) -> Result<()> {
        Ok(())
    }

    fn recorded(&self) -> Result<Recorded> {
        Ok(Recorded::default())
    }
}

pub(super) fn nobody() -> Result<Box<dyn Installed>> {
    Ok(Box::new(Nothing))
}

struct NoOp;

impl<S: Subscriber> tracing_subscriber::Layer<S> for NoOp {}

/// The base. A layer is needed: a bare Registry never frees spans.
pub(super) fn registry() -> Result<Box<dyn Installed>> {
    tracing::subscriber::set_global_default(Registry::default().with(NoOp))?;
    Ok(Box::new(Nothing))
}

#[derive(Debug, Default, Clone)]
struct CountingExporter(Arc<AtomicU64>);

impl SpanExporter for CountingExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.fetch_add(batch.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

struct Traces {
    provider: SdkTracerProvider,
    exported: Arc<AtomicU64>,
}

impl Installed for Traces {
    fn flush(&self) -> Result<()> {
        Ok(self.provider.force_flush()?)
    }

    fn recorded(&self) -> Result<Recorded> {
        Ok(Recorded { spans: self.exported.load(Ordering::Relaxed), ..Recorded::default() })
    }
}

#[derive(Clone, Copy)]
enum Details {
    Default,
    Lean,
}

fn otel(details: Details, sampler: Sampler) -> Result<Box<dyn Installed>> {
    let exporter = CountingExporter::default();
    let exported = Arc::clone(&exporter.0);
    let provider = SdkTracerProvider::builder().with_sampler(sampler).with_batch_exporter(exporter).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"));
    let layer = match details {
        Details::Default => layer,
        Details::Lean => layer
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_level(false),
    };
    tracing::subscriber::set_global_default(Registry::default().with(layer))?;
    Ok(Box::new(Traces { provider, exported }))
}

fn few() -> Sampler {
    Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(RATIO)))
}

pub(super) fn otel_all() -> Result<Box<dyn Installed>> {
    otel(Details::Default, Sampler::AlwaysOn)
}

pub(super) fn otel_few() -> Result<Box<dyn Installed>> {
    otel(Details::Default, few())
}

pub(super) fn otel_none() -> Result<Box<dyn Installed>> {
    otel(Details::Default, Sampler::AlwaysOff)
}

pub(super) fn lean_all() -> Result<Box<dyn Installed>> {
    otel(Details::Lean, Sampler::AlwaysOn)
}

pub(super) fn lean_few() -> Result<Box<dyn Installed>> {
    otel(Details::Lean, few())
}

pub(super) fn lean_none() -> Result<Box<dyn Installed>> {
    otel(Details::Lean, Sampler::AlwaysOff)
}

/// A reader that stays in our hands after the provider took it.
#[derive(Debug, Clone)]
struct SharedReader(Arc<ManualReader>);

impl MetricReader for SharedReader {
    fn register_pipeline(&self, pipeline: std::sync::Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
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

struct Metrics {
    reader: SharedReader,
    provider: SdkMeterProvider,
}

impl Metrics {
    fn new() -> Self {
        let reader = SharedReader(Arc::new(ManualReader::builder().build()));
        let provider = SdkMeterProvider::builder().with_reader(reader.clone()).build();
        Self { reader, provider }
    }
}

impl Installed for Metrics {
    fn flush(&self) -> Result<()> {
        Ok(())
    }

    /// The counts of all histograms.
    fn recorded(&self) -> Result<Recorded> {
        let mut collected = ResourceMetrics::default();
        self.reader.collect(&mut collected)?;
        let metrics = collected.scope_metrics().flat_map(ScopeMetrics::metrics);
        let measurements = metrics
            .map(|metric| match metric.data() {
                AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
                    histogram.data_points().map(HistogramDataPoint::count).sum()
                }
                _ => 0,
            })
            .sum();
        Ok(Recorded { measurements, ..Recorded::default() })
    }
}

/// What people write by hand: the start in the span's extensions, a histogram and a counter with four attributes.
struct SdkLayer {
    calls: Counter<u64>,
    duration: Histogram<f64>,
}

struct Start(Instant);

impl<S: Subscriber + for<'a> LookupSpan<'a>> tracing_subscriber::Layer<S> for SdkLayer {
    #[expect(clippy::disallowed_methods, reason = "a peer reads the clock that its users read")]
    fn on_new_span(&self, _: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Start(Instant::now()));
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(elapsed) = span.extensions().get::<Start>().map(|start| start.0.elapsed()) else { return };
        let attributes = [
            KeyValue::new("service.name", "bench"),
            KeyValue::new("span.name", span.name()),
            KeyValue::new("span.kind", "SPAN_KIND_INTERNAL"),
            KeyValue::new("status.code", "STATUS_CODE_UNSET"),
        ];
        self.calls.add(1, &attributes);
        self.duration.record(elapsed.as_secs_f64() * 1_000.0, &attributes);
    }
}

pub(super) fn sdk_layer() -> Result<Box<dyn Installed>> {
    let metrics = Metrics::new();
    let meter = metrics.provider.meter("bench");
    let layer = SdkLayer {
        calls: meter.u64_counter("traces.span.metrics.calls").build(),
        duration: meter.f64_histogram("traces.span.metrics.duration").with_unit("ms").build(),
    };
    tracing::subscriber::set_global_default(Registry::default().with(layer))?;
    Ok(Box::new(metrics))
}

pub(super) fn metrics_layer() -> Result<Box<dyn Installed>> {
    let metrics = Metrics::new();
    let layer = tracing_opentelemetry::MetricsLayer::new(metrics.provider.clone());
    tracing::subscriber::set_global_default(Registry::default().with(layer))?;
    Ok(Box::new(metrics))
}

#[derive(Clone, Default)]
struct Fastrace(Arc<AtomicU64>);

impl fastrace::collector::Reporter for Fastrace {
    fn report(&mut self, spans: Vec<fastrace::collector::SpanRecord>) {
        self.0.fetch_add(spans.len() as u64, Ordering::Relaxed);
    }
}

impl Installed for Fastrace {
    fn flush(&self) -> Result<()> {
        fastrace::flush();
        Ok(())
    }

    fn recorded(&self) -> Result<Recorded> {
        Ok(Recorded { spans: self.0.load(Ordering::Relaxed), ..Recorded::default() })
    }
}

pub(super) fn fastrace() -> Result<Box<dyn Installed>> {
    let reporter = Fastrace::default();
    fastrace::set_reporter(reporter.clone(), fastrace::collector::Config::default());
    Ok(Box::new(reporter))
}
