//! The dashboards of `otel-collector/grafana/dashboards`: written from [`boards`], with the names that `names` has.
//!
//! ```text
//! BELLWETHER_WRITE_DASHBOARDS=1 cargo test --test it dashboards
//! ```
//! writes them; without the variable the test requires that the files are what would be written.

mod boards;
mod grafana;

use std::path::{Path, PathBuf};

use bellwether::promql;
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("otel-collector/grafana/dashboards")
}

#[test]
fn the_files_are_what_their_boards_say() {
    let write = std::env::var_os("BELLWETHER_WRITE_DASHBOARDS").is_some();
    for board in boards::all() {
        let path = folder().join(format!("{}.json", board.uid));
        let text = format!("{:#}\n", grafana::dashboard(&board));
        if write {
            std::fs::write(&path, &text).expect("a folder for dashboards");
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == text,
            "{} is old: BELLWETHER_WRITE_DASHBOARDS=1 cargo test --test it dashboards",
            path.display()
        );
    }
}

#[test]
fn there_is_no_other_file() {
    let mut expected: Vec<String> = boards::all().iter().map(|board| format!("{}.json", board.uid)).collect();
    let mut found: Vec<String> = std::fs::read_dir(folder())
        .expect("a folder of dashboards")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn every_query_is_promql_and_panels_do_not_overlap() {
    for board in boards::all() {
        let dashboard = grafana::dashboard(&board);
        let panels = dashboard["panels"].as_array().expect("panels");
        let mut cells = std::collections::BTreeSet::new();
        for panel in panels {
            let title = panel["title"].as_str().unwrap_or_default();
            for target in panel["targets"].as_array().map_or(&[][..], Vec::as_slice) {
                let query = grafana::with_values(target["expr"].as_str().expect("a query"));
                if let Err(error) = promql::parse(&query) {
                    panic!("{} / {title}: {query}: {error:?}", board.uid);
                }
            }
            let place = |key: &str| panel["gridPos"][key].as_u64().expect("a place");
            assert!(place("x") + place("w") <= 24, "{} / {title} is too wide", board.uid);
            for x in place("x")..place("x") + place("w") {
                for y in place("y")..place("y") + place("h") {
                    assert!(cells.insert((x, y)), "{} / {title} overlaps", board.uid);
                }
            }
        }
        assert!(!panels.iter().any(|panel| panel["targets"] == Value::Null && panel["type"] != "row"));
    }
}
