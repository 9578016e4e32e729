//! What was expected against what is.

use std::fmt;

use super::difference::{Lines, Style, difference};
use crate::model::Labels;

/// An alert with its labels and annotations.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ShownAlert {
    pub(super) labels: Labels,
    pub(super) annotations: Labels,
}

impl Lines for ShownAlert {
    fn lines(&self) -> Vec<String> {
        let pairs = |labels: &Labels| -> Vec<String> {
            labels.iter().map(|(name, value)| format!("  {name}={value:?}")).collect()
        };
        let annotations = pairs(&self.annotations);
        let header = (!annotations.is_empty()).then(|| String::from(" with annotations"));
        [vec![String::from("alert")], pairs(&self.labels), header.into_iter().collect(), annotations].concat()
    }
}

impl Lines for ShownSample {
    fn lines(&self) -> Vec<String> {
        vec![self.to_string()]
    }
}

impl fmt::Display for ShownAlert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with annotations {}", self.labels, self.annotations)
    }
}

/// A sample of a result.
#[derive(Debug, Clone)]
pub(super) struct ShownSample {
    pub(super) labels: Labels,
    pub(super) value: f64,
    /// A histogram in its notation; empty for a number.
    pub(super) histogram: String,
}

impl ShownSample {
    /// A number that is none equals nothing, as in promtool.
    fn same(&self, other: &Self, fuzzy: bool) -> bool {
        self.labels == other.labels && self.histogram == other.histogram && equal(self.value, other.value, fuzzy)
    }
}

#[expect(clippy::float_cmp, reason = "a test says whether neighbours are equal")]
fn equal(a: f64, b: f64, fuzzy: bool) -> bool {
    a == b || fuzzy && (a.next_up() == b || a.next_down() == b)
}

impl fmt::Display for ShownSample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.labels)?;
        if self.histogram.is_empty() { self.value.fmt(f) } else { f.write_str(&self.histogram) }
    }
}

/// What differs between alerts that are expected and those that fire; `None` when nothing does.
pub(super) fn alerts(mut expected: Vec<ShownAlert>, mut got: Vec<ShownAlert>, style: Style) -> Option<String> {
    expected.sort();
    got.sort();
    let same = |a: &ShownAlert, b: &ShownAlert| a == b;
    if expected == got { None } else { Some(difference(&expected, &got, style, same)) }
}

/// The same for samples. With `fuzzy` neighbouring numbers are equal.
pub(super) fn samples(
    mut expected: Vec<ShownSample>,
    mut got: Vec<ShownSample>,
    style: Style,
    fuzzy: bool,
) -> Option<String> {
    expected.sort_by(|a, b| a.labels.cmp(&b.labels));
    got.sort_by(|a, b| a.labels.cmp(&b.labels));
    let same = |a: &ShownSample, b: &ShownSample| a.same(b, fuzzy);
    let all = expected.len() == got.len() && expected.iter().zip(&got).all(|(a, b)| same(a, b));
    if all { None } else { Some(difference(&expected, &got, style, same)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(name: &str, value: f64) -> ShownSample {
        ShownSample { labels: Labels::new([("__name__", name)]), value, histogram: String::new() }
    }

    #[test]
    fn samples_are_compared_by_labels_whatever_their_order() {
        let cases = [
            (vec![], vec![], true),
            (vec![("a", 1.0), ("b", 2.0)], vec![("b", 2.0), ("a", 1.0)], true),
            (vec![("a", 1.0)], vec![("a", 2.0)], false),
            (vec![("a", 1.0)], vec![], false),
            (vec![], vec![("a", 1.0)], false),
            (vec![("a", f64::NAN)], vec![("a", f64::NAN)], false),
            (vec![("a", 0.0)], vec![("a", -0.0)], true),
            (vec![("a", 1.0), ("a", 1.0)], vec![("a", 1.0)], false),
        ];
        let all = |samples: &[(&str, f64)]| samples.iter().map(|(name, value)| sample(name, *value)).collect();
        for (expected, got, same) in cases {
            assert_eq!(samples(all(&expected), all(&got), Style::Sets, false).is_none(), same, "{expected:?} {got:?}");
        }
    }

    #[test]
    fn neighbouring_numbers_are_equal_only_when_asked() {
        let pair = || (vec![sample("a", 0.3)], vec![sample("a", 0.1 + 0.2)]);
        let (expected, got) = pair();
        assert_eq!(
            samples(expected, got, Style::Sets, false).unwrap(),
            "\n  missing    a 0.3\n  unexpected a 0.30000000000000004"
        );
        let (expected, got) = pair();
        assert_eq!(samples(expected, got, Style::Sets, true), None);
    }
}
