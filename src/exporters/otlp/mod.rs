//! The OTLP client: one for the three signals, over gRPC or HTTP/protobuf.
//!
//! Follows <https://opentelemetry.io/docs/specs/otlp/> and
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>.

mod config;

pub use config::{Compression, Config, Endpoint, Protocol, Retry, TemporalityPreference, Tls};
