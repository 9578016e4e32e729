//! `templates`: files that define what the texts of receivers call.

use std::path::{Path, PathBuf};

use super::receivers::beside;
use crate::template::message::{Form, Library, MessageTemplate};
use crate::yaml::{Fault, Place, Reader, Section};

/// Files of templates at most.
const FILES: usize = 100;

/// Alertmanager's own templates and those of the files; a pattern that matches none is a warning.
pub(super) fn library<'n>(reader: &mut Reader<'n>, root: &Section<'n>) -> Result<Library, Fault> {
    let mut library = Library::default();
    let place = root.present("templates").map_or(root.place, |node| node.place);
    for pattern in root.texts("templates")?.unwrap_or_default() {
        let files = matching(&beside(reader.file, &pattern));
        if files.is_empty() {
            reader.warn(place, format_args!("templates: no file matches {pattern:?}"));
        }
        if files.len() > FILES {
            return Err(reader.error(place, format!("templates: {pattern:?} matches more than {FILES} files")));
        }
        for file in files {
            add(reader, place, &mut library, &file)?;
        }
    }
    Ok(library)
}

fn add(reader: &Reader<'_>, place: Place, library: &mut Library, file: &Path) -> Result<(), Fault> {
    let shown = file.display();
    let unread = |why: &dyn std::fmt::Display| reader.error(place, format!("templates: {shown} cannot be read: {why}"));
    let text = std::fs::read_to_string(file).map_err(|why| unread(&why))?;
    library.add(&text).map_err(|error| {
        let before = text.get(..error.offset).unwrap_or(&text);
        let (line, column) =
            (before.matches('\n').count() + 1, before.chars().rev().take_while(|c| *c != '\n').count() + 1);
        reader.error(place, format!("templates: {shown}:{line}:{column}: {}", error.message))
    })
}

/// The files that a path names, sorted; in its last part `*` stands for any letters and `?` for one.
fn matching(pattern: &Path) -> Vec<PathBuf> {
    let Some(name) = pattern.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    if !name.contains(['*', '?']) {
        return if pattern.is_file() { vec![pattern.to_owned()] } else { Vec::new() };
    }
    let folder = pattern.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let fits =
        |path: &PathBuf| path.file_name().and_then(|found| found.to_str()).is_some_and(|found| fits(name, found));
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.is_file() && fits(path)).collect();
    files.sort();
    files
}

fn fits(pattern: &str, name: &str) -> bool {
    let mut letters = pattern.chars();
    match letters.next() {
        None => name.is_empty(),
        Some('*') => {
            let rest = letters.as_str();
            name.char_indices().map(|(at, _)| at).chain([name.len()]).any(|at| fits(rest, &name[at..]))
        }
        Some(wanted) => {
            let mut found = name.chars();
            found.next().is_some_and(|letter| wanted == '?' || letter == wanted)
                && fits(letters.as_str(), found.as_str())
        }
    }
}

/// A template, which is checked; its text.
pub(super) fn template(
    section: &Section<'_>,
    key: &str,
    library: &Library,
    form: Form,
) -> Result<Option<String>, Fault> {
    let Some(text) = section.text(key)? else { return Ok(None) };
    let place = section.present(key).map_or(section.place, |node| node.place);
    match MessageTemplate::parse(text, library, form) {
        Ok(_) => Ok(Some(text.to_owned())),
        Err(error) => Err(section.error(place, format!("{key}: {}", error.message))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_names_as_a_shell_does() {
        for (pattern, name, expected) in [
            ("*.tmpl", "a.tmpl", true),
            ("*.tmpl", "a.tmpl.bak", false),
            ("a?c*", "abc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xaybz", true),
            ("ü*", "über", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
