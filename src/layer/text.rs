//! Reads a field whose value only the host's own code can write out: `Debug` and `Display` implementations.
//!
//! That code may panic, log, or open spans. So it runs under `catch_unwind`, with no lock or borrow of ours held, into
//! a buffer on the stack; and while it runs, values of nested events and spans that need such code again are read only to
//! a depth of [`DEPTH`], so that an implementation that logs itself comes to an end.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::internal::{Counter, Internal};

/// Bytes held without allocation.
const INLINE: usize = 256;
/// How deep values may be nested: a value whose `Debug` writes an event with a value, and so on.
const DEPTH: u8 = 2;
/// Bytes of a character at most.
const CHAR: usize = 4;

thread_local! {
    static WRITING: Cell<u8> = const { Cell::new(0) };
}

/// Calls `f` with the value's text, at most `limit` characters of it; `None`, counted, when the value panics or is
/// nested too deep in others' texts.
pub(super) fn with_text<R>(
    value: &dyn fmt::Debug,
    limit: usize,
    internal: &Internal,
    f: impl FnOnce(&str) -> R,
) -> Option<R> {
    let depth = WRITING.get();
    if depth == DEPTH {
        internal.count(Counter::AttributeDropped);
        return None;
    }
    WRITING.set(depth + 1);
    let mut buffer = Buffer { bytes: [0; INLINE], len: 0, spilled: String::new(), limit: limit.saturating_mul(CHAR) };
    let written = catch_unwind(AssertUnwindSafe(|| write!(buffer, "{value:?}")));
    WRITING.set(depth);
    match written {
        Ok(Ok(())) => return Some(f(cut(buffer.text(), limit, internal))),
        // Not dropped, because a payload's destructor is foreign code as well.
        Err(payload) => std::mem::forget(payload),
        Ok(Err(fmt::Error)) => {}
    }
    internal.count(Counter::FieldPanicked);
    None
}

/// The first `limit` characters; counts when there are more.
#[inline]
pub(super) fn cut<'a>(text: &'a str, limit: usize, internal: &Internal) -> &'a str {
    if text.len() <= limit {
        return text;
    }
    match text.char_indices().nth(limit) {
        Some((end, _)) => {
            internal.count(Counter::AttributeTruncated);
            &text[..end]
        }
        None => text,
    }
}

struct Buffer {
    bytes: [u8; INLINE],
    len: usize,
    /// All of the text, once it is longer than `bytes`.
    spilled: String,
    /// Bytes after which more is not kept. One write may go beyond, so that a cut is seen and counted.
    limit: usize,
}

impl Buffer {
    fn text(&self) -> &str {
        if self.spilled.is_empty() {
            // Only whole `str`s were copied in, so this never fails.
            std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
        } else {
            &self.spilled
        }
    }
}

impl fmt::Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Never an error: implementations that unwrap would panic.
        let end = self.len + text.len();
        if self.spilled.is_empty() && end <= INLINE {
            self.bytes[self.len..end].copy_from_slice(text.as_bytes());
            self.len = end;
        } else if self.spilled.len().max(self.len) <= self.limit {
            if self.spilled.is_empty() {
                let before = std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default();
                self.spilled.push_str(before);
            }
            let room = self.limit.saturating_add(CHAR) - self.spilled.len().min(self.limit);
            self.spilled.extend(text.char_indices().take_while(|(at, _)| *at < room).map(|(_, char)| char));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Panics;
    impl fmt::Debug for Panics {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("a host's Debug implementation")
        }
    }

    /// Reads itself while it is written.
    struct Nests<'a>(&'a Internal);
    impl fmt::Debug for Nests<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let inner = read(self, usize::MAX, self.0);
            write!(f, "[{}]", inner.unwrap_or_default())
        }
    }

    fn read(value: &dyn fmt::Debug, limit: usize, internal: &Internal) -> Option<String> {
        with_text(value, limit, internal, str::to_owned)
    }

    #[test]
    fn text_of_any_length_is_cut_at_a_character_and_counted() {
        let internal = Internal::default();
        let long = "é".repeat(1_000);
        for (value, limit, expected) in [
            ("GET", 256, "GET"),
            ("GET", 3, "GET"),
            ("GET", 2, "GE"),
            (&*long, 1_000, &*long),
            (&*long, 255, &long[..510]),
            (&*long, 0, ""),
        ] {
            assert_eq!(read(&format_args!("{value}"), limit, &internal).unwrap(), expected);
        }
        assert_eq!(internal.counted(Counter::AttributeTruncated), 3);
        let pieces = format_args!("{long}{}{long}", "x").to_string();
        assert_eq!(read(&format_args!("{long}{}{long}", "x"), 5_000, &internal).unwrap(), pieces);
    }

    #[test]
    fn a_value_that_panics_is_left_out_and_the_next_one_is_read() {
        let internal = Internal::default();
        assert_eq!(read(&Panics, 10, &internal), None);
        assert_eq!(read(&1, 10, &internal).unwrap(), "1");
        assert_eq!(internal.counted(Counter::FieldPanicked), 1);
    }

    #[test]
    fn a_value_that_reads_itself_while_it_is_written_comes_to_an_end() {
        let internal = Internal::default();
        assert_eq!(read(&Nests(&internal), usize::MAX, &internal).unwrap(), "[[]]");
        assert_eq!(internal.counted(Counter::AttributeDropped), 1);
    }
}
