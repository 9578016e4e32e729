//! The house holds: each room imports only what its line in the table allows, and files stay small.
#![expect(clippy::expect_used, reason = "a source tree that cannot be read is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What every room may import; itself imports nothing else.
const GROUND: [&str; 8] = ["clock", "error", "fork", "internal", "model", "names", "nearest", "yaml"];

/// A room, and what it may import besides the ground and itself. A name that `lib.rs` offers counts as its room.
const ROOMS: [(&str, &[&str]); 21] = [
    // Under which names metrics of spans go out: data, and pure functions of names and attributes.
    ("families", &[]),
    ("series", &["families"]),
    // Readings of the process, as finished points.
    ("system", &[]),
    ("history", &[]),
    ("promql", &["history"]),
    // Texts of alerts and of messages about them.
    ("template", &[]),
    ("rules", &["history", "promql", "template"]),
    // Connections, for everything that sends.
    ("transport", &[]),
    ("notifier", &["transport", "template"]),
    ("layer", &["series", "families"]),
    // A measurement that is made in a span links to it, and the layer knows which span that is.
    ("instruments", &["series", "layer"]),
    ("bridge", &["series"]),
    ("exporters", &["transport"]),
    ("pipeline", &["families", "series", "system", "layer", "bridge", "exporters", "history", "rules", "notifier"]),
    // Reads what the pipeline keeps; nothing is written through it.
    ("web", &["layer", "history", "promql", "rules", "pipeline"]),
    // Spans and nothing else: what becomes of them is the layer's matter.
    ("http", &["layer"]),
    ("config", &["families", "series", "system", "layer", "exporters", "history", "notifier", "pipeline", "web"]),
    (
        "telemetry",
        &["config", "families", "series", "system", "layer", "instruments", "bridge", "exporters", "pipeline", "web"],
    ),
    (
        "testing",
        &[
            "telemetry",
            "config",
            "families",
            "series",
            "layer",
            "instruments",
            "bridge",
            "exporters",
            "pipeline",
            "history",
            "rules",
        ],
    ),
    // A door of its own for files; what it reads and runs is what a host does.
    ("check", &["config", "history", "notifier", "promql", "rules"]),
    // A host as any other; the numbers of its table come from the store.
    ("demo", &["telemetry", "config", "pipeline", "series", "instruments", "rules", "http"]),
];

/// The doors and the map of the house: they wire, and are kept short instead.
const DOORS: [&str; 2] = ["lib", "main"];

/// Rooms of which `config` may know what they may be told, and nothing else.
const STAGES: [&str; 8] = ["series", "system", "layer", "exporters", "history", "notifier", "pipeline", "web"];

/// Lines of a file before its tests.
const LONGEST: usize = 500;

struct Source {
    path: PathBuf,
    /// The module of `lib.rs` that the file belongs to.
    room: String,
    /// Up to the file's tests, comments removed.
    code: String,
    /// Lines up to the file's tests.
    lines: usize,
}

fn sources() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&src, &mut files);
    files.sort();
    files.into_iter().filter(|path| !is_test(path)).map(|path| source(&src, path)).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of src") {
        let path = entry.expect("an entry of src").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Whether a file holds tests only: `tests.rs`, or anything in a folder `tests`.
fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
}

fn source(src: &Path, path: PathBuf) -> Source {
    let text = std::fs::read_to_string(&path).expect("a file of src");
    let before_tests = text.lines().take_while(|line| *line != "#[cfg(test)]");
    let lines = before_tests.clone().count();
    let code = before_tests.map(|line| line.split("//").next().unwrap_or(line)).collect::<Vec<_>>().join("\n");
    let inside = path.strip_prefix(src).expect("a path in src");
    let first = inside.components().next().expect("a path with a file").as_os_str();
    let room = Path::new(first).with_extension("").display().to_string();
    Source { path, room, code, lines }
}

/// Every path that begins with `crate::`, groups taken apart: `crate::{a::B, c}` gives `[a, B]` and `[c]`.
fn crate_paths(code: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for (at, root) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_none_or(|before| !before.is_alphanumeric() && before != '_' && before != ':') {
            use_tree(&code[at + root.len()..], &[], &mut paths);
        }
    }
    paths
}

/// Reads one tree of a `use` behind `prefix`, and returns what follows it.
fn use_tree<'a>(text: &'a str, prefix: &[String], paths: &mut Vec<Vec<String>>) -> &'a str {
    let mut path = prefix.to_vec();
    let mut rest = text.trim_start();
    loop {
        if let Some(mut inside) = rest.strip_prefix('{') {
            loop {
                inside = inside.trim_start();
                if let Some(after) = inside.strip_prefix('}') {
                    return after;
                }
                let after = use_tree(inside, &path, paths);
                // The list's comma, a renaming, or text that is no list of paths at all.
                let end = after.find([',', '}']).unwrap_or(after.len());
                inside = after[end..].strip_prefix(',').unwrap_or_else(|| &after[end..]);
                if inside.is_empty() {
                    return inside;
                }
            }
        }
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '*').unwrap_or(rest.len());
        path.push(rest[..end].to_owned());
        rest = &rest[end..];
        let Some(further) = rest.strip_prefix("::") else {
            paths.push(path);
            return rest;
        };
        rest = further.trim_start();
    }
}

/// `lib.rs`, taken apart.
struct Map {
    /// The modules that it declares.
    rooms: BTreeSet<String>,
    /// The names that it offers, with the room that each comes from.
    offered: BTreeMap<String, String>,
}

impl Map {
    fn read() -> Self {
        let lib =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("src/lib.rs");
        let module = |line: &str| {
            let module = line.strip_prefix("pub mod ").or_else(|| line.strip_prefix("mod "))?.strip_suffix(';')?;
            Some(module.to_owned())
        };
        let mut paths = Vec::new();
        for (at, offer) in lib.match_indices("pub use ") {
            use_tree(&lib[at + offer.len()..], &[], &mut paths);
        }
        let offered = paths.iter().filter_map(|path| Some((path.last()?.clone(), path.first()?.clone()))).collect();
        Self { rooms: lib.lines().filter_map(module).collect(), offered }
    }

    /// The room that a path leads into.
    fn room_of<'a>(&'a self, path: &'a [String]) -> &'a str {
        let first = path.first().map_or("", String::as_str);
        if self.rooms.contains(first) { first } else { self.offered.get(first).map_or(first, String::as_str) }
    }
}

#[test]
fn each_room_imports_only_what_its_line_in_the_table_allows() {
    let (map, table) = (Map::read(), BTreeMap::from(ROOMS));
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| !DOORS.contains(&source.room.as_str())) {
        let allowed = table.get(source.room.as_str()).copied().unwrap_or_default();
        for path in crate_paths(&source.code) {
            let into = map.room_of(&path);
            if !(GROUND.contains(&into) || into == source.room || allowed.contains(&into)) {
                broken.push(format!("{}: crate::{}", source.path.display(), path.join("::")));
            }
        }
    }
    assert!(broken.is_empty(), "imports against the way of the data:\n{}", broken.join("\n"));
}

#[test]
fn every_room_has_its_line_in_the_table_and_every_line_its_room() {
    let listed: BTreeSet<String> = GROUND.into_iter().chain(ROOMS.map(|(room, _)| room)).map(String::from).collect();
    assert_eq!(Map::read().rooms, listed);
}

#[test]
fn no_room_leaves_itself_through_super() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut broken = Vec::new();
    for source in sources() {
        let inside = source.path.strip_prefix(&src).expect("a path in src");
        let depth = inside.components().count() - usize::from(inside.ends_with("mod.rs"));
        let out = "super::".repeat(depth);
        if source.code.contains(&out) {
            broken.push(format!("{}: {out}", source.path.display()));
        }
    }
    assert!(broken.is_empty(), "write `crate::`, so that the table can be checked:\n{}", broken.join("\n"));
}

#[test]
fn config_knows_of_a_stage_only_what_it_may_be_told() {
    let (map, src) = (Map::read(), Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let told = |stage: &str| -> BTreeSet<String> {
        let module = if stage == "exporters" { "exporters/otlp" } else { stage };
        let text = std::fs::read_to_string(src.join(module).join("mod.rs")).expect("a stage");
        let offers: Vec<&str> = text.split("pub use config::").skip(1).collect();
        assert!(!offers.is_empty(), "a stage offers its settings");
        let names: String = offers.iter().filter_map(|names| names.split_inclusive(';').next()).collect();
        names
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|name| !name.is_empty())
            .map(String::from)
            .collect()
    };
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| source.room == "config") {
        for path in crate_paths(&source.code) {
            let stage = map.room_of(&path);
            let mut names = path.iter().skip(1).filter(|name| *name != "otlp" && *name != "self");
            if STAGES.contains(&stage) && names.next().is_some_and(|name| !told(stage).contains(name)) {
                broken.push(format!("{}: crate::{}", source.path.display(), path.join("::")));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn files_stay_small_and_doors_smaller() {
    let limit = |source: &Source| if DOORS.contains(&source.room.as_str()) { 100 } else { LONGEST };
    let long: Vec<String> = sources()
        .iter()
        .filter(|source| source.lines > limit(source))
        .map(|source| format!("{}: {} lines", source.path.display(), source.lines))
        .collect();
    assert!(long.is_empty(), "split by idea:\n{}", long.join("\n"));
}

#[test]
fn groups_renamings_and_nested_paths_are_taken_apart() {
    let code =
        "use crate::{clock::Clock, series::{self, Store as Cells}};\nlet x = crate::names::CALLS; $crate::model::A";
    let paths: Vec<String> = crate_paths(code).iter().map(|path| path.join("::")).collect();
    assert_eq!(paths, ["clock::Clock", "series::self", "series::Store", "names::CALLS", "model::A"]);
}
