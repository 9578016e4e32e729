//! Prometheus' own test scripts for its query language, run through the evaluator.
//!
//! `../shared/data/promqltest/README.md` says what the scripts are and what running them means. Every evaluation that
//! does not pass is named in `not_passing.tsv`, beside this file; one that passes must not be. Prints how many pass in
//! each stage:
//!
//! ```text
//! cargo test --test promql -- --nocapture
//! ```
#![expect(clippy::expect_used, clippy::panic, reason = "a test without its data has failed")]
#![expect(clippy::print_stdout, reason = "the counts are what one wants to know")]

mod classic;
mod duration;
mod expect;
mod run;
mod script;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use script::Command;
use store::Store;

/// A script and the line of an `eval` in it.
type Place = (String, usize);

/// What the scripts are, every way of running an evaluation counted.
const QUERIES: usize = 21_306;

fn data() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/promqltest")
}

/// Lines of a table that begins with a heading, split at tabs.
fn table(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().skip(1).map(|line| line.split('\t').collect())
}

fn place(file: &str, line: &str) -> Place {
    (file.to_owned(), line.parse().expect("a line number"))
}

/// What each evaluation of the scripts comes to; the error of those that do not pass.
fn outcomes() -> BTreeMap<Place, Result<usize, String>> {
    let mut outcomes = BTreeMap::new();
    let entries = fs::read_dir(data()).expect("the scripts, in ../shared/data/promqltest");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    for path in files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "test")) {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(path).expect("a script");
        let mut store = Store::new();
        for command in script::read(&text).unwrap_or_else(|error| panic!("{name}: {error}")) {
            match command {
                Command::Clear => store = Store::new(),
                Command::Load(load) => store.load(&load).unwrap_or_else(|error| panic!("{name}: {error}")),
                Command::Eval(eval) => {
                    outcomes.insert((name.clone(), eval.line), everywhere(&store, &eval));
                }
            }
        }
    }
    outcomes
}

/// Runs an evaluation wherever its samples are; the queries of one run.
fn everywhere(store: &Store, eval: &script::Eval) -> Result<usize, String> {
    let mut queries = 0;
    for (name, source) in store.sources() {
        queries = run::run(source, eval).map_err(|error| format!("in {name}: {error}"))?;
    }
    Ok(queries)
}

#[test]
fn every_evaluation_passes_that_is_not_named_as_not_passing() {
    let stages = fs::read_to_string(data().join("stages.tsv")).expect("stages.tsv, in ../shared/data/promqltest");
    let known: BTreeSet<Place> = table(include_str!("not_passing.tsv")).map(|row| place(row[0], row[1])).collect();
    let outcomes = outcomes();

    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut faults = Vec::new();
    for row in table(&stages) {
        let place = place(row[0], row[1]);
        let outcome = outcomes.get(&place).unwrap_or_else(|| panic!("{place:?} was not run"));
        let count = counts.entry(row[3]).or_default();
        count.0 += usize::from(outcome.is_ok());
        count.1 += 1;
        match (outcome, known.contains(&place)) {
            (Ok(_), true) => faults.push(format!("{place:?} passes: remove it from not_passing.tsv")),
            (Err(error), false) => faults.push(format!("{place:?} [{}]: {error}", row[3])),
            _ => {}
        }
    }
    let (mut passed, mut all) = (0, 0);
    for (stage, (of_stage, of)) in &counts {
        println!("{stage}: {of_stage} of {of} pass");
        (passed, all) = (passed + of_stage, all + of);
    }
    let queries: usize = outcomes.values().flatten().sum();
    println!("{passed} of {all} pass, in {queries} queries");
    if passed == all {
        assert_eq!(queries, QUERIES, "queries that the scripts are, with every way of running them");
    }
    assert_eq!(all, outcomes.len(), "evaluations in the scripts and in stages.tsv");
    if std::env::var_os("UPDATE").is_some() {
        update(&outcomes);
    }
    assert!(faults.is_empty(), "{} evaluations are not as named:\n{}", faults.len(), faults.join("\n"));
}

/// Writes what does not pass: for whoever has made more of it pass.
fn update(outcomes: &BTreeMap<Place, Result<usize, String>>) {
    let failed = outcomes.iter().filter_map(|(place, outcome)| Some((place, outcome.as_ref().err()?)));
    let rows: Vec<String> = failed.map(|((file, line), _)| format!("{file}\t{line}\n")).collect();
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/promql/not_passing.tsv");
    fs::write(path, format!("file\tline\n{}", rows.concat())).expect("a file that can be written");
}
