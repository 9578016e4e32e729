//! The service graph.

use super::super::measure::Measure;
use super::super::spans::Status;
use super::super::symbols::Symbol;
use super::Ended;
use super::known::Known;
use super::pockets::{Served, Values};
use crate::families::graph::{self, BOUNDARIES, Connection, Edge, Role};
use crate::families::{Key, key};
use crate::model::Number;
use crate::names::{self, Name};
use crate::series::{Declaration, Instrument, InstrumentKind, Link, Series, Store};
use opentelemetry::KeyValue;

/// What edges are remembered by besides attributes: kind and role, and whether the call failed.
const LEADING: usize = 2;
const SYMBOLS: usize = LEADING + graph::ATTRIBUTES.len();

/// The instruments of the graph.
pub(super) struct Edges {
    requests: Option<Instrument>,
    failed: Option<Instrument>,
    server: Option<Instrument>,
    client: Option<Instrument>,
    keys: [Option<Key>; graph::ATTRIBUTES.len()],
    /// `None` within for spans that show no edge.
    known: Known<Option<Calls>>,
}

/// The series of one edge.
#[derive(Clone, Copy)]
struct Calls {
    connection: Connection,
    requests: Series,
    /// Of calls that failed only: a series begins with its first measurement.
    failed: Option<Series>,
    server: Series,
    client: Series,
}

impl Edges {
    pub(super) fn new(store: &Store) -> Self {
        let declare = |name: Name, kind| {
            let Name { name, unit, description } = name;
            store.instrument(&Declaration { name, unit, description, kind, boundaries: Some(&BOUNDARIES) })
        };
        Self {
            requests: declare(names::GRAPH_REQUESTS, InstrumentKind::Counter),
            failed: declare(names::GRAPH_FAILED, InstrumentKind::Counter),
            server: declare(names::GRAPH_SERVER, InstrumentKind::Histogram),
            client: declare(names::GRAPH_CLIENT, InstrumentKind::Histogram),
            keys: graph::ATTRIBUTES.map(key),
            known: Known::new(2 * store.config().cardinality_limit),
        }
    }

    /// Counts the call that a span shows, if it shows one.
    pub(super) fn record(
        &self,
        measure: &Measure,
        role: Role,
        values: &Values,
        served: Option<Served>,
        ended: &Ended<'_>,
        link: Option<Link>,
    ) {
        let failed = ended.traits.status() == Status::Error || served.is_some_and(|served| served.failed);
        let generation = measure.store.generation();
        let mut symbols = [Symbol::ABSENT; SYMBOLS];
        symbols[0] = Symbol(ended.traits.kind() << 2 | role as u32);
        symbols[1] = failed.into();
        for (symbol, key) in symbols[LEADING..].iter_mut().zip(self.keys) {
            *symbol = key.map_or(Symbol::ABSENT, |key| values.get(key));
        }
        let find = || self.find(measure, role, values, ended, failed);
        let Some(calls) = self.known.get(generation, &symbols, find) else { return };
        let (server, client) =
            calls.connection.durations(ended.duration_nanos, served.map_or(0, |served| served.nanos));
        let store = &measure.store;
        store.add(calls.requests, Number::I64(1), link);
        if let Some(failed) = calls.failed {
            store.add(failed, Number::I64(1), link);
        }
        store.record(calls.server, seconds(server), link);
        store.record(calls.client, seconds(client), link);
    }

    /// The series of a span's edge; `None` when it shows none.
    fn find(&self, measure: &Measure, role: Role, values: &Values, ended: &Ended<'_>, failed: bool) -> Option<Calls> {
        let value = |name: &str| {
            let value = measure.symbols.value(values.get(key(name)?))?;
            Some(value.as_str().into_owned())
        };
        let service = &measure.store.config().service_name;
        let edge = Edge::of(service, &ended.live.slot.kind(), role, value)?;
        let connection = edge.connection;
        let identity = [
            KeyValue::new(graph::CLIENT, edge.client),
            KeyValue::new(graph::SERVER, edge.server),
            KeyValue::new(graph::CONNECTION_TYPE, connection.name()),
        ];
        let series = |instrument| measure.store.series(instrument, &identity, &[]);
        Some(Calls {
            connection,
            requests: series(self.requests?),
            failed: self.failed.filter(|_| failed).map(series),
            server: series(self.server?),
            client: series(self.client?),
        })
    }
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}
