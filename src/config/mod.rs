//! One struct a stage, put together from code, `OTEL_*` variables and the configuration file, and validated once.

use opentelemetry_sdk::Resource;

use crate::{exporters, layer, pipeline, series};

/// Where a signal goes (`OTEL_{TRACES,METRICS,LOGS}_EXPORTER`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Exporter {
    /// `otlp`
    #[default]
    Otlp,
    /// `console`: a line an item on standard output, for development.
    Console,
    /// `none`
    None,
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
    /// Context propagators, in order.
    pub propagators: Vec<Propagator>,
    /// Where spans go.
    pub traces_exporter: Exporter,
    /// Where metrics go.
    pub metrics_exporter: Exporter,
    /// Where log records go.
    pub logs_exporter: Exporter,
    /// Directives of the console (`RUST_LOG`).
    pub console_filter: String,
    /// The layer.
    pub layer: layer::Config,
    /// The store.
    pub series: series::Config,
    /// The OTLP client.
    pub otlp: exporters::otlp::Config,
    /// The pipeline.
    pub pipeline: pipeline::Config,
    /// What was found strange and ignored: unknown values, variables that do not apply. One line each, for the console.
    pub warnings: Vec<String>,
}
