//! From YAML to groups and rules.

use std::collections::{BTreeMap, HashMap};

use super::{Finding, GroupSpec, Kind, ReadOptions, RuleFile, RuleSpec, SIZE, lint};
use crate::model::{Labels, METRIC_NAME, parse_duration};
use crate::promql::{self, Expr};
use crate::rules::Template;
use crate::yaml::{self, Content, Entry, Fault, Node, Place, Reader, Scalar, locate};

/// What is accepted as a duration, to follow the word "expected".
const DURATION: &str = "a duration such as 30s, 5m or 1h30m";
/// What a rule file may weigh, in values: enough for 20,000 rules.
const WEIGHT: usize = 1_000_000;
/// Findings of a kind that are kept of a file.
pub(super) const FINDINGS: usize = 100;

const FILE_KEYS: [&str; 1] = ["groups"];
const GROUP_KEYS: [&str; 6] = ["name", "interval", "query_offset", "limit", "labels", "rules"];
const RULE_KEYS: [&str; 7] = ["record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"];

/// Reads the text of a rule file, whose name is for messages. An empty text is a file without groups.
pub fn parse(file: &str, text: &str, options: &ReadOptions) -> RuleFile {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reading = Reading { file, text, options: *options, about: String::new(), errors: Vec::new(), count: 0 };
    let groups = reading.file();
    let mut errors = reading.errors;
    // Keys are checked before values; people read from top to bottom.
    errors.sort_by_key(|error| error.fault.place);
    let lints = lint::duplicates(file, text, &groups);
    RuleFile { name: file.to_owned(), groups, errors, lints }
}

struct Reading<'a> {
    file: &'a str,
    text: &'a str,
    options: ReadOptions,
    /// The group and the rule that are being read.
    about: String,
    errors: Vec<Finding>,
    /// All errors, those beyond [`FINDINGS`] too.
    count: usize,
}

/// What a rule puts on its series or alerts, by name.
struct Values {
    labels: Vec<(String, Template)>,
    annotations: Vec<(String, Template)>,
}

impl Reading<'_> {
    fn file(&mut self) -> Vec<GroupSpec> {
        if self.text.len() > SIZE {
            self.error(Place::START, format!("the file is too large; expected at most {SIZE} bytes"));
            return Vec::new();
        }
        let options = yaml::Options { weight: WEIGHT, merge: true };
        let root = match yaml::read(self.file, self.text, &options, None) {
            Ok(root) => root,
            Err(fault) => {
                self.fault(fault);
                None
            }
        };
        let Some(root) = root else { return Vec::new() };
        let entries = self.keys(&root, "groups:", &FILE_KEYS);
        let (mut groups, mut names) = (Vec::new(), HashMap::new());
        for node in self.list(&entries, "groups") {
            let before = self.count;
            let group = self.group(node);
            if let Some(first) = names.insert(group.name.clone(), node.place).filter(|_| !group.name.is_empty()) {
                let message = format!("group {:?} is there already, in line {}", group.name, first.line);
                self.error(node.place, message);
            }
            if self.count == before {
                groups.push(group);
            }
            self.about.clear();
        }
        groups
    }

    fn group(&mut self, node: &Node) -> GroupSpec {
        let name = entry(node, "name").map(|entry| text(&entry.value)).unwrap_or_default();
        let name = name.unwrap_or_default().to_owned();
        self.about = if name.is_empty() { String::new() } else { format!("group {name:?}") };
        let entries = self.keys(node, "a group with a name and rules", &GROUP_KEYS);
        let is_group = matches!(node.content, Content::Mapping(_));
        if is_group && self.string(&entries, "name").is_some_and(|name| name.is_empty()) {
            self.error(node.place, "the group's name is missing");
        }
        let labels = self.map(&entries, "labels");
        self.label_names(&labels);
        let labels: BTreeMap<&str, &Node> = labels.iter().map(|entry| (entry.key.as_str(), &entry.value)).collect();
        let about = self.about.clone();
        let mut rules = Vec::new();
        for (at, node) in self.list(&entries, "rules").iter().enumerate() {
            rules.extend(self.rule(node, &format!("{about}, rule {}", at + 1), &labels));
            self.about.clone_from(&about);
        }
        GroupSpec {
            interval: self.duration(&entries, "interval").filter(|interval| *interval > 0),
            query_offset: self.duration(&entries, "query_offset"),
            limit: self.limit(&entries),
            labels: Labels::new(labels.iter().map(|(key, node)| (*key, text(node).unwrap_or_default()))),
            place: node.place,
            name,
            rules,
        }
    }

    /// `None` when there is nothing to go on with, after an error.
    fn rule(&mut self, node: &Node, about: &str, group_labels: &BTreeMap<&str, &Node>) -> Option<RuleSpec> {
        about.clone_into(&mut self.about);
        let entries = self.keys(node, "a rule: record or alert, and expr", &RULE_KEYS);
        let (record, alert) = (self.string(&entries, "record")?, self.string(&entries, "alert")?);
        let (kind, name) = match (record.as_str(), alert.as_str()) {
            ("", "") => {
                self.error(node.place, "expected one of record and alert here");
                (Kind::Record, record)
            }
            (_, "") => (Kind::Record, record),
            ("", _) => (Kind::Alert, alert),
            _ => {
                self.error(node.place, "expected only one of record and alert here, not both");
                (Kind::Alert, alert)
            }
        };
        if !name.is_empty() {
            self.about = format!("{about}, {name:?}");
        }
        let expr = self.expr(&entries, node.place);
        let values = self.values(&entries, kind, group_labels);
        if kind == Kind::Record {
            self.recording(&entries, &name);
        }
        let (hold, keep_firing) = (self.duration(&entries, "for"), self.duration(&entries, "keep_firing_for"));
        let (text, expr, expr_place) = expr?;
        Some(RuleSpec {
            kind,
            name,
            place: node.place,
            text,
            expr,
            expr_place,
            hold: hold.unwrap_or(0),
            keep_firing: keep_firing.unwrap_or(0),
            labels: values.labels,
            annotations: values.annotations,
        })
    }

    /// The labels, with those of the group, and the annotations of a rule.
    fn values(&mut self, entries: &[&Entry], kind: Kind, group_labels: &BTreeMap<&str, &Node>) -> Values {
        let own = self.map(entries, "labels");
        self.label_names(&own);
        let mut labels = group_labels.clone();
        labels.extend(own.iter().map(|entry| (entry.key.as_str(), &entry.value)));
        let template = |reading: &mut Self, what: &str, name: &str, node: &Node| match kind {
            Kind::Alert => reading.template(what, name, node),
            Kind::Record => Template::literal(text(node).unwrap_or_default()),
        };
        let labels = labels.iter().map(|(name, node)| ((*name).to_owned(), template(self, "label", name, node)));
        let labels = labels.collect();
        let annotations = self.map(entries, "annotations");
        for entry in annotations.iter().filter(|entry| entry.key.is_empty()) {
            self.error(entry.place, "an annotation has no name");
        }
        let mut annotations: Vec<(String, Template)> = annotations
            .iter()
            .map(|entry| (entry.key.clone(), template(self, "annotation", &entry.key, &entry.value)))
            .collect();
        annotations.sort_by(|a, b| a.0.cmp(&b.0));
        Values { labels, annotations }
    }

    /// What a recording rule must not have.
    fn recording(&mut self, entries: &[&Entry], name: &str) {
        for entry in entries {
            let set = match entry.key.as_str() {
                "annotations" => matches!(&entry.value.content, Content::Mapping(entries) if !entries.is_empty()),
                "for" | "keep_firing_for" => milliseconds(&entry.value).is_some_and(|ms| ms > 0),
                _ => false,
            };
            if set {
                self.error(entry.place, format!("{} is for alerts only; expected none in a recording", entry.key));
            }
            if entry.key == "record" && name.contains(['{', '}']) {
                let message =
                    format!("{name:?} has braces; expected a name (labels go under labels:, queries into expr)");
                self.error(entry.value.place, message);
            }
        }
    }

    fn expr(&mut self, entries: &[&Entry], rule: Place) -> Option<(String, Expr, Place)> {
        let Some(entry) = entries.iter().find(|entry| entry.key == "expr") else {
            self.error(rule, "expr is missing here");
            return None;
        };
        let Some(text) = text(&entry.value) else {
            self.error(entry.value.place, "expr: expected a query");
            return None;
        };
        if text.is_empty() {
            self.error(entry.value.place, "expr is empty; expected a query");
            return None;
        }
        match promql::parse_with(text, self.options.experiments) {
            Ok(expr) => Some((text.to_owned(), expr, entry.value.place)),
            Err(errors) => {
                let error = errors.first();
                let place = locate(self.text, &entry.value, error.span.start);
                let hint = error.hint.map(|name| format!(" (did you mean {name:?}?)")).unwrap_or_default();
                self.error(place, format!("expr: {}{hint}", error.message));
                None
            }
        }
    }

    fn template(&mut self, what: &str, name: &str, node: &Node) -> Template {
        let source = text(node).unwrap_or_default();
        Template::parse(source).unwrap_or_else(|error| {
            self.error(locate(self.text, node, error.offset), format!("{what} {name:?}: {}", error.message));
            Template::literal(source)
        })
    }

    fn label_names(&mut self, labels: &[&Entry]) {
        for entry in labels.iter().filter(|entry| entry.key.is_empty() || entry.key == METRIC_NAME) {
            self.error(
                entry.place,
                format!("label {:?}: expected a name that is not empty and not __name__", entry.key),
            );
        }
    }

    fn limit(&mut self, entries: &[&Entry]) -> usize {
        let Some(node) = value(entries, "limit") else { return 0 };
        if let Content::Scalar(Scalar::Int(number), _) = &node.content {
            // Prometheus takes a negative limit as none.
            return usize::try_from(*number).unwrap_or(0);
        }
        self.error(node.place, "limit: expected a whole number");
        0
    }

    /// Milliseconds. `None` also after an error.
    fn duration(&mut self, entries: &[&Entry], key: &str) -> Option<i64> {
        let node = value(entries, key)?;
        let found = milliseconds(node);
        if found.is_none() {
            let shown = text(node).map(|text| format!("{text:?} is not valid; ")).unwrap_or_default();
            self.error(node.place, format!("{key}: {shown}expected {DURATION}"));
        }
        found
    }

    /// A text, empty when absent; `None` after an error.
    fn string(&mut self, entries: &[&Entry], key: &str) -> Option<String> {
        let Some(node) = value(entries, key) else { return Some(String::new()) };
        let found = text(node).map(String::from);
        if found.is_none() {
            self.error(node.place, format!("{key}: expected a text"));
        }
        found
    }

    /// The entries of a mapping of texts; none after an error.
    fn map<'n>(&mut self, entries: &[&'n Entry], key: &str) -> Vec<&'n Entry> {
        let Some(node) = value(entries, key) else { return Vec::new() };
        let Content::Mapping(entries) = &node.content else {
            self.error(node.place, format!("{key}: expected a mapping of names to texts"));
            return Vec::new();
        };
        for entry in entries.iter().filter(|entry| text(&entry.value).is_none()) {
            self.error(entry.value.place, format!("{key}: {}: expected a text", entry.key));
        }
        entries.iter().filter(|entry| text(&entry.value).is_some()).collect()
    }

    fn list<'n>(&mut self, entries: &[&'n Entry], key: &str) -> &'n [Node] {
        match value(entries, key).map(|node| (node.place, &node.content)) {
            None => &[],
            Some((_, Content::Sequence(nodes))) => nodes,
            Some((place, _)) => {
                self.error(place, format!("{key}: expected a list"));
                &[]
            }
        }
    }

    /// The entries of a mapping; those with keys that are not known are errors and left out.
    fn keys<'n>(&mut self, node: &'n Node, expected: &str, known: &[&str]) -> Vec<&'n Entry> {
        let entries = match &node.content {
            Content::Mapping(entries) => entries.as_slice(),
            Content::Scalar(Scalar::Null, _) => &[],
            _ => {
                self.error(node.place, format!("expected {expected}"));
                return Vec::new();
            }
        };
        let (fit, unfit): (Vec<&Entry>, Vec<&Entry>) =
            entries.iter().partition(|entry| known.contains(&entry.key.as_str()));
        if !self.options.ignore_unknown_fields {
            let reader = Reader { file: self.file, warnings: Vec::new() };
            for entry in unfit {
                self.fault(reader.unknown(entry, "key", known));
            }
        }
        fit
    }

    fn error(&mut self, place: Place, message: impl Into<String>) {
        self.count += 1;
        if self.count <= FINDINGS {
            self.errors.push(Finding::new(self.file, self.text, place, &self.about, message.into()));
        }
    }

    fn fault(&mut self, fault: Fault) {
        self.error(fault.place, fault.message);
    }
}

fn entry<'n>(node: &'n Node, key: &str) -> Option<&'n Entry> {
    let Content::Mapping(entries) = &node.content else { return None };
    entries.iter().find(|entry| entry.key == key)
}

/// The value of a key, unless it is null.
fn value<'n>(entries: &[&'n Entry], key: &str) -> Option<&'n Node> {
    entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value).filter(|node| !node.is_null())
}

/// Milliseconds, when the text is a duration.
fn milliseconds(node: &Node) -> Option<i64> {
    parse_duration(text(node)?).ok()
}

/// A scalar as it was written; null is the empty text, as Go's library has it.
fn text(node: &Node) -> Option<&str> {
    match &node.content {
        Content::Scalar(Scalar::Null, _) => Some(""),
        Content::Scalar(_, text) => Some(text),
        _ => None,
    }
}
