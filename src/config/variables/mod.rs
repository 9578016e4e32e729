//! Settings from `OTEL_*` variables.
//!
//! Follows <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>: empty means unset, an
//! unknown word of an enumeration is warned about and ignored, a switch is on only by `true`. In one thing it is
//! stricter: a number, list, URL or filter that cannot be read is an error, because telemetry that goes to the wrong
//! place or with the wrong limits is noticed when it is missed.

#[cfg_attr(not(feature = "rules"), path = "no_alerts.rs")]
mod alerts;
mod general;
mod otlp;
mod table;
#[cfg_attr(not(feature = "web"), path = "no_web.rs")]
mod web;

pub use table::{VARIABLES, Variable};

use std::time::Duration;

use super::environment::Environment;
use super::parse::{self, Expected};
use super::words::{self, Words};
use super::{Draft, Exporter};
use crate::Error;

/// Everything that variables say. A draft still lacks what has no variable: the program's name, its instance id.
pub(super) fn read(environment: &Environment) -> Result<Draft, Error> {
    let mut draft = Draft::default();
    let mut variables = Variables { environment, warnings: Vec::new() };
    general::read(&mut variables, &mut draft)?;
    otlp::read(&mut variables, &mut draft)?;
    alerts::read(&mut variables, &mut draft)?;
    web::read(&variables, &mut draft)?;
    draft.warnings.append(&mut variables.warnings);
    draft.warnings.extend(strange_names(environment));
    Ok(draft)
}

/// Names that look like ours and are not, and those of the specification that do nothing here.
fn strange_names(environment: &Environment) -> impl Iterator<Item = String> {
    environment.names().filter_map(|name| {
        if VARIABLES.iter().any(|variable| variable.name == name) {
            return None;
        }
        if let Some((_, reason)) = table::WITHOUT_EFFECT.iter().find(|(known, _)| *known == name) {
            return Some(format!("{name} is ignored: {reason}"));
        }
        match (name.starts_with("OTEL_"), name.starts_with("BELLWETHER_"), table::intended(name)) {
            (true, _, Some(intended)) | (_, true, Some(intended)) => {
                Some(format!("{name} is not known and ignored; did you mean {intended}?"))
            }
            (_, true, None) => Some(format!("{name} is not known and ignored")),
            // Variables of other languages' SDKs and of instrumentation libraries.
            _ => None,
        }
    })
}

/// Reads variables by type.
struct Variables<'a> {
    environment: &'a Environment,
    warnings: Vec<String>,
}

impl<'a> Variables<'a> {
    /// The text of a variable that is set.
    fn text(&self, name: &str) -> Option<&'a str> {
        self.environment.get(name)
    }

    /// A variable that `parse` must understand.
    fn parsed<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, Expected>) -> Result<Option<T>, Error> {
        let parsed =
            self.text(name).map(|value| parse(value).map_err(|expected| Error::invalid(name, value, expected)));
        parsed.transpose()
    }

    /// The same for a value that must not be shown.
    fn secret<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, Expected>) -> Result<Option<T>, Error> {
        let parsed =
            self.text(name).map(|value| parse(value).map_err(|expected| Error::invalid(name, "***", expected)));
        parsed.transpose()
    }

    /// A whole number of at least `least`.
    fn count(&self, name: &str, least: usize) -> Result<Option<usize>, Error> {
        self.parsed(name, |value| parse::count(value, least))
    }

    /// A time between two things.
    fn duration(&self, name: &str) -> Result<Option<Duration>, Error> {
        self.parsed(name, parse::duration)
    }

    /// A time that something may take.
    fn timeout(&self, name: &str) -> Result<Option<Duration>, Error> {
        self.parsed(name, parse::timeout)
    }

    /// A switch: on only by `true`.
    fn flag(&mut self, name: &str) -> Option<bool> {
        let value = self.text(name)?;
        let on = value.eq_ignore_ascii_case("true");
        if !on && !value.eq_ignore_ascii_case("false") {
            self.warnings.push(format!("{name}: {value:?} counts as false; only `true` switches it on"));
        }
        Some(on)
    }

    /// One of the words; any other is warned about and ignored.
    fn choice<T: Copy>(&mut self, name: &str, known: &Words<T>) -> Option<T> {
        let value = self.text(name)?;
        self.word(name, value, known)
    }

    /// The words of a comma-separated list that are known, each once, in their order. `None` when there is none.
    fn choices<T: Copy + PartialEq>(&mut self, name: &str, known: &Words<T>) -> Option<Vec<T>> {
        let mut chosen = Vec::new();
        for word in self.text(name)?.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            if let Some(choice) = self.word(name, word, known).filter(|choice| !chosen.contains(choice)) {
                chosen.push(choice);
            }
        }
        Some(chosen).filter(|chosen| !chosen.is_empty())
    }

    fn word<T: Copy>(&mut self, name: &str, word: &str, known: &Words<T>) -> Option<T> {
        match words::find(word, known) {
            Ok(choice) => Some(choice),
            Err(unfit) => {
                let fault = if unfit.known { "is not supported" } else { "is not known" };
                self.warnings.push(format!("{name}: {word:?} {fault} and ignored; expected {}", unfit.expected));
                None
            }
        }
    }

    /// The entries of a comma-separated list.
    #[cfg(feature = "rules")]
    fn list(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let entries = self.text(name).into_iter().flat_map(|list| list.split(','));
        entries.map(str::trim).filter(|entry| !entry.is_empty())
    }

    /// The exporters of a signal; none with `none`.
    fn exporters(&mut self, name: &str, unsupported: &[&'static str]) -> Option<Vec<Exporter>> {
        let mut known = vec![
            ("otlp", Some(Some(Exporter::Otlp))),
            ("console", Some(Some(Exporter::Console))),
            ("none", Some(None)),
        ];
        known.extend(unsupported.iter().map(|word| (*word, None)));
        let chosen = self.choices(name, &known)?;
        if chosen.len() > 1 && chosen.contains(&None) {
            self.warnings.push(format!("{name}: none is ignored beside other exporters"));
        }
        Some(chosen.into_iter().flatten().collect())
    }
}
