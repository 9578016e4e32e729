//! Reads a script into its commands.

use bellwether::model::Labels;
use bellwether::promql::notation::{SequenceValue, SeriesNotation, parse_metric, parse_series, parse_start_times};

use super::duration::milliseconds;
use super::expect::{Annotations, Expected, Text};

pub(crate) enum Command {
    Clear,
    Load(Load),
    Eval(Box<Eval>),
}

/// Samples to add.
pub(crate) struct Load {
    /// Time between values, milliseconds.
    pub step: i64,
    /// Classic histograms are added as native ones too.
    pub with_native: bool,
    pub series: Vec<Loaded>,
}

pub(crate) struct Loaded {
    pub labels: Labels,
    pub values: Vec<SequenceValue>,
    /// For each value how its start time differs from its time, milliseconds.
    pub starts: Vec<Option<i64>>,
}

/// An expression to evaluate.
pub(crate) struct Eval {
    pub line: usize,
    pub expr: String,
    pub when: When,
    pub expected: Expected,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum When {
    At(i64),
    Range { start: i64, end: i64, step: i64 },
}

pub(crate) fn read(text: &str) -> Result<Vec<Command>, String> {
    let lines: Vec<&str> =
        text.lines().map(str::trim).map(|line| if line.starts_with('#') { "" } else { line }).collect();
    let mut commands = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let begin = at;
        at += 1;
        if lines[begin].is_empty() {
            continue;
        }
        let has_block = !lines[begin].starts_with("clear");
        while has_block && at < lines.len() && !lines[at].is_empty() {
            at += 1;
        }
        let command = command(begin + 1, lines[begin], &lines[begin + 1..at]);
        commands.push(command.map_err(|error| format!("line {}: {error}", begin + 1))?);
    }
    Ok(commands)
}

fn command(line: usize, text: &str, block: &[&str]) -> Result<Command, String> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    match word {
        "clear" => Ok(Command::Clear),
        "load" | "load_with_nhcb" => {
            let step = milliseconds(rest.trim())?;
            Ok(Command::Load(Load { step, with_native: word != "load", series: loaded(block)? }))
        }
        "eval" | "eval_fail" | "eval_warn" | "eval_info" | "eval_ordered" => {
            let (when, expr) = when(rest.trim())?;
            let mut expected = Expected::default();
            match word {
                "eval_fail" => expected.fail = Some(Text::Any),
                "eval_warn" => expected.warnings = Annotations::Some(vec![Text::Any]),
                "eval_info" => expected.infos = Annotations::Some(vec![Text::Any]),
                "eval_ordered" => expected.ordered = true,
                _ => {}
            }
            for line in block {
                expectation(line, &mut expected)?;
            }
            Ok(Command::Eval(Box::new(Eval { line, expr: expr.to_owned(), when, expected })))
        }
        _ => Err(format!("{word:?} is not a command")),
    }
}

fn loaded(block: &[&str]) -> Result<Vec<Loaded>, String> {
    let mut series: Vec<Loaded> = Vec::new();
    let mut pending = None;
    for line in block {
        let (first, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        if let Some(metric) = first.strip_suffix("@st") {
            let labels = parse_metric(metric).map_err(|error| error.to_string())?;
            pending = Some((labels, parse_start_times(rest.trim())?));
            continue;
        }
        let SeriesNotation { labels, values } = parse_series(line).map_err(|error| error.to_string())?;
        let starts = match pending.take() {
            Some((of, starts)) if of == labels && starts.len() == values.len() => starts,
            Some(_) => return Err(format!("start times do not fit {line:?}")),
            None => vec![None; values.len()],
        };
        // The last line of a series wins.
        series.retain(|other| other.labels != labels);
        series.push(Loaded { labels, values, starts });
    }
    Ok(series)
}

/// `instant at 5m EXPR` or `range from 0 to 10m step 1m EXPR`
fn when(text: &str) -> Result<(When, &str), String> {
    let wrong = || format!("{text:?} is no evaluation");
    let word = |text: &'_ str| -> Option<(usize, usize)> {
        let begin = text.len() - text.trim_start().len();
        let length = text[begin..].find(char::is_whitespace)?;
        Some((begin, begin + length))
    };
    let mut rest = text;
    let mut next = || -> Result<&str, String> {
        let (begin, end) = word(rest).ok_or_else(wrong)?;
        let found = &rest[begin..end];
        rest = &rest[end..];
        Ok(found)
    };
    let when = match next()? {
        "instant" => {
            next()?;
            When::At(milliseconds(next()?)?)
        }
        "range" => {
            let mut time = || {
                next()?;
                milliseconds(next()?)
            };
            When::Range { start: time()?, end: time()?, step: time()? }
        }
        _ => return Err(wrong()),
    };
    Ok((when, rest.trim()))
}

fn expectation(line: &str, expected: &mut Expected) -> Result<(), String> {
    if let Some(message) = line.strip_prefix("expected_fail_message") {
        expected.fail = Some(Text::Exactly(message.trim().to_owned()));
        return Ok(());
    }
    if let Some(pattern) = line.strip_prefix("expected_fail_regexp") {
        expected.fail = Some(Text::pattern(pattern.trim())?);
        return Ok(());
    }
    let Some(rest) = line.strip_prefix("expect ") else { return result(line, expected) };
    let rest = rest.trim();
    if let Some(rest) = rest.strip_prefix("range vector ") {
        let (when, _) = when(&format!("range {rest} -"))?;
        expected.times = Some(when);
        return Ok(());
    }
    if let Some(rest) = rest.strip_prefix("string ") {
        expected.string = Some(unquoted(rest.trim()));
        return Ok(());
    }
    let (kind, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let text = Text::read(text.trim())?;
    match kind {
        "fail" => expected.fail = Some(text),
        "warn" => expected.warnings.expect(text),
        "info" => expected.infos.expect(text),
        "no_warn" => expected.warnings = Annotations::None,
        "no_info" => expected.infos = Annotations::None,
        "ordered" => expected.ordered = true,
        _ => return Err(format!("{line:?} is no expectation")),
    }
    Ok(())
}

/// A line of the result.
fn result(line: &str, expected: &mut Expected) -> Result<(), String> {
    let number = match line.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).ok().map(|number| number as f64),
        None => line.parse().ok(),
    };
    if let Some(number) = number {
        expected.scalar = Some(number);
        return Ok(());
    }
    let SeriesNotation { labels, values } = parse_series(line).map_err(|error| error.to_string())?;
    expected.series.push((labels, values));
    Ok(())
}

/// The text that a Go literal stands for; the scripts use the simple escapes only.
fn unquoted(text: &str) -> String {
    let inside = &text[1..text.len() - 1];
    if text.starts_with('`') {
        return inside.to_owned();
    }
    let mut unquoted = String::new();
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n') => unquoted.push('\n'),
                Some('t') => unquoted.push('\t'),
                Some('x') => {
                    let digits: String = characters.by_ref().take(2).collect();
                    unquoted.extend(u8::from_str_radix(&digits, 16).map(char::from));
                }
                Some(other) => unquoted.push(other),
                None => {}
            },
            other => unquoted.push(other),
        }
    }
    unquoted
}
