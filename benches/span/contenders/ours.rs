//! bellwether, through its own door, with exporters that count and throw away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bellwether::config::{self, Environment, Overrides};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::Registry;

use super::{Installed, Recorded, Result};
use crate::workload::RATIO;

const FLUSH: Duration = Duration::from_secs(10);

#[derive(Debug, Default, Clone)]
struct Counting(Arc<AtomicU64>);

impl Counting {
    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl SpanExporter for Counting {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.fetch_add(batch.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

impl LogExporter for Counting {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        self.0.fetch_add(batch.iter().count() as u64, Ordering::Relaxed);
        Ok(())
    }
}

struct Ours {
    guard: bellwether::Guard,
    spans: Counting,
    logs: Counting,
}

impl Installed for Ours {
    fn flush(&self) -> Result<()> {
        drop(self.guard.handle().flush(FLUSH));
        Ok(())
    }

    fn recorded(&self) -> Result<Recorded> {
        let operations = self.guard.handle().operations();
        let measurements = operations.iter().map(|operation| operation.calls).sum();
        Ok(Recorded { spans: self.spans.count(), measurements, logs: self.logs.count() })
    }
}

/// Metrics as by default, nobody to send them to, and no other signal.
fn settings() -> Result<config::Config> {
    let mut config = config::load(&Environment::default(), Overrides::default())?;
    for exporters in [&mut config.traces_exporters, &mut config.metrics_exporters, &mut config.logs_exporters] {
        exporters.clear();
    }
    (config.layer.traces, config.layer.logs) = (false, false);
    Ok(config)
}

fn install(builder: bellwether::Builder, spans: Counting, logs: Counting) -> Result<Box<dyn Installed>> {
    let (layer, guard) = builder.config(settings()?).layer()?;
    tracing::subscriber::set_global_default(Registry::default().with(layer))?;
    Ok(Box::new(Ours { guard, spans, logs }))
}

pub(super) fn metrics() -> Result<Box<dyn Installed>> {
    install(bellwether::builder(), Counting::default(), Counting::default())
}

pub(super) fn metrics_and_few_traces() -> Result<Box<dyn Installed>> {
    let spans = Counting::default();
    let builder = bellwether::builder().with_span_exporter(spans.clone()).sample_ratio(RATIO);
    install(builder, spans, Counting::default())
}

pub(super) fn everything() -> Result<Box<dyn Installed>> {
    let (spans, logs) = (Counting::default(), Counting::default());
    let builder = bellwether::builder().with_span_exporter(spans.clone()).with_log_exporter(logs.clone());
    install(builder.sample_ratio(1.0), spans, logs)
}
