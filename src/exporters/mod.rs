//! Where telemetry leaves the process.
//!
//! Spans and log records go through the SDK's own traits (`opentelemetry_sdk::trace::SpanExporter`,
//! `opentelemetry_sdk::logs::LogExporter`), so that anybody's exporter can take the place of ours. Metrics go through
//! [`MetricExporter`], because the SDK's trait cannot carry exemplars, stale markers or several scopes of our own.

use std::fmt::Debug;
use std::pin::Pin;

use crate::model::Snapshot;

mod beside;
pub mod console;
pub mod otlp;

pub use beside::Beside;

/// The end of an export of metrics.
pub type Exported<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Sends a snapshot somewhere.
pub trait MetricExporter: Send + Debug {
    /// Sends one snapshot, and counts every point of it as delivered or dropped in [`crate::internal::Internal`]: also
    /// when the future is dropped before its end, as [`crate::model::Reason::Deadline`].
    fn export<'a>(&'a mut self, snapshot: &'a Snapshot) -> Exported<'a>;
}
