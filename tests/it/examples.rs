//! The examples: one idea a file, short, and each does what it says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each example, and what its run must print.
const EXAMPLES: [(&str, &[&str]); 9] = [
    ("quickstart", &["search", "rank", "searched", "traces.span.metrics.calls", "bellwether.span.self_time"]),
    ("own_subscriber", &["open_index", "index.name", "books", "3 spans delivered"]),
    ("own_exporter", &["span inner", "span outer", "hello"]),
    ("own_task", &["answer", "3 spans delivered"]),
    ("measurements", &["shop.parcels", "large", "shop.packing.duration", "shop.items", "north", "shop.stock"]),
    ("rules_in_code", &["groups:", "alert: search_p95_above_200", "for: 5m", "alert: NobodyPays"]),
    ("in_a_test", &["3 calls, 1 error, 30 ms each"]),
    ("web", &["traces_span_metrics_calls_total{", "span_name=\"search\"", "\"name\":\"search_p95_above_200\""]),
    ("http", &["GET /users/{id}", "http.route", "lang=en&token=REDACTED", "url.full"]),
];

/// Whether the features that it needs are there.
fn has_features(example: &str) -> bool {
    let needs = [("http", cfg!(feature = "http")), ("web", cfg!(feature = "web"))];
    !needs.contains(&(example, false))
}

/// Where cargo puts an example, beside this test's own folder.
fn built(example: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    let profile = test.ancestors().nth(2).unwrap_or_else(|| Path::new("."));
    profile.join("examples").join(example).with_extension(std::env::consts::EXE_EXTENSION)
}

#[test]
fn each_example_runs_and_shows_what_it_promises() {
    for (example, promises) in EXAMPLES.into_iter().filter(|(example, _)| has_features(example)) {
        let program = built(example);
        assert!(program.is_file(), "{} is not built: cargo build --examples", program.display());
        let console = ["TRACES", "METRICS", "LOGS"].map(|signal| (format!("OTEL_{signal}_EXPORTER"), "console"));
        let ran = Command::new(program).env_clear().envs(console).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{example}: {err}");
        for promise in promises {
            assert!(out.contains(promise), "{example} does not print {promise:?}:\n{out}\n{err}");
        }
    }
}

#[test]
fn every_example_is_short_and_has_its_run() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut there = BTreeSet::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines < 100, "{}: {lines} lines", path.display());
        there.insert(path.file_stem().unwrap_or_default().display().to_string());
    }
    assert_eq!(there, BTreeSet::from(EXAMPLES.map(|(example, _)| example.to_owned())));
}
