//! Alertmanager's functions (`DefaultFuncs` of `template/template.go`).

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Part;
use super::json::json;
use crate::template::functions::{Calls, Dialect, Function, MAP_DEPTH, at_least, exactly, string, title};
use crate::template::text::Text;
use crate::template::time::{self, Zone};
use crate::template::value::{Map, Value};
use crate::template::{builtin, humanize};

/// Nanoseconds of a second.
const SECOND: f64 = 1e9;

/// What Alertmanager gives to messages.
pub(in crate::template) static MESSAGES: Dialect = Dialect {
    variables: &["$"],
    own: &FUNCTIONS,
    shared: Some(&[
        "and",
        "or",
        "not",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "len",
        "index",
        "slice",
        "call",
        "print",
        "println",
        "printf",
        "html",
        "js",
        "urlquery",
        "match",
        "reReplaceAll",
        "toUpper",
        "toLower",
    ]),
};

static FUNCTIONS: [Function; 17] = [
    exactly("title", 1, |_, args| Ok(Value::text(title(&string(&args[0])?.to_lowercase())))),
    exactly("trimSpace", 1, |_, args| Ok(Value::text(string(&args[0])?.trim()))),
    exactly("join", 2, |_, args| join(string(&args[0])?, &args[1])),
    at_least("stringSlice", 0, |_, args| {
        args.iter().try_for_each(|text| string(text).map(drop))?;
        Ok(Value::Part(Part::List(args.into())))
    }),
    at_least("list", 0, |_, args| list(args.to_vec())),
    at_least("append", 1, |_, args| match &args[0] {
        Value::Part(Part::List(values)) => list(values.iter().chain(&args[1..]).cloned().collect()),
        other => Err(format!("expected a list; found {}", builtin::shown(other))),
    }),
    at_least("dict", 0, |_, args| dict(args)),
    exactly("safeHtml", 1, |_, args| Ok(Value::Part(Part::Safe(string(&args[0])?.into())))),
    exactly("safeUrl", 1, |_, args| Ok(Value::Part(Part::Url(string(&args[0])?.into())))),
    exactly("urlUnescape", 1, |_, args| unescaped(string(&args[0])?)),
    exactly("date", 2, |_, args| {
        let (nanos, zone) = moment(&args[1])?;
        Ok(Value::text(time::layout(nanos, &zone, string(&args[0])?)))
    }),
    exactly("tz", 2, |_, args| zoned(string(&args[0])?, moment(&args[1])?.0)),
    exactly("now", 0, |calls, _| Ok(Value::Part(Part::utc(now(calls))))),
    exactly("since", 1, |calls, args| {
        let passed = now(calls) - moment(&args[0])?.0;
        Ok(Value::Duration(i64::try_from(passed).unwrap_or(if passed < 0 { i64::MIN } else { i64::MAX })))
    }),
    exactly("humanizeDuration", 1, |_, args| Ok(Value::text(humanize::duration(seconds(&args[0])?)))),
    exactly("toJson", 1, |_, args| Ok(Value::text(json(&args[0])?.to_string()))),
    exactly("externalURL", 0, |calls, _| Ok(Value::text(calls.context.external_url))),
];

fn now(calls: &Calls<'_>) -> i128 {
    i128::from(calls.context.at) * 1_000_000
}

fn moment(value: &Value) -> Result<(i128, Arc<Zone>), String> {
    match value {
        Value::Part(Part::Time(nanos, zone)) => Ok((*nanos, Arc::clone(zone))),
        Value::Time(nanos) => Ok((i128::from(*nanos), Arc::new(Zone::UTC))),
        other => Err(format!("wrong type for value; expected time.Time; got {}", other.type_name())),
    }
}

fn seconds(value: &Value) -> Result<f64, String> {
    match value {
        Value::Duration(nanos) => Ok(*nanos as f64 / SECOND),
        Value::Float(number) => Ok(*number),
        Value::Int(number) => Ok(*number as f64),
        Value::Text(text) => text.parse().map_err(|_| format!("strconv.ParseFloat: parsing {text:?}: invalid syntax")),
        other => Err(format!("can't convert {} to float", other.type_name())),
    }
}

fn join(between: &str, list: &Value) -> Result<Value, String> {
    let Value::Part(Part::List(values)) = list else {
        return Err(format!("wrong type for value; expected []string; got {}", list.type_name()));
    };
    let mut text = Text::default();
    for (at, value) in values.iter().enumerate() {
        text.push(if at > 0 { between } else { "" });
        text.push(string(value)?);
    }
    text.finish().map(Value::text)
}

fn list(values: Vec<Value>) -> Result<Value, String> {
    let part = Part::List(values.into());
    if part.depth() > MAP_DEPTH {
        return Err(format!("lists within each other too deep; expected at most {MAP_DEPTH}"));
    }
    Ok(Value::Part(part))
}

fn dict(args: &[Value]) -> Result<Value, String> {
    if !args.len().is_multiple_of(2) {
        return Err("dict requires an even number of arguments".to_owned());
    }
    let depth = 1 + args.iter().map(Value::depth).max().unwrap_or(0);
    if depth > MAP_DEPTH {
        return Err(format!("dict within each other too deep; expected at most {MAP_DEPTH}"));
    }
    let entry = |pair: &[Value]| match &pair[0] {
        Value::Text(key) => Ok((key.to_string(), pair[1].clone())),
        _ => Err("dict keys must be strings".to_owned()),
    };
    let entries = args.chunks_exact(2).map(entry).collect::<Result<_, _>>()?;
    Ok(Value::Map(Arc::new(Map { entries, depth })))
}

/// The time of a place by its name in the time zone database.
fn zoned(name: &str, nanos: i128) -> Result<Value, String> {
    let unknown = || format!("unknown time zone {name}");
    let zone = match name {
        "" | "UTC" => TimeZone::UTC,
        "Local" => {
            return Err(
                "the time zone of this machine is not asked for; expected a name such as Europe/Berlin".to_owned()
            );
        }
        name => TimeZone::get(name).map_err(|_| unknown())?,
    };
    let at = Timestamp::from_nanosecond(nanos).map_err(|_| unknown())?;
    let info = zone.to_offset_info(at);
    let zone = Zone { offset: info.offset().seconds(), name: Cow::Owned(info.abbreviation().to_owned()) };
    Ok(Value::Part(Part::Time(nanos, Arc::new(zone))))
}

/// `url.QueryUnescape` of Go.
fn unescaped(text: &str) -> Result<Value, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => {
                let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                rest = after.get(2..).unwrap_or_default();
                byte.ok_or_else(|| format!("invalid URL escape in {text:?}"))?
            }
            other => *other,
        });
    }
    Ok(Value::text(String::from_utf8_lossy(&bytes).into_owned()))
}
