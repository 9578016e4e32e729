//! Rules as the text of a rule file: one way to write a thing, whoever wrote it first.

use std::fmt::Write as _;

use super::file::{Kind, RuleFile, RuleSpec};
use crate::model::print_duration;
use crate::yaml::{self, Scalar};

/// A rule, ready to be written.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) expr: String,
    /// Milliseconds.
    pub(super) hold: i64,
    /// Milliseconds.
    pub(super) keep_firing: i64,
    /// By name.
    pub(super) labels: Vec<(String, String)>,
    /// By name.
    pub(super) annotations: Vec<(String, String)>,
}

/// A rule file with the rules of another as Prometheus has them once it has read them: every expression as it is printed
/// from its syntax tree, labels of a group with each of its rules, durations and names in one form. What has a mistake is
/// not in it.
///
/// ```
/// use bellwether::rules::file::{ReadOptions, parse};
/// let text = "groups: [{name: a, labels: {team: core}, rules: [{record: up:sum, expr: 'sum( up )by(job)'}]}]";
/// assert_eq!(
///     bellwether::rules::print(&parse("rules.yml", text, &ReadOptions::default())),
///     "\
/// groups:
///   - name: a
///     rules:
///       - record: up:sum
///         expr: sum by (job) (up)
///         labels:
///           team: core
/// "
/// );
/// ```
pub fn print(file: &RuleFile) -> String {
    let mut text = head(file.groups.is_empty());
    for group in &file.groups {
        let mut settings = Vec::new();
        settings.extend(group.interval.map(|time| ("interval", print_duration(time))));
        settings.extend(group.query_offset.map(|time| ("query_offset", print_duration(time))));
        settings.extend((group.limit > 0).then(|| ("limit", group.limit.to_string())));
        let entries: Vec<Entry> = group.rules.iter().map(Entry::from).collect();
        write_group(&mut text, &group.name, &settings, &entries);
    }
    text
}

/// The beginning of a rule file.
pub(super) fn head(is_empty: bool) -> String {
    String::from(if is_empty { "groups: []\n" } else { "groups:\n" })
}

/// A group as an entry of `groups:`.
pub(super) fn write_group(text: &mut String, name: &str, settings: &[(&str, String)], entries: &[Entry]) {
    write_line(text, 2, &format!("- name: {}", yaml::scalar(name, 6)));
    for (key, value) in settings {
        write_line(text, 4, &format!("{key}: {value}"));
    }
    write_line(text, 4, if entries.is_empty() { "rules: []" } else { "rules:" });
    for entry in entries {
        entry.write(text, 6);
    }
}

impl Entry {
    /// The rule as an entry of `rules:` that begins in this column.
    pub(super) fn write(&self, text: &mut String, column: usize) {
        let key = match self.kind {
            Kind::Alert => "alert",
            Kind::Record => "record",
        };
        write_line(text, column, &format!("- {key}: {}", yaml::scalar(&self.name, column + 4)));
        // A number is a query too, and no reader minds that it looks like one.
        let is_number = matches!(Scalar::plain(&self.expr), Scalar::Int(_) | Scalar::Float(_));
        let expr = if is_number { self.expr.clone() } else { yaml::scalar(&self.expr, column + 4) };
        write_line(text, column + 2, &format!("expr: {expr}"));
        for (key, time) in [("for", self.hold), ("keep_firing_for", self.keep_firing)] {
            if time > 0 {
                write_line(text, column + 2, &format!("{key}: {}", print_duration(time)));
            }
        }
        for (key, texts) in [("labels", &self.labels), ("annotations", &self.annotations)] {
            if !texts.is_empty() {
                write_line(text, column + 2, &format!("{key}:"));
            }
            for (name, value) in texts {
                let (name, value) = (yaml::scalar(name, column + 6), yaml::scalar(value, column + 6));
                write_line(text, column + 4, &format!("{name}: {value}"));
            }
        }
    }
}

fn write_line(text: &mut String, column: usize, line: &str) {
    let _infallible = writeln!(text, "{:column$}{line}", "");
}

impl From<&RuleSpec> for Entry {
    fn from(rule: &RuleSpec) -> Self {
        let texts = |templates: &[(String, super::Template)]| {
            templates.iter().map(|(name, template)| (name.clone(), template.source().to_owned())).collect()
        };
        Self {
            kind: rule.kind,
            name: rule.name.clone(),
            expr: rule.expr.to_string(),
            hold: rule.hold,
            keep_firing: rule.keep_firing,
            labels: texts(&rule.labels),
            annotations: texts(&rule.annotations),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::DEFAULT_RULES;
    use crate::rules::file::{ReadOptions, parse};

    #[test]
    fn what_is_printed_says_the_same_and_is_printed_the_same_again() {
        const ODD: &str = "groups:\n- {name: '1', interval: 90s, limit: 3, query_offset: 1m, rules: [\
            {alert: 'a: b', expr: 'a{b=\"c\\nd\"} # why', for: 3600s, annotations: {'yes': \"x\\n\\n y\", z: ' '}}]}\n\
            - {name: none}";
        for text in [DEFAULT_RULES, ODD, ""] {
            let read = parse("a", text, &ReadOptions::default());
            let printed = print(&read);
            let again = parse("b", &printed, &ReadOptions::default());
            assert_eq!((&read.errors, &again.errors), (&vec![], &vec![]), "{printed}");
            let rules = |file: &RuleFile| {
                let group = |group: &crate::rules::GroupSpec| {
                    let rules: Vec<String> =
                        group.rules.iter().map(|rule| format!("{:?}", Entry::from(rule))).collect();
                    (group.name.clone(), group.interval, group.query_offset, group.limit, rules)
                };
                file.groups.iter().map(group).collect::<Vec<_>>()
            };
            assert_eq!(rules(&read), rules(&again), "{printed}");
            assert_eq!(print(&again), printed);
        }
    }
}
