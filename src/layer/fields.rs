//! Reads the fields of a span that metrics need: dimensions, and the `otel.*` fields that tracing-opentelemetry knows.

use std::fmt;
use std::sync::atomic::Ordering;

use opentelemetry::trace::SpanKind;
use tracing::field::{Field, Visit};

use super::measure::Measure;
use super::plan::{SpanField, SpanPlan};
use super::spans::{INLINE_DIMENSIONS, Live, Spans, Status};
use super::symbols::Symbol;
use super::text;

/// Writes what it reads into the span's slot.
pub(super) struct SpanVisitor<'a> {
    pub(super) measure: &'a Measure,
    pub(super) spans: &'a Spans,
    pub(super) plan: &'a SpanPlan,
    pub(super) live: Live<'a>,
}

impl SpanVisitor<'_> {
    /// A value that is not a text.
    fn value(&self, field: SpanField, symbol: Symbol) {
        match field {
            SpanField::Dimension(number) => self.dimension(number, symbol),
            SpanField::ErrorType => self.live.slot.error.store(symbol.0, Ordering::Relaxed),
            _ => {}
        }
    }

    #[inline]
    fn text(&self, field: SpanField, value: &str) {
        match field {
            SpanField::Ignored => {}
            SpanField::Dimension(number) => self.dimension(number, self.measure.text(value)),
            known => self.known_text(known, value),
        }
    }

    #[cold]
    #[inline(never)]
    fn integer(&self, field: SpanField, value: i64) {
        self.value(field, self.measure.symbols.integer(value));
    }

    /// A text that means something in itself.
    #[cold]
    #[inline(never)]
    fn known_text(&self, field: SpanField, value: &str) {
        let slot = self.live.slot;
        match field {
            SpanField::Ignored | SpanField::Dimension(_) => {}
            SpanField::Name => slot.name.store(self.measure.text(value).0, Ordering::Relaxed),
            SpanField::Kind => kind(value).iter().for_each(|kind| slot.set_kind(kind)),
            SpanField::StatusCode => slot.set_status(status(value)),
            SpanField::StatusDescription => slot.set_status(Status::Error),
            SpanField::ErrorType => slot.error.store(self.measure.text(value).0, Ordering::Relaxed),
        }
    }

    /// Apart, so that fields which are ignored cost little.
    #[inline(never)]
    fn debug(&self, field: SpanField, value: &dyn fmt::Debug) {
        text::with_text(value, self.measure.length, &self.measure.internal, |value| self.text(field, value));
    }

    #[inline]
    fn dimension(&self, number: u8, symbol: Symbol) {
        let number = usize::from(number);
        if let Some(place) = self.live.slot.symbols.get(number) {
            place.store(symbol.0, Ordering::Relaxed);
        } else {
            self.further_dimension(number - INLINE_DIMENSIONS, symbol);
        }
    }

    #[cold]
    #[inline(never)]
    fn further_dimension(&self, at: usize, symbol: Symbol) {
        let further = self.plan.dimensions.len() - INLINE_DIMENSIONS;
        self.spans.set_further(self.live, at, further, symbol.0);
    }
}

impl Visit for SpanVisitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(self.plan.field(field), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        // The common case is apart from the rest, so that it needs neither calls nor saved registers.
        match (self.plan.field(field), Symbol::small(value)) {
            (SpanField::Ignored, _) => {}
            (SpanField::Dimension(number), Some(symbol)) if usize::from(number) < INLINE_DIMENSIONS => {
                self.live.slot.symbols[usize::from(number)].store(symbol.0, Ordering::Relaxed);
            }
            (field, _) => self.integer(field, value),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.record_i64(field, value),
            // OpenTelemetry has no unsigned attribute: beyond 2^63 the digits are kept as text.
            Err(_) => self.record_debug(field, &value),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.value(self.plan.field(field), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        let field = self.plan.field(field);
        if field != SpanField::Ignored {
            self.value(field, self.measure.symbols.float(value));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let field = self.plan.field(field);
        if field != SpanField::Ignored {
            self.debug(field, value);
        }
    }
}

/// As tracing-opentelemetry reads `otel.kind`; anything else changes nothing.
fn kind(value: &str) -> Option<SpanKind> {
    let kinds = [
        ("server", SpanKind::Server),
        ("client", SpanKind::Client),
        ("producer", SpanKind::Producer),
        ("consumer", SpanKind::Consumer),
        ("internal", SpanKind::Internal),
    ];
    kinds.into_iter().find_map(|(name, kind)| value.eq_ignore_ascii_case(name).then_some(kind))
}

/// As tracing-opentelemetry reads `otel.status_code`; anything else is unset.
fn status(value: &str) -> Status {
    if value.eq_ignore_ascii_case("ok") {
        Status::Ok
    } else if value.eq_ignore_ascii_case("error") {
        Status::Error
    } else {
        Status::Unset
    }
}
