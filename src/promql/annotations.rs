//! What an evaluation has to say about a result that it gives all the same.

use super::ast::Span;
use super::error::Position;
use super::notes::Note;

/// Different annotations that an answer keeps; what comes after is counted in [`Annotations::omitted`].
pub const MOST_ANNOTATIONS: usize = 1_000;

/// How much an annotation matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The result is likely not what was meant: `PromQL warning`.
    Warning,
    /// The result may not be what was meant: `PromQL info`.
    Info,
}

/// One remark about a place in the query.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation {
    /// Bytes of the query that it is about.
    pub span: Span,
    note: Note<'static>,
}

impl Annotation {
    /// How much it matters.
    pub fn severity(&self) -> Severity {
        self.note.severity()
    }

    /// What it says, without severity and position.
    pub fn message(&self) -> String {
        self.note.to_string()
    }

    /// As Prometheus' API prints it: `PromQL warning: … (line:column)`, the place counted from one within `query`.
    pub fn text(&self, query: &str) -> String {
        let severity = match self.severity() {
            Severity::Warning => "PromQL warning",
            Severity::Info => "PromQL info",
        };
        format!("{severity}: {} ({})", self.message(), Position::of(query, self.span.start))
    }
}

/// Remarks about one answer, each text once, in the order in which they came up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Annotations {
    all: Vec<Annotation>,
    omitted: u64,
}

impl Annotations {
    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Annotation> {
        self.all.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// How many fell over [`MOST_ANNOTATIONS`].
    pub fn omitted(&self) -> u64 {
        self.omitted
    }

    /// Adds a remark about `span`. One that says the same as another takes its place, wherever it is about, or joins it
    /// when the two can be told as one.
    pub(crate) fn add(&mut self, note: Note<'_>, span: Span) {
        // Series of one metric say the same thing one after the other: look at the newest first.
        if let Some(same) = self.all.iter_mut().rev().find(|other| other.note.says_the_same(&note)) {
            if !same.note.join(&note) {
                same.span = span;
            }
        } else if self.all.len() < MOST_ANNOTATIONS {
            self.all.push(Annotation { span, note: note.into_owned() });
        } else {
            self.omitted += 1;
        }
    }
}

impl<'a> IntoIterator for &'a Annotations {
    type Item = &'a Annotation;
    type IntoIter = std::slice::Iter<'a, Annotation>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
