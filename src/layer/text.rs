//! Reads a field whose value only the host's own code can write out: `Debug` and `Display` implementations.
//!
//! That code may panic, log, or open spans. So it runs under `catch_unwind`, with no lock or borrow of ours held, into
//! a string that the thread keeps for it; and while it runs, values of nested events and spans that need such code again are read only to
//! a depth of [`DEPTH`], so that an implementation that logs itself comes to an end.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::internal::{Counter, Internal};

/// Bytes of a string that a thread keeps, at most.
const KEPT: usize = 4_096;
/// How deep values may be nested: a value whose `Debug` writes an event with a value, and so on.
const DEPTH: u8 = 2;
/// Bytes of a character at most.
const CHAR: usize = 4;

thread_local! {
    static WRITING: Cell<u8> = const { Cell::new(0) };
    /// An empty string with room. Taken while a value is written; a nested value finds one without room.
    static SPARE: Cell<String> = const { Cell::new(String::new()) };
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
    // `LocalKey::set` is not inlined.
    WRITING.with(|writing| writing.set(depth + 1));
    // Not there any more on a thread that is being torn down.
    let text = SPARE.try_with(Cell::take).unwrap_or_default();
    let mut buffer = Buffer { text, end: limit.saturating_mul(CHAR).saturating_add(CHAR) };
    let written = catch_unwind(AssertUnwindSafe(|| write!(buffer, "{value:?}")));
    WRITING.with(|writing| writing.set(depth));
    let result = match written {
        Ok(Ok(())) => Some(f(cut(&buffer.text, limit, internal))),
        Ok(Err(fmt::Error)) => None,
        Err(payload) => {
            // Not dropped, because a payload's destructor is foreign code as well.
            std::mem::forget(payload);
            None
        }
    };
    buffer.keep();
    if result.is_none() {
        internal.count(Counter::FieldPanicked);
    }
    result
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
    text: String,
    /// Bytes at most: those of the longest text that is wanted, and one character beyond, so that a cut is seen and counted.
    end: usize,
}

impl Buffer {
    /// Leaves the string to the next value.
    fn keep(mut self) {
        if self.text.capacity() <= KEPT {
            self.text.clear();
            // Refused only on a thread that is being torn down.
            let _refused = SPARE.try_with(|spare| spare.set(self.text));
        }
    }
}

impl fmt::Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Never an error: implementations that unwrap would panic.
        let room = self.end.saturating_sub(self.text.len());
        if text.len() <= room {
            self.text.push_str(text);
        } else {
            self.text.extend(text.char_indices().take_while(|(at, _)| *at < room).map(|(_, char)| char));
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
