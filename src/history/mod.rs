//! A bounded window of every collected series, by Prometheus' names.

mod config;
mod index;
mod metadata;
mod series;
mod source;
mod translate;
mod window;
mod writer;

pub use config::Config;
pub use metadata::{Metadata, MetricKind};
pub use source::{Selected, Source};
pub use window::History;

pub use crate::model::{MatchOp, Matcher};

#[cfg(test)]
mod tests;
