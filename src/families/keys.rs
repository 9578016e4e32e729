//! The attributes that families read of spans, as small numbers.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{graph, semconv};

/// More than there are keys, so that the values of a span lie in an array.
pub const MAX_KEYS: usize = 48;

/// The number of an attribute that some family reads, below [`MAX_KEYS`].
pub type Key = u8;

/// Names that conventions had before, with the same values, and the present ones. A span that has both is read by the
/// present one (<https://opentelemetry.io/docs/specs/semconv/registry/attributes/>, deprecated attributes).
const FORMER: [(&str, &str); 7] = [
    ("db.name", "db.namespace"),
    ("db.operation", "db.operation.name"),
    ("db.sql.table", "db.collection.name"),
    ("db.system", "db.system.name"),
    ("gen_ai.system", "gen_ai.provider.name"),
    ("messaging.operation", "messaging.operation.type"),
    ("rpc.system", "rpc.system.name"),
];

struct Keys {
    names: Vec<&'static str>,
    numbers: HashMap<&'static str, Key>,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let mut names: Vec<&str> = semconv::attributes().chain(graph::ATTRIBUTES).collect();
    names.sort_unstable();
    names.dedup();
    names.truncate(MAX_KEYS);
    let numbers = (0..).zip(&names).map(|(number, name)| (*name, number)).collect();
    Keys { names, numbers }
});

/// The attributes, by number.
pub fn keys() -> &'static [&'static str] {
    &KEYS.names
}

/// The number of an attribute, when some family reads it.
pub fn key(name: &str) -> Option<Key> {
    KEYS.numbers.get(name).copied()
}

/// The number of the attribute that a field named `name` gives, among the fields of its callsite.
pub fn key_of_field(name: &str, has_field: impl Fn(&str) -> bool) -> Option<Key> {
    let present = FORMER.iter().find(|(former, _)| *former == name).map(|(_, present)| *present);
    match present {
        Some(present) if has_field(present) => None,
        Some(present) => key(present),
        None => key(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_of_every_family_has_a_number_of_its_own() {
        assert!(keys().len() < MAX_KEYS, "{} keys", keys().len());
        for name in semconv::attributes().chain(graph::ATTRIBUTES) {
            let number = key(name).unwrap();
            assert_eq!(keys()[usize::from(number)], name);
        }
        assert_eq!(key("user.id"), None);
    }

    #[test]
    fn a_former_name_stands_for_the_present_one_unless_both_are_there() {
        assert_eq!(key_of_field("db.system", |_| false), key("db.system.name"));
        assert_eq!(key_of_field("db.system", |field| field == "db.system.name"), None);
        assert_eq!(key_of_field("db.system.name", |_| true), key("db.system.name"));
        for (former, present) in FORMER {
            assert!(key(former).is_none() && key(present).is_some(), "{former}");
        }
    }
}
