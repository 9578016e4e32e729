//! Mappings read by a list of their keys: a key that is not on it is an error with the names that are.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::node::{Content, Entry, Node, Place};
use super::scalar::Scalar;
use crate::Error;
use crate::config::nearest::nearest;
use crate::config::parse::{self, Expected};
use crate::config::words::{self, Words};

/// What reading a file needs besides the file: its name for messages, and where warnings go.
pub(super) struct Reader<'n> {
    pub(super) file: &'n str,
    pub(super) warnings: Vec<String>,
}

impl<'n> Reader<'n> {
    /// Notes something that is right by the schema and has no effect here.
    pub(super) fn warn(&mut self, place: Place, message: impl fmt::Display) {
        self.warnings.push(format!("{}:{}:{}: {message}", self.file, place.line, place.column));
    }

    /// A place with an error.
    pub(super) fn error(&self, place: Place, message: impl Into<String>) -> Error {
        Error::file(self.file, place.line, place.column, message)
    }

    /// A mapping with these keys only; nothing at all is one without entries.
    pub(super) fn section(&self, node: &'n Node, keys: &[&str]) -> Result<Section<'n>, Error> {
        let section = self.any_section(node, "a mapping with keys")?;
        match section.entries.iter().find(|entry| !keys.contains(&entry.key.as_str())) {
            Some(entry) => Err(self.unknown(entry, "key", keys)),
            None => Ok(section),
        }
    }

    /// A mapping with any keys.
    pub(super) fn any_section(&self, node: &'n Node, expected: &str) -> Result<Section<'n>, Error> {
        let entries = match &node.content {
            Content::Mapping(entries) => entries.as_slice(),
            Content::Scalar(Scalar::Null, _) => &[],
            _ => return Err(self.error(node.place, format!("expected {expected}"))),
        };
        Ok(Section { file: self.file, place: node.place, entries })
    }

    /// The one entry of a mapping that chooses among kinds, such as an exporter.
    pub(super) fn one(&self, node: &'n Node, what: &str, kinds: &[&str]) -> Result<&'n Entry, Error> {
        let Content::Mapping(entries) = &node.content else {
            return Err(self.error(node.place, format!("expected {what}: one of {}", kinds.join(", "))));
        };
        if let Some(entry) = entries.iter().find(|entry| !kinds.contains(&entry.key.as_str())) {
            return Err(self.unknown(entry, what, kinds));
        }
        match entries.as_slice() {
            [entry] => Ok(entry),
            _ => Err(self.error(node.place, format!("expected one {what} here, not {}", entries.len()))),
        }
    }

    /// The same where some kinds are not supported: `None` for these, after a warning.
    pub(super) fn kind(
        &mut self,
        node: &'n Node,
        what: &str,
        supported: &[&str],
        unsupported: &[&str],
    ) -> Result<Option<(&'n str, &'n Node)>, Error> {
        let entry = self.one(node, what, &[supported, unsupported].concat())?;
        if supported.contains(&entry.key.as_str()) {
            return Ok(Some((&entry.key, &entry.value)));
        }
        let message =
            format!("{} is not supported as {what} and has no effect; expected {}", entry.key, supported.join(", "));
        self.warn(entry.place, message);
        Ok(None)
    }

    fn unknown(&self, entry: &Entry, what: &str, known: &[&str]) -> Error {
        let hint = nearest(&entry.key, known.iter().copied())
            .map(|name| format!(" (did you mean {name:?}?)"))
            .unwrap_or_default();
        let message = format!("{what} {:?} is not known{hint}; expected {}", entry.key, known.join(", "));
        self.error(entry.place, message)
    }
}

/// A mapping whose keys are known ones.
#[derive(Clone, Copy)]
pub(super) struct Section<'n> {
    file: &'n str,
    pub(super) place: Place,
    pub(super) entries: &'n [Entry],
}

impl<'n> Section<'n> {
    /// The value of a key, unless it is null: nearly everywhere the schema treats null as absent.
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.present(key).filter(|node| !node.is_null())
    }

    /// The value of a key, null included.
    pub(super) fn present(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The value of a key that must be there.
    pub(super) fn required(&self, key: &str) -> Result<&'n Node, Error> {
        self.get(key).ok_or_else(|| self.error(self.place, format!("{key} is missing here")))
    }

    /// Warns about those of the keys that are there: right by the schema, without effect here.
    pub(super) fn ignore(&self, reader: &mut Reader<'n>, keys: &[&str]) {
        for entry in self.entries.iter().filter(|entry| keys.contains(&entry.key.as_str()) && !entry.value.is_null()) {
            reader.warn(entry.place, format_args!("{} is not supported and has no effect", entry.key));
        }
    }

    /// The entries of a list; none when it is absent.
    pub(super) fn list(&self, key: &str) -> Result<&'n [Node], Error> {
        match self.get(key).map(|node| (node.place, &node.content)) {
            None => Ok(&[]),
            Some((_, Content::Sequence(nodes))) if !nodes.is_empty() => Ok(nodes),
            Some((place, _)) => Err(self.error(place, format!("{key}: expected a list with at least one entry"))),
        }
    }

    /// The texts of a list, which may be empty; `None` when it is absent.
    pub(super) fn texts(&self, key: &str) -> Result<Option<Vec<String>>, Error> {
        let Some(node) = self.get(key) else { return Ok(None) };
        let wrong = |place| self.error(place, format!("{key}: expected a list of texts"));
        let Content::Sequence(nodes) = &node.content else { return Err(wrong(node.place)) };
        let texts = nodes.iter().map(|node| match &node.content {
            Content::Scalar(scalar, text) if *scalar != Scalar::Null => Ok(text.clone()),
            _ => Err(wrong(node.place)),
        });
        texts.collect::<Result<_, _>>().map(Some)
    }

    /// A text. Numbers and switches count as what was written, so that a header's value needs no quotes.
    pub(super) fn text(&self, key: &str) -> Result<Option<&'n str>, Error> {
        match self.get(key).map(|node| (node.place, &node.content)) {
            None => Ok(None),
            Some((_, Content::Scalar(_, text))) => Ok(Some(text)),
            Some((place, _)) => Err(self.error(place, format!("{key}: expected a text"))),
        }
    }

    /// A text that `parse` must understand.
    pub(super) fn parsed<T>(&self, key: &str, parse: impl Fn(&str) -> Result<T, Expected>) -> Result<Option<T>, Error> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        parse(text).map(Some).map_err(|expected| self.invalid(key, text, &expected))
    }

    /// The same for a value that must not be shown.
    pub(super) fn secret<T>(&self, key: &str, parse: impl Fn(&str) -> Result<T, Expected>) -> Result<Option<T>, Error> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        parse(text).map(Some).map_err(|expected| self.invalid(key, "***", &expected))
    }

    /// A switch.
    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, Error> {
        self.scalar(key, "true or false", |scalar, _| match scalar {
            Scalar::Bool(on) => Ok(*on),
            _ => Err(Expected::Borrowed("true or false")),
        })
    }

    /// A whole number of at least `least`.
    pub(super) fn count(&self, key: &str, least: usize) -> Result<Option<usize>, Error> {
        self.integer(key, |number| parse::count(number, least))
    }

    /// A time between two things, in milliseconds.
    pub(super) fn duration(&self, key: &str) -> Result<Option<Duration>, Error> {
        self.integer(key, parse::duration)
    }

    /// A time that something may take, in milliseconds; zero means no limit.
    pub(super) fn timeout(&self, key: &str) -> Result<Option<Duration>, Error> {
        self.integer(key, parse::timeout)
    }

    /// Any finite number.
    pub(super) fn number(&self, key: &str, expected: &str) -> Result<Option<f64>, Error> {
        self.scalar(key, expected, |scalar, _| number(scalar).ok_or_else(|| Expected::Owned(expected.to_owned())))
    }

    /// One of the words. `None` also for a word that is not supported, after a warning.
    pub(super) fn choice<T: Copy>(
        &self,
        reader: &mut Reader<'n>,
        key: &str,
        known: &Words<T>,
    ) -> Result<Option<T>, Error> {
        let (Some(text), Some(node)) = (self.text(key)?, self.get(key)) else { return Ok(None) };
        match words::find(text, known) {
            Ok(choice) => Ok(Some(choice)),
            Err(unfit) if unfit.known => {
                let message =
                    format!("{key}: {text:?} is not supported and has no effect; expected {}", unfit.expected);
                reader.warn(node.place, message);
                Ok(None)
            }
            Err(unfit) => Err(self.invalid(key, text, &unfit.expected)),
        }
    }

    /// The path of a file, absolute as the schema has it: a service's working directory is rarely what one thinks.
    pub(super) fn path(&self, key: &str) -> Result<Option<PathBuf>, Error> {
        self.parsed(key, |text| {
            let path = Path::new(text);
            if path.is_absolute() { Ok(path.to_owned()) } else { Err(Expected::Borrowed("an absolute path")) }
        })
    }

    /// An error at the value of a key.
    pub(super) fn invalid(&self, key: &str, value: &str, expected: &str) -> Error {
        let place = self.present(key).map_or(self.place, |node| node.place);
        self.error(place, format!("{key}: {value:?} is not valid; expected {expected}"))
    }

    pub(super) fn error(&self, place: Place, message: impl Into<String>) -> Error {
        Error::file(self.file, place.line, place.column, message)
    }

    fn integer<T>(&self, key: &str, read: impl Fn(&str) -> Result<T, Expected>) -> Result<Option<T>, Error> {
        self.scalar(key, "a whole number", |scalar, _| match scalar {
            // Read again from the number and not from its text, which may be hexadecimal.
            Scalar::Int(number) => read(&number.to_string()),
            _ => Err(read("").err().unwrap_or(Expected::Borrowed("a whole number"))),
        })
    }

    fn scalar<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl Fn(&Scalar, &str) -> Result<T, Expected>,
    ) -> Result<Option<T>, Error> {
        match self.get(key).map(|node| (node.place, &node.content)) {
            None => Ok(None),
            Some((_, Content::Scalar(scalar, text))) => {
                read(scalar, text).map(Some).map_err(|expected| self.invalid(key, text, &expected))
            }
            Some((place, _)) => Err(self.error(place, format!("{key}: expected {expected}"))),
        }
    }
}

/// A scalar as a finite number.
pub(super) fn number(scalar: &Scalar) -> Option<f64> {
    match scalar {
        Scalar::Int(number) => Some(*number as f64),
        Scalar::Float(number) => Some(*number).filter(|number| number.is_finite()),
        _ => None,
    }
}
