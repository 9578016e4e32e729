//! A set of labels: the identity of a series in Prometheus' data model.

use std::fmt;
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
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<[(Arc<str>, Arc<str>)]>);

impl Labels {
    /// Sorts, keeps the last value given for a name, and leaves empty values out.
    pub fn new<N: Into<Arc<str>>, V: Into<Arc<str>>>(labels: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut all: Vec<(Arc<str>, Arc<str>)> =
            labels.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        // A stable sort keeps the order of equal names, so that of each run the last one given can be kept.
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all.reverse();
        all.dedup_by(|a, b| a.0 == b.0);
        all.reverse();
        all.retain(|(_, value)| !value.is_empty());
        Self(all.into())
    }

    /// The value of one label.
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(key, _)| (**key).cmp(name)).ok()?;
        Some(&self.0[at].1)
    }

    /// The metric's name, if there is one.
    pub fn metric_name(&self) -> Option<&str> {
        self.get(METRIC_NAME)
    }

    /// All of them in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &Arc<str>)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// These labels, of which none has a name that `keep` refuses.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|(name, _)| keep(name)).cloned().collect())
    }

    /// A number for the whole set, as Prometheus' clients and Alertmanager compute it: FNV-1a of 64 bits over names and
    /// values, each followed by the byte 255.
    pub fn fingerprint(&self) -> u64 {
        let parts = self.0.iter().flat_map(|(name, value)| [name.as_bytes(), &[255], value.as_bytes(), &[255]]);
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        parts.flatten().fold(0xcbf2_9ce4_8422_2325, step)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self(Arc::new([]))
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
}
