//! `Printf` and its relatives (Go's package `fmt`).

use super::text::Text;
use super::value::Value;
use super::{float, time};

/// Width and precision at most; Go allows a million.
const WIDEST: usize = 10_000;

/// One value in its default format.
pub(super) fn value(text: &mut Text, value: &Value) {
    match value {
        Value::Nil => text.push("<nil>"),
        Value::Bool(on) => text.push(if *on { "true" } else { "false" }),
        Value::Int(number) => text.push(&number.to_string()),
        Value::Float(number) => text.push(&float::plain(*number)),
        Value::Text(inside) => text.push(inside),
        Value::Labels(labels) => {
            entries(text, labels.iter(), |text, value| text.push(value));
        }
        Value::Map(map) => entries(text, map.entries.iter(), self::value),
        Value::Vector(samples) => {
            text.push("[");
            for (at, sample) in samples.iter().enumerate() {
                text.push(if at > 0 { " " } else { "" });
                self::value(text, &Value::Sample(sample.clone()));
                if text.is_full() {
                    break;
                }
            }
            text.push("]");
        }
        Value::Sample(sample) => {
            text.push("{");
            self::value(text, &Value::Labels(sample.labels.clone()));
            text.push(" ");
            self::value(text, &Value::from(&sample.value));
            text.push("}");
        }
        Value::Histogram(histogram) => {
            text.push(&format!("{{count:{}, sum:{}}}", float::plain(histogram.count), float::plain(histogram.sum)));
        }
        Value::Time(nanos) => text.push(&time::print(i128::from(*nanos), &time::Zone::UTC)),
        Value::Duration(nanos) => text.push(&time::print_duration(*nanos)),
        Value::Part(part) => part.print(text),
        Value::Alert(data) => {
            text.push("{");
            self::value(text, &Value::Labels(data.labels.clone()));
            text.push(" ");
            self::value(text, &Value::Labels(data.external_labels.clone()));
            text.push(" ");
            text.push(&data.external_url);
            text.push(" ");
            self::value(text, &data.value);
            text.push("}");
        }
    }
}

fn entries<'v, K: AsRef<str> + 'v, V: 'v>(
    text: &mut Text,
    all: impl Iterator<Item = (&'v K, &'v V)>,
    mut show: impl FnMut(&mut Text, &V),
) {
    text.push("map[");
    for (at, (key, value)) in all.enumerate() {
        text.push(if at > 0 { " " } else { "" });
        text.push(key.as_ref());
        text.push(":");
        show(text, value);
        if text.is_full() {
            break;
        }
    }
    text.push("]");
}

/// What stands between `%` and the verb.
#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

pub(super) fn printf(pattern: &str, args: &[Value]) -> Result<String, String> {
    let mut printer =
        Printer { rest: pattern, args, next: 0, reordered: false, bad_index: false, text: Text::default() };
    printer.run();
    printer.text.finish()
}

struct Printer<'a> {
    rest: &'a str,
    args: &'a [Value],
    next: usize,
    /// Whether `[n]` was used: then nothing is said about arguments left over.
    reordered: bool,
    bad_index: bool,
    text: Text,
}

impl Printer<'_> {
    fn run(&mut self) {
        while let Some(at) = self.rest.find('%') {
            self.text.push(&self.rest[..at]);
            self.rest = &self.rest[at + 1..];
            self.directive();
            if self.text.is_full() {
                return;
            }
        }
        self.text.push(self.rest);
        if !self.reordered && self.next < self.args.len() {
            self.text.push("%!(EXTRA ");
            for (at, left) in self.args[self.next..].iter().enumerate() {
                self.text.push(if at > 0 { ", " } else { "" });
                self.text.push(left.type_name());
                if !matches!(left, Value::Nil) {
                    self.text.push("=");
                    value(&mut self.text, left);
                }
            }
            self.text.push(")");
        }
    }

    fn directive(&mut self) {
        let mut flags = Flags::default();
        while let Some(flag) = self.rest.chars().next().filter(|flag| "+-# 0".contains(*flag)) {
            match flag {
                '+' => flags.plus = true,
                '-' => flags.minus = true,
                '#' => flags.sharp = true,
                ' ' => flags.space = true,
                _ => flags.zero = true,
            }
            self.rest = &self.rest[1..];
        }
        self.bad_index = false;
        self.index();
        flags.width = self.size("%!(BADWIDTH)", &mut flags.minus);
        if let Some(rest) = self.rest.strip_prefix('.') {
            self.rest = rest;
            self.index();
            let mut negative = false;
            let precision = self.size("%!(BADPREC)", &mut negative);
            flags.precision = if negative { None } else { precision.or(Some(0)) };
        }
        self.index();
        // Zeros are for the left side only.
        flags.zero &= !flags.minus;
        let Some(verb) = self.rest.chars().next() else {
            self.text.push("%!(NOVERB)");
            return;
        };
        self.rest = &self.rest[verb.len_utf8()..];
        if verb == '%' {
            self.text.push("%");
        } else if self.bad_index {
            self.text.push(&format!("%!{verb}(BADINDEX)"));
        } else if let Some(value) = self.args.get(self.next) {
            self.next += 1;
            verb_of(&mut self.text, verb, flags, value);
        } else {
            self.text.push(&format!("%!{verb}(MISSING)"));
        }
    }

    /// `[n]`: the argument to take next.
    fn index(&mut self) {
        let Some(inside) = self.rest.strip_prefix('[') else { return };
        self.reordered = true;
        let Some((number, rest)) = inside.split_once(']') else {
            self.bad_index = true;
            self.rest = inside;
            return;
        };
        self.rest = rest;
        match number.parse::<usize>() {
            Ok(number) if (1..=self.args.len()).contains(&number) => self.next = number - 1,
            _ => self.bad_index = true,
        }
    }

    /// A width or a precision: digits, or `*` for the next argument.
    fn size(&mut self, bad: &str, negative: &mut bool) -> Option<usize> {
        if let Some(rest) = self.rest.strip_prefix('*') {
            self.rest = rest;
            let argument = self.args.get(self.next);
            self.next += usize::from(argument.is_some());
            let size = match argument {
                Some(Value::Int(size)) => usize::try_from(size.unsigned_abs()).ok().filter(|size| *size <= WIDEST),
                _ => None,
            };
            if size.is_none() {
                self.text.push(bad);
            }
            *negative |= matches!(argument, Some(Value::Int(size)) if *size < 0);
            return size;
        }
        let digits = self.rest.len() - self.rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        number.parse().ok().map(|size: usize| size.min(WIDEST))
    }
}

fn verb_of(text: &mut Text, verb: char, flags: Flags, value: &Value) {
    match (verb, value) {
        ('T', _) => pad(text, flags, value.type_name()),
        ('v', Value::Nil) => pad(text, flags, "<nil>"),
        ('v' | 't', Value::Bool(on)) => pad(text, flags, if *on { "true" } else { "false" }),
        (_, Value::Int(number)) => integer(text, verb, flags, *number, value),
        (_, Value::Float(number)) => floating(text, verb, flags, *number, value),
        (_, Value::Text(inside)) => words(text, verb, flags, inside, value),
        ('v', _)
        | ('s', Value::Time(_) | Value::Duration(_) | Value::Labels(_) | Value::Histogram(_) | Value::Part(_)) => {
            pad(text, flags, &super::builtin::shown(value));
        }
        (_, Value::Duration(nanos)) => integer(text, verb, flags, *nanos, value),
        _ => bad_verb(text, verb, value),
    }
}

fn bad_verb(text: &mut Text, verb: char, value: &Value) {
    let shown = super::builtin::shown(value);
    if matches!(value, Value::Nil) {
        text.push(&format!("%!{verb}(<nil>)"));
    } else {
        text.push(&format!("%!{verb}({}={shown})", value.type_name()));
    }
}

fn integer(text: &mut Text, verb: char, flags: Flags, number: i64, value: &Value) {
    let size = number.unsigned_abs();
    let (digits, prefix) = match verb {
        'd' | 'v' => (size.to_string(), ""),
        'b' => (format!("{size:b}"), "0b"),
        'o' => (format!("{size:o}"), "0"),
        'O' => (format!("{size:o}"), "0o"),
        'x' => (format!("{size:x}"), "0x"),
        'X' => (format!("{size:X}"), "0X"),
        'c' | 'q' | 'U' => return character(text, verb, flags, number),
        _ => return bad_verb(text, verb, value),
    };
    let prefix = if flags.sharp || verb == 'O' { prefix } else { "" };
    let sign = if number < 0 { "-" } else { plus(flags) };
    let least = match (flags.precision, flags.width) {
        (Some(precision), _) => precision,
        (None, Some(width)) if flags.zero => width.saturating_sub(sign.len()),
        _ => 0,
    };
    let zeros = "0".repeat(least.saturating_sub(digits.len()));
    let digits = if flags.precision == Some(0) && number == 0 { "" } else { &digits };
    pad(text, Flags { zero: false, precision: None, ..flags }, &format!("{sign}{prefix}{zeros}{digits}"));
}

fn character(text: &mut Text, verb: char, flags: Flags, number: i64) {
    let letter = u32::try_from(number).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
    let shown = match verb {
        'c' => letter.to_string(),
        'q' => format!("'{}'", if letter == '\'' { "\\'".to_owned() } else { escaped(&letter.to_string(), '\'') }),
        _ => format!("U+{number:04X}"),
    };
    pad(text, Flags { zero: false, precision: None, ..flags }, &shown);
}

fn plus(flags: Flags) -> &'static str {
    if flags.plus {
        "+"
    } else if flags.space {
        " "
    } else {
        ""
    }
}

fn floating(text: &mut Text, verb: char, flags: Flags, number: f64, value: &Value) {
    let precision = match verb {
        'e' | 'E' | 'f' | 'F' => Some(flags.precision.unwrap_or(6)),
        'g' | 'G' | 'v' | 'x' | 'X' => flags.precision,
        _ => return bad_verb(text, verb, value),
    };
    let shown = float::format(number, if verb == 'v' { 'g' } else { verb }, precision);
    let (sign, digits) = match shown.strip_prefix(['-', '+']) {
        Some(digits) => (&shown[..1], digits),
        None => (plus(flags), shown.as_str()),
    };
    // An infinity shows its sign only when asked to, but for `%v` and its like, where Go asks.
    let sign = if sign == "+" && !flags.plus && flags.space { " " } else { sign };
    let finite = number.is_finite();
    let zeros = match flags.width.filter(|_| flags.zero && finite) {
        Some(width) => "0".repeat(width.saturating_sub(sign.len() + digits.len())),
        None => String::new(),
    };
    pad(text, Flags { zero: false, precision: None, ..flags }, &format!("{sign}{zeros}{digits}"));
}

fn words(text: &mut Text, verb: char, flags: Flags, inside: &str, value: &Value) {
    let cut: String = match flags.precision {
        Some(precision) => inside.chars().take(precision).collect(),
        None => inside.to_owned(),
    };
    let hex = |upper: bool| {
        let bytes = inside.bytes().take(flags.precision.unwrap_or(usize::MAX));
        let gap = if flags.space { " " } else { "" };
        bytes
            .map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") })
            .collect::<Vec<_>>()
            .join(gap)
    };
    match verb {
        's' | 'v' => pad(text, flags, &cut),
        'q' if flags.sharp && !cut.contains('`') => pad(text, flags, &format!("`{cut}`")),
        'q' => pad(text, flags, &format!("\"{}\"", escaped(&cut, '"'))),
        'x' => pad(text, flags, &hex(false)),
        'X' => pad(text, flags, &hex(true)),
        _ => bad_verb(text, verb, value),
    }
}

/// `strconv.Quote` of Go without the quotes.
fn escaped(inside: &str, quote: char) -> String {
    let mut text = String::with_capacity(inside.len());
    for letter in inside.chars() {
        match letter {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            '\u{7}' => text.push_str("\\a"),
            '\u{8}' => text.push_str("\\b"),
            '\u{b}' => text.push_str("\\v"),
            '\u{c}' => text.push_str("\\f"),
            other if other == quote => text.extend(['\\', other]),
            other if u32::from(other) < 0x80 && other.is_control() => {
                text.extend(format!("\\x{:02x}", u32::from(other)).chars());
            }
            other if other.is_control() => text.extend(format!("\\u{:04x}", u32::from(other)).chars()),
            other => text.push(other),
        }
    }
    text
}

/// Brings a text to its width, which counts letters.
fn pad(text: &mut Text, flags: Flags, shown: &str) {
    let missing = flags.width.unwrap_or(0).saturating_sub(shown.chars().count());
    let filler = if flags.zero { "0" } else { " " }.repeat(missing);
    if flags.minus {
        text.push(shown);
        text.push(&filler);
    } else {
        text.push(&filler);
        text.push(shown);
    }
}
