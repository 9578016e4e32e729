//! The operations of the store, as a person looks at them.

use std::collections::BTreeMap;
use std::sync::Arc;

use opentelemetry::trace::SpanKind;

use super::registry::InstrumentState;
use super::store::Store;
use super::totals::Totals;
use crate::model::{Attributes, Operation};
use crate::names;

const KINDS: [SpanKind; 5] =
    [SpanKind::Internal, SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer];

/// All statuses and dimensions of one operation.
#[derive(Default)]
struct Sums {
    totals: Totals,
    errors: u64,
    in_flight: i64,
    peak: i64,
}

impl Store {
    /// What each operation did since the store began, by name and kind. What exceeded the cardinality limit and kept no
    /// operation is under the name `otel.metric.overflow`.
    pub fn operations(&self) -> Vec<Operation> {
        let mut all: BTreeMap<(String, &'static str), Sums> = BTreeMap::new();
        for (attributes, totals) in self.span_totals() {
            let sums = all.entry(key(&attributes)).or_default();
            let failed = attributes.get(names::STATUS_CODE).is_some_and(|it| it.as_str() == names::STATUS_CODE_ERROR);
            sums.errors += if failed { totals.measurements() } else { 0 };
            sums.totals.add(&totals);
        }
        for open in self.in_flight_read().peek() {
            let sums = all.entry(key(&open.attributes)).or_default();
            (sums.in_flight, sums.peak) = (open.now, open.peak);
        }
        let Some(grid) = self.registry().get(Self::SPANS).map(|spans: &InstrumentState| Arc::clone(&spans.grid)) else {
            return Vec::new();
        };
        let operation = |((name, kind), sums): ((String, &str), Sums)| Operation {
            name,
            kind: KINDS.into_iter().find(|it| names::span_kind(it) == kind).unwrap_or(SpanKind::Internal),
            calls: sums.totals.measurements(),
            errors: sums.errors,
            self_ms: sums.totals.self_ms(),
            in_flight: sums.in_flight,
            peak: sums.peak,
            duration: sums.totals.exponential(&grid),
        };
        all.into_iter().map(operation).collect()
    }
}

fn key(attributes: &Attributes) -> (String, &'static str) {
    let name = attributes.get(names::SPAN_NAME).map_or_else(|| names::OVERFLOW.to_owned(), ToString::to_string);
    let kind = attributes.get(names::SPAN_KIND).map(|kind| kind.as_str());
    let known = KINDS.iter().map(names::span_kind).find(|it| kind.as_deref() == Some(*it));
    (name, known.unwrap_or(names::span_kind(&SpanKind::Internal)))
}
