//! Patterns of paths, as Prometheus' `rule_files` has them: `*`, `?` and `[…]` within one name, in any part of a path.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

/// Files that one pattern may stand for at most.
const FILES: usize = 1_000;

/// Whether a path is a pattern.
pub(super) fn is_pattern(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.contains(['*', '?', '[']))
}

/// The paths that there are of a pattern, in their order, at most [`FILES`]; a path that is no pattern is itself, there or
/// not.
pub(super) fn expand(pattern: &Path) -> Vec<PathBuf> {
    if !is_pattern(pattern) {
        return vec![pattern.to_owned()];
    }
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        found = match component {
            Component::Normal(name) if is_pattern(Path::new(name)) => {
                found.iter().flat_map(|folder| matching(folder, name)).take(FILES).collect()
            }
            other => found.into_iter().map(|path| path.join(other)).collect(),
        };
    }
    found.retain(|path| path.exists());
    found
}

fn matching(folder: &Path, pattern: &OsStr) -> Vec<PathBuf> {
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Some(pattern) = pattern.to_str() else { return Vec::new() };
    let entries = std::fs::read_dir(here).into_iter().flatten().filter_map(Result::ok);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut paths: Vec<PathBuf> =
        names.filter(|name| matches(pattern, name)).map(|name| folder.join(name)).take(FILES).collect();
    paths.sort();
    paths
}

/// Whether a name is one of a pattern (Go's `filepath.Match`, without its escapes).
fn matches(pattern: &str, name: &str) -> bool {
    let mut rest = pattern.chars();
    let first = name.chars().next();
    let tail = || first.map_or("", |first| &name[first.len_utf8()..]);
    match rest.next() {
        None => name.is_empty(),
        Some('*') => matches(rest.as_str(), name) || (first.is_some() && matches(pattern, tail())),
        Some('?') => first.is_some() && matches(rest.as_str(), tail()),
        Some('[') => match rest.as_str().split_once(']') {
            Some((class, after)) => first.is_some_and(|letter| is_of(class, letter)) && matches(after, tail()),
            None => name == pattern,
        },
        Some(letter) => first == Some(letter) && matches(rest.as_str(), tail()),
    }
}

/// Whether a letter is of a class such as `a-z_` or `^0-9`.
fn is_of(class: &str, letter: char) -> bool {
    let (class, negated) = class.strip_prefix('^').map_or((class, false), |class| (class, true));
    let letters: Vec<char> = class.chars().collect();
    let mut at = 0;
    let mut found = false;
    while let Some(low) = letters.get(at) {
        let high = if letters.get(at + 1) == Some(&'-') { letters.get(at + 2) } else { None };
        found |= (*low..=*high.unwrap_or(low)).contains(&letter);
        at += if high.is_some() { 3 } else { 1 };
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_names() {
        let cases = [
            ("*.yml", "a.yml", true),
            ("*.yml", "a.yaml", false),
            ("*", "", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[a-c]x[^0-9]", "bxé", true),
            ("[a-c]x[^0-9]", "bx1", false),
            ("a*b*c", "a-b-b-c", true),
            ("a[", "a[", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_stands_for_the_files_that_there_are_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b/2.yml", "b/1.yml", "a/3.yml", "a/x.txt"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let at = |name: &str| folder.path().join(name);
        assert_eq!(expand(&at("*/*.yml")), ["a/3.yml", "b/1.yml", "b/2.yml"].map(at));
        assert_eq!(expand(&at("?/1.yml")), [at("b/1.yml")]);
        assert_eq!(expand(&at("none*")), [""; 0].map(at));
        assert_eq!(expand(&at("none")), [at("none")]);
    }
}
