//! Plain data that crosses rooms: attributes, points, snapshots, and the account of what was delivered.
//!
//! Names and shapes follow the OpenTelemetry metrics data model
//! (<https://opentelemetry.io/docs/specs/otel/metrics/data-model/>). Values, keys, ids, scopes and resources are
//! OpenTelemetry's own types. [`Labels`], [`Sample`] and [`NativeHistogram`] are Prometheus' side of the same data, which
//! rules are evaluated over.

mod alert;
mod attributes;
mod duration;
mod exponential;
mod grpc;
mod labels;
#[cfg(feature = "rules")]
mod matcher;
mod operation;
mod report;
mod sample;
mod snapshot;

pub use alert::Alert;
pub use attributes::Attributes;
pub(crate) use attributes::{hash_attributes, same_attributes};
pub use duration::{NotADuration, parse_duration, print_duration};
pub(crate) use grpc::grpc_code_name;
pub use labels::{Labels, METRIC_NAME};
#[cfg(feature = "rules")]
pub use matcher::{MatchOp, Matcher};
pub use operation::Operation;
pub use report::{Reason, Report, Signal, SignalReport};
pub use sample::{BucketSpan, NativeHistogram, ResetHint, STALE, Sample, SampleValue, is_stale};
pub use snapshot::{
    Buckets, Data, Exemplar, ExplicitHistogram, ExponentialHistogram, Metric, Number, Point, ScopeMetrics, Snapshot,
};
