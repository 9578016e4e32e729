//! One struct a stage, put together from code, `OTEL_*` variables and the configuration file, and validated once.
//!
//! Three sources, the stronger first: what the host's code says; the configuration file (`OTEL_CONFIG_FILE`); the
//! variables. With a file, variables count only where the file names them, as
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#declarative-configuration> has
//! it. `RUST_LOG` always counts: it governs the console and nothing else.

mod code;
mod environment;
#[cfg(feature = "config-file")]
mod file;
mod level;
mod parse;
mod resource;
mod variables;
mod words;

use std::path::{Path, PathBuf};

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use tracing_core::LevelFilter;

pub use crate::families::{Families, Family};
pub(crate) use code::{console_filter, filter};
pub use environment::Environment;
pub use variables::{VARIABLES, Variable};

use crate::model::Signal;
#[cfg(feature = "web")]
use crate::web;
use crate::{Error, exporters, layer, names, pipeline, series, system};

/// Where a signal goes (`OTEL_{TRACES,METRICS,LOGS}_EXPORTER`), alone or beside another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exporter {
    /// `otlp`
    Otlp,
    /// `console`: a line an item on standard output, for development. Beside `otlp` it shows what `otlp` sends, when it
    /// sends it, and does not count.
    Console,
}

/// A context propagator (`OTEL_PROPAGATORS`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagator {
    /// `tracecontext`
    TraceContext,
    /// `baggage`
    Baggage,
}

/// All settings of one telemetry instance, validated.
#[derive(Debug, Clone)]
pub struct Config {
    /// `OTEL_SDK_DISABLED`: only propagation stays.
    pub disabled: bool,
    /// The entity that produces telemetry; `service.name` and `service.instance.id` are always set.
    pub resource: Resource,
    /// Whether nobody gave `service.instance.id`, and it is random.
    pub instance_is_random: bool,
    /// Context propagators, in order.
    pub propagators: Vec<Propagator>,
    /// Where spans go, each once; nowhere when it is empty.
    pub traces_exporters: Vec<Exporter>,
    /// Where metrics go, each once; nowhere when it is empty.
    pub metrics_exporters: Vec<Exporter>,
    /// Where log records go, each once; nowhere when it is empty.
    pub logs_exporters: Vec<Exporter>,
    /// Directives of the console (`RUST_LOG`, and the level of our own lines from `OTEL_LOG_LEVEL`).
    pub console_filter: String,
    /// The layer.
    pub layer: layer::Config,
    /// The store.
    pub series: series::Config,
    /// Units, descriptions and buckets of what events and code record.
    pub instruments: Vec<series::Declared>,
    /// Readings of the process.
    pub system: system::Config,
    /// The OTLP client.
    pub otlp: exporters::otlp::Config,
    /// Alert rules in the process, as far as file or variables ask for them; what code says counts before it.
    #[cfg(feature = "rules")]
    pub alerts: Option<Box<pipeline::Alerts>>,
    /// The HTTP API, if file or variables ask for it; what code says replaces it.
    #[cfg(feature = "web")]
    pub web: Option<web::Web>,
    /// The pipeline.
    pub pipeline: pipeline::Config,
    /// What was found strange and ignored: unknown values, variables that do not apply. One line each, for the console.
    pub warnings: Vec<String>,
}

impl Config {
    /// Where a signal goes.
    pub fn exporters(&self, signal: Signal) -> &[Exporter] {
        match signal {
            Signal::Traces => &self.traces_exporters,
            Signal::Metrics => &self.metrics_exporters,
            Signal::Logs => &self.logs_exporters,
        }
    }

    /// Gives the instance the id of its earlier run, unless it was given another.
    #[cfg(feature = "rules")]
    pub(crate) fn keep_instance(&mut self, id: &str) {
        if self.instance_is_random {
            self.resource = resource::with_instance(&self.resource, id);
        }
    }

    /// What the console shows unless `RUST_LOG` is set.
    pub const CONSOLE_FILTER: &'static str = "info";
}

/// What the host's code says where [`Config`] is too late for it; it beats variables and file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// The configuration file, instead of `OTEL_CONFIG_FILE`.
    pub file: Option<PathBuf>,
    /// `service.name`
    pub service: Option<String>,
    /// Further attributes of the resource.
    pub resource: Vec<KeyValue>,
}

/// Puts the settings together. What was merely strange is in [`Config::warnings`].
///
/// ```
/// use bellwether::config::{self, Environment, Overrides};
/// let environment = Environment::from_iter([("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")]);
/// let config = config::load(&environment, Overrides::default())?;
/// assert_eq!(config.otlp.traces.url, "http://collector:4318/v1/traces");
/// # Ok::<(), bellwether::Error>(())
/// ```
///
/// # Errors
/// A malformed variable, or a file that cannot be read or does not fit its schema; the text says where and what is
/// accepted.
pub fn load(environment: &Environment, overrides: Overrides) -> Result<Config, Error> {
    refuse_not_unicode(environment)?;
    let draft = match file_setting(environment, &overrides) {
        Some((setting, path)) => read_file(setting, &path, environment)?,
        None => variables::read(environment)?,
    };
    finish(draft, environment, overrides)
}

const CONFIG_FILE: &str = "OTEL_CONFIG_FILE";
/// The older name, deprecated by the specification.
const EXPERIMENTAL_CONFIG_FILE: &str = "OTEL_EXPERIMENTAL_CONFIG_FILE";

/// What names a configuration file, and its path.
fn file_setting(environment: &Environment, overrides: &Overrides) -> Option<(&'static str, PathBuf)> {
    let variable = |name: &'static str| environment.get(name).map(|path| (name, PathBuf::from(path)));
    let code = overrides.file.clone().map(|path| ("the configuration file", path));
    code.or_else(|| variable(CONFIG_FILE)).or_else(|| variable(EXPERIMENTAL_CONFIG_FILE))
}

#[cfg(feature = "config-file")]
fn read_file(setting: &str, path: &Path, environment: &Environment) -> Result<Draft, Error> {
    let mut draft = file::read(path, setting, environment)?;
    if setting == EXPERIMENTAL_CONFIG_FILE {
        draft.warnings.push(format!("{EXPERIMENTAL_CONFIG_FILE} is the older name of {CONFIG_FILE}; use that"));
    }
    Ok(draft)
}

#[cfg(not(feature = "config-file"))]
fn read_file(setting: &str, path: &Path, _: &Environment) -> Result<Draft, Error> {
    Err(Error::invalid(
        setting,
        path.display().to_string(),
        "none: bellwether was built without its feature `config-file`",
    ))
}

/// A variable of ours that is not text cannot be obeyed, and guessing at it could send telemetry to the wrong place.
fn refuse_not_unicode(environment: &Environment) -> Result<(), Error> {
    let ours = |name: &&str| VARIABLES.iter().any(|variable| variable.name == *name);
    match environment.not_unicode().find(ours) {
        Some(name) => Err(Error::invalid(name, "***", "text in UTF-8")),
        None => Ok(()),
    }
}

/// Settings of one source, before what has no setting is filled in.
#[derive(Debug)]
struct Draft {
    disabled: bool,
    /// Later entries count more.
    resource: Vec<KeyValue>,
    schema_url: Option<String>,
    propagators: Vec<Propagator>,
    traces_exporters: Vec<Exporter>,
    metrics_exporters: Vec<Exporter>,
    logs_exporters: Vec<Exporter>,
    log_level: Option<LevelFilter>,
    console_filter: Option<String>,
    layer: layer::Config,
    series: series::Config,
    instruments: Vec<series::Declared>,
    system: system::Config,
    otlp: exporters::otlp::Config,
    #[cfg(feature = "rules")]
    alerts: Option<Box<pipeline::Alerts>>,
    #[cfg(feature = "web")]
    web: Option<web::Web>,
    pipeline: pipeline::Config,
    warnings: Vec<String>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            disabled: false,
            resource: Vec::new(),
            schema_url: None,
            propagators: vec![Propagator::TraceContext, Propagator::Baggage],
            traces_exporters: vec![Exporter::Otlp],
            metrics_exporters: vec![Exporter::Otlp],
            logs_exporters: vec![Exporter::Otlp],
            log_level: None,
            console_filter: None,
            layer: layer::Config::default(),
            series: series::Config::default(),
            instruments: Vec::new(),
            system: system::Config::default(),
            otlp: exporters::otlp::Config::default(),
            #[cfg(feature = "rules")]
            alerts: None,
            #[cfg(feature = "web")]
            web: None,
            pipeline: pipeline::Config::default(),
            warnings: Vec::new(),
        }
    }
}

fn finish(draft: Draft, environment: &Environment, overrides: Overrides) -> Result<Config, Error> {
    let Draft { mut layer, mut series, mut warnings, .. } = draft;
    let mut attributes = draft.resource;
    attributes.extend(overrides.resource);
    attributes.extend(overrides.service.map(|name| KeyValue::new(names::SERVICE_NAME, name)));
    let instance_is_random = !attributes.iter().any(|attribute| attribute.key.as_str() == names::SERVICE_INSTANCE_ID);
    let resource = resource::build(attributes, draft.schema_url, environment.executable());
    series.service_name = resource::service_name(&resource);
    layer.traces = !draft.disabled && !draft.traces_exporters.is_empty();
    // Metrics are for the process itself too (its table, detectors and rules), whether they go out or not.
    layer.metrics = !draft.disabled;
    layer.logs = !draft.disabled && !draft.logs_exporters.is_empty();
    let console_filter = match environment.get("RUST_LOG") {
        Some(value) => parse::console_filter(value).map_err(|expected| Error::invalid("RUST_LOG", value, expected))?,
        None => draft.console_filter.unwrap_or_else(|| String::from(Config::CONSOLE_FILTER)),
    };
    let mut seen = std::collections::HashSet::new();
    warnings.retain(|warning| seen.insert(warning.clone()));
    Ok(Config {
        disabled: draft.disabled,
        resource,
        instance_is_random,
        propagators: draft.propagators,
        traces_exporters: draft.traces_exporters,
        metrics_exporters: draft.metrics_exporters,
        logs_exporters: draft.logs_exporters,
        console_filter: level::with_own_lines(console_filter, draft.log_level),
        layer,
        series,
        instruments: draft.instruments,
        system: draft.system,
        otlp: draft.otlp,
        #[cfg(feature = "rules")]
        alerts: draft.alerts,
        #[cfg(feature = "web")]
        web: draft.web,
        pipeline: draft.pipeline,
        warnings,
    })
}
