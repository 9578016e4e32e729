//! Settings from OpenTelemetry's declarative configuration file.
//!
//! Follows <https://opentelemetry.io/docs/specs/otel/configuration/data-model/> and the schema of
//! <https://github.com/open-telemetry/opentelemetry-configuration>, version 1.1. Stricter than the schema in one thing:
//! a key that is not known is an error everywhere. What the schema knows and bellwether does not do is a warning, or an
//! error where going on would mean something else than what was asked for.
//!
//! Text becomes a tree with places ([`crate::yaml`]) with variables put in (`substitute`); each part of the schema is
//! then read by the list of its keys.

#[cfg_attr(not(feature = "rules"), path = "no_alerts.rs")]
mod alerts;
mod distribution;
mod exporter;
mod instruments;
mod metrics;
mod propagator;
mod providers;
mod resource;
mod section;
mod substitute;
#[cfg_attr(not(feature = "web"), path = "no_web.rs")]
mod web;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use self::substitute::substitute;
use super::{Draft, Environment, VARIABLES, level};
use crate::Error;
use crate::yaml::{self, Fault, Node, Place, Reader, Section};

/// Bytes of a file at most.
const SIZE: u64 = 1 << 20;
/// The newest minor version of the schema that was looked at.
const MINOR: u32 = 1;

/// Everything that the file at `path` says. `setting` names what gave the path.
pub(super) fn read(path: &Path, setting: &str, environment: &Environment) -> Result<Draft, Error> {
    let file = path.display().to_string();
    let unreadable = |why: String| Error::invalid(setting, &file, format!("a configuration file ({why})"));
    let mut text = String::new();
    let handle = std::fs::File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let size = handle.take(SIZE + 1).read_to_string(&mut text).map_err(|error| unreadable(error.to_string()))?;
    if size as u64 > SIZE {
        return Err(unreadable(format!("more than {SIZE} bytes")));
    }
    parse(&file, &text, environment)
}

/// The same for the text of a file, whose name is for messages only.
pub(super) fn parse(file: &str, text: &str, environment: &Environment) -> Result<Draft, Error> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (document, variables) = tree(file, text, environment)?;
    if let Some(name) = environment.not_unicode().find(|name| variables.contains(*name)) {
        return Err(Error::invalid(name, "***", "text in UTF-8"));
    }
    let mut reader = Reader { file, warnings: Vec::new() };
    let mut draft = root(&mut reader, &document, environment)?;
    draft.warnings.append(&mut reader.warnings);
    let without_effect: Vec<&str> = environment
        .names()
        .filter(|name| VARIABLES.iter().any(|variable| variable.name == *name))
        .filter(|name| !variables.contains(*name) && !ALWAYS.contains(name))
        .collect();
    if !without_effect.is_empty() {
        let names = without_effect.join(", ");
        draft.warnings.push(format!("{file}: with a configuration file, these have no effect: {names}"));
    }
    Ok(draft)
}

/// The file's tree with the variables put in, and their names.
fn tree(file: &str, text: &str, environment: &Environment) -> Result<(Node, BTreeSet<String>), Fault> {
    let mut variables = BTreeSet::new();
    let mut variable = |name: &str| {
        variables.insert(name.to_owned());
        environment.raw(name).map(String::from)
    };
    let root = yaml::read(
        file,
        text,
        &yaml::Options::default(),
        Some(&mut |text| {
            substitute(text, &mut variable).map_err(|reference| {
                format!("{reference} is not valid; expected ${{NAME}}, ${{NAME:-default}} or ${{env:NAME}}")
            })
        }),
    )?;
    let empty = || Fault::new(file, Place::START, "the file is empty; expected file_format: \"1.0\"");
    Ok((root.ok_or_else(empty)?, variables))
}

/// Variables that count beside a file.
const ALWAYS: [&str; 3] = ["OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE", "RUST_LOG"];

fn root<'n>(reader: &mut Reader<'n>, node: &'n Node, environment: &Environment) -> Result<Draft, Fault> {
    const KEYS: [&str; 11] = [
        "file_format",
        "disabled",
        "log_level",
        "attribute_limits",
        "resource",
        "propagator",
        "tracer_provider",
        "meter_provider",
        "logger_provider",
        "instrumentation/development",
        "distribution",
    ];
    let root = reader.section(node, &KEYS)?;
    file_format(reader, &root)?;
    // Without a provider or propagator the schema wants nothing done, where variables would have defaults.
    let mut draft = Draft {
        propagators: Vec::new(),
        traces_exporters: Vec::new(),
        metrics_exporters: Vec::new(),
        logs_exporters: Vec::new(),
        ..Draft::default()
    };
    draft.disabled = root.flag("disabled")?.unwrap_or(false);
    draft.log_level = root.parsed("log_level", level::severity)?;
    root.ignore(reader, &["instrumentation/development"]);
    if let Some(node) = root.get("resource") {
        resource::read(reader, node, environment, &mut draft)?;
    }
    if let Some(node) = root.get("propagator") {
        draft.propagators = propagator::read(reader, node)?;
    }
    if let Some(node) = root.get("attribute_limits") {
        providers::attribute_limits(reader, node, &mut draft)?;
    }
    if let Some(node) = root.get("tracer_provider") {
        providers::traces(reader, node, &mut draft)?;
    }
    if let Some(node) = root.get("logger_provider") {
        providers::logs(reader, node, &mut draft)?;
    }
    if let Some(node) = root.get("meter_provider") {
        metrics::read(reader, node, &mut draft)?;
    }
    if let Some(node) = root.get("distribution") {
        let distributions = reader.any_section(node, "a mapping of distributions, such as bellwether")?;
        if let Some(node) = distributions.get(env!("CARGO_PKG_NAME")) {
            distribution::read(reader, node, &mut draft)?;
        }
    }
    Ok(draft)
}

/// The file's version. A newer minor version may hold what is not known here, and unknown keys say so themselves.
fn file_format<'n>(reader: &mut Reader<'n>, root: &Section<'n>) -> Result<(), Fault> {
    let place = root.required("file_format")?.place;
    let version = root.text("file_format")?.unwrap_or_default();
    let minor: Option<u32> = version.strip_prefix("1.").and_then(|minor| minor.parse().ok());
    match minor {
        None => Err(root.invalid("file_format", version, "\"1.0\" or another version 1")),
        Some(minor) if minor > MINOR => {
            reader.warn(place, format_args!("file_format {version} is newer than 1.{MINOR}, which is known here"));
            Ok(())
        }
        Some(_) => Ok(()),
    }
}
