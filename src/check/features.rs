//! Experiments of Prometheus, by the names of its `--enable-feature`.

use crate::promql::{Experiments, Options};

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Functions and aggregations that may still change.
    Functions,
    /// Arithmetic where a duration is written.
    Durations,
    /// `anchored` and `smoothed`.
    Selectors,
    /// `fill` and its like.
    Fill,
    /// A metric's name is dropped at the end of a query.
    DelayedNameRemoval,
    /// What was an experiment once and is always on.
    Settled,
}

const NAMES: [(&str, Feature); 7] = [
    ("promql-experimental-functions", Feature::Functions),
    ("promql-duration-expr", Feature::Durations),
    ("promql-extended-range-selectors", Feature::Selectors),
    ("promql-binop-fill-modifiers", Feature::Fill),
    ("promql-delayed-name-removal", Feature::DelayedNameRemoval),
    ("promql-at-modifier", Feature::Settled),
    ("promql-negative-offset", Feature::Settled),
];

/// The feature of that name.
///
/// # Errors
/// When there is none; it names those that there are.
pub(super) fn parse(name: &str) -> Result<Feature, String> {
    let known = NAMES.iter().find(|(known, _)| *known == name).map(|(_, feature)| *feature);
    known.ok_or_else(|| format!("expected one of {}", NAMES.map(|(known, _)| known).join(", ")))
}

/// What expressions may use.
pub(super) fn experiments(features: &[Feature]) -> Experiments {
    let on = |feature| features.contains(&feature);
    Experiments {
        functions: on(Feature::Functions),
        durations: on(Feature::Durations),
        selectors: on(Feature::Selectors),
        fill: on(Feature::Fill),
    }
}

/// How expressions are evaluated.
pub(super) fn options(features: &[Feature]) -> Options {
    let delayed_name_removal = features.contains(&Feature::DelayedNameRemoval);
    Options { delayed_name_removal, ..Options::default() }
}
