//! From YAML to tests.

use super::{AlertTest, ExpectedSample, Input, QueryTest, TestFile, TestGroup, Text, time};
use crate::model::{Labels, parse_duration};
use crate::rules::file::Finding;
use crate::yaml::{self, Content, Fault, Node, Reader, Scalar, Section};

/// What a test file may weigh, in values.
const WEIGHT: usize = 1_000_000;
/// One minute, as in promtool.
const EVALUATION_INTERVAL: i64 = 60_000;

const FILE_KEYS: [&str; 5] = ["rule_files", "evaluation_interval", "group_eval_order", "tests", "fuzzy_compare"];
const GROUP_KEYS: [&str; 8] = [
    "interval",
    "input_series",
    "alert_rule_test",
    "promql_expr_test",
    "external_labels",
    "external_url",
    "name",
    "start_timestamp",
];
const ALERT_KEYS: [&str; 3] = ["eval_time", "alertname", "exp_alerts"];
const QUERY_KEYS: [&str; 3] = ["expr", "eval_time", "exp_samples"];
const SAMPLE_KEYS: [&str; 3] = ["labels", "value", "histogram"];

type Read<T> = Result<T, Fault>;

/// Reads a test file, whose name is for messages. The first mistake ends it.
pub(super) fn read(name: &str, text: &str) -> Result<TestFile, Finding> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    file(name, text).map_err(|fault| {
        let excerpt = yaml::excerpt(text, fault.place);
        Finding { fault, about: String::new(), excerpt }
    })
}

fn file(name: &str, text: &str) -> Read<TestFile> {
    let options = yaml::Options { weight: WEIGHT, merge: true };
    let Some(root) = yaml::read(name, text, &options, None)? else { return Ok(TestFile::default()) };
    let reader = Reader { file: name, warnings: Vec::new() };
    let section = reader.section(&root, &FILE_KEYS)?;
    let evaluation_interval = duration(&section, "evaluation_interval")?;
    let evaluation_interval = evaluation_interval.filter(|interval| *interval > 0).unwrap_or(EVALUATION_INTERVAL);
    let group_order = section.texts("group_eval_order")?.unwrap_or_default();
    if let Some(twice) = group_order.iter().enumerate().find(|(at, name)| group_order[..*at].contains(name)) {
        return Err(section.invalid("group_eval_order", twice.1, "each group once"));
    }
    let tests = list(&section, "tests")?;
    Ok(TestFile {
        rule_files: section.texts("rule_files")?.unwrap_or_default(),
        evaluation_interval,
        group_order,
        fuzzy: section.flag("fuzzy_compare")?.unwrap_or(false),
        groups: tests.iter().map(|node| group(&reader, node, evaluation_interval)).collect::<Read<_>>()?,
    })
}

fn group(reader: &Reader<'_>, node: &Node, evaluation_interval: i64) -> Read<TestGroup> {
    let section = reader.section(node, &GROUP_KEYS)?;
    let interval = duration(&section, "interval")?.filter(|interval| *interval > 0);
    let start = match section.text("start_timestamp")? {
        None | Some("") => 0,
        Some(text) => {
            let expected = "seconds since 1970 or a time such as 2024-01-01T00:00:00Z";
            time::parse(text).ok_or_else(|| section.invalid("start_timestamp", text, expected))?
        }
    };
    let nodes = |key: &str| list(&section, key);
    Ok(TestGroup {
        place: node.place,
        name: section.text("name")?.unwrap_or_default().to_owned(),
        interval: interval.unwrap_or(evaluation_interval),
        start,
        input: nodes("input_series")?.iter().map(|node| input(reader, node)).collect::<Read<_>>()?,
        alerts: nodes("alert_rule_test")?.iter().map(|node| alert(reader, node)).collect::<Read<_>>()?,
        queries: nodes("promql_expr_test")?.iter().map(|node| query(reader, node)).collect::<Read<_>>()?,
        external_labels: labels(reader, &section, "external_labels")?,
        external_url: section.text("external_url")?.unwrap_or_default().to_owned(),
    })
}

fn input(reader: &Reader<'_>, node: &Node) -> Read<Input> {
    let section = reader.section(node, &["series", "values"])?;
    Ok(Input { place: node.place, series: written(&section, "series")?, values: written(&section, "values")? })
}

fn alert(reader: &Reader<'_>, node: &Node) -> Read<AlertTest> {
    let section = reader.section(node, &ALERT_KEYS)?;
    let alertname = section.text("alertname")?.unwrap_or_default();
    if alertname.is_empty() {
        return Err(section.error(node.place, "alertname is missing here"));
    }
    let expected = |node: &Node| {
        let section = reader.section(node, &["exp_labels", "exp_annotations"])?;
        Ok((labels(reader, &section, "exp_labels")?, labels(reader, &section, "exp_annotations")?))
    };
    Ok(AlertTest {
        place: node.place,
        eval_time: duration(&section, "eval_time")?.unwrap_or(0),
        alertname: alertname.to_owned(),
        expected: list(&section, "exp_alerts")?.iter().map(expected).collect::<Read<_>>()?,
    })
}

fn query(reader: &Reader<'_>, node: &Node) -> Read<QueryTest> {
    let section = reader.section(node, &QUERY_KEYS)?;
    Ok(QueryTest {
        place: node.place,
        eval_time: duration(&section, "eval_time")?.unwrap_or(0),
        expr: written(&section, "expr")?,
        expected: list(&section, "exp_samples")?.iter().map(|node| sample(reader, node)).collect::<Read<_>>()?,
    })
}

fn sample(reader: &Reader<'_>, node: &Node) -> Read<ExpectedSample> {
    let section = reader.section(node, &SAMPLE_KEYS)?;
    let value = match section.get("value").map(|node| (node.place, &node.content)) {
        None => 0.0,
        Some((_, Content::Scalar(Scalar::Int(number), _))) => *number as f64,
        Some((_, Content::Scalar(Scalar::Float(number), _))) => *number,
        Some((place, _)) => return Err(section.error(place, "value: expected a number")),
    };
    let (labels, histogram) = (written(&section, "labels")?, written(&section, "histogram")?);
    Ok(ExpectedSample { place: node.place, labels, value, histogram })
}

/// A text with its place, empty when it is absent.
fn written(section: &Section<'_>, key: &str) -> Read<Text> {
    let text = section.text(key)?.unwrap_or_default().to_owned();
    Ok(Text { text, node: section.get(key).cloned() })
}

/// Milliseconds; `None` when it is absent.
fn duration(section: &Section<'_>, key: &str) -> Read<Option<i64>> {
    let Some(text) = section.text(key)? else { return Ok(None) };
    let found = parse_duration(text);
    found.map(Some).map_err(|_| section.invalid(key, text, "a duration such as 30s, 5m or 1d"))
}

/// A mapping of names to texts.
fn labels(reader: &Reader<'_>, section: &Section<'_>, key: &str) -> Read<Labels> {
    let Some(node) = section.get(key) else { return Ok(Labels::default()) };
    let section = reader.any_section(node, "a mapping of names to texts")?;
    let pair = |entry: &yaml::Entry| match &entry.value.content {
        Content::Scalar(Scalar::Null, _) => Ok((entry.key.clone(), String::new())),
        Content::Scalar(_, text) => Ok((entry.key.clone(), text.clone())),
        _ => Err(section.error(entry.value.place, format!("{key}: {}: expected a text", entry.key))),
    };
    section.entries.iter().map(pair).collect::<Read<Vec<_>>>().map(Labels::new)
}

/// The entries of a list, which may be empty.
fn list<'n>(section: &Section<'n>, key: &str) -> Read<&'n [Node]> {
    match section.get(key).map(|node| (node.place, &node.content)) {
        None => Ok(&[]),
        Some((_, Content::Sequence(nodes))) => Ok(nodes),
        Some((place, _)) => Err(section.error(place, format!("{key}: expected a list"))),
    }
}
