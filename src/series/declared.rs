//! Instruments that the host declares before anything is recorded.

use super::grid::{Grid, MAX_BOUNDS};
use super::{Declaration, InstrumentKind, Store};
use crate::Error;

/// An instrument declared before anything is recorded: its unit, its description and, of a histogram, its buckets are
/// those of whatever events and code record under its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// The metric's name.
    pub name: String,
    /// Its unit in UCUM; empty when there is none.
    pub unit: String,
    /// What it says, for a person; may be empty.
    pub description: String,
    kind: InstrumentKind,
    /// Upper inclusive bounds of a histogram's buckets; empty for the default ones.
    boundaries: Vec<f64>,
}

impl Declared {
    /// A sum that never decreases.
    pub fn counter(name: &str, unit: &str, description: &str) -> Self {
        Self::new(InstrumentKind::Counter, name, unit, description, &[])
    }

    /// A sum that may decrease.
    pub fn up_down_counter(name: &str, unit: &str, description: &str) -> Self {
        Self::new(InstrumentKind::UpDownCounter, name, unit, description, &[])
    }

    /// The last value.
    pub fn gauge(name: &str, unit: &str, description: &str) -> Self {
        Self::new(InstrumentKind::Gauge, name, unit, description, &[])
    }

    /// A distribution, with the specification's default buckets.
    pub fn histogram(name: &str, unit: &str, description: &str) -> Self {
        Self::new(InstrumentKind::Histogram, name, unit, description, &[])
    }

    /// The same with buckets up to these bounds, in the instrument's unit.
    #[must_use]
    pub fn with_boundaries(self, boundaries: &[f64]) -> Self {
        Self { boundaries: boundaries.into(), ..self }
    }

    fn new(kind: InstrumentKind, name: &str, unit: &str, description: &str, boundaries: &[f64]) -> Self {
        Self {
            name: name.into(),
            unit: unit.into(),
            description: description.into(),
            kind,
            boundaries: boundaries.into(),
        }
    }

    /// Whether it goes by the same name as another: names differ in more than case.
    pub fn is_named_like(&self, other: &Self) -> bool {
        self.name.eq_ignore_ascii_case(&other.name)
    }

    /// Refuses bounds that no histogram can have.
    ///
    /// # Errors
    /// When they are too many, or not ascending finite numbers.
    pub fn check(&self) -> Result<(), Error> {
        if Grid::accepts(&self.boundaries) {
            return Ok(());
        }
        let setting = format!("the boundaries of {}", self.name);
        let expected = format!("at most {MAX_BOUNDS} ascending finite numbers");
        Err(Error::invalid(setting, format!("{:?}", self.boundaries), expected))
    }

    /// Declares it.
    ///
    /// # Errors
    /// When the store refuses it: declared as something else before, or beyond the limit.
    pub fn declare(&self, store: &Store) -> Result<(), Error> {
        let declaration = Declaration {
            name: &self.name,
            unit: &self.unit,
            description: &self.description,
            kind: self.kind,
            boundaries: (!self.boundaries.is_empty()).then_some(&self.boundaries),
        };
        let expected =
            "another name, of 1 to 255 bytes: this one has another meaning, or there are too many instruments";
        let refused = || Error::invalid("the declaration of an instrument", self.name.as_str(), expected);
        store.instrument(&declaration).map(drop).ok_or_else(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_must_be_ascending_finite_numbers() {
        let check = |bounds: &[f64]| Declared::histogram("h", "ms", "").with_boundaries(bounds).check().is_ok();
        assert!(check(&[]) && check(&[1.0, 2.0]));
        for bounds in [&[2.0, 1.0][..], &[1.0, 1.0], &[f64::NAN], &[1.0, f64::INFINITY]] {
            assert!(!check(bounds), "{bounds:?}");
        }
    }
}
