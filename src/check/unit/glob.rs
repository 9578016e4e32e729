//! Names of files with `*`, `?` and `[a-z]`.

use std::path::{Component, Path, PathBuf};

/// Files that a pattern matches at most.
const FILES: usize = 10_000;

/// The files that a pattern matches, relative to a folder, in the order of their names.
pub(super) fn glob(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for part in Path::new(pattern).components() {
        let text = part.as_os_str().to_string_lossy();
        let is_pattern = matches!(part, Component::Normal(_)) && text.contains(['*', '?', '[']);
        found = found
            .into_iter()
            .flat_map(|path| if is_pattern { inside(&path, &text) } else { vec![path.join(part)] })
            .take(FILES)
            .collect();
    }
    found.retain(|path| path.exists());
    found
}

/// What lies in a folder and matches.
fn inside(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = std::fs::read_dir(here) else { return Vec::new() };
    let pattern: Vec<char> = pattern.chars().collect();
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> =
        names.filter(|name| matches(&pattern, &name.chars().collect::<Vec<_>>())).take(FILES).collect();
    names.sort();
    names.into_iter().map(|name| folder.join(name)).collect()
}

fn matches(pattern: &[char], name: &[char]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        (['*', rest @ ..], _) => (0..=name.len()).any(|skip| matches(rest, &name[skip..])),
        (['?', rest @ ..], [_, after @ ..]) => matches(rest, after),
        (['[', rest @ ..], [letter, after @ ..]) => {
            let Some(end) = rest.iter().skip(1).position(|sign| *sign == ']').map(|at| at + 1) else { return false };
            one_of(&rest[..end], *letter) && matches(&rest[end + 1..], after)
        }
        ([sign, rest @ ..], [letter, after @ ..]) => sign == letter && matches(rest, after),
        _ => false,
    }
}

/// Whether a letter is in a class such as `a-z0` or, negated, `^a-z`.
fn one_of(class: &[char], letter: char) -> bool {
    let (negated, class) = match class {
        ['^', class @ ..] => (true, class),
        class => (false, class),
    };
    let mut rest = class;
    let mut found = false;
    loop {
        rest = match rest {
            [] => return found != negated,
            [from, '-', to, after @ ..] => {
                found |= (*from..=*to).contains(&letter);
                after
            }
            [sign, after @ ..] => {
                found |= *sign == letter;
                after
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_as_in_a_shell() {
        let cases = [
            ("*.yml", "a.yml", true),
            ("*.yml", "a.yaml", false),
            ("a*b*c", "axxbyyc", true),
            ("?.yml", "ab.yml", false),
            ("[a-c]1.yml", "b1.yml", true),
            ("[^a-c]1.yml", "b1.yml", false),
            ("[a", "a", false),
            ("ü*", "über", true),
        ];
        for (pattern, name, expected) in cases {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(matches(&letters(pattern), &letters(name)), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn files_are_found_relative_to_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.yml", "a.yml", "c.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let names = |pattern: &str| -> Vec<String> {
            let file = |path: PathBuf| path.strip_prefix(folder.path()).unwrap().display().to_string();
            glob(folder.path(), pattern).into_iter().map(file).collect()
        };
        assert_eq!(names("*.yml"), ["a.yml", "b.yml"]);
        assert_eq!(names("a.yml"), ["a.yml"]);
        for none in ["none.yml", "*.none", "*/a.yml"] {
            assert_eq!(names(none), Vec::<String>::new());
        }
    }
}
