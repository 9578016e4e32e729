//! What was not as expected, at its place in the test file.

use super::Text;
use crate::promql::{ParseErrors, Span};
use crate::rules::file::Finding;
use crate::yaml::{Fault, Place, excerpt, locate};

/// A test file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    /// For people.
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

/// The failures of one test.
#[derive(Debug)]
pub(super) struct Report<'a> {
    source: Source<'a>,
    /// The test's name.
    about: String,
    pub(super) failures: Vec<Finding>,
}

impl<'a> Report<'a> {
    pub(super) fn new(source: Source<'a>, about: String) -> Self {
        Self { source, about, failures: Vec::new() }
    }

    pub(super) fn fail(&mut self, place: Place, message: impl Into<String>) {
        let fault = Fault::new(self.source.name, place, message);
        let excerpt = excerpt(self.source.text, place);
        self.failures.push(Finding { fault, about: self.about.clone(), excerpt });
    }

    /// About a part of a text; `or` is where it would stand.
    pub(super) fn fail_within(&mut self, text: &Text, span: Span, or: Place, message: impl Into<String>) {
        let place = text.node.as_ref().map_or(or, |node| locate(self.source.text, node, span.start));
        self.fail(place, message);
    }

    /// About a query or a series that cannot be read.
    pub(super) fn unreadable(&mut self, text: &Text, or: Place, what: &str, errors: &ParseErrors) {
        let first = errors.first();
        let hint = first.hint.map(|name| format!(" (did you mean {name:?}?)")).unwrap_or_default();
        self.fail_within(text, first.span, or, format!("{what}: {}{hint}", first.message));
    }
}
