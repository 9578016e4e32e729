//! A text under way that stops growing at its limit.

use std::fmt;

use super::SIZE;

/// A text of limited length. What does not fit is left out, and [`Text::finish`] says so.
#[derive(Debug)]
pub(super) struct Text {
    inside: String,
    full: bool,
    /// Bytes.
    limit: usize,
}

impl Default for Text {
    /// At most [`SIZE`] bytes.
    fn default() -> Self {
        Self::of(SIZE)
    }
}

impl Text {
    /// At most so many bytes.
    pub(super) fn of(limit: usize) -> Self {
        Self { inside: String::new(), full: false, limit }
    }

    /// What there is already.
    pub(super) fn as_str(&self) -> &str {
        &self.inside
    }

    pub(super) fn push(&mut self, more: &str) {
        if self.full || self.inside.len() + more.len() > self.limit {
            self.full = true;
        } else {
            self.inside.push_str(more);
        }
    }

    /// Lets nothing more in: what was to come is too long.
    pub(super) fn fill(&mut self) {
        self.full = true;
    }

    /// Whether anything more would be left out.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    pub(super) fn finish(self) -> Result<String, String> {
        if self.full {
            Err(format!("the text is too long; expected at most {} bytes", self.limit))
        } else {
            Ok(self.inside)
        }
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        self.push(more);
        Ok(())
    }
}
