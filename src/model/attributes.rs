//! A set of attributes: the identity of a series.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use opentelemetry::{Array, Key, KeyValue, Value};

/// Attributes sorted by key, each key once (the last value given wins, as the specification has it). Cloning is cheap.
///
/// Equality and hash go by content; numbers by their bits, so that `NaN` equals itself and a set can be a map's key.
///
/// ```
/// use bellwether::model::Attributes;
/// use opentelemetry::KeyValue;
/// let a = Attributes::new([KeyValue::new("b", 1), KeyValue::new("a", "x"), KeyValue::new("b", 2)]);
/// let b = Attributes::new([KeyValue::new("a", "x"), KeyValue::new("b", 2)]);
/// assert_eq!(a, b);
/// assert_eq!(a.get("b"), Some(&2.into()));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Attributes(Arc<[KeyValue]>);

impl Attributes {
    /// Sorts and removes keys given twice.
    pub fn new(attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        let mut all: Vec<KeyValue> = attributes.into_iter().collect();
        // A stable sort keeps the order of equal keys, so that of each run the last one given can be kept.
        all.sort_by(|a, b| a.key.cmp(&b.key));
        all.reverse();
        all.dedup_by(|a, b| a.key == b.key);
        all.reverse();
        Self(all.into())
    }

    /// The value of one key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let at = self.0.binary_search_by(|kv| kv.key.as_str().cmp(key)).ok()?;
        Some(&self.0[at].value)
    }

    /// All of them in the order of their keys.
    pub fn iter(&self) -> std::slice::Iter<'_, KeyValue> {
        self.0.iter()
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

impl<'a> IntoIterator for &'a Attributes {
    type Item = &'a KeyValue;
    type IntoIter = std::slice::Iter<'a, KeyValue>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<KeyValue> for Attributes {
    fn from_iter<T: IntoIterator<Item = KeyValue>>(attributes: T) -> Self {
        Self::new(attributes)
    }
}

impl PartialEq for Attributes {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || same_attributes(&self.0, &other.0)
    }
}

impl Eq for Attributes {}

impl Hash for Attributes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_attributes(&self.0, state);
    }
}

/// Whether two lists hold the same attributes in the same order, by the same measure as [`Attributes`].
pub(crate) fn same_attributes(a: &[KeyValue], b: &[KeyValue]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.key == b.key && same(&a.value, &b.value))
}

/// Hashes a list of attributes in its order; equal by [`same_attributes`] means an equal hash.
pub(crate) fn hash_attributes<H: Hasher>(attributes: &[KeyValue], state: &mut H) {
    attributes.len().hash(state);
    for KeyValue { key, value, .. } in attributes {
        Key::as_str(key).hash(state);
        hash(value, state);
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::F64(a), Value::F64(b)) => a.to_bits() == b.to_bits(),
        (Value::Array(Array::F64(a)), Value::Array(Array::F64(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
        }
        _ => a == b,
    }
}

fn hash<H: Hasher>(value: &Value, state: &mut H) {
    std::mem::discriminant(value).hash(state);
    match value {
        Value::Bool(v) => v.hash(state),
        Value::I64(v) => v.hash(state),
        Value::F64(v) => v.to_bits().hash(state),
        Value::String(v) => v.as_str().hash(state),
        // Arrays are rare as metric attributes: their text is unique enough for a hash, and equality decides.
        other => other.as_str().hash(state),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn order_and_repeated_keys_do_not_matter_but_types_do() {
        let sets: HashSet<Attributes> = [
            Attributes::new([KeyValue::new("a", 1), KeyValue::new("b", f64::NAN)]),
            Attributes::new([KeyValue::new("b", f64::NAN), KeyValue::new("a", 7), KeyValue::new("a", 1)]),
            Attributes::new([KeyValue::new("a", "1"), KeyValue::new("b", f64::NAN)]),
        ]
        .into();
        assert_eq!(sets.len(), 2);
    }
}
