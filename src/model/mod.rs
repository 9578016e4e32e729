//! Plain data that crosses rooms: attributes, points, snapshots, and the account of what was delivered.
//!
//! Names and shapes follow the OpenTelemetry metrics data model
//! (<https://opentelemetry.io/docs/specs/otel/metrics/data-model/>). Values, keys, ids, scopes and resources are
//! OpenTelemetry's own types.

mod attributes;
mod exponential;
mod operation;
mod report;
mod snapshot;

pub use attributes::Attributes;
pub(crate) use attributes::{hash_attributes, same_attributes};
pub use operation::Operation;
pub use report::{Reason, Report, Signal, SignalReport};
pub use snapshot::{
    Buckets, Data, Exemplar, ExplicitHistogram, ExponentialHistogram, Metric, Number, Point, ScopeMetrics, Snapshot,
};
