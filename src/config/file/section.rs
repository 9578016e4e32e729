//! Values of a mapping that have rules of their own here: the same as those of the variables.

use std::time::Duration;

use crate::config::parse;
use crate::config::words::{self, Words};
use crate::yaml::{Content, Fault, Reader, Scalar, Section, number};

/// What the settings of a section are read with besides.
pub(super) trait Settings<'n> {
    /// A whole number of at least `least`.
    fn count(&self, key: &str, least: usize) -> Result<Option<usize>, Fault>;
    /// A time between two things, in milliseconds.
    fn duration(&self, key: &str) -> Result<Option<Duration>, Fault>;
    /// A time that something may take, in milliseconds; zero means no limit.
    fn timeout(&self, key: &str) -> Result<Option<Duration>, Fault>;
    /// Finite numbers in ascending order; `None` when there are none.
    fn ascending(&self, key: &str) -> Result<Option<Vec<f64>>, Fault>;
    /// One of the words. `None` also for a word that is not supported, after a warning.
    fn choice<T: Copy>(&self, reader: &mut Reader<'n>, key: &str, known: &Words<T>) -> Result<Option<T>, Fault>;
}

impl<'n> Settings<'n> for Section<'n> {
    fn count(&self, key: &str, least: usize) -> Result<Option<usize>, Fault> {
        self.integer(key, |number| parse::count(number, least))
    }

    fn duration(&self, key: &str) -> Result<Option<Duration>, Fault> {
        self.integer(key, parse::duration)
    }

    fn timeout(&self, key: &str) -> Result<Option<Duration>, Fault> {
        self.integer(key, parse::timeout)
    }

    fn ascending(&self, key: &str) -> Result<Option<Vec<f64>>, Fault> {
        let mut numbers: Vec<f64> = Vec::new();
        for node in self.list(key)? {
            let next = match &node.content {
                Content::Scalar(scalar @ (Scalar::Int(_) | Scalar::Float(_)), _) => number(scalar),
                _ => None,
            };
            match next.filter(|next| numbers.last().is_none_or(|last| last < next)) {
                Some(next) => numbers.push(next),
                None => {
                    return Err(self.error(node.place, format!("{key}: expected finite numbers in ascending order")));
                }
            }
        }
        Ok(Some(numbers).filter(|numbers| !numbers.is_empty()))
    }

    fn choice<T: Copy>(&self, reader: &mut Reader<'n>, key: &str, known: &Words<T>) -> Result<Option<T>, Fault> {
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
}
