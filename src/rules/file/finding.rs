//! Something to say about a rule file.

use std::fmt;

use crate::yaml::{Fault, Place, excerpt};

/// Something to say about a rule file, at a place. Prints with the line and a caret below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where and what.
    pub fault: Fault,
    /// The group and rule that it is about, such as `group "a", rule 2, "HighLatency"`; empty for the file.
    pub about: String,
    /// The line with a caret; empty when the file could not be read.
    pub excerpt: String,
}

impl Finding {
    pub(in crate::rules) fn new(file: &str, text: &str, place: Place, about: &str, message: String) -> Self {
        Self { fault: Fault::new(file, place, message), about: about.to_owned(), excerpt: excerpt(text, place) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { file, place, message } = &self.fault;
        let colon = if self.about.is_empty() { "" } else { ": " };
        write!(f, "{file}:{}:{}: {}{colon}{message}", place.line, place.column, self.about)?;
        if self.excerpt.is_empty() { Ok(()) } else { write!(f, "\n{}", self.excerpt) }
    }
}

impl std::error::Error for Finding {}
