//! What metrics take from the fields of a callsite, worked out once.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tracing::Metadata;

use super::Config;
use super::families::Carrier;
use super::spans::Status;
use crate::families::Families;
use crate::names;
use crate::series::{InFlight, Instrument, InstrumentKind, Series};

/// Kinds of spans, five of them, rounded up to what an index can be masked with.
const KINDS: usize = 8;

/// What to do with a span's field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpanField {
    Ignored,
    /// The dimension with this number.
    Dimension(u8),
    /// `otel.name`
    Name,
    /// `otel.kind`
    Kind,
    /// `otel.status_code`
    StatusCode,
    /// `otel.status_description`: like tracing-opentelemetry, an error whatever the text.
    StatusDescription,
    /// `error.type`
    ErrorType,
}

/// Metrics of the spans of one callsite.
#[derive(Debug)]
pub(super) struct SpanPlan {
    /// By field index.
    fields: Box<[SpanField]>,
    /// Whether any field is of interest.
    pub(super) has_fields: bool,
    /// Whether a field may give the span another name or kind than its callsite's.
    pub(super) has_identity: bool,
    /// Keys of the dimensions, in the order of their numbers.
    pub(super) dimensions: Box<[&'static str]>,
    /// What spans carry for further families; `None` when that is nothing, as it is unless one is on.
    pub(super) carrier: Option<Box<Carrier>>,
    /// Whether `error.type` is a dimension.
    pub(super) has_error_type: bool,
    /// The series of spans that have nothing but this callsite's name, by status.
    pub(super) plain: [Remembered; 3],
    /// Open spans of this callsite's name, by kind.
    in_flight: [OnceLock<Arc<InFlight>>; KINDS],
}

impl SpanPlan {
    pub(super) fn new(metadata: &'static Metadata<'static>, config: &Config, families: Families) -> Self {
        let for_all = config.dimensions.iter();
        let for_this = config.dimensions_by_span.get(metadata.name()).into_iter().flatten();
        let chosen: HashSet<&str> = for_all.chain(for_this).map(String::as_str).collect();
        let mut dimensions = Vec::new();
        let field = |field: tracing::field::Field| match field.name() {
            "otel.name" => SpanField::Name,
            "otel.kind" => SpanField::Kind,
            "otel.status_code" => SpanField::StatusCode,
            "otel.status_description" => SpanField::StatusDescription,
            name if !chosen.contains(name) => SpanField::Ignored,
            names::ERROR_TYPE => SpanField::ErrorType,
            name => match u8::try_from(dimensions.len()) {
                Ok(number) => {
                    dimensions.push(name);
                    SpanField::Dimension(number)
                }
                Err(_) => SpanField::Ignored,
            },
        };
        let fields: Box<[SpanField]> = metadata.fields().iter().map(field).collect();
        let carrier = Carrier::new(metadata, families);
        Self {
            has_fields: carrier.is_some() || fields.iter().any(|field| *field != SpanField::Ignored),
            has_identity: fields.iter().any(|field| matches!(field, SpanField::Name | SpanField::Kind)),
            fields,
            carrier,
            dimensions: dimensions.into(),
            has_error_type: chosen.contains(names::ERROR_TYPE),
            plain: Default::default(),
            in_flight: Default::default(),
        }
    }

    #[inline]
    pub(super) fn field(&self, field: &tracing::field::Field) -> SpanField {
        self.fields.get(field.index()).copied().unwrap_or(SpanField::Ignored)
    }

    #[inline]
    pub(super) fn plain(&self, status: Status) -> &Remembered {
        &self.plain[status as usize]
    }

    /// Open spans of this callsite's own name.
    #[inline]
    pub(super) fn in_flight(&self, kind: u32) -> &OnceLock<Arc<InFlight>> {
        &self.in_flight[kind as usize % KINDS]
    }
}

/// A series that all threads remember, until the store retires series.
#[derive(Debug, Default)]
pub(super) struct Remembered(AtomicU64);

impl Remembered {
    #[inline]
    pub(super) fn get(&self, generation: u32, find: impl FnOnce() -> Series) -> Series {
        // The generation plus one, so that nothing is remembered at first, above the series.
        let tag = u64::from(generation.wrapping_add(1)) << 32;
        let word = self.0.load(Ordering::Relaxed);
        // Zero above when remembered of this generation, and then the rest is the series.
        if let Ok(series) = u32::try_from(word ^ tag)
            && word != 0
        {
            return Series::from_number(series);
        }
        let series = find();
        self.0.store(tag | u64::from(series.number()), Ordering::Relaxed);
        series
    }
}

/// Metrics that one event may record; further ones are counted as invalid.
pub(super) const EVENT_METRICS: usize = 8;
/// Attributes of an event's metrics; further ones are left out and counted.
pub(super) const EVENT_ATTRIBUTES: usize = 32;

/// What to do with an event's field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventField {
    /// The text of the event.
    Message,
    /// A measurement of the metric with this number.
    Metric(u8),
    /// One metric more than an event may record.
    MetricBeyondLimit,
    /// The attribute with this number.
    Attribute(u8),
    /// One attribute more than an event may have.
    AttributeBeyondLimit,
}

/// Metrics of the events of one callsite.
#[derive(Debug)]
pub(super) struct EventPlan {
    fields: Box<[EventField]>,
    pub(super) metrics: Box<[EventMetric]>,
    /// Keys of the attributes, in the order of their numbers.
    pub(super) attributes: Box<[&'static str]>,
}

/// A metric that an event records.
#[derive(Debug)]
pub(super) struct EventMetric {
    /// The field's name without its prefix.
    pub(super) name: &'static str,
    pub(super) kind: InstrumentKind,
    /// `None` within when the store refused it.
    pub(super) instrument: OnceLock<Option<Instrument>>,
    /// Its series when the event has no attributes.
    pub(super) plain: Remembered,
}

impl EventPlan {
    /// `None` unless a field names a metric.
    pub(super) fn new(metadata: &'static Metadata<'static>) -> Option<Self> {
        let (mut metrics, mut attributes) = (Vec::new(), Vec::new());
        let number = |len: usize, limit: usize| u8::try_from(len).ok().filter(|_| len < limit);
        let field = |field: tracing::field::Field| {
            let name = field.name();
            if let Some((kind, name)) = metric(name) {
                let Some(number) = number(metrics.len(), EVENT_METRICS) else { return EventField::MetricBeyondLimit };
                let (instrument, plain) = (OnceLock::new(), Remembered::default());
                metrics.push(EventMetric { name, kind, instrument, plain });
                return EventField::Metric(number);
            }
            if name == "message" {
                return EventField::Message;
            }
            let number = number(attributes.len(), EVENT_ATTRIBUTES);
            attributes.extend(number.map(|_| name));
            number.map_or(EventField::AttributeBeyondLimit, EventField::Attribute)
        };
        let fields = metadata.fields().iter().map(field).collect();
        (!metrics.is_empty()).then(|| Self { fields, metrics: metrics.into(), attributes: attributes.into() })
    }

    #[inline]
    pub(super) fn field(&self, field: &tracing::field::Field) -> EventField {
        self.fields.get(field.index()).copied().unwrap_or(EventField::AttributeBeyondLimit)
    }
}

/// The kind and name of the metric that a field names, as tracing-opentelemetry's `MetricsLayer` reads it.
fn metric(field: &'static str) -> Option<(InstrumentKind, &'static str)> {
    const PREFIXES: [(&str, InstrumentKind); 4] = [
        ("monotonic_counter.", InstrumentKind::Counter),
        ("counter.", InstrumentKind::UpDownCounter),
        ("histogram.", InstrumentKind::Histogram),
        ("gauge.", InstrumentKind::Gauge),
    ];
    PREFIXES.into_iter().find_map(|(prefix, kind)| Some((kind, field.strip_prefix(prefix)?)))
}
