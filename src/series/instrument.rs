//! What an instrument is declared with.

use opentelemetry::trace::{SpanId, TraceId};

/// What may be recorded with an instrument, and how it is aggregated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InstrumentKind {
    /// A sum that never decreases: [`Store::add`](super::Store::add) with values from zero up.
    Counter,
    /// A sum that may decrease: [`Store::add`](super::Store::add).
    UpDownCounter,
    /// The last value: [`Store::set`](super::Store::set).
    Gauge,
    /// A distribution: [`Store::record`](super::Store::record).
    Histogram,
}

/// An instrument as the caller wants it.
#[derive(Debug, Clone, Copy)]
pub struct Declaration<'a> {
    /// The metric's name.
    pub name: &'a str,
    /// Its unit in UCUM; empty when there is none.
    pub unit: &'a str,
    /// What it says, for a person; may be empty.
    pub description: &'a str,
    /// What may be recorded.
    pub kind: InstrumentKind,
    /// Upper inclusive bounds of a histogram, finite and ascending; `None` for
    /// [`Config::DEFAULT_BOUNDS`](super::Config::DEFAULT_BOUNDS). Other kinds ignore them.
    pub boundaries: Option<&'a [f64]>,
}

/// The span in which a measurement was made: what an exemplar refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// Whether the trace is exported.
    pub sampled: bool,
}
