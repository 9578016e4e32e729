//! The order of the stages: one thread, one tick after the other.
//!
//! Finished spans and log records come through bounded queues ([`Queue`]); measurements are collected every interval.
//! One thread, `bellwether`, with a runtime of its own exports all three, each signal by itself, so that a backend that
//! hangs on one does not stop the others.

#[cfg_attr(not(feature = "rules"), path = "no_alerts.rs")]
mod alerts;
#[cfg(feature = "web")]
mod answers;
mod api;
mod collect;
mod config;
mod control;
mod exporter;
mod foreign;
mod handle;
mod lane;
mod metrics;
mod overflow;
mod processors;
mod queue;
mod run;
mod tick;

pub(crate) use alerts::Evaluation;
#[cfg(feature = "web")]
pub(crate) use alerts::Window;
#[cfg(feature = "rules")]
pub(crate) use alerts::precede;
#[cfg(feature = "rules")]
pub use config::Alerts;
pub use config::{Batch, Config};
pub use exporter::Exporters;
pub use handle::Handle;
pub use processors::{LogQueue, SpanQueue};
pub use queue::Queue;
pub use run::{Pipeline, Queues, Spawned, Stages};
