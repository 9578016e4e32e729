//! The rules that come with bellwether.

use super::file::{ReadOptions, RuleFile, parse};

/// Name of the file of default rules, in messages and in [`super::Group::file`].
pub const DEFAULT_FILE: &str = "bellwether.rules.yml";
/// Text of the file of default rules; Prometheus reads it too. Its first group holds all thresholds, as series.
pub const DEFAULT_RULES: &str = include_str!("../../rules/bellwether.rules.yml");

/// The default rules, read.
pub fn defaults() -> RuleFile {
    parse(DEFAULT_FILE, DEFAULT_RULES, &ReadOptions::default())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::names::{self, Name};
    use crate::rules::Kind;
    use crate::yaml;

    /// The metrics that the rules may read, and what Prometheus' translation puts behind their names.
    const KNOWN: [(Name, &[&str]); 13] = [
        (names::CALLS, &["_total"]),
        (names::DURATION, &["_milliseconds", "_milliseconds_bucket"]),
        (names::IN_FLIGHT, &[""]),
        (names::CPU_UTILIZATION, &["_ratio"]),
        (names::MEMORY_USAGE, &["_bytes"]),
        (names::MEMORY_LIMIT, &["_bytes"]),
        (names::FILE_DESCRIPTORS, &[""]),
        (names::FILE_DESCRIPTOR_LIMIT, &[""]),
        (names::CACHE_LOOKUPS, &["_total"]),
        (names::DRIFT_SCORE, &[""]),
        (names::ANOMALY_SCORE, &[""]),
        (names::EXPORTED_SPANS, &["_total"]),
        (names::INTERNAL_EVENTS, &["_total"]),
    ];

    #[test]
    fn the_default_rules_are_without_mistake_and_read_only_what_is_written() {
        let file = defaults();
        assert_eq!((file.errors, file.lints), (vec![], vec![]));
        let mut known: BTreeSet<String> = KNOWN
            .iter()
            .chain(&[(names::EXPORTED_POINTS, &["_total"] as &[&str]), (names::EXPORTED_LOGS, &["_total"])])
            .flat_map(|(name, ends)| ends.iter().map(|end| format!("{}{end}", name.name.replace('.', "_"))))
            .collect();
        for rule in file.groups.iter().flat_map(|group| &group.rules) {
            for selector in rule.expr.selectors() {
                let name = selector.name.clone().expect("a metric");
                assert!(known.contains(&name), "{name} in {}, which is neither written nor recorded before", rule.name);
            }
            known.insert(rule.name.clone());
        }
    }

    #[test]
    fn every_threshold_is_compared_with_and_every_comparison_has_its_threshold() {
        let file = defaults();
        let rules = || file.groups.iter().flat_map(|group| &group.rules);
        let of = |rule: &crate::rules::RuleSpec| rule.labels[0].1.source().to_owned();
        let thresholds: BTreeSet<String> = rules().filter(|rule| rule.name == "bellwether_threshold").map(of).collect();
        let of = |matcher: &crate::model::Matcher| (matcher.name() == "of").then(|| matcher.value().to_owned());
        let used = rules().flat_map(|rule| rule.expr.selectors().into_iter().flat_map(|s| &s.matchers).filter_map(of));
        assert_eq!(used.collect::<BTreeSet<_>>(), thresholds);
    }

    #[test]
    fn every_alert_has_a_unit_test_that_fires_and_one_that_does_not() {
        let text = include_str!("../../rules/bellwether.test.yml");
        let options = yaml::Options { merge: true, ..yaml::Options::default() };
        let root = yaml::read("", text, &options, None).unwrap().unwrap();
        let reader = yaml::Reader { file: "", warnings: Vec::new() };
        let section = |node| reader.any_section(node, "a mapping").unwrap();
        let (mut firing, mut silent) = (BTreeSet::new(), BTreeSet::new());
        for test in section(&root).list("tests").unwrap() {
            for case in section(test).list("alert_rule_test").unwrap() {
                let case = section(case);
                let name = case.text("alertname").unwrap().unwrap().to_owned();
                if case.get("exp_alerts").is_some() {
                    firing.insert(name)
                } else {
                    silent.insert(name)
                };
            }
        }
        let rules = defaults();
        let rules = rules.groups.iter().flat_map(|group| &group.rules).filter(|rule| rule.kind == Kind::Alert);
        let alerts: BTreeSet<String> = rules.map(|rule| rule.name.clone()).collect();
        assert_eq!((&firing, &silent), (&alerts, &alerts));
    }
}
