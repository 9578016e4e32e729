//! What the client may be told.

use std::fmt;
use std::time::Duration;

use crate::model::Signal;
pub use crate::transport::Tls;

/// `OTEL_EXPORTER_OTLP_PROTOCOL`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// `grpc`
    Grpc,
    /// `http/protobuf`, the specification's default.
    #[default]
    HttpProtobuf,
}

/// `OTEL_EXPORTER_OTLP_COMPRESSION`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// `none`
    #[default]
    None,
    /// `gzip`
    Gzip,
}

/// `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TemporalityPreference {
    /// Cumulative for all instruments.
    #[default]
    Cumulative,
    /// Delta for counters and histograms, cumulative for up-down counters.
    Delta,
    /// Delta for synchronous counters and histograms, cumulative for the others.
    LowMemory,
}

/// Where one signal goes and how.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The whole URL: for HTTP with its path (`http://localhost:4318/v1/traces`), for gRPC without.
    pub url: String,
    /// The encoding.
    pub protocol: Protocol,
    /// Headers, or gRPC metadata, of every request. Values are secrets and never printed.
    pub headers: Vec<(String, String)>,
    /// Compression of requests.
    pub compression: Compression,
    /// How long one export may take, all its retries included.
    pub timeout: Duration,
    /// TLS files; used with `https`.
    pub tls: Tls,
}

impl Endpoint {
    /// The specification's default timeout of an export.
    pub const TIMEOUT: Duration = Duration::from_secs(10);

    /// The specification's default for a signal and protocol: port 4317 for gRPC, 4318 and the signal's path for HTTP.
    pub fn default_for(signal: Signal, protocol: Protocol) -> Self {
        let url = match protocol {
            Protocol::Grpc => String::from("http://localhost:4317"),
            Protocol::HttpProtobuf => format!("http://localhost:4318/v1/{signal}"),
        };
        Self {
            url,
            protocol,
            headers: Vec::new(),
            compression: Compression::default(),
            timeout: Self::TIMEOUT,
            tls: Tls::default(),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| (name.as_str(), "***")).collect();
        f.debug_struct("Endpoint")
            .field("url", &self.url)
            .field("protocol", &self.protocol)
            .field("headers", &headers)
            .field("compression", &self.compression)
            .field("timeout", &self.timeout)
            .field("tls", &self.tls)
            .finish()
    }
}

/// Retry of one request: exponential backoff with jitter, as OTLP asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// Wait before the first retry.
    pub initial: Duration,
    /// Longest wait between two tries.
    pub max: Duration,
    /// Growth of the wait.
    pub multiplier: f64,
    /// All tries of one request together, whatever the endpoint's timeout allows beyond it.
    pub total: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            initial: Duration::from_millis(200),
            max: Duration::from_secs(5),
            multiplier: 1.5,
            total: Duration::from_secs(60),
        }
    }
}

/// Settings of the client.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where spans go.
    pub traces: Endpoint,
    /// Where metrics go.
    pub metrics: Endpoint,
    /// Where log records go.
    pub logs: Endpoint,
    /// Temporality of exported metrics.
    pub temporality: TemporalityPreference,
    /// Retry of every request.
    pub retry: Retry,
    /// Largest gRPC message, in bytes.
    pub grpc_message_limit: usize,
    /// Largest HTTP body before compression, in bytes.
    pub http_message_limit: usize,
    /// Largest response that is read, in bytes; the specification's limit.
    pub response_limit: usize,
}

impl Config {
    /// What gRPC servers accept unless told otherwise.
    pub const GRPC_MESSAGE_LIMIT: usize = 4 << 20;
    /// What the Collector's HTTP receiver accepts unless told otherwise.
    pub const HTTP_MESSAGE_LIMIT: usize = 20 << 20;
    /// Largest response that is read.
    pub const RESPONSE_LIMIT: usize = 4 << 20;

    /// The endpoint of a signal.
    pub fn endpoint(&self, signal: Signal) -> &Endpoint {
        match signal {
            Signal::Traces => &self.traces,
            Signal::Metrics => &self.metrics,
            Signal::Logs => &self.logs,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let endpoint = |signal| Endpoint::default_for(signal, Protocol::default());
        Self {
            traces: endpoint(Signal::Traces),
            metrics: endpoint(Signal::Metrics),
            logs: endpoint(Signal::Logs),
            temporality: TemporalityPreference::default(),
            retry: Retry::default(),
            grpc_message_limit: Self::GRPC_MESSAGE_LIMIT,
            http_message_limit: Self::HTTP_MESSAGE_LIMIT,
            response_limit: Self::RESPONSE_LIMIT,
        }
    }
}
