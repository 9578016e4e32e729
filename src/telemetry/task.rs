//! The background work, for who wants to run it.

use opentelemetry_sdk::trace::SdkTracerProvider;

use super::assemble::Providers;
use super::web::Port;
use crate::bridge::MeterProvider;
use crate::model::Report;
use crate::pipeline::{self, Handle};

/// Collection and export as a future of yours, instead of a thread of ours.
///
/// ```no_run
/// # async fn example(stop: tokio::sync::oneshot::Receiver<()>) -> Result<(), bellwether::Error> {
/// use tracing_subscriber::prelude::*;
/// let (layer, pipeline) = bellwether::builder().service("search").build()?;
/// tracing_subscriber::registry().with(layer).init();
/// let telemetry = tokio::spawn(pipeline.run(async { drop(stop.await) }));
/// # Ok(()) }
/// ```
#[must_use = "nothing is exported unless the pipeline runs"]
#[derive(Debug)]
pub struct Pipeline {
    inner: pipeline::Pipeline,
    providers: Providers,
    port: Port,
}

impl Pipeline {
    pub(super) fn new(inner: pipeline::Pipeline, providers: Providers, port: Port) -> Self {
        Self { inner, providers, port }
    }

    /// Runs until `shutdown` ends, or until a [`Handle`] shuts it down; then sends the rest within
    /// [`pipeline::Config::shutdown_timeout`] and returns the account. It needs a tokio runtime with time and I/O.
    ///
    /// On your runtime, what hyper does for our connections is kept out of telemetry by its target only, not by its
    /// thread: leave [`crate::layer::Config::EXPORTER_TARGETS`] out of the filter.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Report {
        self.port.try_serve(&self.inner.handle());
        self.inner.run(shutdown).await
    }

    /// To flush, to look and to end it from elsewhere.
    pub fn handle(&self) -> Handle {
        self.inner.handle()
    }

    /// Traces for the OpenTelemetry API; `None` when traces are not exported.
    pub fn tracer_provider(&self) -> Option<SdkTracerProvider> {
        self.providers.tracer.clone()
    }

    /// Meters for the OpenTelemetry API.
    pub fn meter_provider(&self) -> MeterProvider {
        self.providers.meter.clone()
    }
}
