//! Where rules read and write, and with what settings.

use std::fmt;

use super::config::Config;
use crate::clock::Clock;
use crate::history::{History, Source};
use crate::model::{Labels, Sample};
use crate::promql::{self, Annotations, Expr, Value};
use crate::template::Found;

/// A place that takes the series that rules make.
pub trait Sink {
    /// Adds a sample. Returns whether it was taken: one that is not newer than the last of its series is not, nor one
    /// beyond a limit.
    fn append(&self, labels: &Labels, sample: Sample) -> bool;
}

impl Sink for History {
    fn append(&self, labels: &Labels, sample: Sample) -> bool {
        Self::append(self, labels, sample)
    }
}

/// Everything that an evaluation needs besides its time.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// Where queries look.
    pub source: &'a dyn Source,
    /// Where series go.
    pub sink: &'a dyn Sink,
    /// The settings.
    pub config: &'a Config,
    /// Tells how long an evaluation takes; nothing else depends on it.
    pub clock: &'a Clock,
}

impl fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("config", self.config).finish_non_exhaustive()
    }
}

impl Place<'_> {
    /// The series that an expression gives at a time; a number is one without labels.
    pub(super) fn vector(&self, expr: &Expr, at: i64) -> Result<(Vec<Found>, Annotations), String> {
        let answer = promql::instant(self.source, expr, at, &self.config.promql).map_err(|error| error.to_string())?;
        let found = match answer.value {
            Value::Scalar(number) => vec![(Labels::default(), crate::model::SampleValue::Float(number))],
            Value::Vector(vector) => vector.into_iter().map(|series| (series.labels, series.value)).collect(),
            Value::String(_) | Value::Matrix(_) => return Err("rule result is not a vector or scalar".to_owned()),
        };
        Ok((found, answer.annotations))
    }

    /// The same for the text of a query, as templates ask.
    pub(super) fn query(&self, text: &str, at: i64) -> Result<Vec<Found>, String> {
        let expr = promql::parse(text).map_err(|error| error.to_string())?;
        self.vector(&expr, at).map(|(found, _)| found)
    }
}
