//! The package: what it brings along, and that its documents say what is there.
#![expect(clippy::panic, reason = "a package that cannot be read is a failed test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Crates that a user of the library gets with default features: gRPC, HTTP, TLS, configuration file. One-call
/// packages of others for the same work bring 135 and 146.
const CRATES: usize = 120;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Lines of one table of Cargo.toml.
fn table(name: &str) -> Vec<String> {
    let manifest = read("Cargo.toml");
    let lines = manifest.lines().skip_while(|line| *line != format!("[{name}]")).skip(1);
    lines.take_while(|line| !line.starts_with('[')).map(str::to_owned).collect()
}

/// The code blocks of a document, with what stands behind their fence.
fn blocks(document: &str) -> Vec<(String, String)> {
    let mut parts = document.split("\n```");
    parts.next();
    let mut blocks = Vec::new();
    while let (Some(block), Some(_text)) = (parts.next(), parts.next()) {
        let (language, body) = block.split_once('\n').unwrap_or((block, ""));
        blocks.push((language.to_owned(), body.to_owned()));
    }
    blocks
}

#[test]
fn a_library_user_gets_few_crates() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none"])
        .current_dir(root())
        .output()
        .expect("cargo tree");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8_lossy(&tree.stdout).into_owned();
    let crates: BTreeSet<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    assert!(crates.len() <= CRATES, "{} crates; at most {CRATES}:\n{tree}", crates.len());
    assert!(crates.len() > 20, "cargo tree was not understood:\n{tree}");
}

#[test]
fn every_feature_is_explained_in_the_manifest_and_in_the_readme() {
    let (lines, readme) = (table("features"), read("README.md"));
    let mut explained = false;
    for line in lines {
        let Some((feature, _)) = line.split_once(" = ") else {
            explained = line.starts_with("## ");
            continue;
        };
        assert!(explained || feature == "default", "Cargo.toml does not explain {feature}");
        assert!(feature == "default" || readme.contains(&format!("| `{feature}` |")), "README has no row {feature}");
        explained = false;
    }
}

/// Every command that a document shows is one that cargo or this repository knows.
#[test]
fn commands_in_the_documents_exist() {
    let manifest = read("Cargo.toml");
    let aliases = read(".cargo/config.toml");
    for document in ["README.md", "ARCHITECTURE.md"] {
        let text = read(document);
        let shown = blocks(&text).into_iter().filter(|(language, _)| language == "sh").map(|(_, body)| body);
        for line in shown.collect::<Vec<_>>().join("\n").lines() {
            let words: Vec<&str> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
            let program = words.iter().position(|word| !word.contains('=')).unwrap_or(0);
            match words.get(program..) {
                Some(["cargo", command, ..]) => {
                    let known = ["add", "bench", "build", "clippy", "doc", "install", "run", "test"].contains(command);
                    assert!(known || aliases.contains(&format!("{command} = ")), "{document}: cargo has no {command}");
                }
                Some([script, ..]) if script.contains('/') => {
                    assert!(root().join(script).is_file(), "{document}: no {script}");
                }
                _ => {}
            }
            for pair in words.windows(2) {
                let exists = match pair[0] {
                    "--features" => manifest.contains(&format!("\n{} = [", pair[1])),
                    "--bench" | "--test" => manifest.contains(&format!("name = \"{}\"", pair[1])),
                    "--example" => root().join(format!("examples/{}.rs", pair[1])).is_file(),
                    _ => true,
                };
                assert!(exists, "{document}: {line}: there is no {} {}", pair[0], pair[1]);
            }
        }
    }
}

#[test]
fn files_that_the_documents_link_to_exist() {
    for document in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"] {
        for link in read(document).split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap_or_default();
            let outside = target.is_empty() || target.contains("://");
            assert!(outside || root().join(target).exists(), "{document}: there is no {target}");
        }
    }
}

/// ARCHITECTURE.md has a line a room, `name/` or `name.rs`, and no line of a room that is gone.
#[test]
fn the_architecture_names_every_room_and_no_other() {
    let text = read("ARCHITECTURE.md");
    let (_, map) = text.split_once("\nsrc/\n").expect("ARCHITECTURE.md has the map of src/");
    let map = map.split("```").next().unwrap_or_default();
    let first = |line: &str| line.strip_prefix("  ").and_then(|line| line.split_whitespace().next()).map(str::to_owned);
    let named: BTreeSet<String> = map.lines().filter_map(first).filter(|name| name != "--").collect();
    let entries = std::fs::read_dir(root().join("src")).expect("src");
    let there: BTreeSet<String> = entries
        .map(|entry| {
            let entry = entry.expect("an entry of src");
            let name = entry.file_name().display().to_string();
            if entry.path().is_dir() { format!("{name}/") } else { name }
        })
        .collect();
    assert_eq!(named, there);
}

#[test]
fn the_changelog_knows_the_version() {
    let version = env!("CARGO_PKG_VERSION");
    let changelog = read("CHANGELOG.md");
    assert!(changelog.contains("## [Unreleased]") || changelog.contains(&format!("## [{version}]")));
}
