//! Events become metrics, and ERROR events mark the span they belong to.
//!
//! Metrics are named by fields, as tracing-opentelemetry's `MetricsLayer` has it: `monotonic_counter.x`, `counter.x`,
//! `histogram.x` and `gauge.x` record the metric `x`, every other field but the message is an attribute. Better than
//! there: whole and fractional numbers of one metric are one series, a negative increment of a monotonic counter is
//! refused, and what is refused is counted.

use std::fmt;
use std::sync::atomic::Ordering;

use tracing::Event;
use tracing::field::{Field, Visit};

use super::callsite::Callsite;
use super::handle::link;
use super::measure::Measure;
use super::plan::{EVENT_ATTRIBUTES, EVENT_METRICS, EventField, EventMetric, EventPlan};
use super::spans::{Live, Slot, Status};
use super::symbols::Symbol;
use super::text;
use crate::internal::Counter;
use crate::model::Number;
use crate::names;
use crate::series::{Declaration, InstrumentKind, Series};

/// Says what kind of error an event is, where `error.type` does not
/// (<https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-logs/>).
const EXCEPTION_TYPE: &str = "exception.type";

impl Measure {
    /// An event that its callsite says is of interest to metrics.
    #[inline]
    pub(super) fn event(&self, event: &Event<'_>, callsite: &Callsite, span: Option<Live<'_>>) {
        if callsite.is_error
            && let Some(live) = span
        {
            self.error(event, live.slot);
        }
        if let Some(plan) = &callsite.event {
            self.record_event(event, callsite, plan, span);
        }
    }

    /// An ERROR event, for example that of `#[instrument(err)]`, makes its span an error.
    #[cold]
    fn error(&self, event: &Event<'_>, slot: &Slot) {
        slot.set_status(Status::Error);
        let mut visitor = ErrorVisitor { measure: self, error_type: Symbol::ABSENT, exception: Symbol::ABSENT };
        if event.fields().any(|field| [names::ERROR_TYPE, EXCEPTION_TYPE].contains(&field.name())) {
            event.record(&mut visitor);
        }
        let symbol = if visitor.error_type.is_absent() { visitor.exception } else { visitor.error_type };
        if slot.error.load(Ordering::Relaxed) == 0 {
            slot.error.store(symbol.0, Ordering::Relaxed);
        }
    }

    fn record_event(&self, event: &Event<'_>, callsite: &Callsite, plan: &EventPlan, span: Option<Live<'_>>) {
        let mut visitor = EventVisitor {
            measure: self,
            plan,
            numbers: [None; EVENT_METRICS],
            symbols: [Symbol::ABSENT; EVENT_ATTRIBUTES],
        };
        event.record(&mut visitor);
        let symbols = &visitor.symbols[..plan.attributes.len()];
        for (number, (metric, value)) in (0..).zip(plan.metrics.iter().zip(visitor.numbers)) {
            if let Some(value) = value {
                self.record_metric(callsite, plan, (number, metric), symbols, value, span);
            }
        }
    }

    fn record_metric(
        &self,
        callsite: &Callsite,
        plan: &EventPlan,
        (number, metric): (u32, &EventMetric),
        symbols: &[Symbol],
        value: Number,
        span: Option<Live<'_>>,
    ) {
        let Some(instrument) = *metric.instrument.get_or_init(|| self.declare(metric)) else {
            return self.internal.count(Counter::InvalidMeasurement);
        };
        let find = || self.store.series(instrument, &[], &self.attributes(&plan.attributes, symbols));
        let series: Series = if symbols.is_empty() {
            metric.plain.get(self.store.generation(), find)
        } else {
            self.series(callsite.index, number, symbols, find)
        };
        let link = span.and_then(|live| link(live.slot));
        match metric.kind {
            InstrumentKind::Counter | InstrumentKind::UpDownCounter => self.store.add(series, value, link),
            InstrumentKind::Gauge => self.store.set(series, value),
            InstrumentKind::Histogram => self.store.record(series, value.as_f64(), link),
        }
    }

    fn declare(&self, metric: &EventMetric) -> Option<crate::series::Instrument> {
        let declared = self.declarations.get(metric.name);
        self.store.instrument(&Declaration {
            name: metric.name,
            unit: declared.map_or("", |metric| &metric.unit),
            description: declared.map_or("", |metric| &metric.description),
            kind: metric.kind,
            boundaries: declared.and_then(|metric| metric.boundaries.as_deref()),
        })
    }
}

/// Reads measurements and attributes of a metric event.
struct EventVisitor<'a> {
    measure: &'a Measure,
    plan: &'a EventPlan,
    numbers: [Option<Number>; EVENT_METRICS],
    symbols: [Symbol; EVENT_ATTRIBUTES],
}

impl EventVisitor<'_> {
    #[inline]
    fn number(&mut self, field: &Field, value: Number, symbol: impl FnOnce(&Measure) -> Symbol) {
        match self.plan.field(field) {
            EventField::Metric(number) => self.measurement(number, value),
            EventField::Attribute(number) => self.symbols[usize::from(number)] = symbol(self.measure),
            other => self.other(other),
        }
    }

    fn measurement(&mut self, number: u8, value: Number) {
        let number = usize::from(number);
        let refused = match value {
            Number::F64(value) if !value.is_finite() => Some(Counter::NotFinite),
            value if self.plan.metrics[number].kind == InstrumentKind::Counter && value.as_f64() < 0.0 => {
                Some(Counter::NegativeIncrement)
            }
            _ => None,
        };
        match refused {
            Some(why) => self.measure.internal.count(why),
            None => self.numbers[number] = Some(value),
        }
    }

    /// A text, which may be an attribute but not a measurement.
    fn text(&mut self, field: EventField, value: &str) {
        match field {
            EventField::Attribute(number) => self.symbols[usize::from(number)] = self.measure.text(value),
            EventField::Metric(_) => self.measure.internal.count(Counter::InvalidMeasurement),
            other => self.other(other),
        }
    }

    fn other(&self, field: EventField) {
        match field {
            EventField::MetricBeyondLimit => self.measure.internal.count(Counter::InvalidMeasurement),
            EventField::AttributeBeyondLimit => self.measure.internal.count(Counter::AttributeDropped),
            EventField::Message | EventField::Metric(_) | EventField::Attribute(_) => {}
        }
    }
}

impl Visit for EventVisitor<'_> {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, Number::I64(value), |measure| measure.symbols.integer(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.record_i64(field, value),
            // Beyond 2^63 a measurement is the nearest float, and an attribute its digits.
            Err(_) => self.number(field, Number::F64(value as f64), |measure| measure.text(&value.to_string())),
        }
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        match i64::try_from(value) {
            Ok(value) => self.record_i64(field, value),
            Err(_) => self.number(field, Number::F64(value as f64), |measure| measure.text(&value.to_string())),
        }
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        match i64::try_from(value) {
            Ok(value) => self.record_i64(field, value),
            Err(_) => self.number(field, Number::F64(value as f64), |measure| measure.text(&value.to_string())),
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.number(field, Number::F64(value), |measure| measure.symbols.float(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        match self.plan.field(field) {
            EventField::Attribute(number) => self.symbols[usize::from(number)] = value.into(),
            other => self.text(other, ""),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(self.plan.field(field), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let measure = self.measure;
        match self.plan.field(field) {
            EventField::Attribute(number) => {
                let symbol = text::with_text(value, measure.length, &measure.internal, |text| measure.text(text));
                self.symbols[usize::from(number)] = symbol.unwrap_or_default();
            }
            other => self.text(other, ""),
        }
    }
}

/// Reads what kind of error an ERROR event is.
struct ErrorVisitor<'a> {
    measure: &'a Measure,
    error_type: Symbol,
    exception: Symbol,
}

impl ErrorVisitor<'_> {
    fn set(&mut self, field: &Field, symbol: impl FnOnce(&Measure) -> Symbol) {
        match field.name() {
            names::ERROR_TYPE => self.error_type = symbol(self.measure),
            EXCEPTION_TYPE => self.exception = symbol(self.measure),
            _ => {}
        }
    }
}

impl Visit for ErrorVisitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, |measure| measure.text(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, |measure| measure.symbols.integer(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, |measure| {
            text::with_text(value, measure.length, &measure.internal, |text| measure.text(text)).unwrap_or_default()
        });
    }
}
