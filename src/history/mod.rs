//! A bounded window of every collected series, by Prometheus' names.

mod source;

pub use source::{MatchOp, Matcher, Selected, Source};
