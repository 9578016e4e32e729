//! The client: one way out a signal, built and checked once.

use std::sync::Arc;

use super::channel::{Backend, Channel};
use super::target::Target;
use super::transport::Transport;
use super::{Config, LogExporter, MetricExporter, Protocol, SpanExporter, TemporalityPreference, Tls, lines};
use crate::Error;
use crate::clock::Clock;
use crate::internal::Internal;
use crate::model::Signal;

/// The OTLP client of one telemetry instance.
///
/// Building it reads certificate files and checks endpoints and headers, but opens no connection; exports run on the
/// tokio runtime of whoever awaits them. Signals that go to one place share connections, and one warning when it does
/// not answer.
#[derive(Debug)]
pub struct Client {
    /// By signal, in the order of [`Signal::ALL`].
    channels: [Arc<Channel>; Signal::ALL.len()],
    temporality: TemporalityPreference,
}

impl Client {
    /// Checks the settings of the three signals and makes the client ready for them.
    ///
    /// # Errors
    /// When a URL, a header or a certificate file is not valid; the error names the `OTEL_*` variable.
    pub fn new(config: &Config, internal: Arc<Internal>, clock: Clock) -> Result<Self, Error> {
        let mut shared = Shared { config, internal, clock, transports: Vec::new(), backends: Vec::new() };
        let mut channel = |signal| shared.channel(signal).map(Arc::new);
        let channels = [channel(Signal::Traces)?, channel(Signal::Metrics)?, channel(Signal::Logs)?];
        Ok(Self { channels, temporality: config.temporality })
    }

    /// The exporter of spans.
    pub fn spans(&self) -> SpanExporter {
        SpanExporter::new(self.channel(Signal::Traces))
    }

    /// The exporter of log records.
    pub fn logs(&self) -> LogExporter {
        LogExporter::new(self.channel(Signal::Logs))
    }

    /// The exporter of metrics; one per pipeline, because it remembers what it sent when the temporality is delta.
    pub fn metrics(&self) -> MetricExporter {
        MetricExporter::new(self.channel(Signal::Metrics), self.temporality)
    }

    fn channel(&self, signal: Signal) -> Arc<Channel> {
        let channel = &self.channels[signal as usize];
        channel.backend.uses(signal);
        Arc::clone(channel)
    }
}

/// What signals with the same settings share while the client is built; at most one of each a signal.
struct Shared<'a> {
    config: &'a Config,
    internal: Arc<Internal>,
    clock: Clock,
    transports: Vec<(Protocol, Option<Tls>, Arc<Transport>)>,
    backends: Vec<(String, Arc<Backend>)>,
}

impl Shared<'_> {
    fn channel(&mut self, signal: Signal) -> Result<Channel, Error> {
        let endpoint = self.config.endpoint(signal);
        let target = Target::new(signal, endpoint)?;
        let message_limit = match endpoint.protocol {
            Protocol::Grpc => self.config.grpc_message_limit,
            Protocol::HttpProtobuf => self.config.http_message_limit,
        };
        Ok(Channel {
            signal,
            protocol: endpoint.protocol,
            compression: endpoint.compression,
            timeout: endpoint.timeout,
            retry: self.config.retry.clone(),
            message_limit,
            transport: self.transport(signal, &target)?,
            backend: self.backend(&target),
            target,
            internal: Arc::clone(&self.internal),
            clock: self.clock.clone(),
            stopped_until: 0.into(),
            throttled_until: 0.into(),
            limits: lines::Limits::default(),
        })
    }

    fn transport(&mut self, signal: Signal, target: &Target) -> Result<Arc<Transport>, Error> {
        let endpoint = self.config.endpoint(signal);
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

#[cfg(feature = "tls")]
fn connect(signal: Signal, protocol: Protocol, tls: Option<&Tls>, limit: usize) -> Result<Transport, Error> {
    Ok(Transport::new(protocol, limit, super::tls::client_config(tls, signal)?))
}

#[cfg(not(feature = "tls"))]
#[expect(clippy::unnecessary_wraps, reason = "the signature of builds with TLS")]
fn connect(_: Signal, protocol: Protocol, _: Option<&Tls>, limit: usize) -> Result<Transport, Error> {
    Ok(Transport::new(protocol, limit))
}
