//! Rule files on the disk: read at setup, and again when one has changed.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use super::{Alerts, paths};
use crate::Error;
use crate::internal;
use crate::rules::file::{self, ReadOptions, RuleFile, SIZE};
use crate::rules::{Finding, Rules};

/// The files, and how they looked when they were read last.
#[derive(Debug)]
pub(super) struct Files {
    /// Paths and patterns of paths.
    named: Vec<PathBuf>,
    texts: Vec<(String, String)>,
    seen: Vec<(PathBuf, Option<Look>)>,
    /// Whether somebody asked for them to be read again, however they look.
    asked: Arc<AtomicBool>,
}

/// What changes when a file does.
type Look = (Option<SystemTime>, u64);

impl Files {
    pub(super) fn new(settings: &Alerts) -> Self {
        let named = settings.files.clone();
        Self { seen: looks(&named), named, texts: settings.settled_texts(), asked: Arc::default() }
    }

    /// How many there are, those of the program included.
    pub(super) fn len(&self) -> usize {
        self.seen.len() + self.texts.len()
    }

    /// All rules. Groups with mistakes are left out and told, unless `strict`.
    ///
    /// # Errors
    /// A file that cannot be read; with `strict` the first mistake of any; or a file without a single good group.
    pub(super) fn load(&self, strict: bool) -> Result<(Rules, Vec<String>), Error> {
        let mut warnings = Vec::new();
        let mut files = Vec::new();
        for file in self.read()? {
            if let Some(first) = file.errors.first().filter(|_| strict || file.groups.is_empty()) {
                return Err(error(first));
            }
            warnings.extend(file.errors.iter().map(|finding| format!("{finding}\nthis group is left out")));
            files.push(file);
        }
        let nothing = self.named.iter().filter(|path| paths::is_pattern(path) && paths::expand(path).is_empty());
        warnings.extend(nothing.map(|path| format!("rule_files: no file is like {}", path.display())));
        Ok((Rules::new(files), warnings))
    }

    /// To be set by whoever wants the files to be read again.
    pub(super) fn asked(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.asked)
    }

    /// Reads everything again when a file has changed or somebody asks; with a mistake the rules stay as they are.
    pub(super) fn reload(&mut self, rules: &mut Rules) -> bool {
        let now = looks(&self.named);
        if !self.asked.swap(false, Ordering::Relaxed) && now == self.seen {
            return false;
        }
        self.seen = now;
        let done = match self.read() {
            Ok(files) => rules.reload(files).map_err(|findings| findings.iter().map(Finding::to_string).collect()),
            Err(error) => Err(vec![error.to_string()]),
        };
        match done {
            Ok(()) => internal::info("rule files were read again"),
            Err(findings) => {
                internal::warn(&format!(
                    "rules stay as they were, because a file is not right:\n{}",
                    findings.join("\n")
                ));
            }
        }
        true
    }

    fn read(&self) -> Result<Vec<RuleFile>, Error> {
        let options = ReadOptions::default();
        let texts = self.texts.iter().map(|(name, text)| Ok(file::parse(name, text, &options)));
        let files = self.seen.iter().map(|(path, _)| {
            let name = path.display().to_string();
            let text =
                text(path).map_err(|why| Error::invalid("rule file", &name, format!("a file of rules ({why})")))?;
            Ok(file::parse(&name, &text, &options))
        });
        texts.chain(files).collect()
    }
}

fn error(finding: &Finding) -> Error {
    let fault = &finding.fault;
    let about = if finding.about.is_empty() { String::new() } else { format!("{}: ", finding.about) };
    Error::file(
        &fault.file,
        fault.place.line,
        fault.place.column,
        format!("{about}{}\n{}", fault.message, finding.excerpt),
    )
}

fn looks(named: &[PathBuf]) -> Vec<(PathBuf, Option<Look>)> {
    let paths = named.iter().flat_map(|path| paths::expand(path));
    let mut looks: Vec<_> = paths.map(|path| (look(&path), path)).map(|(look, path)| (path, look)).collect();
    // One that two patterns name is one file.
    let mut seen = BTreeSet::new();
    looks.retain(|(path, _)| seen.insert(path.clone()));
    looks
}

fn look(path: &Path) -> Option<Look> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.modified().ok(), found.len()))
}

/// The text of a file that is not too large.
pub(super) fn text(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let size = file.take(SIZE as u64 + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if size > SIZE { Err(format!("more than {SIZE} bytes")) } else { Ok(text) }
}
