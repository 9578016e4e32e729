//! Instruments that the host declares before anything is recorded.

use crate::Error;
use crate::series::{Declaration, InstrumentKind, Store};

/// An instrument's declaration, owned until the store exists.
#[derive(Debug)]
pub(super) struct Declared {
    name: String,
    unit: String,
    description: String,
    kind: InstrumentKind,
    boundaries: Vec<f64>,
}

impl Declared {
    pub(super) fn counter(name: &str, unit: &str, description: &str) -> Self {
        Self::new(InstrumentKind::Counter, name, unit, description, &[])
    }

    pub(super) fn up_down_counter(name: &str, unit: &str, description: &str) -> Self {
        Self::new(InstrumentKind::UpDownCounter, name, unit, description, &[])
    }

    pub(super) fn gauge(name: &str, unit: &str, description: &str) -> Self {
        Self::new(InstrumentKind::Gauge, name, unit, description, &[])
    }

    pub(super) fn histogram(name: &str, unit: &str, description: &str, boundaries: &[f64]) -> Self {
        Self::new(InstrumentKind::Histogram, name, unit, description, boundaries)
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

    /// Refuses bounds that are not ascending numbers.
    pub(super) fn check(&self) -> Result<(), Error> {
        let ascending = self.boundaries.is_sorted_by(|a, b| a < b);
        if ascending && self.boundaries.iter().all(|bound| bound.is_finite()) {
            return Ok(());
        }
        let setting = format!("the boundaries of {}", self.name);
        Err(Error::invalid(setting, format!("{:?}", self.boundaries), "ascending finite numbers"))
    }

    /// Declares it; an instrument that the store refuses (declared twice, or beyond the limit) is an error here.
    pub(super) fn declare(&self, store: &Store) -> Result<(), Error> {
        let declaration = Declaration {
            name: &self.name,
            unit: &self.unit,
            description: &self.description,
            kind: self.kind,
            boundaries: (!self.boundaries.is_empty()).then_some(&self.boundaries),
        };
        let expected = "an instrument of another name: this one exists with another meaning, or there are too many";
        store.instrument(&declaration).map(drop).ok_or_else(|| Error::invalid("Builder", self.name.as_str(), expected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_must_be_ascending_finite_numbers() {
        let check = |bounds: &[f64]| Declared::histogram("h", "ms", "", bounds).check().is_ok();
        assert!(check(&[]) && check(&[1.0, 2.0]));
        for bounds in [&[2.0, 1.0][..], &[1.0, 1.0], &[f64::NAN], &[1.0, f64::INFINITY]] {
            assert!(!check(bounds), "{bounds:?}");
        }
    }
}
