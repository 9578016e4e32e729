//! What the layer may be told.

use std::collections::HashMap;

use tracing_core::LevelFilter;
use tracing_subscriber::filter::Targets;

use crate::names;

/// Who decides whether a trace is sampled (`OTEL_TRACES_SAMPLER`).
#[derive(Debug, Clone, PartialEq)]
pub enum Sampler {
    /// `always_on`
    AlwaysOn,
    /// `always_off`
    AlwaysOff,
    /// `traceidratio`: this share of the traces, 0 to 1, decided by the trace id.
    TraceIdRatio(f64),
    /// `parentbased_…`: as the parent was; a root as the sampler within.
    ParentBased(Box<Sampler>),
}

impl Default for Sampler {
    /// The specification's default, `parentbased_always_on`.
    fn default() -> Self {
        Self::ParentBased(Box::new(Self::AlwaysOn))
    }
}

/// Limits of spans and log records, as the specification has them; `None` means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT`
    pub span_attributes: usize,
    /// `OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT`, in characters.
    pub span_value_length: Option<usize>,
    /// `OTEL_SPAN_EVENT_COUNT_LIMIT`
    pub span_events: usize,
    /// `OTEL_SPAN_LINK_COUNT_LIMIT`
    pub span_links: usize,
    /// `OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT`
    pub event_attributes: usize,
    /// `OTEL_LINK_ATTRIBUTE_COUNT_LIMIT`
    pub link_attributes: usize,
    /// `OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT`
    pub log_attributes: usize,
    /// `OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT`, in characters.
    pub log_value_length: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            span_attributes: 128,
            span_value_length: None,
            span_events: 128,
            span_links: 128,
            event_attributes: 128,
            link_attributes: 128,
            log_attributes: 128,
            log_value_length: None,
        }
    }
}

/// Which extra attributes tracing-opentelemetry puts on spans. All off by default: each costs allocations a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpanDetails {
    /// `code.file.path`, `code.module.name`, `code.line.number`
    pub location: bool,
    /// `thread.id`, `thread.name`
    pub threads: bool,
    /// `target`
    pub target: bool,
    /// `busy_ns`, `idle_ns`
    pub inactivity: bool,
}

impl SpanDetails {
    /// How many attributes a span begins with.
    pub(super) fn count(self) -> usize {
        3 * usize::from(self.location) + 2 * usize::from(self.threads) + usize::from(self.target)
    }
}

/// What is known of a metric that events record, besides its name and kind, which the event's field gives.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MetricDeclaration {
    /// The metric's name: the field's without its prefix, `queue.wait` for `histogram.queue.wait`.
    pub name: String,
    /// Its unit in UCUM; empty when there is none.
    pub unit: String,
    /// What it says, for a person; may be empty.
    pub description: String,
    /// Upper inclusive bounds of a histogram, finite and ascending; `None` for the default ones.
    pub boundaries: Option<Vec<f64>>,
}

/// Settings of the layer.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which spans and events become telemetry (`BELLWETHER_FILTER`); the console has its own filter.
    pub filter: Targets,
    /// Span fields that become metric attributes.
    pub dimensions: Vec<String>,
    /// Further ones for the spans of one name.
    pub dimensions_by_span: HashMap<String, Vec<String>>,
    /// Units, descriptions and bounds of metrics that events record.
    pub metric_declarations: Vec<MetricDeclaration>,
    /// Whether spans are sampled into traces at all.
    pub traces: bool,
    /// Whether events become log records.
    pub logs: bool,
    /// Whether spans and events become metrics.
    pub metrics: bool,
    /// Which traces are sampled.
    pub sampler: Sampler,
    /// Limits of spans and log records.
    pub limits: Limits,
    /// Extra attributes of spans.
    pub details: SpanDetails,
    /// Longest value of a metric attribute, in characters; longer ones are cut and counted.
    pub dimension_length: usize,
}

impl Config {
    /// Targets of the crates that the exporter itself runs on: their spans and events are noise about telemetry, not
    /// about the host. Filters compare beginnings, so `tower::` it is and not `tower`, which would hide `tower_http`, as
    /// `bellwether` would hide a host's `bellwether_shop`. The SDK's crates are meant all together.
    pub const EXPORTER_TARGETS: [&'static str; 8] =
        ["bellwether::", "h2::", "hyper::", "hyper_util::", "rustls::", "tonic::", "tower::", "opentelemetry"];
    /// Longest value of a metric attribute, in characters.
    pub const DIMENSION_LENGTH: usize = 256;

    /// `info` for everything, off for [`Config::EXPORTER_TARGETS`].
    pub fn default_filter() -> Targets {
        Targets::new()
            .with_default(LevelFilter::INFO)
            .with_targets(Self::EXPORTER_TARGETS.map(|target| (target, LevelFilter::OFF)))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            filter: Self::default_filter(),
            dimensions: names::DEFAULT_DIMENSIONS.map(String::from).into(),
            dimensions_by_span: HashMap::new(),
            metric_declarations: Vec::new(),
            traces: true,
            logs: true,
            metrics: true,
            sampler: Sampler::default(),
            limits: Limits::default(),
            details: SpanDetails::default(),
            dimension_length: Self::DIMENSION_LENGTH,
        }
    }
}
