//! Templates for the texts of alerts ([`Template`]) and of messages about them ([`message`]): what Go's `text/template` makes
//! of them with Prometheus' or Alertmanager's functions, in bounded time and space.
//!
//! An annotation's template is parsed when its file is loaded ([`Template::parse`]) and filled in for each alert
//! ([`Template::expand`]). It sees `$labels`, `$value`, `$externalLabels` and `$externalURL`, and calls Go's own functions
//! and those of Prometheus' `template/template.go`. It can ask for series through the query function that it is
//! given, and reaches nothing else: no file, no network, no clock.
//!
//! ```
//! use bellwether::model::{Labels, SampleValue};
//! use bellwether::template::{Context, Data, Template};
//! let template = Template::parse("{{ $labels.job }} fails {{ $value | humanizePercentage }} of its calls")?;
//! let labels = Labels::new([("job", "search")]);
//! let data = Data { labels: &labels, value: &SampleValue::Float(0.0731) };
//! assert_eq!(template.expand(&data, &Context::default()).unwrap(), "search fails 7.31% of its calls");
//! # Ok::<(), bellwether::template::TemplateError>(())
//! ```

mod builtin;
mod exec;
mod float;
mod format;
mod functions;
mod html;
mod humanize;
mod lexer;
pub mod message;
mod node;
mod number;
mod parse;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod value;

use std::fmt;
use std::sync::Arc;

use self::node::Tree;
use crate::model::{Labels, SampleValue};

/// Bytes of a template's text, of what it gives, and of any text that it makes on the way, at most.
pub const SIZE: usize = 64 * 1024;
/// Nodes that are executed for one text at most, each turn of a loop anew.
pub const STEPS: usize = 10_000;
/// How deep parentheses, blocks and templates within each other may go.
pub const DEPTH: usize = 64;
/// Queries of one text at most.
pub const QUERIES: usize = 16;

/// A text with `{{ … }}` in it, ready to be filled in. Cloning is cheap.
#[derive(Clone)]
pub struct Template {
    source: Arc<str>,
    /// `None` when there is nothing to fill in.
    tree: Option<Arc<Tree>>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// When it does not follow the syntax, or names a function or a variable that does not exist.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        if source.len() > SIZE {
            return Err(TemplateError {
                offset: 0,
                message: format!("the text is too long; expected at most {SIZE} bytes"),
            });
        }
        let tree =
            if source.contains("{{") { Some(Arc::new(parse::parse(source, &functions::ANNOTATIONS)?)) } else { None };
        Ok(Self { source: source.into(), tree })
    }

    /// A text that is taken as it is.
    pub fn literal(source: &str) -> Self {
        Self { source: source.into(), tree: None }
    }

    /// The text that it was read from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Fills it in.
    ///
    /// # Errors
    /// When a function fails, a value has not what is asked of it, or a limit is reached.
    pub fn expand(&self, data: &Data<'_>, context: &Context<'_>) -> Result<String, String> {
        match &self.tree {
            None => Ok(self.source.to_string()),
            Some(tree) => exec::execute(tree, data, context),
        }
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.source, f)
    }
}

/// Where a query is shown as a table, below the address of this process.
pub(crate) fn table_link(query: &str) -> String {
    functions::link(query, 1)
}

/// The alert that a template is filled in for.
#[derive(Debug, Clone, Copy)]
pub struct Data<'a> {
    /// Labels of the series, its name included.
    pub labels: &'a Labels,
    /// Its value.
    pub value: &'a SampleValue,
}

/// A series that a query of a template found, with its value.
pub type Found = (Labels, SampleValue);

/// What a template can ask for: a query at the time of the evaluation.
pub type Query<'a> = &'a dyn Fn(&str) -> Result<Vec<Found>, String>;

/// What is the same for all templates of an evaluation.
#[derive(Clone, Copy, Default)]
pub struct Context<'a> {
    /// Time of the evaluation, milliseconds since the Unix epoch.
    pub at: i64,
    /// Labels that mark everything that leaves this process.
    pub external_labels: Option<&'a Labels>,
    /// Where this process is found by people; empty when nowhere.
    pub external_url: &'a str,
    /// Answers `query`; without it `query` fails.
    pub query: Option<Query<'a>>,
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("at", &self.at).finish_non_exhaustive()
    }
}

/// Why a template could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// The byte of the text where it was noticed.
    pub offset: usize,
    /// What, and what was expected.
    pub message: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TemplateError {}
