//! The hot store: one writer a thread, no lock and no allocation when warm, summed at collection.
//!
//! A *series* is an instrument and a set of attributes. The cold path ([`Store::instrument`], [`Store::series`])
//! turns both into small numbers; the hot path ([`Store::record_span`], [`Store::add`], …) touches only cells of the
//! calling thread. [`Store::collect`] sums all threads into the OpenTelemetry data model.
//!
//! ```text
//! cold   registry ── instruments, series, limits           in_flight ── open spans, exact
//! hot    shard ── table ── cell ── pages ── few            gauge, exemplars ── shared by threads
//!                                   └ grid, scale: which bucket
//! tick   collect ── totals ── points                       operations, cardinality ── for people
//! ```

pub(crate) mod cardinality;
mod cell;
mod collect;
mod config;
mod declared;
mod exemplars;
mod few;
mod gauge;
mod grid;
mod id;
mod in_flight;
mod instrument;
mod operations;
mod pages;
mod points;
mod registry;
mod scale;
mod shard;
mod store;
mod table;
mod totals;

#[cfg(test)]
mod tests;

pub use collect::Collect;
pub use config::{Config, Declared, ExemplarFilter, HistogramAggregation};
pub use id::{Instrument, Series};
pub use in_flight::InFlight;
pub use instrument::{Declaration, InstrumentKind, Link};
pub use store::Store;
