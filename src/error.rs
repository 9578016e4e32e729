//! The one public error: what a setup call says when it cannot do what it was asked.
//!
//! Errors exist at setup only. Once telemetry runs, trouble is counted (see [`crate::internal`]) and never returned into
//! the host's code.

use std::fmt;

/// Why telemetry could not be set up. Its text names the setting, shows the value (never a secret) and says what is
/// accepted.
///
/// ```
/// let error = bellwether::Error::invalid("OTEL_TRACES_SAMPLER_ARG", "2", "a number from 0 to 1");
/// assert_eq!(error.to_string(), "OTEL_TRACES_SAMPLER_ARG: \"2\" is not valid; expected a number from 0 to 1");
/// assert_eq!(format!("{error:?}"), error.to_string(), "what `main` prints when it returns the error");
/// assert!(error.is_configuration());
/// ```
pub struct Error(Box<Kind>);

enum Kind {
    Invalid { setting: String, value: String, expected: String },
    File { file: String, line: usize, column: usize, message: String },
    AlreadyInitialized { what: &'static str },
    System { doing: &'static str, source: std::io::Error },
}

impl Error {
    /// A setting whose value is not accepted. Never pass a secret as `value`: pass `"***"`.
    pub fn invalid(setting: impl Into<String>, value: impl Into<String>, expected: impl Into<String>) -> Self {
        Self(Box::new(Kind::Invalid { setting: setting.into(), value: value.into(), expected: expected.into() }))
    }

    /// A place in a configuration file, line and column counted from 1.
    pub fn file(file: impl Into<String>, line: usize, column: usize, message: impl Into<String>) -> Self {
        Self(Box::new(Kind::File { file: file.into(), line, column, message: message.into() }))
    }

    /// Something global that is already taken in this process.
    pub(crate) fn already_initialized(what: &'static str) -> Self {
        Self(Box::new(Kind::AlreadyInitialized { what }))
    }

    /// The operating system refused something that setup needs.
    pub(crate) fn system(doing: &'static str, source: std::io::Error) -> Self {
        Self(Box::new(Kind::System { doing, source }))
    }

    /// The file, line and column that it is about, both counted from 1, if it is about a place in a file.
    ///
    /// ```
    /// let error = bellwether::Error::file("bellwether.yaml", 3, 5, "key \"x\" is not known");
    /// assert_eq!(error.place(), Some(("bellwether.yaml", 3, 5)));
    /// ```
    pub fn place(&self) -> Option<(&str, usize, usize)> {
        match &*self.0 {
            Kind::File { file, line, column, .. } => Some((file, *line, *column)),
            _ => None,
        }
    }

    /// Whether a variable, a file or a builder setting is at fault (a command exits with 78).
    pub fn is_configuration(&self) -> bool {
        matches!(*self.0, Kind::Invalid { .. } | Kind::File { .. })
    }

    /// Whether another subscriber or another `init` already holds what is global in a process.
    pub fn is_already_initialized(&self) -> bool {
        matches!(*self.0, Kind::AlreadyInitialized { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::Invalid { setting, value, expected } => {
                write!(f, "{setting}: {value:?} is not valid; expected {expected}")
            }
            Kind::File { file, line, column, message } => write!(f, "{file}:{line}:{column}: {message}"),
            Kind::AlreadyInitialized { what } => write!(
                f,
                "{what} is already set in this process; call `bellwether::init` once, or compose with your own \
                 subscriber through `bellwether::builder().layer()`"
            ),
            Kind::System { doing, source } => write!(f, "cannot {doing}: {source}"),
        }
    }
}

/// The same text: it is what a program shows whose `main` returns the error.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.0 {
            Kind::System { source, .. } => Some(source),
            _ => None,
        }
    }
}
