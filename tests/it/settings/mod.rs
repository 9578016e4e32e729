//! Settings: every variable and every key of the configuration file, with its effect.
//!
//! The cases are data. Each says what is given and what must then be different from the defaults: *all* of it, so that
//! a variable that moves something else as well is noticed.

#![expect(clippy::unwrap_used, reason = "a malformed table of cases is a failed test")]

mod facts;
#[cfg(feature = "config-file")]
mod file;

use std::collections::HashSet;
use std::path::Path;

use bellwether::config::{self, Config, Environment, Overrides, VARIABLES};
use bellwether::exporters::otlp::Protocol;
use opentelemetry::{Key, KeyValue};

use self::facts::{facts, outcome};

fn load<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Config, bellwether::Error> {
    config::load(&Environment::from_iter(variables), Overrides::default())
}

/// `given<TAB>expected`, several of either joined by ` + `.
fn rows(table: &str) -> impl Iterator<Item = (usize, Vec<(&str, &str)>, Vec<&str>)> {
    let lines = table.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(at, line)| {
        let (given, expected) = line.split_once('\t').unwrap();
        let given = given.split(" + ").map(|variable| variable.split_once('=').unwrap()).collect();
        let mut expected: Vec<&str> = expected.trim().split(" + ").filter(|part| !part.is_empty()).collect();
        expected.sort_unstable();
        (at + 1, given, expected)
    })
}

/// Whether this build knows what a case is about; that it says so otherwise is the subject of a test of its own.
fn is_known_here(case: &str) -> bool {
    cfg!(feature = "web") || !(case.contains("BELLWETHER_WEB") || case.contains("HTTP API"))
}

#[cfg(not(feature = "web"))]
#[test]
fn a_build_without_the_http_api_says_which_feature_is_missing() {
    let error = load([("BELLWETHER_WEB", ":9464")]).unwrap_err().to_string();
    assert_eq!(
        error,
        "BELLWETHER_WEB: \":9464\" is not valid; expected none: bellwether was built without its feature `web`"
    );
    assert!(load([("BELLWETHER_WEB", "")]).is_ok());
}

#[test]
fn every_variable_has_exactly_the_effect_that_the_table_says() {
    let defaults = facts(&load([]).unwrap());
    let mut effective = HashSet::new();
    let mut wrong = Vec::new();
    for (line, given, expected) in rows(include_str!("../../data/variables.tsv")) {
        if given.iter().any(|(name, _)| !is_known_here(name)) {
            continue;
        }
        let found = outcome(load(given.iter().copied()), &defaults);
        if found != expected {
            wrong.push(format!("line {line}: {given:?}\n    found:    {}\n", found.join(" + ")));
        } else if found.iter().any(|fact| !fact.starts_with("warning: ") && !fact.starts_with("error: ")) {
            effective.extend(given.iter().map(|(name, _)| *name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A file's effect is the subject of other tests.
    effective.extend(["OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE"]);
    let untested: Vec<&str> =
        VARIABLES.iter().map(|it| it.name).filter(|name| is_known_here(name) && !effective.contains(name)).collect();
    assert!(untested.is_empty(), "no row shows an effect of {untested:?}");
}

#[test]
fn an_empty_variable_is_an_unset_one() {
    let defaults = facts(&load([]).unwrap());
    for variable in VARIABLES {
        for empty in ["", "   "] {
            assert_eq!(outcome(load([(variable.name, empty)]), &defaults), [""; 0], "{}", variable.name);
        }
    }
}

#[test]
fn a_resource_always_names_the_service_its_instance_and_the_distribution() {
    let environment = Environment::from_iter([("OTEL_SERVICE_NAME", "")]).with_executable("shop");
    let config = config::load(&environment, Overrides::default()).unwrap();
    let get = |key: &'static str| config.resource.get(&Key::from_static_str(key)).unwrap().to_string();
    assert_eq!(get("service.name"), "unknown_service:shop");
    assert_eq!(get("service.instance.id").len(), 36);
    assert_eq!(get("telemetry.sdk.name"), "opentelemetry");
    assert_eq!(get("telemetry.sdk.language"), "rust");
    assert_eq!(get("telemetry.distro.name"), "bellwether");
    assert_eq!(get("telemetry.distro.version"), env!("CARGO_PKG_VERSION"));
    let named = load([("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=7")]).unwrap();
    assert_eq!(named.resource.get(&Key::from_static_str("service.instance.id")).unwrap().to_string(), "7");
}

#[test]
fn code_beats_variables() {
    let environment = Environment::from_iter([
        ("OTEL_SERVICE_NAME", "variable"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=variable,b=variable"),
    ]);
    let config = config::load(&environment, overrides()).unwrap();
    assert_eq!(resource(&config, ["service.name", "a", "b"]), ["code", "code", "variable"]);
    assert_eq!(config.series.service_name, "code");
}

fn overrides() -> Overrides {
    Overrides {
        service: Some("code".into()),
        resource: vec![KeyValue::new("a", "code"), KeyValue::new("service.name", "less")],
        ..Overrides::default()
    }
}

fn resource<const N: usize>(config: &Config, keys: [&'static str; N]) -> [String; N] {
    keys.map(|key| config.resource.get(&Key::from_static_str(key)).unwrap().to_string())
}

#[test]
fn no_error_and_no_debug_output_shows_a_secret() {
    let variables = [
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=sesame,broken"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=%zzsesame"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:sesame@collector:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/?key=sesame"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "ftp://sesame@collector"),
    ];
    for variable in variables {
        let error = load([variable]).unwrap_err().to_string();
        assert!(error.contains(variable.0) && !error.contains("sesame"), "{error}");
    }
    let config = load([("OTEL_EXPORTER_OTLP_HEADERS", "authorization=sesame")]).unwrap();
    assert_eq!(config.otlp.logs.headers, [("authorization".into(), "sesame".into())]);
    assert!(!format!("{config:?}").contains("sesame"));
}

#[test]
fn the_manual_lists_every_variable_with_its_default_and_effect() {
    let manual = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md")).unwrap();
    let row = |it: &config::Variable| format!("| `{}` | {} | {} |", it.name, it.default, it.effect).replace("  ", " ");
    let missing: Vec<String> = VARIABLES.iter().map(row).filter(|row| !manual.contains(row.as_str())).collect();
    assert!(missing.is_empty(), "missing in docs/configuration.md:\n{}", missing.join("\n"));
}

/// A small generator with a fixed seed: the same cases each time.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }

    fn text(&mut self, pieces: &[&str], length: usize) -> String {
        (0..self.next(length)).map(|_| pieces[self.next(pieces.len())]).collect()
    }
}

#[test]
fn no_value_of_a_variable_makes_loading_panic() {
    let pieces = [
        "=", ",", "%", "%2", "%20", ":", "//", "http", "/", "@", "?", "[", "]", "a", "é", "\u{0}", "1", "-", ".", "e",
        " ", "${", "}",
    ];
    let mut random = Random(1);
    for variable in VARIABLES.iter().filter(|variable| !variable.name.ends_with("CONFIG_FILE")) {
        for _ in 0..100 {
            let value = random.text(&pieces, 12);
            let loaded = load([(variable.name, value.as_str())]);
            assert!(loaded.is_ok() || loaded.unwrap_err().to_string().contains(variable.name), "{value:?}");
        }
    }
}

#[test]
fn a_general_endpoint_gets_the_signal_s_path_and_a_signal_s_own_is_taken_as_it_is() {
    let cases = [
        ("http://c:4318", "http://c:4318/v1/traces", "http://c:4318/"),
        ("http://c:4318/", "http://c:4318/v1/traces", "http://c:4318/"),
        ("https://c/base/", "https://c/base/v1/traces", "https://c/base/"),
        ("https://c/base", "https://c/base/v1/traces", "https://c/base"),
    ];
    for (given, general, own) in cases {
        assert_eq!(load([("OTEL_EXPORTER_OTLP_ENDPOINT", given)]).unwrap().otlp.traces.url, general);
        assert_eq!(load([("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", given)]).unwrap().otlp.traces.url, own);
    }
    let grpc = [
        ("http://c:4317", "false", "http://c:4317"),
        ("http://c:4317/", "false", "http://c:4317"),
        ("c:4317", "false", "https://c:4317"),
        ("c:4317", "true", "http://c:4317"),
        ("https://c:4317", "true", "https://c:4317"),
    ];
    for (given, insecure, url) in grpc {
        let variables = [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", given),
            ("OTEL_EXPORTER_OTLP_INSECURE", insecure),
        ];
        let config = load(variables).unwrap();
        assert_eq!((config.otlp.logs.url.as_str(), config.otlp.logs.protocol), (url, Protocol::Grpc));
    }
}
