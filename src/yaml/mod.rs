//! YAML files as trees whose every node knows its place: for the configuration, rule files and routing files.
//!
//! [`read`] makes a tree of [`Node`]s with types resolved by the core schema; [`Reader`] and [`Section`] read mappings by
//! the list of their keys. What is wrong is a [`Fault`], which becomes a [`crate::Error`] with `?`; who wants every fault
//! of a file collects them instead. `locate` finds the place of a byte within a text, through quotes and block
//! styles, and [`excerpt`] shows a line with a caret. [`scalar()`] writes a text as a value.

mod fault;
mod locate;
mod node;
mod scalar;
mod section;
mod write;

pub use fault::{Fault, excerpt};
pub use locate::locate;
pub use node::{Content, Entry, Node, Options, Place, Substitute, read};
pub use scalar::Scalar;
pub use section::{Expected, Reader, Section, number};
pub use write::{double_quoted, scalar};
