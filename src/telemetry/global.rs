//! What is one a process. Only setting the subscriber can fail, so it comes first: either all is set, or nothing. The
//! pipeline's thread is made before, because that can fail too, but starts after.

use opentelemetry::global;
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use tracing::dispatcher::{self, Dispatch};
use tracing_log::AsLog;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Registry, registry};

use super::assemble::Assembled;
use super::subscriber::Mortal;
use super::{Guard, banner, panics};
use crate::config::Propagator;
use crate::pipeline::Spawned;
use crate::{Error, internal, layer};

pub(super) fn install(assembled: Assembled<Registry>, panic_hook: bool) -> Result<Guard, Error> {
    let Assembled { layer, pipeline, providers, config, internal, port, own, rules } = assembled;
    let handle = pipeline.handle();
    let spawned = (!config.disabled).then(|| pipeline.spawn()).transpose();
    let spawned = spawned.map_err(|error| Error::system("start the telemetry thread", error))?;
    // It ends with the pipeline, even with one that was not started.
    port.serve(&handle)?;
    // What nobody wants of the `log` crate stays as cheap as without a logger.
    let most_verbose = layer.max_log_level();
    let subscriber = Mortal::new(registry().with(layer), internal);
    if dispatcher::set_global_default(Dispatch::new(subscriber)).is_err() {
        return Err(Error::already_initialized("the global tracing subscriber"));
    }
    drop(spawned.map(Spawned::start));
    global::set_text_map_propagator(layer::Propagator(propagator(&config.propagators)));
    if !config.disabled {
        if let Some(tracer) = &providers.tracer {
            global::set_tracer_provider(tracer.clone());
        }
        global::set_meter_provider(providers.meter.clone());
    }
    if panic_hook {
        panics::install();
    }
    // Records of the `log` crate become events. Another logger may be set already, which is the host's right.
    let logger = tracing_log::LogTracer::builder().with_max_level(most_verbose.as_log());
    let logger_is_taken = logger.init().is_err();
    internal::info(&banner::banner(&config, &own, rules.as_deref()));
    if let Some(address) = handle.web_address() {
        internal::info(&format!("Prometheus' HTTP API and /metrics answer at http://{address}"));
    }
    for warning in &config.warnings {
        internal::warn(warning);
    }
    if logger_is_taken {
        internal::warn("records of the `log` crate go to the logger that was set before, and are no telemetry");
    }
    Ok(Guard::new(handle, providers, config.pipeline.shutdown_timeout))
}

fn propagator(propagators: &[Propagator]) -> TextMapCompositePropagator {
    let propagators = propagators.iter().map(|propagator| -> Box<dyn TextMapPropagator + Send + Sync> {
        match propagator {
            Propagator::TraceContext => Box::new(TraceContextPropagator::new()),
            Propagator::Baggage => Box::new(BaggagePropagator::new()),
        }
    });
    TextMapCompositePropagator::new(propagators.collect())
}
