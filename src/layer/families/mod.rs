//! Spans as families of metrics have them, beyond their calls and durations: semantic conventions and the service graph.
//!
//! Which spans can be of interest is decided once a callsite ([`Carrier`]): whose callsite has none of the fields pays
//! nothing. The values of the others wait in a [`Pockets`] until the span ends, because the metrics of a family have other
//! attributes than those of the span's own series.

mod carrier;
mod edges;
mod known;
mod pockets;
mod rows;

pub(super) use carrier::Carrier;

use tracing::field::Visit;

use super::handle::link_of;
use super::measure::Measure;
use super::spans::{Live, Slot, Status, Traits};
use crate::families::{self, Family};
use crate::series::{Link, Store};

use carrier::Reader;
use edges::Edges;
use pockets::{Pockets, Served, Values};
use rows::Rows;

/// The families of one layer that look at spans one by one.
pub(super) struct Families {
    pockets: Pockets,
    rows: Rows,
    edges: Option<Edges>,
}

/// A span that has ended.
#[derive(Clone, Copy)]
pub(super) struct Ended<'a> {
    pub(super) live: Live<'a>,
    /// The nearest ancestor in this process that telemetry wants.
    pub(super) parent: Option<Live<'a>>,
    pub(super) traits: Traits,
    pub(super) duration_nanos: u64,
}

impl Families {
    /// `None` when no such family is on.
    pub(super) fn new(store: &Store) -> Option<Self> {
        let families = store.config().families;
        let (semconv, graph) = (families.has(Family::Semconv), families.has(Family::ServiceGraph));
        (semconv || graph).then(|| Self {
            pockets: Pockets::new(),
            rows: if semconv { Rows::new(store) } else { Rows::default() },
            edges: graph.then(|| Edges::new(store)),
        })
    }
}

impl Measure {
    /// Keeps what families need of the fields that a span has or gets.
    #[cold]
    #[inline(never)]
    pub(super) fn carry(&self, carrier: &Carrier, live: Live<'_>, visit: impl FnOnce(&mut dyn Visit)) {
        let Some(families) = &self.families else { return };
        // Into a place of its own first: the host's code, which visiting may run, must not find a lock of ours held.
        let mut reader = Reader { measure: self, carrier, values: Values::default() };
        visit(&mut reader);
        families.pockets.put(live.id(), &reader.values);
    }

    /// A span ended that carries something.
    #[cold]
    #[inline(never)]
    pub(super) fn end_carrier(&self, carrier: &Carrier, ended: Ended<'_>) {
        let Some(families) = &self.families else { return };
        let Some(pocket) = families.pockets.take(ended.live.id()) else { return };
        let link = link_of(ended.live.slot, ended.traits);
        for number in &carrier.rows {
            families.rows.record(self, *number, &pocket.values, &ended, link);
        }
        if carrier.is_edge
            && let Some(edges) = &families.edges
        {
            families.end_edge(self, edges, (&pocket.values, pocket.served), &ended, link);
        }
    }
}

impl Families {
    fn end_edge(
        &self,
        measure: &Measure,
        edges: &Edges,
        (values, served): (&Values, Option<Served>),
        ended: &Ended<'_>,
        link: Option<Link>,
    ) {
        let slot = ended.live.slot;
        let failed = ended.traits.status() == Status::Error;
        let is_adopted = ended.traits.has(Slot::ADOPTED);
        let has_parent = is_adopted || slot.parent().is_some();
        let role = families::graph::role(&slot.kind(), served.is_some(), has_parent);
        if role == families::graph::Role::Part {
            if let Some(parent) = ended.parent.filter(|_| !is_adopted) {
                self.pockets.serve(parent.id(), Served { nanos: ended.duration_nanos, failed });
            }
            return;
        }
        edges.record(measure, role, values, served, ended, link);
    }
}
