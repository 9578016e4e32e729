//! Files, read from the disk and checked.

use std::path::Path;

use super::args::{CheckArgs, Lint};
use super::kind::Kind;
use super::{Outcome, features};
use crate::Error;
use crate::config::{self, Environment, Overrides};
use crate::notifier::Routing;
use crate::rules::file::{self, Finding, ReadOptions, RuleFile};
use crate::yaml::{Fault, Place, excerpt};

/// A file after its check.
#[derive(Debug)]
pub(super) struct Checked {
    /// For people.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Groups and rules, of a rule file.
    pub(super) counts: Option<(usize, usize)>,
    pub(super) errors: Vec<Finding>,
    /// What is allowed and hardly meant.
    pub(super) lints: Vec<Finding>,
    /// What is right and has no effect.
    pub(super) warnings: Vec<String>,
}

/// Checks each of the files.
pub(super) fn check(args: &CheckArgs) -> Vec<Checked> {
    let experiments = features::experiments(&args.enable_feature);
    let options = ReadOptions { ignore_unknown_fields: args.ignore_unknown_fields, experiments };
    let mut files: Vec<Checked> = args.files.iter().map(|path| one(path, options)).collect();
    if args.lint == Lint::None {
        for file in &mut files {
            file.lints.clear();
        }
    }
    files
}

/// The worst of the files.
pub(super) fn outcome(files: &[Checked], args: &CheckArgs) -> Outcome {
    let of = |file: &Checked| match (file.errors.is_empty(), file.lints.is_empty()) {
        (false, _) => Outcome::Mistake,
        (true, false) if args.lint_fatal => Outcome::Findings,
        _ => Outcome::Good,
    };
    files.iter().map(of).max().unwrap_or(Outcome::Good)
}

fn one(path: &Path, options: ReadOptions) -> Checked {
    let name = path.display().to_string();
    let nothing = |kind| Checked {
        name: name.clone(),
        kind,
        counts: None,
        errors: Vec::new(),
        lints: Vec::new(),
        warnings: Vec::new(),
    };
    let text = match text(path) {
        Ok(text) => text,
        Err(finding) => return Checked { errors: vec![finding], ..nothing(Kind::Rules) },
    };
    let kind = Kind::of(&text);
    let warnings = match kind {
        Kind::Rules | Kind::Tests => {
            let file = file::parse(&name, &text, &options);
            let counts = Some((file.groups.len(), file.rules()));
            return Checked { counts, errors: file.errors, lints: file.lints, ..nothing(kind) };
        }
        Kind::Routing => Routing::parse(&name, &text).map(|routing| routing.warnings),
        Kind::Configuration => {
            let overrides = Overrides { file: Some(path.to_owned()), ..Overrides::default() };
            config::load(&Environment::process(), overrides).map(|config| config.warnings)
        }
    };
    match warnings {
        Ok(warnings) => Checked { warnings, ..nothing(kind) },
        Err(error) => Checked { errors: vec![finding(&name, &text, &error)], ..nothing(kind) },
    }
}

/// An error of setup as a finding. One that is about no place of the file is put at its beginning.
fn finding(name: &str, text: &str, error: &Error) -> Finding {
    let message = error.to_string();
    let (place, message) = match error.place() {
        Some((file, line, column)) => {
            let message = message.strip_prefix(&format!("{file}:{line}:{column}: ")).unwrap_or(&message);
            (Place { line, column }, message.to_owned())
        }
        None => (Place::START, message),
    };
    Finding { fault: Fault::new(name, place, message), about: String::new(), excerpt: excerpt(text, place) }
}

/// A rule file of the disk; one that cannot be read has that as its mistake.
pub(super) fn rules(path: &Path, options: ReadOptions) -> RuleFile {
    let name = path.display().to_string();
    match text(path) {
        Ok(text) => file::parse(&name, &text, &options),
        Err(finding) => RuleFile { name, errors: vec![finding], ..RuleFile::default() },
    }
}

/// The text of a file, which must be UTF-8.
pub(super) fn text(path: &Path) -> Result<String, Finding> {
    std::fs::read_to_string(path).map_err(|error| {
        let fault = Fault::new(path.display().to_string(), Place::START, format!("cannot be read: {error}"));
        Finding { fault, about: String::new(), excerpt: String::new() }
    })
}
