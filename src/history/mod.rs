//! A bounded window of every collected series, by Prometheus' names.

mod config;
mod index;
mod series;
mod source;
mod window;

pub use config::Config;
pub use source::{Selected, Source};

pub use crate::model::{MatchOp, Matcher};
pub use window::History;

#[cfg(test)]
mod tests;
