//! The order of the stages: one thread, one tick after the other.

mod config;

pub use config::{Batch, Config};
