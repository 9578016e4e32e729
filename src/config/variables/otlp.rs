//! The OTLP exporter: general variables, and those of a signal before them
//! (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>).

use std::path::PathBuf;
use std::time::Duration;

use super::Variables;
use crate::Error;
use crate::config::words::{COMPRESSIONS, HISTOGRAM_AGGREGATIONS};
use crate::config::{Draft, parse};
use crate::exporters::otlp::{Compression, Endpoint, Protocol, TemporalityPreference, Tls};
use crate::model::Signal;

const PREFIX: &str = "OTEL_EXPORTER_OTLP";

pub(super) fn read(variables: &mut Variables<'_>, draft: &mut Draft) -> Result<(), Error> {
    let general = Options::read(variables, PREFIX)?;
    for signal in Signal::ALL {
        let own = Options::read(variables, &format!("{PREFIX}_{}", signal.to_string().to_uppercase()))?;
        let endpoint = own.over(&general).endpoint(signal)?;
        variables.warnings.extend(wrong_port(&endpoint));
        match signal {
            Signal::Traces => draft.otlp.traces = endpoint,
            Signal::Metrics => draft.otlp.metrics = endpoint,
            Signal::Logs => draft.otlp.logs = endpoint,
        }
    }
    let temporality = [
        ("cumulative", Some(TemporalityPreference::Cumulative)),
        ("delta", Some(TemporalityPreference::Delta)),
        ("lowmemory", Some(TemporalityPreference::LowMemory)),
    ];
    if let Some(chosen) = variables.choice("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", &temporality) {
        draft.otlp.temporality = chosen;
    }
    if let Some(chosen) =
        variables.choice("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", HISTOGRAM_AGGREGATIONS)
    {
        draft.series.aggregation = chosen;
    }
    Ok(())
}

/// The most frequent slip with OTLP: one protocol sent to the other's well-known port.
fn wrong_port(endpoint: &Endpoint) -> Option<String> {
    let (port, protocol, other) = match endpoint.protocol {
        Protocol::HttpProtobuf => (":4317", "http/protobuf", "grpc"),
        Protocol::Grpc => (":4318", "grpc", "http/protobuf"),
    };
    let (scheme, rest) = endpoint.url.split_once("://")?;
    let authority = rest.split('/').next()?;
    authority.ends_with(port).then(|| {
        format!(
            "{scheme}://{authority} is spoken to by {protocol}, but its port is that of {other} by convention; if \
             nothing arrives, set OTEL_EXPORTER_OTLP_PROTOCOL={other}"
        )
    })
}

/// What the variables with one prefix say.
#[derive(Default)]
struct Options<'a> {
    /// The variable's name and value, and whether it is the general one.
    endpoint: Option<(String, &'a str, bool)>,
    insecure: Option<bool>,
    protocol: Option<Protocol>,
    headers: Option<Vec<(String, String)>>,
    compression: Option<Compression>,
    timeout: Option<Duration>,
    certificate: Option<PathBuf>,
    client_certificate: Option<PathBuf>,
    client_key: Option<PathBuf>,
}

impl<'a> Options<'a> {
    fn read(variables: &mut Variables<'a>, prefix: &str) -> Result<Self, Error> {
        let name = |suffix: &str| format!("{prefix}_{suffix}");
        let protocols =
            [("http/protobuf", Some(Protocol::HttpProtobuf)), ("grpc", Some(Protocol::Grpc)), ("http/json", None)];
        let endpoint = name("ENDPOINT");
        Ok(Self {
            insecure: variables.flag(&name("INSECURE")),
            protocol: variables.choice(&name("PROTOCOL"), &protocols),
            headers: variables.secret(&name("HEADERS"), parse::headers)?,
            compression: variables.choice(&name("COMPRESSION"), COMPRESSIONS),
            timeout: variables.timeout(&name("TIMEOUT"))?,
            certificate: variables.text(&name("CERTIFICATE")).map(PathBuf::from),
            client_certificate: variables.text(&name("CLIENT_CERTIFICATE")).map(PathBuf::from),
            client_key: variables.text(&name("CLIENT_KEY")).map(PathBuf::from),
            endpoint: variables.text(&endpoint).map(|value| (endpoint, value, prefix == PREFIX)),
        })
    }

    /// These, and where they say nothing, the general ones.
    fn over(self, general: &Self) -> Self {
        Self {
            endpoint: self.endpoint.or_else(|| general.endpoint.clone()),
            insecure: self.insecure.or(general.insecure),
            protocol: self.protocol.or(general.protocol),
            headers: self.headers.or_else(|| general.headers.clone()),
            compression: self.compression.or(general.compression),
            timeout: self.timeout.or(general.timeout),
            certificate: self.certificate.or_else(|| general.certificate.clone()),
            client_certificate: self.client_certificate.or_else(|| general.client_certificate.clone()),
            client_key: self.client_key.or_else(|| general.client_key.clone()),
        }
    }

    fn endpoint(self, signal: Signal) -> Result<Endpoint, Error> {
        let protocol = self.protocol.unwrap_or_default();
        let mut endpoint = Endpoint::default_for(signal, protocol);
        if let Some((name, value, base)) = self.endpoint {
            let insecure = self.insecure.unwrap_or(false);
            endpoint.url = parse::endpoint(value, protocol, signal, base, insecure)
                .map_err(|expected| Error::invalid(name, parse::endpoint_shown(value), expected))?;
        }
        endpoint.headers = self.headers.unwrap_or_default();
        endpoint.compression = self.compression.unwrap_or_default();
        endpoint.timeout = self.timeout.unwrap_or(Endpoint::TIMEOUT);
        endpoint.tls = Tls {
            certificate: self.certificate,
            client_certificate: self.client_certificate,
            client_key: self.client_key,
        };
        Ok(endpoint)
    }
}
