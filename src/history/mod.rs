//! A bounded window of every collected series, by Prometheus' names.

mod block;
mod codec;
mod config;
mod index;
mod limits;
mod metadata;
mod series;
mod source;
mod timeline;
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
