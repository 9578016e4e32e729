//! The variables of a process as plain data: read once, at the door, and handed on.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;

/// Environment variables, and the name of the running program.
///
/// Only [`Environment::process`] reads the process; a test puts its own together:
///
/// ```
/// use bellwether::config::Environment;
/// let environment = Environment::from_iter([("OTEL_SERVICE_NAME", " search "), ("OTEL_LOG_LEVEL", "")]);
/// assert_eq!(environment.get("OTEL_SERVICE_NAME"), Some("search"));
/// assert_eq!(environment.get("OTEL_LOG_LEVEL"), None);
/// ```
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    /// Variables whose value is not Unicode: an error when they are ours, of no interest otherwise.
    not_unicode: BTreeSet<String>,
    executable: Option<String>,
}

impl Environment {
    /// What this process was started with.
    pub fn process() -> Self {
        let mut environment = Self { executable: executable(), ..Self::default() };
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => drop(environment.variables.insert(name, value)),
                Err(_) => drop(environment.not_unicode.insert(name)),
            }
        }
        environment
    }

    /// The same with another program name, which `service.name` falls back to.
    #[must_use]
    pub fn with_executable(mut self, name: impl Into<String>) -> Self {
        self.executable = Some(name.into());
        self
    }

    /// The same with a value for a variable that is not set, or empty.
    #[must_use]
    pub fn or(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        if self.get(&name).is_none() && !self.not_unicode.contains(&name) {
            self.variables.insert(name, value.into());
        }
        self
    }

    /// The value of a variable without white space around it. Empty means unset, as the specification has it
    /// (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#parsing-empty-value>).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// The value exactly as it was set.
    #[cfg(feature = "config-file")]
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// The names of all variables that are set and not empty.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str).filter(|name| self.get(name).is_some())
    }

    /// The names of variables whose value is not Unicode.
    pub(super) fn not_unicode(&self) -> impl Iterator<Item = &str> {
        self.not_unicode.iter().map(String::as_str)
    }

    /// The file name of the running program, where known.
    pub(super) fn executable(&self) -> Option<&str> {
        self.executable.as_deref()
    }
}

fn executable() -> Option<String> {
    let path = std::env::current_exe().ok().or_else(|| std::env::args_os().next().map(OsString::into))?;
    Some(path.file_name()?.to_string_lossy().into_owned())
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(variables: T) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { variables, ..Self::default() }
    }
}

/// Names only: values may be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Environment").field(&self.names().collect::<Vec<_>>()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_counts_only_where_nothing_is_set() {
        let environment = Environment::from_iter([("A", "set"), ("B", " ")]).or("A", "x").or("B", "y").or("C", "z");
        assert_eq!(["A", "B", "C"].map(|name| environment.get(name)), [Some("set"), Some("y"), Some("z")]);
    }

    #[test]
    fn values_are_never_shown() {
        let environment = Environment::from_iter([("OTEL_EXPORTER_OTLP_HEADERS", "key=secret")]);
        assert_eq!(format!("{environment:?}"), "Environment([\"OTEL_EXPORTER_OTLP_HEADERS\"])");
    }

    #[test]
    fn a_value_that_is_not_unicode_is_an_error_in_a_variable_of_ours_only() {
        let environment = |name: &str| Environment { not_unicode: [name.to_owned()].into(), ..Environment::default() };
        let load = |name| crate::config::load(&environment(name), crate::config::Overrides::default());
        let error = load("OTEL_SERVICE_NAME").unwrap_err().to_string();
        assert_eq!(error, "OTEL_SERVICE_NAME: \"***\" is not valid; expected text in UTF-8");
        assert!(load("PATH").is_ok());
    }
}
