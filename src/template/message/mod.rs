//! Templates of messages: Alertmanager's data, functions and named templates
//! (<https://prometheus.io/docs/alerting/latest/notifications/>).
//!
//! ```
//! use bellwether::model::Labels;
//! use bellwether::template::message::{Data, Form, Library, MessageTemplate};
//! let mut library = Library::default();
//! library.add(r#"{{ define "team" }}{{ .GroupLabels.team | toUpper }}{{ end }}"#)?;
//! let subject = r#"{{ template "team" . }}: {{ template "email.default.subject" . }}"#;
//! let subject = MessageTemplate::parse(subject, &library, Form::Text)?;
//! let labels = Labels::new([("team", "search")]);
//! let data = Data { status: "resolved", group_labels: labels, ..Data::default() };
//! assert_eq!(subject.fill(data, 0).unwrap(), "SEARCH: [RESOLVED] search ");
//! # Ok::<(), bellwether::template::TemplateError>(())
//! ```

mod functions;
mod json;
mod part;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

pub(super) use self::part::Part;
use super::exec::{self, Terms};
use super::node::{Node, Tree};
use super::value::Value;
use super::{Context, TemplateError, parse};
use crate::model::Labels;

/// Bytes of a template's text or file, and of what it gives, at most: mail with a picture in it fits.
pub const SIZE: usize = 512 * 1024;
/// Nodes that are executed for one text at most.
pub const STEPS: usize = 200_000;

/// Alertmanager's names for what it brings, with its results; the body of mail is ours.
const DEFAULTS: &str = include_str!("default.tmpl");

/// Templates that others call by their names. Cloning is cheap.
#[derive(Clone)]
pub struct Library(Arc<HashMap<String, Vec<Node>>>);

impl Library {
    /// Adds what a file defines; of a name that was there already the newer definition holds.
    ///
    /// # Errors
    /// When the text does not follow the syntax, or names a function or a variable that does not exist.
    pub fn add(&mut self, text: &str) -> Result<(), TemplateError> {
        let tree = read(text)?;
        Arc::make_mut(&mut self.0).extend(tree.defined);
        Ok(())
    }
}

/// Alertmanager's own names.
impl Default for Library {
    fn default() -> Self {
        Self(Arc::new(read(DEFAULTS).map(|tree| tree.defined).unwrap_or_default()))
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn read(text: &str) -> Result<Tree, TemplateError> {
    if text.len() > SIZE {
        return Err(TemplateError {
            offset: 0,
            message: format!("the text is too long; expected at most {SIZE} bytes"),
        });
    }
    parse::parse(text, &functions::MESSAGES)
}

/// What a template's text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Values stand as they are.
    Text,
    /// Values are escaped.
    Html,
}

/// A part of a message, ready to be filled in.
#[derive(Clone)]
pub struct MessageTemplate {
    source: Arc<str>,
    tree: Arc<Tree>,
    library: Library,
    form: Form,
}

impl MessageTemplate {
    /// Reads a template that may call those of a library.
    ///
    /// # Errors
    /// When it does not follow the syntax, or names a function or a variable that does not exist.
    pub fn parse(source: &str, library: &Library, form: Form) -> Result<Self, TemplateError> {
        let tree = Arc::new(read(source)?);
        Ok(Self { source: source.into(), tree, library: library.clone(), form })
    }

    /// The text that it was read from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Fills it in, `now` milliseconds after the Unix epoch.
    ///
    /// # Errors
    /// When a function fails, a value has not what is asked of it, a template is not there, or a limit is reached.
    pub fn fill(&self, data: Data<'_>, now: i64) -> Result<String, String> {
        let terms = Terms {
            others: &self.library.0,
            variables: Vec::new(),
            html: self.form == Form::Html,
            size: SIZE,
            steps: STEPS,
        };
        let context = Context { at: now, external_url: data.external_url, ..Context::default() };
        exec::run(&self.tree, &Value::Part(Part::message(data)), terms, &context)
    }
}

impl fmt::Debug for MessageTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.source, f)
    }
}

/// What a message is about: Alertmanager's `Data`.
#[derive(Debug, Clone, Default)]
pub struct Data<'a> {
    /// Who is told.
    pub receiver: &'a str,
    /// `firing` or `resolved`.
    pub status: &'a str,
    /// Why it is told now.
    pub reason: &'a str,
    /// The alerts.
    pub alerts: Vec<Item>,
    /// The labels of the group.
    pub group_labels: Labels,
    /// The labels on which all alerts agree.
    pub common_labels: Labels,
    /// The annotations on which all alerts agree.
    pub common_annotations: Labels,
    /// Where the sender is found by people; empty when nowhere.
    pub external_url: &'a str,
}

/// An alert of a message.
#[derive(Debug, Clone)]
pub struct Item {
    /// Whether it fires.
    pub firing: bool,
    /// Its labels.
    pub labels: Labels,
    /// Its annotations.
    pub annotations: Labels,
    /// When it began, nanoseconds since the Unix epoch.
    pub starts_at: u64,
    /// When it ended; `None` while it fires.
    pub ends_at: Option<u64>,
    /// Where its expression can be looked at.
    pub generator_url: String,
    /// Sixteen hexadecimal digits.
    pub fingerprint: String,
    /// Its traces, the newest first. Ours.
    pub trace_ids: Vec<String>,
}
