//! Settings that the host's code gives as text, read like those of variables and put over a finished [`Config`].

use tracing_subscriber::filter::Targets;

use super::{Config, parse};
use crate::Error;
use crate::exporters::otlp::{Endpoint, Protocol};
use crate::model::Signal;

impl Config {
    /// Sends all signals to one general endpoint, by one protocol, where they are given.
    pub(crate) fn set_endpoint(&mut self, url: Option<&str>, protocol: Option<Protocol>) -> Result<(), Error> {
        for signal in Signal::ALL {
            let endpoint = self.endpoint_mut(signal);
            let protocol = protocol.unwrap_or(endpoint.protocol);
            let url = match url {
                Some(url) => parse::endpoint(url, protocol, signal, true, true)
                    .map_err(|expected| Error::invalid("Builder::endpoint", parse::endpoint_shown(url), expected))?,
                None => moved(endpoint, protocol, signal),
            };
            (endpoint.url, endpoint.protocol) = (url, protocol);
        }
        Ok(())
    }

    /// Adds a header to the requests of all signals. Its value is not shown in the error.
    pub(crate) fn add_header(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let header =
            parse::header(name, value).map_err(|expected| Error::invalid("Builder::header", name, expected))?;
        for signal in Signal::ALL {
            let headers = &mut self.endpoint_mut(signal).headers;
            headers.retain(|(known, _)| *known != header.0);
            headers.push(header.clone());
        }
        Ok(())
    }

    fn endpoint_mut(&mut self, signal: Signal) -> &mut Endpoint {
        match signal {
            Signal::Traces => &mut self.otlp.traces,
            Signal::Metrics => &mut self.otlp.metrics,
            Signal::Logs => &mut self.otlp.logs,
        }
    }
}

/// What becomes telemetry, as `BELLWETHER_FILTER` says it.
pub(crate) fn filter(directives: &str) -> Result<Targets, Error> {
    parse::filter(directives).map_err(|expected| Error::invalid("Builder::filter", directives, expected))
}

/// What the console shows, as `RUST_LOG` says it.
pub(crate) fn console_filter(directives: &str) -> Result<String, Error> {
    parse::console_filter(directives)
        .map_err(|expected| Error::invalid("Builder::console_filter", directives, expected))
}

/// The URL of an endpoint that changes its protocol: the default follows to the other port, a host of the user's stays.
fn moved(endpoint: &Endpoint, protocol: Protocol, signal: Signal) -> String {
    if endpoint.protocol == protocol {
        return endpoint.url.clone();
    }
    if endpoint.url == Endpoint::default_for(signal, endpoint.protocol).url {
        return Endpoint::default_for(signal, protocol).url;
    }
    let path = format!("/v1/{signal}");
    match protocol {
        Protocol::Grpc => endpoint.url.strip_suffix(&path).unwrap_or(&endpoint.url).to_owned(),
        Protocol::HttpProtobuf => format!("{}{path}", endpoint.url.trim_end_matches('/')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Overrides, load};

    #[test]
    fn code_beats_variables_for_endpoint_protocol_and_headers() {
        let http = Some(Protocol::HttpProtobuf);
        let grpc = Some(Protocol::Grpc);
        let cases = [
            ("", None, None, "http://localhost:4318/v1/traces"),
            ("", Some("http://c:1"), None, "http://c:1/v1/traces"),
            ("", None, grpc, "http://localhost:4317"),
            ("", Some("http://c:1"), grpc, "http://c:1"),
            ("http://e:9", None, grpc, "http://e:9"),
            ("http://e:9", None, http, "http://e:9/v1/traces"),
            ("http://e:9", Some("http://c:1"), None, "http://c:1/v1/traces"),
        ];
        for (variable, url, protocol, expected) in cases {
            let environment = Environment::from_iter([("OTEL_EXPORTER_OTLP_ENDPOINT", variable)]);
            let mut config = load(&environment, Overrides::default()).unwrap();
            config.set_endpoint(url, protocol).unwrap();
            assert_eq!(config.otlp.traces.url, expected, "{variable:?} {url:?} {protocol:?}");
        }
        let environment = Environment::from_iter([("OTEL_EXPORTER_OTLP_HEADERS", "a=1,b=2")]);
        let mut config = load(&environment, Overrides::default()).unwrap();
        config.add_header("B", "3").unwrap();
        assert_eq!(config.otlp.logs.headers, [("a".into(), "1".into()), ("b".into(), "3".into())]);
        let error = config.add_header("b", "\n secret").unwrap_err().to_string();
        assert!(error.contains("Builder::header") && !error.contains("secret"), "{error}");
    }
}
