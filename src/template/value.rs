//! The values of a template, with Go's names for their types.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::message::Part;
use crate::model::{Labels, NativeHistogram, SampleValue};

#[derive(Debug, Clone)]
pub(super) enum Value {
    /// `nil`, and what a map of anything does not hold.
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    /// Labels.
    Labels(Labels),
    /// What `args` makes.
    Map(Arc<Map>),
    /// What `query` gives.
    Vector(Arc<[Sample]>),
    Sample(Sample),
    Histogram(Arc<NativeHistogram>),
    /// Nanoseconds since the Unix epoch.
    Time(i64),
    /// Nanoseconds.
    Duration(i64),
    /// What `.` is at the beginning: the labels and the value of the alert, and where it comes from.
    Alert(Arc<AlertData>),
    /// What a message about alerts is made of.
    Part(Part),
}

/// Values by name.
#[derive(Debug)]
pub(super) struct Map {
    pub(super) entries: BTreeMap<String, Value>,
    /// Maps within each other.
    pub(super) depth: usize,
}

/// A series that a query found.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) labels: Labels,
    /// A float or a histogram.
    pub(super) value: SampleValue,
}

#[derive(Debug)]
pub(super) struct AlertData {
    pub(super) labels: Labels,
    pub(super) external_labels: Labels,
    pub(super) external_url: Arc<str>,
    pub(super) value: Value,
}

impl Value {
    pub(super) fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// What Go calls the type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::Labels(_) => "map[string]string",
            Self::Map(_) => "map[string]interface {}",
            Self::Vector(_) => "template.queryResult",
            Self::Sample(_) => "*template.sample",
            Self::Histogram(_) => "*histogram.FloatHistogram",
            Self::Time(_) => "*time.Time",
            Self::Duration(_) => "*time.Duration",
            Self::Part(part) => part.type_name(),
            Self::Alert(_) => {
                "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value interface {} }"
            }
        }
    }

    /// Whether `if` takes it for true: what is not zero and not empty.
    pub(super) fn truth(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(on) => *on,
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Labels(labels) => !labels.is_empty(),
            Self::Map(map) => !map.entries.is_empty(),
            Self::Vector(samples) => !samples.is_empty(),
            Self::Part(part) => part.truth(),
            Self::Sample(_) | Self::Histogram(_) | Self::Time(_) | Self::Duration(_) | Self::Alert(_) => true,
        }
    }

    /// Maps within each other.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::Map(map) => map.depth,
            Self::Alert(data) => 1 + data.value.depth(),
            Self::Part(part) => part.depth(),
            _ => 0,
        }
    }
}

impl From<&SampleValue> for Value {
    fn from(value: &SampleValue) -> Self {
        match value {
            SampleValue::Float(number) => Self::Float(*number),
            SampleValue::Histogram(histogram) => Self::Histogram(Arc::clone(histogram)),
        }
    }
}
