//! A set of labels: the identity of a series in Prometheus' data model.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";

/// Labels sorted by name, each name once, none with an empty value (an empty value means that the label is absent).
/// Cloning is cheap. The order is Prometheus': name by name, value by value.
///
/// Prints as Prometheus does: `up{job="search"}`.
///
/// ```
/// use bellwether::model::Labels;
/// let labels = Labels::new([("__name__", "up"), ("job", "search"), ("zone", "")]);
/// assert_eq!(labels.get("job"), Some("search"));
/// assert_eq!(labels.to_string(), r#"up{job="search"}"#);
/// ```
#[derive(Clone, Default)]
pub struct Labels {
    all: Arc<[Pair]>,
    /// So many of the first are left out: mostly the metric's name, which is the first of nearly all series, and which
    /// nearly every function takes away from thousands of them.
    skipped: u32,
}

type Pair = (Arc<str>, Arc<str>);

impl Labels {
    /// Sorts, keeps the last value given for a name, and leaves empty values out.
    pub fn new<N: Into<Arc<str>>, V: Into<Arc<str>>>(labels: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut all: Vec<Pair> = labels.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        // A stable sort keeps the order of equal names, so that of each run the last one given can be kept.
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all.reverse();
        all.dedup_by(|a, b| a.0 == b.0);
        all.reverse();
        all.retain(|(_, value)| !value.is_empty());
        Self { all: all.into(), skipped: 0 }
    }

    /// The value of one label.
    pub fn get(&self, name: &str) -> Option<&str> {
        let pairs = self.pairs();
        let at = pairs.binary_search_by(|(key, _)| (**key).cmp(name)).ok()?;
        Some(&pairs[at].1)
    }

    /// The metric's name, if there is one.
    pub fn metric_name(&self) -> Option<&str> {
        self.get(METRIC_NAME)
    }

    /// All of them in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &Arc<str>)> {
        self.pairs().iter().map(|(name, value)| (name, value))
    }

    /// These labels, of which none has a name that `keep` refuses. Cheap where only the first ones go.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        let pairs = self.pairs();
        let first = pairs.iter().take_while(|(name, _)| !keep(name)).count();
        let rest = pairs.get(first..).unwrap_or_default();
        match u32::try_from(first) {
            Ok(first) if rest.iter().all(|(name, _)| keep(name)) => {
                Self { all: Arc::clone(&self.all), skipped: self.skipped + first }
            }
            _ => Self { all: rest.iter().filter(|(name, _)| keep(name)).cloned().collect(), skipped: 0 },
        }
    }

    /// A number for the whole set, as Prometheus' clients and Alertmanager compute it: FNV-1a of 64 bits over names and
    /// values, each followed by the byte 255.
    pub fn fingerprint(&self) -> u64 {
        let parts = self.iter().flat_map(|(name, value)| [name.as_bytes(), &[255], value.as_bytes(), &[255]]);
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        parts.flatten().fold(0xcbf2_9ce4_8422_2325, step)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.pairs().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pairs().is_empty()
    }

    fn pairs(&self) -> &[Pair] {
        self.all.get(self.skipped as usize..).unwrap_or_default()
    }
}

impl PartialEq for Labels {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.cmp(other).is_eq()
    }
}

impl Eq for Labels {}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        // Series of one place share most of their texts, so that most need not be read.
        let text = |a: &Arc<str>, b: &Arc<str>| if Arc::ptr_eq(a, b) { Ordering::Equal } else { a.cmp(b) };
        let pairs = self.pairs().iter().zip(other.pairs());
        let orders = pairs.map(|(a, b)| text(&a.0, &b.0).then_with(|| text(&a.1, &b.1)));
        let first = orders.into_iter().find(|order| order.is_ne());
        first.unwrap_or_else(|| self.len().cmp(&other.len()))
    }
}

impl Hash for Labels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.pairs().hash(state);
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.metric_name();
        f.write_str(name.unwrap_or_default())?;
        let mut rest = self.iter().filter(|(name, _)| ***name != *METRIC_NAME).peekable();
        if name.is_some() && rest.peek().is_none() {
            return Ok(());
        }
        f.write_str("{")?;
        for (at, (name, value)) in rest.enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{name}={value:?}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn fingerprints_are_those_of_prometheus_clients() {
        assert_eq!(Labels::default().fingerprint(), 14_695_981_039_346_656_037);
        let labels = Labels::new([("name", "garland, briggs"), ("fear", "love is not enough")]);
        assert_eq!(labels.fingerprint(), 5_799_056_148_416_392_346);
    }

    #[test]
    fn labels_are_sorted_the_last_of_a_name_wins_and_empty_ones_are_absent() {
        let labels = Labels::new([("b", "1"), ("a", "x"), ("b", "2"), ("c", "y"), ("c", "")]);
        assert_eq!(labels.to_string(), r#"{a="x", b="2"}"#);
        assert_eq!(labels.filtered(|name| name != "a"), Labels::new([("b", "2")]));
    }

    #[test]
    fn labels_that_were_left_out_are_as_if_they_had_never_been_there() {
        let labels = Labels::new([("__name__", "up"), ("a", "1"), ("b", "2")]);
        for (gone, rest) in [
            (&["__name__"][..], &[("a", "1"), ("b", "2")][..]),
            (&["a"], &[("__name__", "up"), ("b", "2")]),
            (&["__name__", "a"], &[("b", "2")]),
            (&["__name__", "b"], &[("a", "1")]),
            (&["__name__", "a", "b"], &[]),
            (&[], &[("__name__", "up"), ("a", "1"), ("b", "2")]),
        ] {
            // One after the other, which is where some are left out of what was left already.
            let left = gone.iter().fold(labels.clone(), |labels, gone| labels.filtered(|name| name != *gone));
            let at_once = labels.filtered(|name| !gone.contains(&name));
            let fresh = Labels::new(rest.iter().copied());
            let known: HashSet<Labels> = [fresh.clone()].into();
            for left in [left, at_once] {
                assert_eq!((&left, left.cmp(&fresh), left.len()), (&fresh, Ordering::Equal, fresh.len()), "{gone:?}");
                assert_eq!((left.to_string(), left.fingerprint()), (fresh.to_string(), fresh.fingerprint()));
                assert!(known.contains(&left), "{gone:?}");
                assert_eq!(left.get("__name__"), fresh.get("__name__"));
                assert_eq!(left < labels, fresh < labels, "{gone:?}");
            }
        }
    }
}
