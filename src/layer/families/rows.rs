//! Metrics of the semantic conventions.

use opentelemetry::{KeyValue, Value};

use super::super::measure::Measure;
use super::super::spans::Status;
use super::super::symbols::Symbol;
use super::Ended;
use super::known::Known;
use super::pockets::Values;
use crate::families::semconv::{CONVENTIONS, Convention, Measured, OPERATION_TYPE};
use crate::families::{Key, MAX_KEYS, key};
use crate::model::Number;
use crate::names;
use crate::series::{Declaration, Instrument, InstrumentKind, Link, Series, Store};

/// What an error without a known type is called
/// (<https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/>).
const OTHER_ERROR: &str = "_OTHER";
/// Before the attributes of a row in what its series are remembered by: kind and status, error, type of operation, and
/// which of its values.
const LEADING: usize = 4;

/// The rows of the table, as the layer uses them.
#[derive(Default)]
pub(super) struct Rows {
    all: Vec<Row>,
    error: Key,
    operation: Key,
}

struct Row {
    convention: &'static Convention,
    /// `None` when the store refused it: its name is another instrument's.
    instrument: Option<Instrument>,
    names: Box<[&'static str]>,
    keys: Box<[Key]>,
    status: Option<Key>,
    /// `None` within for spans that are not counted.
    known: Known<Option<Series>>,
}

/// What the series of one measurement is found by.
struct Wanted<'a> {
    symbols: &'a [Symbol],
    status: Status,
    error: Symbol,
    code: Symbol,
    operation: Symbol,
    /// `gen_ai.token.type`
    token: Option<&'static str>,
}

impl Rows {
    pub(super) fn new(store: &Store) -> Self {
        let row = |convention: &'static Convention| {
            let names: Box<[&str]> = convention.points().collect();
            Row {
                convention,
                instrument: store.instrument(&Declaration {
                    name: convention.metric.name,
                    unit: convention.metric.unit,
                    description: convention.metric.description,
                    kind: match convention.measured {
                        Measured::Count(_) => InstrumentKind::Counter,
                        Measured::Duration(_) | Measured::Tokens(..) => InstrumentKind::Histogram,
                    },
                    boundaries: convention.boundaries(),
                }),
                keys: names.iter().filter_map(|name| key(name)).collect(),
                names,
                status: convention.status.and_then(key),
                known: Known::new(2 * store.config().cardinality_limit),
            }
        };
        let number = |name: &str| key(name).unwrap_or(Key::MAX);
        Self {
            all: CONVENTIONS.iter().map(row).collect(),
            error: number(names::ERROR_TYPE),
            operation: number(OPERATION_TYPE),
        }
    }

    /// Counts a span in a row of the table, if it is one of the row's.
    pub(super) fn record(
        &self,
        measure: &Measure,
        number: usize,
        values: &Values,
        ended: &Ended<'_>,
        link: Option<Link>,
    ) {
        let Some(row) = self.all.get(number) else { return };
        let number_of = |name: &str| key(name).and_then(|key| measure.symbols.number_of(values.get(key)));
        match row.convention.measured {
            Measured::Duration(_) => {
                if let Some(series) = self.series(measure, row, values, ended, None) {
                    measure.store.record(series, seconds(ended.duration_nanos), link);
                }
            }
            Measured::Count(field) => {
                let count = number_of(field).unwrap_or(Number::I64(1));
                if let Some(series) = self.series(measure, row, values, ended, None) {
                    measure.store.add(series, count, link);
                }
            }
            Measured::Tokens(fields, _) => {
                for (field, token) in fields {
                    if let Some(tokens) = number_of(field)
                        && let Some(series) = self.series(measure, row, values, ended, Some(token))
                    {
                        measure.store.record(series, tokens.as_f64(), link);
                    }
                }
            }
        }
    }

    fn series(
        &self,
        measure: &Measure,
        row: &Row,
        values: &Values,
        ended: &Ended<'_>,
        token: Option<&'static str>,
    ) -> Option<Series> {
        let generation = measure.store.generation();
        let mut all = [Symbol::ABSENT; LEADING + MAX_KEYS];
        let recorded = values.get(self.error);
        let error = if recorded.is_absent() { ended.live.slot.error() } else { recorded };
        let operation = values.get(self.operation);
        // Symbols of texts are never as small as these numbers, and they have places of their own.
        let which = Symbol(token.map_or(0, |token| if token == "input" { 1 } else { 2 }));
        all[..LEADING].copy_from_slice(&[Symbol(ended.traits.variant()), error, operation, which]);
        let mut len = LEADING;
        for (symbol, key) in all[LEADING..].iter_mut().zip(&row.keys) {
            *symbol = values.get(*key);
            len += 1;
        }
        let code = row.status.map_or(Symbol::ABSENT, |key| values.get(key));
        let symbols = &all[LEADING..len];
        let status = ended.traits.status();
        let wanted = Wanted { symbols, status, error, code, operation, token };
        row.known.get(generation, &all[..len], || row.find(measure, &wanted, ended))
    }
}

impl Row {
    /// The series of a span; `None` when it is not one of the row's.
    fn find(&self, measure: &Measure, wanted: &Wanted<'_>, ended: &Ended<'_>) -> Option<Series> {
        let (row, kind) = (self.convention, ended.live.slot.kind());
        let operation = measure.symbols.value(wanted.operation);
        let operation = operation.as_ref().map(Value::as_str);
        let required = wanted.symbols.iter().take(row.requires.len()).all(|symbol| !symbol.is_absent());
        if !row.kinds.contains(&kind) || !required || !row.counts(operation.as_deref(), &kind) {
            return None;
        }
        let mut attributes = measure.attributes(&self.names, wanted.symbols);
        attributes.extend(wanted.token.map(|token| KeyValue::new(names::GEN_AI_TOKEN_TYPE, token)));
        if row.has_error() && wanted.status != Status::Ok {
            let known = measure.symbols.value(wanted.error);
            let code = || {
                let code = measure.symbols.value(wanted.code)?.as_str().into_owned();
                row.is_error(&code).then(|| Value::from(code))
            };
            let other = || code().unwrap_or_else(|| Value::from(OTHER_ERROR));
            let error = known.or_else(|| (wanted.status == Status::Error).then(other));
            attributes.extend(error.map(|error| KeyValue::new(names::ERROR_TYPE, error)));
        }
        Some(measure.store.series(self.instrument?, &[], &attributes))
    }
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_of_a_row_has_its_key_in_the_same_place() {
        for row in &CONVENTIONS {
            assert!(row.points().all(|name| key(name).is_some()), "{}", row.metric.name);
        }
    }
}
