//! The fields of a root that the sampler left out, kept until the root starts: a remote parent may come yet that is
//! sampled.
//!
//! Nearly all of them are thrown away a moment later, so that they are written into buffers that are used again.

use std::error::Error;
use std::fmt;

use tracing_core::Field;
use tracing_core::field::{FieldSet, Visit};

use super::attributes::SpanReader;
use super::values::{ErrorText, Reader};

/// Bytes of text that a draft may keep for the next root.
const KEPT: usize = 4_096;

/// Fields as they were given.
#[derive(Debug, Default)]
pub(super) struct Draft {
    values: Vec<(usize, Raw)>,
    /// All texts, one after the other.
    texts: String,
}

#[derive(Debug)]
enum Raw {
    Bool(bool),
    I64(i64),
    F64(f64),
    /// A text of so many bytes, the next of the texts.
    Text(usize),
    Error(ErrorText),
}

/// Writes fields into a draft.
pub(super) struct DraftReader<'a> {
    pub(super) draft: &'a mut Draft,
    pub(super) reader: Reader<'a>,
}

impl Draft {
    /// Makes it empty, for another root.
    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.texts.clear();
        self.texts.shrink_to(KEPT);
    }

    fn push_text(&mut self, field: &Field, text: &str) {
        self.texts.push_str(text);
        self.values.push((field.index(), Raw::Text(text.len())));
    }

    /// Gives the fields to somebody who makes more of them.
    pub(super) fn replay(&mut self, fields: &FieldSet, reader: &mut SpanReader<'_>) {
        let mut texts = self.texts.as_str();
        for (index, value) in self.values.drain(..) {
            let Some(field) = fields.iter().nth(index) else { continue };
            match value {
                Raw::Bool(value) => reader.record_bool(&field, value),
                Raw::I64(value) => reader.record_i64(&field, value),
                Raw::F64(value) => reader.record_f64(&field, value),
                Raw::Error(error) => reader.error(&field, &error),
                Raw::Text(len) => {
                    let (text, rest) = texts.split_at_checked(len).unwrap_or_default();
                    reader.text(&field, text.to_owned());
                    texts = rest;
                }
            }
        }
    }
}

impl DraftReader<'_> {
    fn integer<N: TryInto<i64> + fmt::Display + Copy>(&mut self, field: &Field, value: N) {
        match value.try_into() {
            Ok(value) => self.record_i64(field, value),
            Err(_) => self.draft.push_text(field, &value.to_string()),
        }
    }
}

impl Visit for DraftReader<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.draft.values.push((field.index(), Raw::F64(value)));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.draft.values.push((field.index(), Raw::I64(value)));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.integer(field, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.integer(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.integer(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.draft.values.push((field.index(), Raw::Bool(value)));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let text = self.reader.cut(value);
        self.draft.push_text(field, text);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.draft.values.push((field.index(), Raw::Error(self.reader.error(value))));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.reader.with_debug(value, |text| self.draft.push_text(field, text));
    }
}
