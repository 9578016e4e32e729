//! The small numbers that stand for instruments and series.

/// An instrument of one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Instrument(pub(super) u32);

/// A series of one store. It may be retired when nothing is recorded for long: see
/// [`Store::generation`](super::Store::generation).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Series(pub(super) u32);

impl Series {
    /// As a number, for whoever keeps series in an atomic.
    #[inline]
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// From [`Series::number`].
    #[inline]
    pub(crate) fn from_number(number: u32) -> Self {
        Self(number)
    }
}
