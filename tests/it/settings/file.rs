//! The configuration file.

use std::io::Write;
use std::path::Path;

use bellwether::config::{self, Config, Environment, Overrides};

use super::facts::{Facts, facts, outcome};
use super::{Random, is_known_here, load, overrides, resource};

/// Cases separated by `--- title`; after the file `=== ` and what is expected, a line each.
fn file_cases(cases: &str) -> impl Iterator<Item = (&str, String, Vec<&str>)> {
    cases.split("\n--- ").skip(1).map(|case| {
        let (title, body) = case.split_once('\n').unwrap();
        let expected = body.lines().filter_map(|line| line.strip_prefix("=== ")).collect();
        let text: Vec<&str> = body.lines().filter(|line| !line.starts_with("===")).collect();
        (title, text.join("\n"), expected)
    })
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// Loads a file. Messages call it `otel.yaml`.
fn load_file<const N: usize>(text: &str, variables: [(&str, &str); N]) -> Result<Config, String> {
    let file = file(text);
    let path = file.path().to_str().unwrap();
    let shown = |message: String| message.replace(path, "otel.yaml");
    let mut config =
        load(variables.into_iter().chain([("OTEL_CONFIG_FILE", path)])).map_err(|it| shown(it.to_string()))?;
    config.warnings = config.warnings.into_iter().map(shown).collect();
    Ok(config)
}

fn file_outcome<const N: usize>(text: &str, variables: [(&str, &str); N], defaults: &Facts) -> Vec<String> {
    match load_file(text, variables) {
        Ok(config) => outcome(Ok(config), defaults),
        Err(message) => vec![format!("error: {message}")],
    }
}

#[test]
fn every_key_of_a_file_has_its_effect_and_every_mistake_its_place() {
    let variables =
        [("SERVICE", "search"), ("DELAY", "250"), ("INJECTION", "1\ndisabled: true"), ("OTEL_SERVICE_NAME", "ada")];
    let defaults = facts(&load_file("file_format: '1.0'\n", []).unwrap());
    let mut wrong = Vec::new();
    let cases = file_cases(include_str!("../../data/config_file.txt"));
    for (title, text, mut expected) in cases.filter(|(title, ..)| is_known_here(title)) {
        let mut found = file_outcome(&text, variables, &defaults);
        found.retain(|line| !line.ends_with("these have no effect: OTEL_SERVICE_NAME"));
        expected.sort_unstable();
        if found != expected {
            wrong.push(format!("--- {title}\nfound:\n=== {}\n", found.join("\n=== ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[cfg(not(feature = "web"))]
#[test]
fn a_file_that_asks_a_build_without_it_for_the_http_api_is_told() {
    let asking = |address| {
        load_file(
            &format!("file_format: '1.0'\ndistribution: {{ bellwether: {{ web: {{ address: {address} }} }} }}\n"),
            [],
        )
    };
    assert_eq!(asking("':9464'").unwrap_err(), "otel.yaml:2:47: web: bellwether was built without its feature `web`");
    assert!(asking("").is_ok());
}

#[test]
fn with_a_file_variables_count_only_where_the_file_names_them() {
    let variables = [
        ("OTEL_SERVICE_NAME", "named"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "not even a URL"),
        ("OTEL_SDK_DISABLED", "true"),
        ("RUST_LOG", "search=debug"),
    ];
    let text =
        "file_format: '1.0'\nresource: { attributes: [{ name: service.name, value: '${OTEL_SERVICE_NAME}' }] }\n";
    let config = load_file(text, variables).unwrap();
    assert_eq!((config.series.service_name.as_str(), config.disabled), ("named", false));
    assert_eq!(config.console_filter, "search=debug");
    assert_eq!(
        config.warnings,
        ["otel.yaml: with a configuration file, these have no effect: OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED"]
    );
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_that_names_it() {
    let missing = load([("OTEL_CONFIG_FILE", "/nowhere/otel.yaml")]).unwrap_err().to_string();
    assert!(missing.starts_with("OTEL_CONFIG_FILE: \"/nowhere/otel.yaml\" is not valid; expected"), "{missing}");
    let older = file("file_format: '1.0'\n");
    let config = load([("OTEL_EXPERIMENTAL_CONFIG_FILE", older.path().to_str().unwrap())]).unwrap();
    assert_eq!(config.warnings, ["OTEL_EXPERIMENTAL_CONFIG_FILE is the older name of OTEL_CONFIG_FILE; use that"]);
    let large = file(&format!("file_format: '1.0'\n# {}\n", "x".repeat(1 << 20)));
    let error = load([("OTEL_CONFIG_FILE", large.path().to_str().unwrap())]).unwrap_err().to_string();
    assert!(error.contains("more than 1048576 bytes"), "{error}");
}

#[test]
fn the_example_file_says_what_the_defaults_are_and_nothing_in_it_is_ignored() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/bellwether.example.yaml");
    let config = load([("OTEL_CONFIG_FILE", path.to_str().unwrap())]).unwrap();
    assert_eq!(config.warnings, [""; 0]);
    let defaults = facts(&load([]).unwrap());
    let changed = outcome(Ok(config), &defaults);
    assert_eq!(
        changed,
        [
            "logs.compression=Gzip",
            "metrics.compression=Gzip",
            "resource.deployment.environment.name=\"development\"",
            "traces.compression=Gzip"
        ]
    );
}

#[test]
fn no_text_of_a_file_makes_loading_panic() {
    let example = include_str!("../../../config/bellwether.example.yaml");
    let pieces = [
        "\n", "  ", "- ", ": ", "{", "}", "[", "]", "*a", "&a ", "!!str ", "'", "\"", "|", "${", "}", "$$", "é",
        "\u{0}", "0x", "# ",
    ];
    let mut random = Random(2);
    for _ in 0..300 {
        let mut text: Vec<char> = example.chars().collect();
        for _ in 0..=random.next(4) {
            let from = random.next(text.len());
            let to = (from + random.next(40)).min(text.len());
            text.splice(from..to, random.text(&pieces, 6).chars());
        }
        let text: String = text.into_iter().collect();
        if let Err(error) = load_file(&text, []) {
            assert!(error.starts_with("otel.yaml:"), "{error}");
        }
    }
}

#[test]
fn code_beats_the_file() {
    let file = file("file_format: '1.0'\nresource: { attributes_list: 'service.name=file,a=file,b=file' }\n");
    let overrides = Overrides { file: Some(file.path().into()), ..overrides() };
    let environment = Environment::from_iter([("OTEL_CONFIG_FILE", "/nowhere/otel.yaml")]);
    let config = config::load(&environment, overrides).unwrap();
    assert_eq!(resource(&config, ["service.name", "a", "b"]), ["code", "code", "file"]);
    assert_eq!(config.series.service_name, "code");
}

#[test]
fn no_error_shows_a_header() {
    for headers in ["headers: [{ name: k, value: \"sesame\\n\" }]", "headers_list: sesame"] {
        let exporter = format!("{{ otlp_http: {{ {headers} }} }}");
        let text = format!(
            "file_format: '1.0'\ntracer_provider: {{ processors: [{{ simple: {{ exporter: {exporter} }} }}] }}"
        );
        let error = load_file(&text, []).unwrap_err();
        assert!(error.starts_with("otel.yaml:2:") && !error.contains("sesame"), "{error}");
    }
}

#[test]
fn the_manual_and_the_example_have_every_key_of_our_own() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manual = std::fs::read_to_string(root.join("docs/configuration.md")).unwrap();
    let example = std::fs::read_to_string(root.join("config/bellwether.example.yaml")).unwrap();
    let error = load_file("file_format: '1.0'\ndistribution: { bellwether: { nothing: 1 } }\n", []).unwrap_err();
    let keys: Vec<&str> = error.split_once("expected ").unwrap().1.split(", ").collect();
    assert!(keys.len() > 10, "{error}");
    for key in keys {
        assert!(manual.contains(&format!("\n| `{key}` |")), "{key} is not in the manual");
        assert!(example.contains(&format!("\n    {key}:")), "{key} is not in the example");
    }
}
