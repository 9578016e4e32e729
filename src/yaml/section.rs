//! Mappings read by a list of their keys: a key that is not on it is an error with the names that are.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use super::fault::Fault;
use super::node::{Content, Entry, Node, Place};
use super::scalar::Scalar;
use crate::nearest::nearest;

/// What is accepted, to follow the word "expected".
pub type Expected = Cow<'static, str>;

/// What reading a file needs besides the file: its name for messages, and where warnings go.
#[derive(Debug)]
pub struct Reader<'n> {
    /// The file's name.
    pub file: &'n str,
    /// What is right and has no effect, with its place.
    pub warnings: Vec<String>,
}

impl<'n> Reader<'n> {
    /// Notes something that is right by the schema and has no effect here.
    pub fn warn(&mut self, place: Place, message: impl fmt::Display) {
        self.warnings.push(format!("{}:{}:{}: {message}", self.file, place.line, place.column));
    }

    /// A place with an error.
    pub fn error(&self, place: Place, message: impl Into<String>) -> Fault {
        Fault::new(self.file, place, message)
    }

    /// A mapping with these keys only; nothing at all is one without entries.
    pub fn section(&self, node: &'n Node, keys: &[&str]) -> Result<Section<'n>, Fault> {
        let section = self.any_section(node, "a mapping with keys")?;
        match section.entries.iter().find(|entry| !keys.contains(&entry.key.as_str())) {
            Some(entry) => Err(self.unknown(entry, "key", keys)),
            None => Ok(section),
        }
    }

    /// A mapping with any keys.
    pub fn any_section(&self, node: &'n Node, expected: &str) -> Result<Section<'n>, Fault> {
        let entries = match &node.content {
            Content::Mapping(entries) => entries.as_slice(),
            Content::Scalar(Scalar::Null, _) => &[],
            _ => return Err(self.error(node.place, format!("expected {expected}"))),
        };
        Ok(Section { file: self.file, place: node.place, entries })
    }

    /// The one entry of a mapping that chooses among kinds, such as an exporter.
    pub fn one(&self, node: &'n Node, what: &str, kinds: &[&str]) -> Result<&'n Entry, Fault> {
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
    pub fn kind(
        &mut self,
        node: &'n Node,
        what: &str,
        supported: &[&str],
        unsupported: &[&str],
    ) -> Result<Option<(&'n str, &'n Node)>, Fault> {
        let entry = self.one(node, what, &[supported, unsupported].concat())?;
        if supported.contains(&entry.key.as_str()) {
            return Ok(Some((&entry.key, &entry.value)));
        }
        let message =
            format!("{} is not supported as {what} and has no effect; expected {}", entry.key, supported.join(", "));
        self.warn(entry.place, message);
        Ok(None)
    }

    /// The fault of a key that is not one of the known ones, with the one that was probably meant.
    pub fn unknown(&self, entry: &Entry, what: &str, known: &[&str]) -> Fault {
        let hint = nearest(&entry.key, known.iter().copied())
            .map(|name| format!(" (did you mean {name:?}?)"))
            .unwrap_or_default();
        let message = format!("{what} {:?} is not known{hint}; expected {}", entry.key, known.join(", "));
        self.error(entry.place, message)
    }
}

/// A mapping whose keys are known ones.
#[derive(Debug, Clone, Copy)]
pub struct Section<'n> {
    file: &'n str,
    /// Where it begins.
    pub place: Place,
    /// In the order of the file.
    pub entries: &'n [Entry],
}

impl<'n> Section<'n> {
    /// The value of a key, unless it is null: nearly everywhere the schema treats null as absent.
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.present(key).filter(|node| !node.is_null())
    }

    /// The value of a key, null included.
    pub fn present(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The value of a key that must be there.
    pub fn required(&self, key: &str) -> Result<&'n Node, Fault> {
        self.get(key).ok_or_else(|| self.error(self.place, format!("{key} is missing here")))
    }

    /// Warns about those of the keys that are there: right by the schema, without effect here.
    pub fn ignore(&self, reader: &mut Reader<'n>, keys: &[&str]) {
        for entry in self.entries.iter().filter(|entry| keys.contains(&entry.key.as_str()) && !entry.value.is_null()) {
            reader.warn(entry.place, format_args!("{} is not supported and has no effect", entry.key));
        }
    }

    /// The entries of a list; none when it is absent.
    pub fn list(&self, key: &str) -> Result<&'n [Node], Fault> {
        match self.get(key).map(|node| (node.place, &node.content)) {
            None => Ok(&[]),
            Some((_, Content::Sequence(nodes))) if !nodes.is_empty() => Ok(nodes),
            Some((place, _)) => Err(self.error(place, format!("{key}: expected a list with at least one entry"))),
        }
    }

    /// The texts of a list, which may be empty; `None` when it is absent.
    pub fn texts(&self, key: &str) -> Result<Option<Vec<String>>, Fault> {
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
    pub fn text(&self, key: &str) -> Result<Option<&'n str>, Fault> {
        match self.get(key).map(|node| (node.place, &node.content)) {
            None => Ok(None),
            Some((_, Content::Scalar(_, text))) => Ok(Some(text)),
            Some((place, _)) => Err(self.error(place, format!("{key}: expected a text"))),
        }
    }

    /// A text that `parse` must understand.
    pub fn parsed<T>(&self, key: &str, parse: impl Fn(&str) -> Result<T, Expected>) -> Result<Option<T>, Fault> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        parse(text).map(Some).map_err(|expected| self.invalid(key, text, &expected))
    }

    /// The same for a value that must not be shown.
    pub fn secret<T>(&self, key: &str, parse: impl Fn(&str) -> Result<T, Expected>) -> Result<Option<T>, Fault> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        parse(text).map(Some).map_err(|expected| self.invalid(key, "***", &expected))
    }

    /// A switch.
    pub fn flag(&self, key: &str) -> Result<Option<bool>, Fault> {
        self.scalar(key, "true or false", |scalar, _| match scalar {
            Scalar::Bool(on) => Ok(*on),
            _ => Err(Expected::Borrowed("true or false")),
        })
    }

    /// Any finite number.
    pub fn number(&self, key: &str, expected: &str) -> Result<Option<f64>, Fault> {
        self.scalar(key, expected, |scalar, _| number(scalar).ok_or_else(|| Expected::Owned(expected.to_owned())))
    }

    /// The path of a file, absolute as the schema has it: a service's working directory is rarely what one thinks.
    pub fn path(&self, key: &str) -> Result<Option<PathBuf>, Fault> {
        self.parsed(key, |text| {
            let path = Path::new(text);
            if path.is_absolute() { Ok(path.to_owned()) } else { Err(Expected::Borrowed("an absolute path")) }
        })
    }

    /// An error at the value of a key.
    pub fn invalid(&self, key: &str, value: &str, expected: &str) -> Fault {
        let place = self.present(key).map_or(self.place, |node| node.place);
        self.error(place, format!("{key}: {value:?} is not valid; expected {expected}"))
    }

    pub fn error(&self, place: Place, message: impl Into<String>) -> Fault {
        Fault::new(self.file, place, message)
    }

    /// A whole number that `read` must understand, given as its decimal digits.
    ///
    /// # Errors
    /// When it is something else.
    pub fn integer<T>(&self, key: &str, read: impl Fn(&str) -> Result<T, Expected>) -> Result<Option<T>, Fault> {
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
    ) -> Result<Option<T>, Fault> {
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
pub fn number(scalar: &Scalar) -> Option<f64> {
    match scalar {
        Scalar::Int(number) => Some(*number as f64),
        Scalar::Float(number) => Some(*number).filter(|number| number.is_finite()),
        _ => None,
    }
}
