//! The functions of a template: Go's own (see `builtin`) and those of Prometheus (`template/template.go`).

use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use super::builtin as go;
use super::text::Text;
use super::value::{Map, Sample, Value};
use super::{Context, QUERIES, SIZE, float, humanize, time};
use crate::model::parse_duration;

/// Bytes that a compiled expression of `match` and `reReplaceAll` may take.
const REGEX_SIZE: usize = 1 << 20;
/// Maps within each other at most.
pub(super) const MAP_DEPTH: usize = 16;

/// A function of templates.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    /// Arguments at least.
    least: usize,
    /// Arguments at most; `None`: any number.
    most: Option<usize>,
    pub(super) call: Call,
}

/// How a function is called.
#[derive(Debug)]
pub(super) enum Call {
    /// With the values of all its arguments.
    Values(fn(&mut Calls<'_>, &[Value]) -> Result<Value, String>),
    /// `and` and `or`: its arguments are evaluated until one is this.
    Until(bool),
}

/// What functions need besides their arguments.
pub(super) struct Calls<'a> {
    pub(super) context: &'a Context<'a>,
    /// Queries so far.
    pub(super) queries: usize,
}

/// What a template may use from the beginning.
#[derive(Debug)]
pub(super) struct Dialect {
    /// Variables, `$` first.
    pub(super) variables: &'static [&'static str],
    /// Functions of its own.
    pub(super) own: &'static [Function],
    /// Functions of [`FUNCTIONS`] that it has as well; `None`: all.
    pub(super) shared: Option<&'static [&'static str]>,
}

/// What Prometheus gives to annotations.
pub(super) static ANNOTATIONS: Dialect =
    Dialect { variables: &["$", "$labels", "$externalLabels", "$externalURL", "$value"], own: &[], shared: None };

impl Dialect {
    /// All functions.
    fn functions(&self) -> impl Iterator<Item = &'static Function> {
        let shared = FUNCTIONS.iter().filter(|function| self.shared.is_none_or(|names| names.contains(&function.name)));
        self.own.iter().chain(shared)
    }

    pub(super) fn function(&self, name: &str) -> Option<&'static Function> {
        self.functions().find(|function| function.name == name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.functions().map(|function| function.name)
    }
}

impl Function {
    /// An error when it does not take so many arguments.
    pub(super) fn check(&self, given: usize) -> Result<(), String> {
        let least = if self.most == Some(self.least) { "" } else { "at least " };
        if given < self.least || self.most.is_some_and(|most| given > most) {
            return Err(format!("wrong number of args for {}: want {least}{} got {given}", self.name, self.least));
        }
        Ok(())
    }
}

pub(super) type Values = fn(&mut Calls<'_>, &[Value]) -> Result<Value, String>;

pub(super) const fn exactly(name: &'static str, count: usize, call: Values) -> Function {
    Function { name, least: count, most: Some(count), call: Call::Values(call) }
}

pub(super) const fn at_least(name: &'static str, count: usize, call: Values) -> Function {
    Function { name, least: count, most: None, call: Call::Values(call) }
}

pub(super) static FUNCTIONS: [Function; 48] = [
    Function { name: "and", least: 1, most: None, call: Call::Until(false) },
    Function { name: "or", least: 1, most: None, call: Call::Until(true) },
    exactly("not", 1, |_, args| Ok(Value::Bool(!args[0].truth()))),
    at_least("eq", 2, |_, args| go::eq(args)),
    exactly("ne", 2, |_, args| go::eq(args).map(|equal| Value::Bool(!equal.truth()))),
    exactly("lt", 2, |_, args| go::less(&args[0], &args[1]).map(Value::Bool)),
    exactly("le", 2, |_, args| go::less_or_equal(&args[0], &args[1]).map(Value::Bool)),
    exactly("gt", 2, |_, args| go::less_or_equal(&args[0], &args[1]).map(|not| Value::Bool(!not))),
    exactly("ge", 2, |_, args| go::less(&args[0], &args[1]).map(|not| Value::Bool(!not))),
    exactly("len", 1, |_, args| go::len(&args[0])),
    at_least("index", 1, |_, args| go::index(args)),
    at_least("slice", 1, |_, args| go::slice(args)),
    at_least("call", 1, |_, args| Err(format!("non-function {} of type {}", go::shown(&args[0]), args[0].type_name()))),
    at_least("print", 0, |_, args| go::print(args)),
    at_least("println", 0, |_, args| go::println(args)),
    at_least("printf", 1, |_, args| go::printf(string(&args[0])?, &args[1..])),
    at_least("html", 0, |_, args| go::html(args)),
    at_least("js", 0, |_, args| go::js(args)),
    at_least("urlquery", 0, |_, args| go::print(args).and_then(|text| Ok(Value::text(query_escaped(string(&text)?))))),
    exactly("urlQueryEscape", 1, |_, args| Ok(Value::text(query_escaped(string(&args[0])?)))),
    exactly("query", 1, query),
    exactly("first", 1, |_, args| {
        let first = vector(&args[0])?.first().cloned().map(Value::Sample);
        first.ok_or_else(|| "first() called on vector with no elements".to_owned())
    }),
    exactly("label", 2, |_, args| Ok(Value::text(sample(&args[1])?.labels.get(string(&args[0])?).unwrap_or_default()))),
    exactly("value", 1, |_, args| Ok(Value::from(&sample(&args[0])?.value))),
    exactly("strvalue", 1, |_, args| Ok(Value::text(sample(&args[0])?.labels.get("__value__").unwrap_or_default()))),
    exactly("sortByLabel", 2, |_, args| {
        let (label, mut samples) = (string(&args[0])?, vector(&args[1])?.to_vec());
        samples.sort_by(|a, b| a.labels.get(label).unwrap_or_default().cmp(b.labels.get(label).unwrap_or_default()));
        Ok(Value::Vector(samples.into()))
    }),
    at_least("args", 0, |_, args| arguments(args)),
    exactly("match", 2, |_, args| Ok(Value::Bool(regex(string(&args[0])?)?.is_match(string(&args[1])?)))),
    exactly("reReplaceAll", 3, |_, args| replace(string(&args[0])?, string(&args[1])?, string(&args[2])?)),
    exactly("safeHtml", 1, |_, args| Ok(Value::text(string(&args[0])?))),
    exactly("title", 1, |_, args| Ok(Value::text(title(string(&args[0])?)))),
    exactly("toUpper", 1, |_, args| Ok(Value::text(mapped(string(&args[0])?, char::to_uppercase)))),
    exactly("toLower", 1, |_, args| Ok(Value::text(mapped(string(&args[0])?, char::to_lowercase)))),
    exactly("stripPort", 1, |_, args| {
        let text = string(&args[0])?;
        Ok(Value::text(split_host_port(text).map_or(text, |(host, _)| host)))
    }),
    exactly("stripDomain", 1, |_, args| Ok(Value::text(strip_domain(string(&args[0])?)))),
    exactly("graphLink", 1, |_, args| Ok(Value::text(link(string(&args[0])?, 0)))),
    exactly("tableLink", 1, |_, args| Ok(Value::text(link(string(&args[0])?, 1)))),
    exactly("humanize", 1, |_, args| Ok(Value::text(humanize::metric(number(&args[0])?)))),
    exactly("humanize1024", 1, |_, args| Ok(Value::text(humanize::binary(number(&args[0])?)))),
    exactly("humanizeDuration", 1, |_, args| Ok(Value::text(humanize::duration(number(&args[0])?)))),
    exactly("humanizePercentage", 1, |_, args| Ok(Value::text(humanize::percentage(number(&args[0])?)))),
    exactly("humanizeTimestamp", 1, |_, args| humanize::timestamp(number(&args[0])?).map(Value::text)),
    exactly("toTime", 1, |_, args| time::from_seconds(number(&args[0])?).map(Value::Time)),
    // Beyond the range the nearest duration: Go's conversion gives what the processor happens to give.
    exactly("toDuration", 1, |_, args| Ok(Value::Duration(float::whole(number(&args[0])? * 1e9)))),
    exactly("now", 0, |calls, _| Ok(Value::Float(calls.context.at as f64 / 1000.0))),
    exactly("parseDuration", 1, |_, args| parse_seconds(string(&args[0])?)),
    exactly("externalURL", 0, |calls, _| Ok(Value::text(calls.context.external_url))),
    exactly("pathPrefix", 0, |calls, _| Ok(Value::text(path(calls.context.external_url)))),
];

pub(super) fn string(value: &Value) -> Result<&str, String> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(format!("expected string; found {}", go::shown(other))),
    }
}

fn vector(value: &Value) -> Result<&[Sample], String> {
    match value {
        Value::Vector(samples) => Ok(samples),
        other => Err(format!("wrong type for value; expected template.queryResult; got {}", other.type_name())),
    }
}

fn sample(value: &Value) -> Result<&Sample, String> {
    match value {
        Value::Sample(sample) => Ok(sample),
        other => Err(format!("wrong type for value; expected *template.sample; got {}", other.type_name())),
    }
}

/// A number, or a text that is one.
fn number(value: &Value) -> Result<f64, String> {
    match value {
        Value::Float(number) => Ok(*number),
        Value::Int(number) => Ok(*number as f64),
        Value::Text(text) => text.parse().map_err(|_| format!("strconv.ParseFloat: parsing {text:?}: invalid syntax")),
        other => Err(format!("can't convert {} to float", other.type_name())),
    }
}

fn query(calls: &mut Calls<'_>, args: &[Value]) -> Result<Value, String> {
    let text = string(&args[0])?;
    calls.queries += 1;
    if calls.queries > QUERIES {
        return Err(format!("too many queries; expected at most {QUERIES}"));
    }
    let Some(query) = calls.context.query else { return Err("there is nothing to query here".to_owned()) };
    let samples = query(text)?;
    Ok(Value::Vector(samples.into_iter().map(|(labels, value)| Sample { labels, value }).collect()))
}

fn arguments(args: &[Value]) -> Result<Value, String> {
    let depth = 1 + args.iter().map(Value::depth).max().unwrap_or(0);
    if depth > MAP_DEPTH {
        return Err(format!("args within each other too deep; expected at most {MAP_DEPTH}"));
    }
    let entries = args.iter().enumerate().map(|(at, value)| (format!("arg{at}"), value.clone())).collect();
    Ok(Value::Map(Arc::new(Map { entries, depth })))
}

fn regex(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern)
        .size_limit(REGEX_SIZE)
        .build()
        .map_err(|error| format!("error parsing regexp: {error}").replace('\n', " "))
}

fn replace(pattern: &str, replacement: &str, text: &str) -> Result<Value, String> {
    let (regex, mut output, mut last) = (regex(pattern)?, Text::default(), 0);
    for found in regex.captures_iter(text) {
        let Some(whole) = found.get(0) else { continue };
        let mut expanded = String::new();
        found.expand(replacement, &mut expanded);
        output.push(&text[last..whole.start()]);
        output.push(&expanded);
        last = whole.end();
        if output.is_full() {
            break;
        }
    }
    output.push(&text[last..]);
    output.finish().map(Value::text)
}

fn parse_seconds(text: &str) -> Result<Value, String> {
    let (sign, size) = text.strip_prefix('-').map_or((1.0, text), |size| (-1.0, size));
    let ms = parse_duration(size).map_err(|_| format!("not a valid duration string: {text:?}"))?;
    Ok(Value::Float(sign * ms as f64 / 1000.0))
}

/// Letter by letter, and only where one letter gives one: `ß` stays.
fn mapped<I: Iterator<Item = char>>(text: &str, map: fn(char) -> I) -> String {
    let one = |letter: char| {
        let mut mapped = map(letter);
        mapped.next().filter(|_| mapped.next().is_none()).unwrap_or(letter)
    };
    text.chars().map(one).collect()
}

/// The first letter of each word large, the others as they are. An apostrophe, a point and a colon between letters and
/// an underscore anywhere do not end a word (<https://unicode.org/reports/tr29/#Word_Boundaries>).
pub(super) fn title(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut title = String::with_capacity(text.len());
    for (at, letter) in letters.iter().enumerate() {
        let before = |back: usize| at.checked_sub(back).map(|at| letters[at]);
        let joined = match before(1) {
            Some(last) if last.is_alphanumeric() || last == '_' => true,
            Some('\'' | '’' | '.' | ':' | '·') => before(2).is_some_and(char::is_alphabetic),
            _ => false,
        };
        if joined || !letter.is_alphabetic() {
            title.push(*letter);
        } else {
            title.extend(letter.to_uppercase());
        }
    }
    title
}

/// `net.SplitHostPort` of Go; `None` where that fails.
fn split_host_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(inside) => inside.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    let stray = |part: &str| part.contains(['[', ']']);
    (!stray(host) && !stray(port)).then_some((host, port))
}

fn strip_domain(text: &str) -> String {
    let (host, port) = split_host_port(text).unwrap_or((text, ""));
    if host.parse::<std::net::IpAddr>().is_ok() {
        return text.to_owned();
    }
    let first = host.split('.').next().unwrap_or(host);
    let colon = if port.is_empty() { "" } else { ":" };
    format!("{first}{colon}{port}")
}

/// Where Prometheus' page shows a query: as a graph (0) or as a table (1).
pub(super) fn link(query: &str, tab: u8) -> String {
    format!("/graph?g0.expr={}&g0.tab={tab}", query_escaped(query))
}

/// `url.QueryEscape` of Go.
fn query_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => escaped.push('+'),
            b'-' | b'_' | b'.' | b'~' => escaped.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => escaped.push(char::from(byte)),
            byte => {
                let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0').to_ascii_uppercase();
                escaped.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    escaped
}

/// The path of a URL.
fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("", |at| &rest[at..]);
    path.split(['?', '#']).next().unwrap_or(path)
}

/// A text of a function's result is never longer than [`SIZE`].
pub(super) fn bounded(value: Value) -> Result<Value, String> {
    match &value {
        Value::Text(text) if text.len() > SIZE => Err(format!("the text is too long; expected at most {SIZE} bytes")),
        _ => Ok(value),
    }
}
