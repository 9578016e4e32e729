//! The OTLP client: one for the three signals, over gRPC or HTTP/protobuf.
//!
//! Follows <https://opentelemetry.io/docs/specs/otlp/> and
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>.

mod client;
mod config;
mod exporter;

pub use client::Client;
pub use config::{Compression, Config, Endpoint, Protocol, Retry, TemporalityPreference, Tls};
pub use exporter::{LogExporter, MetricExporter, SpanExporter};
