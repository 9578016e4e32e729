//! What kind of file it is, by its keys.

use crate::yaml::{self, Content};

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Groups of rules.
    Rules,
    /// Unit tests of rules.
    Tests,
    /// Alertmanager's routing of alerts.
    Routing,
    /// OpenTelemetry's declarative configuration.
    Configuration,
}

impl Kind {
    /// The kind of a file; a file that says nothing of its own is one of rules, as an empty one is.
    pub(super) fn of(text: &str) -> Self {
        // Whoever reads the file as what it is says what is wrong with it.
        let options = yaml::Options { weight: 1_000_000, merge: true };
        let root = yaml::read("", text, &options, None).ok().flatten();
        let Some(Content::Mapping(entries)) = root.map(|root| root.content) else { return Self::Rules };
        let has = |keys: &[&str]| entries.iter().any(|entry| keys.contains(&entry.key.as_str()));
        if has(&["groups"]) {
            Self::Rules
        } else if has(&["tests", "rule_files", "evaluation_interval"]) {
            Self::Tests
        } else if has(&["file_format"]) {
            Self::Configuration
        } else if has(&["route", "receivers", "inhibit_rules"]) {
            Self::Routing
        } else {
            Self::Rules
        }
    }

    /// For programs and people.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Tests => "unit tests",
            Self::Routing => "routing",
            Self::Configuration => "configuration",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_keys() {
        let cases = [
            ("", Kind::Rules),
            ("groups: []", Kind::Rules),
            ("group: []", Kind::Rules),
            ("- a", Kind::Rules),
            ("{", Kind::Rules),
            ("rule_files: []\ntests: []", Kind::Tests),
            ("route: {receiver: a}\nreceivers: []", Kind::Routing),
            ("file_format: '1.0'", Kind::Configuration),
        ];
        for (text, kind) in cases {
            assert_eq!(Kind::of(text), kind, "{text}");
        }
    }
}
