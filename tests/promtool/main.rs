//! The verdicts of Prometheus' promtool on its own test files, which lie beside the project, and ours.
//! Run with `cargo test --test promtool --features cli`; without the data it fails.
#![expect(clippy::expect_used, reason = "data that cannot be read is a failed test")]

use std::path::PathBuf;
use std::process::{Command, Output};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/promtool")
}

fn bellwether(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bellwether")).args(arguments).current_dir(folder()).output().expect("the command")
}

/// `--run=Failing alert --run=correct` is two flags, the first with a space.
fn flags(cell: &str) -> Vec<String> {
    let mut flags: Vec<String> = Vec::new();
    for word in cell.split(' ').filter(|word| *word != "-") {
        match flags.last_mut().filter(|_| !word.starts_with("--")) {
            Some(last) => *last = format!("{last} {word}"),
            None => flags.push(word.to_owned()),
        }
    }
    flags
}

#[test]
fn every_verdict_is_that_of_promtool() {
    let table = std::fs::read_to_string(folder().join("verdicts.tsv")).expect("../shared/data/promtool/verdicts.tsv");
    let mut wrong = Vec::new();
    let mut rows = 0;
    for row in table.lines().skip(1) {
        let [command, flag, file, exit] = row.split('\t').collect::<Vec<_>>().try_into().expect("four columns");
        // The verdicts are of 3.5.3, which does not know the field that this file tests; 3.14 accepts it.
        let accepted = exit == "0" || (command == "test" && file == "start-time-test.yml");
        let flags = flags(flag);
        let mut arguments = if command == "test" { vec!["test", "rules"] } else { vec!["check"] };
        arguments.extend(flags.iter().map(String::as_str));
        arguments.push(file);
        let output = bellwether(&arguments);
        rows += 1;
        let ours = output.status.code();
        let finer = if exit == "3" { ours == Some(1) } else { matches!(ours, Some(0 | 1 | 78)) };
        if output.status.success() != accepted || !finer {
            wrong
                .push(format!("{arguments:?}: {ours:?}, promtool {exit}\n{}", String::from_utf8_lossy(&output.stdout)));
        }
    }
    assert_eq!(rows, 167, "rows of verdicts.tsv");
    assert!(wrong.is_empty(), "{} of {rows} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_file_with_a_mistake_is_shown_with_a_caret() {
    let output = bellwether(&["check", "bad-rules-syntax.yml"]);
    assert_eq!(output.status.code(), Some(78));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with("bad-rules-syntax.yml:7:22: "), "{text}");
    assert!(text.contains("\n   7 | ") && text.contains('^'), "{text}");
}

#[test]
fn every_failure_of_a_test_is_told() {
    let output = bellwether(&["test", "rules", "failing.yml"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text.matches("failing.yml:").count(), 5, "four failures and the last line: {text}");
}

#[test]
fn what_is_found_can_be_read_by_a_program() {
    for arguments in [
        ["check", "--format=json", "rules_duplicates.yml"].as_slice(),
        &["test", "rules", "--format=json", "failing.yml"],
    ] {
        let output = bellwether(arguments);
        let value: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let file = &value["files"][0];
        let found = file["lints"][0]["line"].as_u64().or_else(|| file["tests"][0]["failures"][0]["line"].as_u64());
        assert!(found.is_some_and(|line| line > 1), "{value}");
    }
}

#[test]
fn each_kind_of_file_is_checked_as_what_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let cases = [
        ("", 0, "x.yml: ok, 0 groups, 0 rules\n"),
        ("groups: [{name: a, rules: [{record: b, expr: 'rat(c[5m])'}]}]", 78, "did you mean \"rate\"?"),
        ("route: {receiver: a}\nreceivers: [{name: a}]", 0, "x.yml: ok, routing\n"),
        ("route: {receiver: a}\nreceivers: []", 78, "\n     | "),
        ("file_format: '1.0'", 0, "x.yml: ok, configuration\n"),
        ("file_format: '1.0'\ntracer_provder: {}", 78, "x.yml:2:1: "),
        ("tests: []", 78, "x.yml: 1 mistake; these look like unit tests, which `bellwether test rules x.yml` runs\n"),
    ];
    for (text, exit, expected) in cases {
        std::fs::write(folder.path().join("x.yml"), text).expect("a file");
        let command =
            Command::new(env!("CARGO_BIN_EXE_bellwether")).args(["check", "x.yml"]).current_dir(folder.path()).output();
        let output = command.expect("the command");
        let shown = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(exit), "{text}: {shown}");
        assert!(shown.contains(expected), "{text}: {shown}");
    }
}
