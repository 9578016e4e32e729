//! Settings in, parts out: pipeline, providers and layer, connected. Nothing global is touched and nothing runs yet.

use std::sync::Arc;

use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::registry::LookupSpan;

use super::alerts::Alerts;
use super::web::{Api, Port};
use crate::Error;
use crate::bridge::{Bridge, MeterProvider};
use crate::clock::Clock;
use crate::config::{Config, Exporter};
use crate::exporters::{Beside, console::Console, otlp};
use crate::families::Family;
use crate::internal::Internal;
use crate::layer::{self, Layer, Parts, Traces};
use crate::model::Signal;
use crate::pipeline::{Evaluation, Exporters, Pipeline, Queues, Stages};
use crate::series::{Declared, Store};
use crate::system::System;

/// The default rules read these names, and a rule of the user's may.
const WITHOUT_COLLECTOR: &str = "rules are on and the family `collector` is off: rules over traces_span_metrics_* (the \
     default ones among them) find no series; add it to BELLWETHER_FAMILIES, `families` or Builder::families";

/// What only the host's code can say.
pub(super) struct Extras {
    /// The console's directives; `None` without a console.
    pub(super) console: Option<String>,
    /// Where the console writes, instead of standard error.
    pub(super) console_writer: Option<BoxMakeWriter>,
    pub(super) clock: Clock,
    pub(super) exporters: Exporters,
    pub(super) alerts: Alerts,
    pub(super) api: Api,
}

/// What the OpenTelemetry API is served by.
#[derive(Debug, Clone)]
pub(super) struct Providers {
    pub(super) tracer: Option<SdkTracerProvider>,
    pub(super) meter: MeterProvider,
}

/// Everything connected, nothing running.
pub(super) struct Assembled<S> {
    pub(super) layer: Layer<S>,
    pub(super) pipeline: Pipeline,
    pub(super) providers: Providers,
    pub(super) config: Config,
    pub(super) internal: Arc<Internal>,
    /// Of the HTTP API.
    pub(super) port: Port,
    /// Signals that go to an exporter of the host's.
    pub(super) own: Vec<Signal>,
    /// What is evaluated and who is told, if rules are.
    pub(super) rules: Option<String>,
}

pub(super) fn assemble<S>(mut config: Config, extras: Extras) -> Result<Assembled<S>, Error>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let Extras { console, console_writer, clock, mut exporters, alerts, api } = extras;
    let own: Vec<Signal> = Signal::ALL.into_iter().filter(|signal| exporters.has(*signal)).collect();
    if config.disabled {
        exporters = Exporters::default();
    } else {
        // An exporter in code counts, whatever the variables say about the signal.
        config.layer.traces |= own.contains(&Signal::Traces);
        config.layer.logs |= own.contains(&Signal::Logs);
    }
    let api = api.settle(&config);
    let alerts = api.window(alerts.settle(&mut config));
    config.instruments.iter().try_for_each(Declared::check)?;
    let internal = Arc::new(Internal::default());
    let store = Store::new(config.series.clone(), clock.clone(), Arc::clone(&internal));
    config.instruments.iter().try_for_each(|instrument| instrument.declare(&store))?;
    add_exporters(&mut exporters, &config, &internal, &clock)?;
    let resource = config.resource.clone();
    let bridge = Bridge::new(&config.series, resource.clone(), Arc::clone(&internal));
    let meter = bridge.provider();
    let system = System::new(&config.system, clock.now());
    let stages = Stages { store: Arc::clone(&store), bridge, system, resource: resource.clone() };
    let (pipeline, Queues { spans, logs }) = Pipeline::new(&config.pipeline, stages, exporters);
    let evaluation = alerts.evaluation(&mut config, logs.as_ref(), &internal, &clock)?;
    let rules = evaluation.as_ref().and_then(Evaluation::describe);
    if rules.is_some() && !config.series.families.has(Family::Collector) {
        config.warnings.push(WITHOUT_COLLECTOR.to_owned());
    }
    let port = if config.disabled { Port::default() } else { api.open()? };
    let pipeline = pipeline.evaluating(evaluation).answering(port.address());
    let traces = spans.map(|queue| Traces::new(&config.layer, resource, vec![Box::new(queue)], &internal));
    let tracer = traces.as_ref().map(|traces| traces.provider().clone());
    let console = console.map(|directives| lines(&directives, console_writer)).transpose()?;
    let parts = Parts {
        store: (!config.disabled).then_some(store),
        internal: Arc::clone(&internal),
        clock,
        traces,
        logs: logs.map(|queue| Box::new(queue) as Box<dyn layer::LogSink>),
        console,
    };
    let layer = Layer::new(&config.layer, parts);
    Ok(Assembled { layer, pipeline, providers: Providers { tracer, meter }, config, internal, port, own, rules })
}

/// Lines for a person. Colours are for a terminal of the host's own.
fn lines<S>(directives: &str, writer: Option<BoxMakeWriter>) -> Result<layer::Console<S>, Error>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    match writer {
        None => layer::Console::new("RUST_LOG", directives),
        Some(writer) => layer::Console::with_writer("RUST_LOG", directives, false, writer),
    }
}

/// Adds the exporters that the settings name, for signals that have none from the host's code.
fn add_exporters(
    exporters: &mut Exporters,
    config: &Config,
    internal: &Arc<Internal>,
    clock: &Clock,
) -> Result<(), Error> {
    if config.disabled {
        return Ok(());
    }
    let mut client = otlp::Client::new(within_export_timeouts(config), Arc::clone(internal), clock.clone());
    let (alone, beside) = (Console::stdout(Arc::clone(internal)), Console::stdout(Arc::default()));
    for signal in Signal::ALL.into_iter().filter(|signal| !exporters.has(*signal)).collect::<Vec<_>>() {
        let wanted = config.exporters(signal);
        match (wanted.contains(&Exporter::Otlp), wanted.contains(&Exporter::Console), signal) {
            (true, true, Signal::Traces) => exporters.spans(Beside::new(client.spans()?, beside.clone())),
            (true, true, Signal::Metrics) => exporters.metrics(Beside::new(client.metrics()?, beside.clone())),
            (true, true, Signal::Logs) => exporters.logs(Beside::new(client.logs()?, beside.clone())),
            (true, false, Signal::Traces) => exporters.spans(client.spans()?),
            (true, false, Signal::Metrics) => exporters.metrics(client.metrics()?),
            (true, false, Signal::Logs) => exporters.logs(client.logs()?),
            (false, true, Signal::Traces) => exporters.spans(alone.clone()),
            (false, true, Signal::Metrics) => exporters.metrics(alone.clone()),
            (false, true, Signal::Logs) => exporters.logs(alone.clone()),
            (false, false, _) => {}
        }
    }
    Ok(())
}

/// The client's settings, with time limits of the pipeline's where those are shorter: an export that runs out of time
/// then ends in the client, which tells people why, and not by being stopped.
fn within_export_timeouts(config: &Config) -> otlp::Config {
    let (mut otlp, limits) = (config.otlp.clone(), &config.pipeline);
    otlp.traces.timeout = otlp.traces.timeout.min(limits.spans.export_timeout);
    otlp.metrics.timeout = otlp.metrics.timeout.min(limits.export_timeout);
    otlp.logs.timeout = otlp.logs.timeout.min(limits.logs.export_timeout);
    otlp
}
