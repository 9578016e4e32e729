//! What was found, for people and for programs.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::Outcome;
use super::args::Format;
use super::unit::{Case, Tested};
use crate::rules::file::{Finding, RuleFile};

/// What `check` has to say.
pub(super) fn checked(files: &[RuleFile], format: Format, out: &mut impl Write) -> io::Result<()> {
    if format == Format::Json {
        return document(out, files.iter().map(checked_file));
    }
    for file in files {
        for error in &file.errors {
            writeln!(out, "{error}\n")?;
        }
        for lint in &file.lints {
            writeln!(out, "warning: {lint}\n")?;
        }
        let (groups, rules) = (count(file.groups.len(), "group"), count(file.rules(), "rule"));
        match (file.errors.len(), file.lints.len()) {
            (0, 0) => writeln!(out, "{}: ok, {groups}, {rules}", file.name)?,
            (0, lints) => writeln!(out, "{}: {groups}, {rules}, {}", file.name, count(lints, "warning"))?,
            (errors, _) => writeln!(out, "{}: {}", file.name, count(errors, "mistake"))?,
        }
    }
    Ok(())
}

fn checked_file(file: &RuleFile) -> Value {
    json!({
        "file": file.name,
        "groups": file.groups.len(),
        "rules": file.rules(),
        "errors": file.errors.iter().map(finding).collect::<Vec<_>>(),
        "warnings": file.lints.iter().map(finding).collect::<Vec<_>>(),
    })
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
            Outcome::Mistake => writeln!(out, "{}: {}", file.name, count(file.errors.len(), "mistake"))?,
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
