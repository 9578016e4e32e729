//! The client: one way out a signal, built and checked when it is asked for.

use std::sync::Arc;

use super::channel::{Backend, Channel};
use super::target::{Target, setting};
use super::{Config, Endpoint, LogExporter, MetricExporter, Protocol, SpanExporter, Tls, lines};
use crate::Error;
use crate::clock::Clock;
use crate::internal::Internal;
use crate::model::Signal;
use crate::transport::{TlsFile, Transport, Version};

/// The OTLP client of one telemetry instance.
///
/// Asking it for an exporter reads certificate files and checks the endpoint and headers of that signal and no other,
/// but opens no connection; exports run on the tokio runtime of whoever awaits them. Signals that go to one place share
/// connections, and one warning when it does not answer.
#[derive(Debug)]
pub struct Client {
    config: Config,
    internal: Arc<Internal>,
    clock: Clock,
    /// One for each protocol and set of certificates in use.
    transports: Vec<(Protocol, Option<Tls>, Arc<Transport>)>,
    /// One for each scheme, host and port in use.
    backends: Vec<(String, Arc<Backend>)>,
}

impl Client {
    /// A client of which nothing is asked yet.
    pub fn new(config: Config, internal: Arc<Internal>, clock: Clock) -> Self {
        Self { config, internal, clock, transports: Vec::new(), backends: Vec::new() }
    }

    /// The exporter of spans.
    ///
    /// # Errors
    /// When the URL, a header or a certificate file for traces is not valid; the error names the `OTEL_*` variable.
    pub fn spans(&mut self) -> Result<SpanExporter, Error> {
        Ok(SpanExporter::new(self.channel(Signal::Traces)?))
    }

    /// The exporter of log records.
    ///
    /// # Errors
    /// As [`Client::spans`], for logs.
    pub fn logs(&mut self) -> Result<LogExporter, Error> {
        Ok(LogExporter::new(self.channel(Signal::Logs)?))
    }

    /// The exporter of metrics; one per pipeline, because it remembers what it sent when the temporality is delta.
    ///
    /// # Errors
    /// As [`Client::spans`], for metrics.
    pub fn metrics(&mut self) -> Result<MetricExporter, Error> {
        Ok(MetricExporter::new(self.channel(Signal::Metrics)?, self.config.temporality))
    }

    fn channel(&mut self, signal: Signal) -> Result<Arc<Channel>, Error> {
        let endpoint = self.config.endpoint(signal).clone();
        let target = Target::new(signal, &endpoint)?;
        let transport = self.transport(signal, &endpoint, &target)?;
        let backend = self.backend(&target);
        backend.uses(signal);
        let message_limit = match endpoint.protocol {
            Protocol::Grpc => self.config.grpc_message_limit,
            Protocol::HttpProtobuf => self.config.http_message_limit,
        };
        Ok(Arc::new(Channel {
            signal,
            protocol: endpoint.protocol,
            compression: endpoint.compression,
            timeout: endpoint.timeout,
            retry: self.config.retry.clone(),
            message_limit,
            transport,
            backend,
            target,
            internal: Arc::clone(&self.internal),
            clock: self.clock.clone(),
            stopped_until: 0.into(),
            throttled_until: 0.into(),
            limits: lines::Limits::default(),
        }))
    }

    fn transport(&mut self, signal: Signal, endpoint: &Endpoint, target: &Target) -> Result<Arc<Transport>, Error> {
        let tls = target.is_encrypted().then(|| endpoint.tls.clone());
        let known = self.transports.iter().find(|(protocol, with, _)| *protocol == endpoint.protocol && *with == tls);
        if let Some((_, _, transport)) = known {
            return Ok(Arc::clone(transport));
        }
        let transport = Arc::new(connect(signal, endpoint.protocol, tls.as_ref(), self.config.response_limit)?);
        self.transports.push((endpoint.protocol, tls, Arc::clone(&transport)));
        Ok(transport)
    }

    fn backend(&mut self, target: &Target) -> Arc<Backend> {
        if let Some((_, backend)) = self.backends.iter().find(|(authority, _)| *authority == target.authority) {
            return Arc::clone(backend);
        }
        let backend = Arc::new(Backend::default());
        self.backends.push((target.authority.clone(), Arc::clone(&backend)));
        backend
    }
}

/// Connections with a signal's certificates, whose files the messages name by their variables.
fn connect(signal: Signal, protocol: Protocol, tls: Option<&Tls>, limit: usize) -> Result<Transport, Error> {
    let version = match protocol {
        Protocol::Grpc => Version::Http2,
        Protocol::HttpProtobuf => Version::Any,
    };
    Transport::new(version, limit, tls, |file| {
        let what = match file {
            TlsFile::Certificate => "CERTIFICATE",
            TlsFile::ClientCertificate => "CLIENT_CERTIFICATE",
            TlsFile::ClientKey => "CLIENT_KEY",
        };
        setting(signal, what)
    })
}
