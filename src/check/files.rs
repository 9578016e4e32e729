//! Rule files, read from the disk and checked.

use std::path::Path;

use super::args::{CheckArgs, Lint};
use super::{Outcome, features};
use crate::rules::file::{self, Finding, ReadOptions, RuleFile};
use crate::yaml::{Fault, Place};

/// Reads each of the files.
pub(super) fn check(args: &CheckArgs) -> Vec<RuleFile> {
    let experiments = features::experiments(&args.enable_feature);
    let options = ReadOptions { ignore_unknown_fields: args.ignore_unknown_fields, experiments };
    let mut files: Vec<RuleFile> = args.files.iter().map(|path| read(path, options)).collect();
    if args.lint == Lint::None {
        for file in &mut files {
            file.lints.clear();
        }
    }
    files
}

/// The worst of the files.
pub(super) fn outcome(files: &[RuleFile], args: &CheckArgs) -> Outcome {
    let of = |file: &RuleFile| match (file.errors.is_empty(), file.lints.is_empty()) {
        (false, _) => Outcome::Mistake,
        (true, false) if args.lint_fatal => Outcome::Findings,
        _ => Outcome::Good,
    };
    files.iter().map(of).max().unwrap_or(Outcome::Good)
}

/// A rule file of the disk; one that cannot be read has that as its mistake.
pub(super) fn read(path: &Path, options: ReadOptions) -> RuleFile {
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
