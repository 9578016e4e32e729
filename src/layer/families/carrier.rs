//! What the spans of a callsite carry for families.

use std::fmt;

use tracing::Metadata;
use tracing::field::{Field, Visit};

use super::super::measure::Measure;
use super::super::symbols::Symbol;
use super::super::text;
use super::pockets::Values;
use crate::families::semconv::{CONVENTIONS, Convention};
use crate::families::{Families, Family, Key, key_of_field};

/// The field that says what kind a span is of; without it, it is internal.
const KIND: &str = "otel.kind";

/// What a callsite's spans carry, decided once.
#[derive(Debug)]
pub(in crate::layer) struct Carrier {
    /// By field index: the attribute that it gives.
    fields: Box<[Option<Key>]>,
    /// Rows of [`CONVENTIONS`] that its spans may be counted in.
    pub(super) rows: Box<[usize]>,
    /// Whether its spans may be edges of the service graph.
    pub(super) is_edge: bool,
}

impl Carrier {
    /// `None` when its spans are of no interest to any family that is on.
    pub(in crate::layer) fn new(metadata: &'static Metadata<'static>, families: Families) -> Option<Box<Self>> {
        if !families.has(Family::Semconv) && !families.has(Family::ServiceGraph) {
            return None;
        }
        let has_field = |name: &str| metadata.fields().field(name).is_some();
        let keys = || metadata.fields().iter().map(|field| key_of_field(field.name(), has_field));
        let gives = |name: &str| keys().any(|key| key.is_some() && key == crate::families::key(name));
        let has_kind = has_field(KIND);
        let counts = |row: &Convention| {
            let measures = row.values().next().is_none() || !row.needs_value() || row.values().any(gives);
            measures && row.requires.iter().all(|name| gives(name)) && (has_kind || row.counts_internal())
        };
        let rows: Box<[usize]> = if families.has(Family::Semconv) {
            (0..).zip(&CONVENTIONS).filter(|(_, row)| counts(row)).map(|(number, _)| number).collect()
        } else {
            Box::default()
        };
        let is_edge = families.has(Family::ServiceGraph) && has_kind;
        (is_edge || !rows.is_empty()).then(|| Box::new(Self { fields: keys().collect(), rows, is_edge }))
    }

    fn key(&self, field: &Field) -> Option<Key> {
        self.fields.get(field.index()).copied().flatten()
    }
}

/// Reads the fields that a carrier wants.
pub(super) struct Reader<'a> {
    pub(super) measure: &'a Measure,
    pub(super) carrier: &'a Carrier,
    pub(super) values: Values,
}

impl Reader<'_> {
    fn put(&mut self, field: &Field, symbol: impl FnOnce(&Measure) -> Symbol) {
        if let Some(key) = self.carrier.key(field) {
            self.values.set(key, symbol(self.measure));
        }
    }
}

impl Visit for Reader<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, |measure| measure.text(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, |measure| measure.symbols.integer(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.record_i64(field, value),
            Err(_) => self.record_debug(field, &value),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, |_| value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, |measure| measure.symbols.float(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.carrier.key(field).is_some() {
            let measure = self.measure;
            text::with_text(value, measure.length, &measure.internal, |value| self.record_str(field, value));
        }
    }
}
