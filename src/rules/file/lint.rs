//! What a rule file may say and hardly means.

use std::collections::HashMap;

use super::read::FINDINGS;
use super::{Finding, GroupSpec};

/// Rules that are there twice: the same name with the same labels, those of the group included, over the whole file.
pub(super) fn duplicates(file: &str, text: &str, groups: &[GroupSpec]) -> Vec<Finding> {
    let mut seen = HashMap::new();
    let mut findings = Vec::new();
    for (group, rule) in groups.iter().flat_map(|group| group.rules.iter().map(move |rule| (group, rule))) {
        let labels: Vec<(&str, &str)> =
            rule.labels.iter().map(|(name, value)| (name.as_str(), value.source())).collect();
        let first = seen.insert((rule.name.as_str(), labels), rule.place);
        if let Some(first) = first.filter(|_| findings.len() < FINDINGS) {
            let about = format!("group {:?}", group.name);
            let message = format!(
                "{:?} is there already with the same labels, in line {}; the later one overwrites the earlier",
                rule.name, first.line
            );
            findings.push(Finding::new(file, text, rule.place, &about, message));
        }
    }
    findings
}
