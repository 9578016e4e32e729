//! A text under way that stops growing at its limit.

use std::fmt;

use super::SIZE;

/// A text of at most [`SIZE`] bytes. What does not fit is left out, and [`Text::finish`] says so.
#[derive(Debug, Default)]
pub(super) struct Text {
    text: String,
    full: bool,
}

impl Text {
    pub(super) fn push(&mut self, more: &str) {
        if self.full || self.text.len() + more.len() > SIZE {
            self.full = true;
        } else {
            self.text.push_str(more);
        }
    }

    /// Whether anything more would be left out.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    pub(super) fn finish(self) -> Result<String, String> {
        if self.full { Err(format!("the text is too long; expected at most {SIZE} bytes")) } else { Ok(self.text) }
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        self.push(more);
        Ok(())
    }
}
