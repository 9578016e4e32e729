//! The demo as a user meets it: the command, its output, its exit codes.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "output that cannot be read is a failed test")]

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::{Command, Output};

use serde_json::Value;

/// The command with an environment of its own.
fn bellwether(arguments: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwether"));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("OTEL_") || name == "RUST_LOG") {
            command.env_remove(name);
        }
    }
    command.args(arguments.split_whitespace()).envs(variables.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn calls(object: &Value) -> BTreeMap<String, u64> {
    let operations = object["operations"].as_array().unwrap();
    operations.iter().map(|o| (o["name"].as_str().unwrap().to_owned(), o["calls"].as_u64().unwrap())).collect()
}

#[test]
fn a_short_run_as_json_ends_with_an_object_in_which_every_request_is_accounted_for() {
    let output = bellwether("demo --for 1500ms --rate 25 --documents 100 --format json --fault-after 500ms", &[]);
    let (objects, notes) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{notes}");
    let objects: Vec<Value> = objects.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, ticks) = objects.split_last().unwrap();
    assert!(!ticks.is_empty() && ticks.iter().all(|tick| tick["final"] == false));
    assert_eq!((&last["final"], &last["fault"]), (&true.into(), &true.into()));
    let calls = calls(last);
    assert_eq!(calls["GET"], calls["GET /search"], "every request was served");
    assert_eq!(calls["parse"], calls["GET /search"], "every search was parsed");
    assert_eq!(calls["index"], 1);
    for stage in ["embed", "retrieve", "vector_search", "cache_put"] {
        assert_eq!(calls[stage], calls["rerank"], "what the cache did not answer went through {stage}");
    }
    assert!(calls["cache_get"] > calls["rerank"], "the cache answered some: {calls:?}");
    for operation in last["operations"].as_array().unwrap() {
        let field = |name: &str| operation[name].as_f64().unwrap_or_else(|| panic!("{name} of {operation}"));
        assert!(field("p50_ms") <= field("p95_ms") && field("p95_ms") <= field("p99_ms"), "{operation}");
        assert!(field("self_ms") >= 0.0 && field("in_flight") == 0.0, "{operation}");
    }
    assert!(notes.contains("stays here") && !notes.contains("WARN"), "{notes}");
}

#[test]
#[cfg(unix)]
fn rule_files_are_read_again_on_sighup_and_a_bad_one_keeps_the_old_rules_and_says_why() {
    use std::io::{BufRead, BufReader};
    use std::path::Path;
    use std::process::Stdio;
    use std::time::SystemTime;

    // To the demo the file looks as before, so that the signal alone can be what makes it read it.
    fn write(path: &Path, text: &str) {
        std::fs::write(path, format!("{text:<200}")).unwrap();
        std::fs::File::options().write(true).open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }

    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.yml");
    let alert = |name: &str| format!("groups: [{{name: a, rules: [{{alert: {name}, expr: vector(1)}}]}}]");
    write(&rules, &alert("First"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwether"));
    command.args("demo --for 60s --rate 5 --documents 50 --no-fault --format json --rules".split(' ')).arg(&rules);
    command.env("OTEL_SDK_DISABLED", "false").env_remove("OTEL_EXPORTER_OTLP_ENDPOINT").env_remove("RUST_LOG");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut objects = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut notes = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut fires = |name: &str| {
        let found = objects.by_ref().take(30).any(|line| {
            let object: Value = serde_json::from_str(&line).unwrap();
            object["alerts"].as_array().unwrap().iter().any(|alert| alert["name"] == name)
        });
        assert!(found, "{name} does not fire");
    };
    let hang_up = || {
        assert!(Command::new("kill").args(["-HUP", &child.id().to_string()]).status().unwrap().success());
    };

    fires("First");
    write(&rules, &alert("Second").replace("vector", "vektor"));
    hang_up();
    assert!(notes.any(|line| line.contains("SIGHUP")));
    assert!(notes.any(|line| line.contains("rules stay as they were")));
    assert!(notes.any(|line| line.contains("rules.yml:1:50: ") && line.contains("did you mean \"vector\"?")));
    fires("First");
    write(&rules, &alert("Third"));
    hang_up();
    fires("Third");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn without_a_terminal_the_table_is_plain_lines_of_at_most_80_columns() {
    let output = bellwether("demo --for 1200ms --rate 25 --documents 100 --no-fault", &[]);
    let table = text(&output.stdout);
    assert!(output.status.success() && !table.contains('\x1b'), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let rows = |name: &str| table.lines().filter(|line| line.starts_with(name)).collect::<Vec<_>>();
    assert!(rows("rerank").len() >= 2, "at least one tick and the whole run: {table}");
    assert!(table.lines().last().unwrap().contains("nothing left this process"), "{table}");
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
}

#[test]
fn a_backend_that_is_not_there_costs_one_warning_with_the_cure_and_an_account() {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint = format!("http://127.0.0.1:{port}");
    let output = bellwether("demo --for 1s --rate 10 --documents 50", &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]);
    let (table, lines) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success());
    assert_eq!(
        (lines.lines().count(), lines.matches("Is an OpenTelemetry Collector listening there?").count()),
        (1, 1)
    );
    let account = table.lines().last().unwrap();
    assert!(account.contains("traces: 0 delivered, ") && account.contains("dropped"), "{account}");
}

#[test]
fn what_is_wrong_is_said_on_standard_error_with_the_cure_and_an_exit_code() {
    for (arguments, variable, code, said) in [
        ("demo --for 20", None, 2, "expected a number with a unit"),
        ("demo --nonsense", None, 2, "unexpected argument"),
        ("", None, 2, "Usage"),
        ("demo --for 1s", Some(("OTEL_EXPORTER_OTLP_ENDPOINT", "nowhere")), 78, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ("demo --for 1s", Some(("OTEL_METRIC_EXPORT_INTERVAL", "soon")), 78, "OTEL_METRIC_EXPORT_INTERVAL"),
    ] {
        let output = bellwether(arguments, variable.as_slice());
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments} {variable:?}: {errors}");
        assert!(errors.contains(said) && output.stdout.is_empty(), "{arguments} {variable:?}: {errors}");
    }
}

#[test]
fn help_names_every_option_with_examples_and_exit_codes() {
    let help = text(&bellwether("demo --help", &[]).stdout);
    for part in [
        "--for",
        "--rate",
        "--fault-after",
        "--fault-for",
        "--no-fault",
        "--seed",
        "--format",
        "Examples:",
        "Exit codes:",
    ] {
        assert!(help.contains(part), "{part} is missing in\n{help}");
    }
}

#[test]
fn the_fault_is_seen_as_an_alert_that_is_pending_then_fires_and_is_resolved() {
    let run = "demo --for 20s --rate 20 --documents 2000 --fault-after 4s --fault-for 4s --format json";
    let output = bellwether(run, &[]);
    let notes = text(&output.stderr);
    assert!(output.status.success(), "{notes}");
    let told: Vec<&str> = notes.lines().filter(|line| line.starts_with("Alert RerankSlow is ")).collect();
    let states: Vec<&str> = told.iter().filter_map(|line| line.split([' ', ':', '.']).nth(3)).collect();
    // A machine that does much else at once may let it begin more often than once.
    let after =
        |from: usize, wanted: &str| states[from..].iter().position(|state| *state == wanted).map(|at| from + at);
    let resolved = after(0, "pending").and_then(|at| after(at, "firing")).and_then(|at| after(at, "resolved"));
    assert!(resolved.is_some(), "{notes}");
    let objects = text(&output.stdout);
    let states = objects.lines().flat_map(|line| {
        let object: Value = serde_json::from_str(line).unwrap();
        let alerts = object["alerts"].as_array().unwrap().clone();
        alerts.into_iter().map(|alert| alert["state"].as_str().unwrap().to_owned())
    });
    assert!(states.collect::<Vec<_>>().contains(&"firing".to_owned()), "{objects}");
}
