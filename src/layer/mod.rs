//! The `tracing` layer: what the application's threads run.
//!
//! One composite layer holds the metrics path, the sampling gate with tracing-opentelemetry behind it, the log bridge
//! and the console layer. What each of them wants of a callsite is decided once, when the callsite registers.

mod config;

pub use config::{Config, Limits, Sampler, SpanDetails};
