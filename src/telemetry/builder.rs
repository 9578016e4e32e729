//! What the host's code says; it beats file and variables.

use std::path::PathBuf;
use std::time::Duration;

use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::logs::LogExporter;
use opentelemetry_sdk::trace::SpanExporter;
use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::registry::LookupSpan;

use super::alerts::Alerts;
use super::assemble::{self, Assembled, Extras};
use super::web::Api;
use super::{Guard, Pipeline, global};
use crate::clock::Clock;
use crate::config::{self, Config, Environment, Overrides};
use crate::exporters::otlp::Protocol;
use crate::families::{Families, Family};
use crate::layer::{Layer, Sampler};
use crate::series::Declared;
use crate::{Error, pipeline};

/// Settings in code, and three ways in: [`Builder::init`] sets everything up for the process, [`Builder::layer`] gives a
/// layer for a subscriber of your own, [`Builder::build`] hands over the background work as well.
///
/// What is set here beats the configuration file, which beats variables.
///
/// ```no_run
/// let _telemetry = bellwether::builder()
///     .service("search")
///     .sample_ratio(0.01)
///     .dimension("index.name")
///     .histogram("search.results", "{document}", "Documents found", &[1.0, 10.0, 100.0])
///     .init()?;
/// # Ok::<(), bellwether::Error>(())
/// ```
#[must_use = "a builder does nothing until `init`, `layer` or `build`"]
#[derive(Debug)]
pub struct Builder {
    environment: Option<Environment>,
    overrides: Overrides,
    config: Option<Config>,
    endpoint: Option<String>,
    protocol: Option<Protocol>,
    headers: Vec<(String, String)>,
    sample_ratio: Option<f64>,
    interval: Option<Duration>,
    shutdown_timeout: Option<Duration>,
    process_metrics: Option<bool>,
    runtime_metrics: Option<bool>,
    dimensions: Vec<String>,
    families: Option<Families>,
    filter: Option<String>,
    console: Option<bool>,
    console_filter: Option<String>,
    console_writer: Option<BoxMakeWriter>,
    panic_hook: bool,
    clock: Option<Clock>,
    exporters: pipeline::Exporters,
    instruments: Vec<Declared>,
    pub(super) alerts: Alerts,
    pub(super) api: Api,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            environment: None,
            overrides: Overrides::default(),
            config: None,
            endpoint: None,
            protocol: None,
            headers: Vec::new(),
            sample_ratio: None,
            interval: None,
            shutdown_timeout: None,
            process_metrics: None,
            runtime_metrics: None,
            dimensions: Vec::new(),
            families: None,
            filter: None,
            console: None,
            console_filter: None,
            console_writer: None,
            panic_hook: true,
            clock: None,
            exporters: pipeline::Exporters::default(),
            instruments: Vec::new(),
            alerts: Alerts::default(),
            api: Api::default(),
        }
    }

    /// The service's name, `service.name`.
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.overrides.service = Some(name.into());
        self
    }

    /// A further attribute of the resource, for example `deployment.environment.name`.
    pub fn resource(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.overrides.resource.push(KeyValue::new(key.into(), value.into()));
        self
    }

    /// Where all three signals go, for example `http://localhost:4318`; over HTTP each signal adds its path.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// How all three signals travel.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = Some(protocol);
        self
    }

    /// A header, or gRPC metadata, of every request. Its value is a secret and never printed.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The share of traces that begin here and are sampled, 0 to 1; others follow their parent. Metrics stay exact.
    pub fn sample_ratio(mut self, ratio: f64) -> Self {
        self.sample_ratio = Some(ratio);
        self
    }

    /// Time from one collection of metrics to the next.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// How long the last flush may take when the guard is dropped.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = Some(timeout);
        self
    }

    /// Whether CPU, memory, threads, file descriptors and age of the process are read when metrics are collected
    /// (`process.*`). Default yes.
    pub fn process_metrics(mut self, on: bool) -> Self {
        self.process_metrics = Some(on);
        self
    }

    /// Whether workers, tasks and their queue of the tokio runtime that telemetry is set up in are read when metrics are
    /// collected (`tokio.runtime.*`). Default yes.
    pub fn runtime_metrics(mut self, on: bool) -> Self {
        self.runtime_metrics = Some(on);
        self
    }

    /// A span field that becomes an attribute of the span's metrics. Choose fields with few values.
    pub fn dimension(mut self, field: impl Into<String>) -> Self {
        self.dimensions.push(field.into());
        self
    }

    /// Under which names the metrics of spans go out, instead of [`Family::Collector`] alone: see
    /// [`families`](crate::families); `BELLWETHER_FAMILIES`.
    ///
    /// ```
    /// use bellwether::config::Family;
    /// let builder = bellwether::builder().families([Family::Collector, Family::ServiceGraph]);
    /// # drop(builder);
    /// ```
    pub fn families(mut self, families: impl IntoIterator<Item = Family>) -> Self {
        self.families = Some(families.into_iter().collect());
        self
    }

    /// Which spans and events become telemetry, in the form of `RUST_LOG` without fields; `BELLWETHER_FILTER`.
    pub fn filter(mut self, directives: impl Into<String>) -> Self {
        self.filter = Some(directives.into());
        self
    }

    /// Whether there is a console, on standard error. On with [`Builder::init`], else off.
    pub fn console(mut self, on: bool) -> Self {
        self.console = Some(on);
        self
    }

    /// What the console shows, in the form of `RUST_LOG`, which it replaces.
    pub fn console_filter(mut self, directives: impl Into<String>) -> Self {
        self.console_filter = Some(directives.into());
        self
    }

    /// Where the console writes, without colours, instead of standard error: for a program that draws on its terminal.
    pub fn console_writer(mut self, writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static) -> Self {
        self.console_writer = Some(BoxMakeWriter::new(writer));
        self
    }

    /// Whether [`Builder::init`] installs a hook that records panics as events and calls the hook before it; on.
    pub fn panic_hook(mut self, on: bool) -> Self {
        self.panic_hook = on;
        self
    }

    /// Declares a counter: the unit and description of what events and code record under this name.
    pub fn counter(mut self, name: &str, unit: &str, description: &str) -> Self {
        self.instruments.push(Declared::counter(name, unit, description));
        self
    }

    /// Declares an up-down counter.
    pub fn up_down_counter(mut self, name: &str, unit: &str, description: &str) -> Self {
        self.instruments.push(Declared::up_down_counter(name, unit, description));
        self
    }

    /// Declares a gauge.
    pub fn gauge(mut self, name: &str, unit: &str, description: &str) -> Self {
        self.instruments.push(Declared::gauge(name, unit, description));
        self
    }

    /// Declares a histogram and the ascending upper bounds of its buckets, in its unit; without bounds it has the
    /// specification's default ones.
    pub fn histogram(mut self, name: &str, unit: &str, description: &str, boundaries: &[f64]) -> Self {
        self.instruments.push(Declared::histogram(name, unit, description).with_boundaries(boundaries));
        self
    }

    /// Sends spans through an exporter of yours, on a thread of its own: it may block and may use tokio. What it does on
    /// threads that it starts itself is kept out of telemetry by its target only (see [`Builder::filter`]).
    pub fn with_span_exporter(mut self, exporter: impl SpanExporter + 'static) -> Self {
        self.exporters.foreign_spans(exporter);
        self
    }

    /// Sends log records through an exporter of yours, on a thread of its own: it may block and may use tokio.
    pub fn with_log_exporter(mut self, exporter: impl LogExporter + 'static) -> Self {
        self.exporters.foreign_logs(exporter);
        self
    }

    /// A configuration file, instead of the one that `OTEL_CONFIG_FILE` names.
    pub fn config_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.overrides.file = Some(path.into());
        self
    }

    /// All settings at once, instead of those of variables and file. [`Builder::service`], [`Builder::resource`] and
    /// [`Builder::config_file`] have no effect then; what else is set here still beats it.
    pub fn config(mut self, config: Config) -> Self {
        self.config = Some(config);
        self
    }

    /// These variables instead of the process's.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = Some(environment);
        self
    }

    /// Another clock, for tests.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Sets telemetry up for this process; see [`crate::init`].
    ///
    /// # Errors
    /// A malformed setting, a global subscriber that is set already, or a thread that the operating system refuses.
    /// Nothing global has been touched then.
    pub fn init(self) -> Result<Guard, Error> {
        let panic_hook = self.panic_hook;
        global::install(self.assemble(true)?, panic_hook)
    }

    /// A layer for a subscriber of your own, and the guard that flushes. Nothing global is touched: set the providers
    /// of the guard and a propagator yourself where you need them. Other layers of the subscriber see what they want,
    /// whatever telemetry leaves out.
    ///
    /// ```
    /// use tracing_subscriber::prelude::*;
    /// # let environment = bellwether::config::Environment::default();
    /// # let builder = bellwether::builder().environment(environment).endpoint("http://localhost:1");
    /// let (layer, guard) = builder.service("search").layer()?;
    /// let subscriber = tracing_subscriber::registry().with(layer);
    /// tracing::subscriber::with_default(subscriber, || tracing::info!("recorded"));
    /// # drop(guard.shutdown(std::time::Duration::ZERO));
    /// # Ok::<(), bellwether::Error>(())
    /// ```
    ///
    /// # Errors
    /// A malformed setting, or a thread that the operating system refuses.
    pub fn layer<S>(self) -> Result<(Layer<S>, Guard), Error>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let Assembled { layer, pipeline, providers, config, port, .. } = self.assemble(false)?;
        let spawned = pipeline
            .warning(config.warnings)
            .spawn()
            .map_err(|error| Error::system("start the telemetry thread", error))?;
        port.serve(spawned.handle())?;
        Ok((layer.beside_others(), Guard::new(spawned.start(), providers, config.pipeline.shutdown_timeout)))
    }

    /// A layer for a subscriber of your own, and the background work, to run where you want it. Nothing global is
    /// touched, no thread is started.
    ///
    /// # Errors
    /// A malformed setting.
    pub fn build<S>(self) -> Result<(Layer<S>, Pipeline), Error>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let Assembled { layer, pipeline, providers, config, port, .. } = self.assemble(false)?;
        Ok((layer.beside_others(), Pipeline::new(pipeline.warning(config.warnings), providers, port)))
    }

    fn assemble<S>(mut self, console: bool) -> Result<Assembled<S>, Error>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let mut config = if let Some(config) = self.config.take() {
            config
        } else {
            let environment = self.environment.take().unwrap_or_else(Environment::process);
            config::load(&environment, std::mem::take(&mut self.overrides))?
        };
        self.change(&mut config)?;
        let by_default = console || self.console_filter.is_some();
        let console = self.console.unwrap_or(by_default);
        let extras = Extras {
            console: console.then(|| config.console_filter.clone()),
            console_writer: self.console_writer,
            clock: self.clock.unwrap_or_default(),
            exporters: self.exporters,
            alerts: self.alerts,
            api: self.api,
        };
        assemble::assemble(config, extras)
    }

    /// Puts what was set in code over what variables and file say.
    fn change(&self, config: &mut Config) -> Result<(), Error> {
        config.set_endpoint(self.endpoint.as_deref(), self.protocol)?;
        self.headers.iter().try_for_each(|(name, value)| config.add_header(name, value))?;
        if let Some(ratio) = self.sample_ratio {
            if !(0.0..=1.0).contains(&ratio) {
                return Err(Error::invalid("Builder::sample_ratio", ratio.to_string(), "a number from 0 to 1"));
            }
            config.layer.sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatio(ratio)));
        }
        if let Some(interval) = self.interval {
            if interval < Duration::from_millis(1) {
                return Err(Error::invalid("Builder::interval", format!("{interval:?}"), "at least a millisecond"));
            }
            config.pipeline.interval = interval;
        }
        config.pipeline.shutdown_timeout = self.shutdown_timeout.unwrap_or(config.pipeline.shutdown_timeout);
        config.series.families = self.families.unwrap_or(config.series.families);
        config.system.process = self.process_metrics.unwrap_or(config.system.process);
        config.system.runtime = self.runtime_metrics.unwrap_or(config.system.runtime);
        config.layer.dimensions.extend(self.dimensions.iter().cloned());
        config.instruments.retain(|known| !self.instruments.iter().any(|declared| declared.is_named_like(known)));
        config.instruments.extend(self.instruments.iter().cloned());
        if let Some(directives) = &self.filter {
            config.layer.filter = config::filter(directives)?;
        }
        if let Some(directives) = &self.console_filter {
            config.console_filter = config::console_filter(directives)?;
        }
        Ok(())
    }
}
