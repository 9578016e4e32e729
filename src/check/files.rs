//! Files, read from the disk and checked.

use std::io::{self, Read as _};
use std::path::Path;

use super::args::{CheckArgs, Lint};
use super::kind::Kind;
use super::{Outcome, features};
use crate::Error;
use crate::config::{self, Environment, Overrides};
use crate::notifier::Routing;
use crate::rules::defaults;
use crate::rules::file::{self, Finding, ReadOptions, RuleFile};
use crate::yaml::{Fault, Place, excerpt};

/// A file after its check.
#[derive(Debug)]
pub(super) struct Checked {
    /// For people.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// What a rule file says.
    pub(super) rules: Option<RuleFile>,
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
    let default = args.default_rules.then(|| rules_of(Kind::Rules, defaults()));
    let mut files: Vec<Checked> = default.into_iter().chain(args.files.iter().map(|path| one(path, options))).collect();
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
    let name = shown(path);
    let nothing = |kind| Checked {
        name: name.clone(),
        kind,
        rules: None,
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
        Kind::Rules | Kind::Tests => return rules_of(kind, file::parse(&name, &text, &options)),
        Kind::Routing => Routing::parse(&name, &text).map(|routing| routing.warnings),
        Kind::Configuration if path == Path::new(STDIN) => {
            Err(Error::invalid("a configuration", &name, "the name of a file"))
        }
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

/// What is to be said about rules.
fn rules_of(kind: Kind, mut file: RuleFile) -> Checked {
    let (errors, lints) = (std::mem::take(&mut file.errors), std::mem::take(&mut file.lints));
    Checked { name: file.name.clone(), kind, rules: Some(file), errors, lints, warnings: Vec::new() }
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
    let name = shown(path);
    match text(path) {
        Ok(text) => file::parse(&name, &text, &options),
        Err(finding) => RuleFile { name, errors: vec![finding], ..RuleFile::default() },
    }
}

/// Stands for standard input.
const STDIN: &str = "-";

/// A file's name for people.
pub(super) fn shown(path: &Path) -> String {
    if path == Path::new(STDIN) { String::from("standard input") } else { path.display().to_string() }
}

/// The text of a file or of standard input, which must be UTF-8.
pub(super) fn text(path: &Path) -> Result<String, Finding> {
    let read = if path == Path::new(STDIN) {
        let mut text = String::new();
        io::stdin().lock().take(file::SIZE as u64).read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    read.map_err(|error| {
        let fault = Fault::new(shown(path), Place::START, format!("cannot be read: {error}"));
        Finding { fault, about: String::new(), excerpt: String::new() }
    })
}
