//! What was found, for people and for programs.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::Outcome;
use super::args::Format;
use super::files::Checked;
use super::kind::Kind;
use super::unit::{Case, Tested};
use crate::rules::file::{Finding, RuleFile};
use crate::rules::print;

/// What `check` has to say.
pub(super) fn checked(files: &[Checked], format: Format, out: &mut impl Write) -> io::Result<()> {
    if format == Format::Json {
        return document(out, files.iter().map(checked_file));
    }
    for file in files {
        for warning in &file.warnings {
            writeln!(out, "warning: {warning}")?;
        }
        for error in &file.errors {
            writeln!(out, "{error}\n")?;
        }
        for lint in &file.lints {
            writeln!(out, "warning: {lint}\n")?;
        }
        let what = file.rules.as_ref().map_or_else(|| file.kind.as_str().to_owned(), amount);
        match (file.errors.len(), file.lints.len() + file.warnings.len()) {
            (0, 0) => writeln!(out, "{}: ok, {what}", file.name)?,
            (0, warnings) => writeln!(out, "{}: {what}, {}", file.name, count(warnings, "warning"))?,
            (errors, _) => writeln!(out, "{}: {}{}", file.name, count(errors, "mistake"), elsewhere(file))?,
        }
    }
    Ok(())
}

/// How much a rule file says.
pub(super) fn amount(file: &RuleFile) -> String {
    format!("{}, {}", count(file.groups.len(), "group"), count(file.rules(), "rule"))
}

/// The rules of the files as they are understood; of several files one document each.
pub(super) fn printed(files: &[Checked], out: &mut impl Write) -> io::Result<()> {
    let rules = files.iter().filter_map(|file| file.rules.as_ref());
    for (at, file) in rules.enumerate() {
        let separator = if at > 0 { "---\n" } else { "" };
        write!(out, "{separator}# {}: {}\n{}", file.name.replace(char::is_control, " "), amount(file), print(file))?;
    }
    out.flush()
}

/// Where a file belongs that was given to the wrong command.
fn elsewhere(file: &Checked) -> String {
    if file.kind == Kind::Tests {
        format!("; these look like unit tests, which `bellwether test rules {}` runs", file.name)
    } else {
        String::new()
    }
}

fn checked_file(file: &Checked) -> Value {
    let mut value = json!({
        "file": file.name,
        "kind": file.kind.as_str(),
        "errors": file.errors.iter().map(finding).collect::<Vec<_>>(),
        "lints": file.lints.iter().map(finding).collect::<Vec<_>>(),
        "warnings": file.warnings,
    });
    if let Some(rules) = &file.rules {
        value["groups"] = json!(rules.groups.len());
        value["rules"] = json!(rules.rules());
    }
    value
}

/// What `test rules` has to say.
pub(super) fn tested(files: &[Tested], format: Format, out: &mut impl Write) -> io::Result<()> {
    if format == Format::Json {
        return document(out, files.iter().map(tested_file));
    }
    for file in files {
        for warning in &file.warnings {
            writeln!(out, "warning: {warning}")?;
        }
        for error in &file.errors {
            writeln!(out, "{error}\n")?;
        }
        for failure in file.cases.iter().flat_map(|case| &case.failures) {
            writeln!(out, "{failure}\n")?;
        }
        let failed = file.cases.iter().filter(|case| !case.failures.is_empty()).count();
        let tests = count(file.cases.len(), "test");
        match file.outcome() {
            Outcome::Good => writeln!(out, "{}: ok, {tests}", file.name)?,
            Outcome::Findings => writeln!(out, "{}: {failed} of {tests} failed", file.name)?,
            Outcome::Mistake | Outcome::Unavailable => {
                writeln!(out, "{}: {}", file.name, count(file.errors.len(), "mistake"))?;
            }
        }
    }
    Ok(())
}

fn tested_file(file: &Tested) -> Value {
    let case =
        |case: &Case| json!({ "name": case.name, "failures": case.failures.iter().map(finding).collect::<Vec<_>>() });
    json!({
        "file": file.name,
        "tests": file.cases.iter().map(case).collect::<Vec<_>>(),
        "errors": file.errors.iter().map(finding).collect::<Vec<_>>(),
        "warnings": file.warnings,
    })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "file": finding.fault.file,
        "line": finding.fault.place.line,
        "column": finding.fault.place.column,
        "about": finding.about,
        "message": finding.fault.message,
    })
}

fn document(out: &mut impl Write, files: impl Iterator<Item = Value>) -> io::Result<()> {
    writeln!(out, "{}", json!({ "files": files.collect::<Vec<_>>() }))
}

fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
