//! An endpoint, checked: where a signal goes, and the headers that go with it.

use hyper::http::header::USER_AGENT;
use hyper::http::uri::{Parts, PathAndQuery, Scheme};
use hyper::http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::{Endpoint, Protocol};
use crate::Error;
use crate::model::Signal;

/// Headers that belong to the connection or the encoding; a value of the user's would break the request.
const RESERVED: [&str; 9] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Where requests of one signal go.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// What is requested; for gRPC with the path of the signal's service.
    pub(super) uri: Uri,
    /// The headers of the user, marked as sensitive, and the user agent.
    pub(super) headers: HeaderMap,
    /// Scheme, host and port: what is shown to people, and what signals share the health of.
    pub(super) authority: String,
}

impl Target {
    /// Checks an endpoint.
    ///
    /// # Errors
    /// When the URL or a header is not valid. The error shows the URL without credentials and never a header's value.
    pub(super) fn new(signal: Signal, endpoint: &Endpoint) -> Result<Self, Error> {
        let uri = uri(signal, endpoint)?;
        let authority =
            format!("{}://{}", uri.scheme_str().unwrap_or("http"), uri.authority().map_or("", |a| a.as_str()));
        let mut headers = headers(signal, &endpoint.headers)?;
        let agent = HeaderValue::from_static(AGENT);
        headers.entry(USER_AGENT).or_insert(agent);
        Ok(Self { uri, headers, authority })
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.uri.scheme() == Some(&Scheme::HTTPS)
    }
}

/// Distribution first, exporter and language after it:
/// <https://opentelemetry.io/docs/specs/otel/protocol/exporter/#user-agent>.
pub(super) const AGENT: &str =
    concat!("bellwether/", env!("CARGO_PKG_VERSION"), " OTel-OTLP-Exporter-Rust/", env!("CARGO_PKG_VERSION"));

/// The variables that set something of an endpoint, the signal's own first.
pub(super) fn setting(signal: Signal, what: &str) -> String {
    let own = signal.name().to_uppercase();
    format!("OTEL_EXPORTER_OTLP_{own}_{what} (or OTEL_EXPORTER_OTLP_{what})")
}

fn uri(signal: Signal, endpoint: &Endpoint) -> Result<Uri, Error> {
    let invalid = |expected: &str| Err(Error::invalid(setting(signal, "ENDPOINT"), shown(&endpoint.url), expected));
    let expected = "a URL such as http://localhost:4318";
    let Ok(uri) = endpoint.url.parse::<Uri>() else { return invalid(expected) };
    let mut parts = uri.into_parts();
    let (Some(scheme), Some(authority)) = (&parts.scheme, &parts.authority) else { return invalid(expected) };
    if authority.as_str().contains('@') {
        return invalid("a URL without user and password; credentials go into OTEL_EXPORTER_OTLP_HEADERS");
    }
    if authority.host().is_empty() {
        return invalid("a URL with a host, such as http://localhost:4318");
    }
    let has_port = authority.as_str().len() > authority.host().len();
    if has_port && authority.port_u16().is_none_or(|port| port == 0) {
        return invalid("a port from 1 to 65535");
    }
    if *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS {
        return invalid("a URL that begins with http:// or https://");
    }
    if cfg!(not(feature = "tls")) && *scheme == Scheme::HTTPS {
        return invalid("http://, because this program was built without bellwether's feature `tls`");
    }
    complete(&mut parts, signal, endpoint.protocol);
    Uri::from_parts(parts).or_else(|_| invalid(expected))
}

/// For gRPC the path is that of the signal's service, whatever the URL says; for HTTP it is the URL's.
fn complete(parts: &mut Parts, signal: Signal, protocol: Protocol) {
    let path = match (protocol, signal) {
        (Protocol::HttpProtobuf, _) => return,
        (Protocol::Grpc, Signal::Traces) => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        (Protocol::Grpc, Signal::Metrics) => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        (Protocol::Grpc, Signal::Logs) => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    };
    parts.path_and_query = Some(PathAndQuery::from_static(path));
}

/// A URL as it may be shown: without credentials and without a query, which may hold a token.
fn shown(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let separator = if scheme.is_empty() { "" } else { "://" };
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}{separator}***@{host}"),
        None => url.to_owned(),
    }
}

fn headers(signal: Signal, given: &[(String, String)]) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::with_capacity(given.len() + 8);
    let invalid = |value: String, expected: &str| Err(Error::invalid(setting(signal, "HEADERS"), value, expected));
    for (name, value) in given {
        let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
            return invalid(name.clone(), "header names of letters, digits and -_.");
        };
        if RESERVED.contains(&header.as_str()) || header.as_str().starts_with("grpc-") {
            return invalid(format!("{name}=***"), "headers other than those of the connection and the encoding");
        }
        let Some(mut value) = HeaderValue::from_str(value).ok().filter(|_| value.is_ascii()) else {
            return invalid(format!("{name}=***"), "header values of printable ASCII characters");
        };
        value.set_sensitive(true);
        headers.append(header, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str, headers: &[(&str, &str)]) -> Endpoint {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Endpoint { url: url.to_owned(), headers, ..Endpoint::default_for(Signal::Logs, Protocol::HttpProtobuf) }
    }

    #[test]
    fn a_malformed_endpoint_is_refused_with_its_name_and_value_and_without_secrets() {
        for (url, shows, says) in [
            ("", "\"\"", "a URL such as"),
            ("localhost:4318", "localhost:4318", "a URL such as"),
            ("/v1/logs", "/v1/logs", "a URL such as"),
            ("http://", "http://", "a URL such as"),
            ("http://a b/", "http://a b/", "a URL such as"),
            ("http://host:99999/x", "http://host:99999/x", "a port from 1 to 65535"),
            ("http://host:0/", "http://host:0/", "a port from 1 to 65535"),
            ("http://host:/", "http://host:/", "a port from 1 to 65535"),
            ("ftp://host/x", "ftp://host/x", "begins with http:// or https://"),
            ("unix:///run/otlp.sock", "unix:///run/otlp.sock", "a URL"),
            ("http://me:hunter2@host/", "***@host", "without user and password"),
            ("http://me:hunter2@host:x/?key=hunter2", "***@host:x", "without user and password"),
            ("http//me:hunter2@host/", "***@host", "a URL such as"),
        ] {
            let error = Target::new(Signal::Logs, &endpoint(url, &[])).unwrap_err();
            let text = error.to_string();
            assert!(error.is_configuration());
            assert!(text.contains("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT (or OTEL_EXPORTER_OTLP_ENDPOINT)"), "{text}");
            assert!(text.contains(shows) && text.contains(says) && !text.contains("hunter2"), "{url}: {text}");
        }
    }

    #[test]
    fn a_malformed_header_is_refused_by_name_and_its_value_is_never_shown() {
        for (name, value, says) in [
            ("a b", "hunter2", "header names"),
            ("", "hunter2", "header names"),
            ("api-key", "hunter2\n", "printable ASCII"),
            ("api-key", "hunter2\u{e9}", "printable ASCII"),
            ("Content-Length", "hunter2", "other than those"),
            ("grpc-timeout", "hunter2", "other than those"),
        ] {
            let error = Target::new(Signal::Traces, &endpoint("http://host/", &[(name, value)])).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("OTEL_EXPORTER_OTLP_TRACES_HEADERS"), "{text}");
            assert!(text.contains(says) && text.contains(name) && !text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn http_keeps_the_path_and_grpc_has_its_own() {
        let http = Target::new(Signal::Logs, &endpoint("http://host:443/otlp/v1/logs?tenant=7", &[])).unwrap();
        assert_eq!(http.uri.to_string(), "http://host:443/otlp/v1/logs?tenant=7");
        assert_eq!(http.authority, "http://host:443");
        let grpc = Endpoint { protocol: Protocol::Grpc, ..endpoint("http://[::1]:4317/ignored", &[]) };
        let grpc = Target::new(Signal::Logs, &grpc).unwrap();
        assert_eq!(grpc.uri.to_string(), "http://[::1]:4317/opentelemetry.proto.collector.logs.v1.LogsService/Export");
    }

    #[test]
    fn the_user_may_name_another_user_agent() {
        let default = Target::new(Signal::Logs, &endpoint("http://host/", &[])).unwrap();
        assert_eq!(default.headers["user-agent"], AGENT);
        let own = Target::new(Signal::Logs, &endpoint("http://host/", &[("User-Agent", "mine")])).unwrap();
        assert_eq!(own.headers["user-agent"], "mine");
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn encryption_needs_the_feature_and_says_so() {
        let error = Target::new(Signal::Logs, &endpoint("https://host/", &[])).unwrap_err();
        assert!(error.to_string().contains("built without bellwether's feature `tls`"), "{error}");
    }
}
