//! Go's own functions of templates (`text/template/funcs.go`).

use std::fmt::Write as _;

use super::format;
use super::text::Text;
use super::value::Value;

/// Whether the first is equal to one of the others.
pub(super) fn eq(args: &[Value]) -> Result<Value, String> {
    for other in &args[1..] {
        if equal(&args[0], other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

#[expect(clippy::float_cmp, reason = "eq of two floats is exact in Go")]
fn equal(a: &Value, b: &Value) -> Result<bool, String> {
    match (a, b) {
        (Value::Nil, other) | (other, Value::Nil) => Ok(matches!(other, Value::Nil)),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Int(a), Value::Int(b)) | (Value::Time(a), Value::Time(b)) => Ok(a == b),
        (Value::Float(a), Value::Float(b)) => Ok(a == b),
        (Value::Text(a), Value::Text(b)) => Ok(a == b),
        _ => Err(incomparable(a, b)),
    }
}

fn incomparable(a: &Value, b: &Value) -> String {
    let basic = |value: &Value| matches!(value, Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_));
    if basic(a) && basic(b) {
        format!("incompatible types for comparison: {} and {}", a.type_name(), b.type_name())
    } else {
        "invalid type for comparison".to_owned()
    }
}

pub(super) fn less(a: &Value, b: &Value) -> Result<bool, String> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Ok(a < b),
        (Value::Float(a), Value::Float(b)) => Ok(a < b),
        (Value::Text(a), Value::Text(b)) => Ok(a < b),
        _ => Err(incomparable(a, b)),
    }
}

pub(super) fn less_or_equal(a: &Value, b: &Value) -> Result<bool, String> {
    Ok(less(a, b)? || equal(a, b)?)
}

pub(super) fn len(value: &Value) -> Result<Value, String> {
    let length = match value {
        Value::Text(text) => text.len(),
        Value::Labels(labels) => labels.len(),
        Value::Map(map) => map.entries.len(),
        Value::Vector(samples) => samples.len(),
        Value::Part(part) => part.len().ok_or_else(|| format!("len of type {}", part.type_name()))?,
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

/// `index x 1 2`: `x[1][2]`.
pub(super) fn index(args: &[Value]) -> Result<Value, String> {
    let mut value = args[0].clone();
    for index in &args[1..] {
        value = match (&value, index) {
            (Value::Labels(labels), Value::Text(name)) => Value::text(labels.get(name).unwrap_or_default()),
            (Value::Map(map), Value::Text(name)) => map.entries.get(&**name).cloned().unwrap_or(Value::Nil),
            (Value::Part(part), index) => part.index(index)?,
            (Value::Labels(_) | Value::Map(_), other) => {
                return Err(format!("value has type {}; should be string", other.type_name()));
            }
            (Value::Vector(samples), Value::Int(at)) => Value::Sample(samples[position(*at, samples.len())?].clone()),
            (Value::Text(text), Value::Int(at)) => Value::Int(i64::from(text.as_bytes()[position(*at, text.len())?])),
            (Value::Vector(_) | Value::Text(_), other) => {
                return Err(format!("cannot index slice/array with type {}", other.type_name()));
            }
            (Value::Nil, _) => return Err("index of untyped nil".to_owned()),
            (other, _) => return Err(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(value)
}

pub(super) fn position(at: i64, length: usize) -> Result<usize, String> {
    usize::try_from(at).ok().filter(|at| *at < length).ok_or_else(|| format!("index out of range: {at}"))
}

/// `slice x 1 3`: `x[1:3]`.
pub(super) fn slice(args: &[Value]) -> Result<Value, String> {
    let length = match &args[0] {
        Value::Text(text) => text.len(),
        Value::Vector(samples) => samples.len(),
        Value::Nil => return Err("slice of untyped nil".to_owned()),
        other => return Err(format!("can't slice item of type {}", other.type_name())),
    };
    if args.len() > 3 {
        return Err(format!("too many slice indexes: {}", args.len() - 1));
    }
    let bound = |at: usize, default: usize| match args.get(at) {
        None => Ok(default),
        // One behind the last is a bound too.
        Some(Value::Int(bound)) => position(*bound, length + 1),
        Some(other) => Err(format!("cannot index slice/array with type {}", other.type_name())),
    };
    let (from, to) = (bound(1, 0)?, bound(2, length)?);
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    Ok(match &args[0] {
        Value::Text(text) => Value::text(String::from_utf8_lossy(&text.as_bytes()[from..to]).into_owned()),
        Value::Vector(samples) => Value::Vector(samples[from..to].into()),
        other => other.clone(),
    })
}

/// One value as `print` shows it.
pub(super) fn shown(value: &Value) -> String {
    let mut text = Text::default();
    format::value(&mut text, value);
    text.finish().unwrap_or_default()
}

/// All values, with a space between two of which none is a text.
pub(super) fn print(args: &[Value]) -> Result<Value, String> {
    let mut text = Text::default();
    for (at, value) in args.iter().enumerate() {
        let is_text = |value: &Value| matches!(value, Value::Text(_));
        if at > 0 && !is_text(value) && !is_text(&args[at - 1]) {
            text.push(" ");
        }
        format::value(&mut text, value);
    }
    text.finish().map(Value::text)
}

/// All values with spaces between them, and the end of the line.
pub(super) fn println(args: &[Value]) -> Result<Value, String> {
    let mut text = Text::default();
    for (at, value) in args.iter().enumerate() {
        text.push(if at > 0 { " " } else { "" });
        format::value(&mut text, value);
    }
    text.push("\n");
    text.finish().map(Value::text)
}

pub(super) fn printf(pattern: &str, args: &[Value]) -> Result<Value, String> {
    format::printf(pattern, args).map(Value::text)
}

/// The text that `html` and `js` escape.
fn joined(args: &[Value]) -> Result<String, String> {
    match print(args)? {
        Value::Text(text) => Ok(text.to_string()),
        _ => Ok(String::new()),
    }
}

pub(super) fn html(args: &[Value]) -> Result<Value, String> {
    let mut text = Text::default();
    for letter in joined(args)?.chars() {
        match letter {
            '\0' => text.push("\u{fffd}"),
            '"' => text.push("&#34;"),
            '\'' => text.push("&#39;"),
            '&' => text.push("&amp;"),
            '<' => text.push("&lt;"),
            '>' => text.push("&gt;"),
            other => text.push(other.encode_utf8(&mut [0; 4])),
        }
    }
    text.finish().map(Value::text)
}

pub(super) fn js(args: &[Value]) -> Result<Value, String> {
    let mut text = Text::default();
    for letter in joined(args)?.chars() {
        match letter {
            '\\' => text.push("\\\\"),
            '\'' => text.push("\\'"),
            '"' => text.push("\\\""),
            '<' | '>' | '&' | '=' | '\0'..='\x1f' => {
                // A text never refuses what is written into it; what does not fit shows at its end.
                let written = write!(text, "\\u{:04X}", u32::from(letter));
                debug_assert!(written.is_ok());
            }
            other => text.push(other.encode_utf8(&mut [0; 4])),
        }
    }
    text.finish().map(Value::text)
}
