//! Prometheus' rule files: groups, alerts and their life, templates, state.
//!
//! A file is read once ([`file::parse`]): YAML, expressions and templates are all checked then, and every mistake of the
//! file is found, not only the first.

mod duration;
pub mod file;
pub mod template;

pub use duration::{parse_duration, print_duration};
pub use file::{Finding, GroupSpec, Kind, ReadOptions, RuleFile, RuleSpec};
pub use template::Template;
