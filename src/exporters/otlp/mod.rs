//! The OTLP client: one for the three signals, over gRPC or HTTP/protobuf.
//!
//! Follows <https://opentelemetry.io/docs/specs/otlp/> and
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>.
//!
//! A batch becomes a message (`encode`, `temporality`), is cut to the message limit (`batch`), written for its protocol
//! (`grpc`, `http`), sent (`transport`) and tried again as far as the answer allows (`retry`). `channel` does this in
//! order, and `account` settles every item. `health` remembers whether the backend answers, and `lines` tells people.
//!
//! # Time limits
//! The endpoint's timeout bounds one export: all its requests, when the batch had to be cut, and all their tries.
//! `Retry::total` bounds the tries of one request; the shorter limit wins. A wait that would end after the limit is not
//! begun. An export that is dropped before its end stops at once, whatever it does.

mod account;
mod batch;
mod channel;
mod client;
mod compress;
mod config;
mod difference;
mod encode;
mod exporter;
mod grpc;
mod health;
mod http;
mod lines;
mod retry;
mod status;
mod target;
mod temporality;

pub use client::Client;
pub use config::{Compression, Config, Endpoint, Protocol, Retry, TemporalityPreference, Tls};
pub use exporter::{LogExporter, MetricExporter, SpanExporter};
