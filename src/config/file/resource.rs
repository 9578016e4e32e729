//! `resource`: who produces the telemetry.

use opentelemetry::{Array, KeyValue, StringValue, Value};

use crate::config::{Draft, Environment, parse};
use crate::names;
use crate::yaml::{Content, Fault, Node, Reader, Scalar, Section, number};

pub(super) fn read<'n>(
    reader: &mut Reader<'n>,
    node: &'n Node,
    environment: &Environment,
    draft: &mut Draft,
) -> Result<(), Fault> {
    let section = reader.section(node, &["attributes", "attributes_list", "detection/development", "schema_url"])?;
    // The later entry counts: detectors, then the list, then the attributes.
    if let Some(node) = section.get("detection/development") {
        detection(reader, node, environment, draft)?;
    }
    let list = section.parsed("attributes_list", parse::attributes)?.unwrap_or_default();
    draft.resource.extend(list.into_iter().map(|(key, value)| KeyValue::new(key, value)));
    for node in section.list("attributes")? {
        draft.resource.extend(attribute(reader, node)?);
    }
    draft.schema_url = section.text("schema_url")?.map(String::from);
    Ok(())
}

/// Of the detectors only `service` exists here: it takes `service.name` from `OTEL_SERVICE_NAME`, even beside a file,
/// and its `service.instance.id` is always set.
fn detection<'n>(
    reader: &mut Reader<'n>,
    node: &'n Node,
    environment: &Environment,
    draft: &mut Draft,
) -> Result<(), Fault> {
    let section = reader.section(node, &["attributes", "detectors"])?;
    section.ignore(reader, &["attributes"]);
    for node in section.list("detectors")? {
        if reader.kind(node, "resource detector", &["service"], &["container", "host", "process"])?.is_some() {
            let name = environment.get("OTEL_SERVICE_NAME");
            draft.resource.extend(name.map(|name| KeyValue::new(names::SERVICE_NAME, name.to_owned())));
        }
    }
    Ok(())
}

fn attribute<'n>(reader: &Reader<'n>, node: &'n Node) -> Result<Option<KeyValue>, Fault> {
    let section = reader.section(node, &["name", "value", "type"])?;
    section.required("name")?;
    let name = section.text("name")?.unwrap_or_default();
    let Some(value) = section.present("value") else {
        return Err(section.error(section.place, "value is missing here"));
    };
    if value.is_null() {
        return Ok(None);
    }
    let kind = section.text("type")?.unwrap_or("string");
    let Some(read) = TYPES.iter().find(|(word, ..)| *word == kind).map(|(.., read)| read) else {
        let words: Vec<&str> = TYPES.iter().map(|(word, ..)| *word).collect();
        return Err(section.invalid("type", kind, &words.join(", ")));
    };
    match read(value) {
        Some(value) => Ok(Some(KeyValue::new(name.to_owned(), value))),
        None => Err(unfit(&section, value, kind)),
    }
}

fn unfit(section: &Section<'_>, value: &Node, kind: &str) -> Fault {
    let (_, expected, _) = TYPES.iter().find(|(word, ..)| *word == kind).unwrap_or(&TYPES[0]);
    match &value.content {
        Content::Scalar(_, text) => section.invalid("value", text, expected),
        _ => section.error(value.place, format!("value: expected {expected}")),
    }
}

type Read = fn(&Node) -> Option<Value>;

/// The words of `type`, what they want, and how it is read.
const TYPES: [(&str, &str, Read); 8] = [
    ("string", "a text", |node| text(node).map(Value::String)),
    ("bool", "true or false", |node| flag(node).map(Value::Bool)),
    ("int", "a whole number", |node| int(node).map(Value::I64)),
    ("double", "a number", |node| double(node).map(Value::F64)),
    ("string_array", "a list of texts", |node| array(node, text).map(|all| Value::Array(Array::String(all)))),
    ("bool_array", "a list of true and false", |node| array(node, flag).map(|all| Value::Array(Array::Bool(all)))),
    ("int_array", "a list of whole numbers", |node| array(node, int).map(|all| Value::Array(Array::I64(all)))),
    ("double_array", "a list of numbers", |node| array(node, double).map(|all| Value::Array(Array::F64(all)))),
];

/// What was written, whatever type it would have without quotes: `1.10` is a good version.
fn text(node: &Node) -> Option<StringValue> {
    match &node.content {
        Content::Scalar(_, text) => Some(text.clone().into()),
        _ => None,
    }
}

fn flag(node: &Node) -> Option<bool> {
    match &node.content {
        Content::Scalar(Scalar::Bool(on), _) => Some(*on),
        _ => None,
    }
}

fn int(node: &Node) -> Option<i64> {
    match &node.content {
        Content::Scalar(Scalar::Int(number), _) => Some(*number),
        _ => None,
    }
}

fn double(node: &Node) -> Option<f64> {
    match &node.content {
        Content::Scalar(scalar, _) => number(scalar),
        _ => None,
    }
}

fn array<T>(node: &Node, read: impl Fn(&Node) -> Option<T>) -> Option<Vec<T>> {
    match &node.content {
        Content::Sequence(nodes) if !nodes.is_empty() => nodes.iter().map(read).collect(),
        _ => None,
    }
}
