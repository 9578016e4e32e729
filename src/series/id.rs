//! The small numbers that stand for instruments and series.

use std::sync::atomic::{AtomicU32, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

/// An instrument of one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Instrument(pub(super) u32);

/// A series of one store. It may be retired when nothing is recorded for long: see
/// [`Store::generation`](super::Store::generation).
///
/// The number says which kind of cell holds the series (2 bits), how often its place was given to a new series (8 bits),
/// and the place (22 bits). Every cell carries the whole number, so that one comparison on the hot path refuses both a
/// series of another kind and one whose place has a new owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Series(pub(super) u32);

const PLACE_BITS: u32 = 22;
const TURN_BITS: u32 = 8;

/// The kind of cell that holds a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CellKind {
    Span,
    Sum,
    Histogram,
    Gauge,
}

impl CellKind {
    pub(super) const ALL: [Self; 4] = [Self::Span, Self::Sum, Self::Histogram, Self::Gauge];
}

impl Series {
    /// Stands for no series: what is recorded with it is refused and counted.
    pub(super) const NONE: Self = Self(u32::MAX);

    /// The first series at a place; `None` when there are no more places.
    pub(super) fn new(kind: CellKind, place: usize) -> Option<Self> {
        // The last place is left out: with all bits set it would read as `NONE`.
        let place = u32::try_from(place).ok().filter(|place| *place < (1 << PLACE_BITS) - 1)?;
        Some(Self(((kind as u32) << (PLACE_BITS + TURN_BITS)) | place))
    }

    /// The next series at the same place. Its turn comes round again after 256 others, each of which needs the idle
    /// timeout at least.
    pub(super) fn next(self) -> Self {
        let turns = ((1 << TURN_BITS) - 1) << PLACE_BITS;
        let turn = self.0.wrapping_add(1 << PLACE_BITS) & turns;
        Self(self.0 & !turns | turn)
    }

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

    #[inline]
    pub(super) fn place(self) -> u32 {
        self.0 & ((1 << PLACE_BITS) - 1)
    }

    pub(super) fn kind(self) -> CellKind {
        CellKind::ALL[(self.0 >> (PLACE_BITS + TURN_BITS)) as usize & 3]
    }
}

/// The number of the series that a cell belongs to.
#[derive(Debug)]
pub(super) struct Owner(AtomicU32);

impl Owner {
    pub(super) const fn nobody() -> Self {
        Self(AtomicU32::new(Series::NONE.0))
    }

    /// Asked by the writer.
    #[inline]
    pub(super) fn is(&self, series: Series) -> bool {
        self.0.load(Relaxed) == series.0
    }

    /// Asked by a reader: what it reads afterwards was recorded for this series.
    pub(super) fn is_seen(&self, series: Series) -> bool {
        self.0.load(Acquire) == series.0
    }

    /// Called by the writer once the cell is empty.
    pub(super) fn set(&self, series: Series) {
        self.0.store(series.0, Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_and_place_outlive_the_turns_and_no_two_turns_are_equal() {
        for kind in CellKind::ALL {
            let mut series = Series::new(kind, 4_194_302).unwrap();
            let first = series;
            for turn in 1..=256 {
                series = series.next();
                assert_eq!((series.kind(), series.place(), series == first), (kind, 4_194_302, turn == 256));
                assert_ne!(series, Series::NONE);
            }
        }
        assert_eq!(Series::new(CellKind::Gauge, 4_194_303), None);
    }
}
