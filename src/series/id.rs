//! The small numbers that stand for instruments and series.

/// An instrument of one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Instrument(pub(super) u32);

/// A series of one store. It may be retired when nothing is recorded for long: see
/// [`Store::generation`](super::Store::generation).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Series(pub(super) u32);
