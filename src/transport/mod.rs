//! Connections for whatever sends over HTTP: pools that own nothing of the host, with TLS by files that are checked at
//! setup.

#[cfg(feature = "tls")]
mod tls;

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::http::{HeaderMap, Request, StatusCode};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::Error;

#[cfg(feature = "email")]
pub(crate) use self::tls::certificates;

/// Idle connections are closed after this time; shorter than the idle limits of common load balancers (60 s), so that
/// a request rarely meets a connection that the other side is closing.
const IDLE: Duration = Duration::from_secs(50);
/// Idle connections that are kept: one for each signal.
const IDLE_CONNECTIONS: usize = 3;
/// How long sent data may stay unacknowledged before the kernel gives the connection up.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

#[cfg(feature = "tls")]
type Connector = hyper_rustls::HttpsConnector<HttpConnector<Resolver>>;
#[cfg(not(feature = "tls"))]
type Connector = HttpConnector<Resolver>;

type Pool = legacy::Client<Connector, Full<Bytes>>;

/// Which HTTP is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// HTTP/2 only, without TLS as well: gRPC.
    Http2,
    /// HTTP/1.1, or HTTP/2 where TLS agrees on it.
    Any,
}

/// Files for TLS, in PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificates to trust instead of the system's (`OTEL_EXPORTER_OTLP_CERTIFICATE`).
    pub certificate: Option<PathBuf>,
    /// The client's own certificate (`OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE`).
    pub client_certificate: Option<PathBuf>,
    /// Its key (`OTEL_EXPORTER_OTLP_CLIENT_KEY`).
    pub client_key: Option<PathBuf>,
}

/// A file of [`Tls`], for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFile {
    /// Certificates to trust.
    Certificate,
    /// The client's own certificate.
    ClientCertificate,
    /// Its key.
    ClientKey,
}

/// A complete answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// What came after the body.
    pub trailers: HeaderMap,
}

/// Why there is no complete answer.
#[derive(Debug)]
pub enum Broken {
    /// The connection could not be made.
    Unconnected(String),
    /// The connection was made, and broke.
    Lost(String),
    /// The answer is larger than the limit.
    TooLong,
}

/// A pool of connections.
pub struct Transport {
    /// Replaced by [`Transport::renew`].
    pool: Mutex<Pool>,
    connector: Connector,
    version: Version,
    /// Largest answer that is read, in bytes.
    response_limit: usize,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("version", &self.version).finish_non_exhaustive()
    }
}

impl Transport {
    /// A pool that encrypts `https` with these certificates; with `None` for `http` alone. `setting` names the setting of
    /// a file. Reads the files, and connects to nobody.
    ///
    /// # Errors
    /// When a file cannot be read, is not PEM, holds nothing of its kind, or the key does not belong to the certificate.
    #[cfg(feature = "tls")]
    pub fn new(
        version: Version,
        response_limit: usize,
        tls: Option<&Tls>,
        setting: impl Fn(TlsFile) -> String,
    ) -> Result<Self, Error> {
        let tls = tls::client_config(tls, &setting)?;
        let schemes = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        let connector = match version {
            Version::Http2 => schemes.enable_http2().wrap_connector(tcp()),
            Version::Any => schemes.enable_all_versions().wrap_connector(tcp()),
        };
        Ok(Self::over(connector, version, response_limit))
    }

    /// A pool without encryption: this build knows none.
    ///
    /// # Errors
    /// None; builds with TLS have some.
    #[cfg(not(feature = "tls"))]
    pub fn new(
        version: Version,
        response_limit: usize,
        _: Option<&Tls>,
        _: impl Fn(TlsFile) -> String,
    ) -> Result<Self, Error> {
        Ok(Self::over(tcp(), version, response_limit))
    }

    fn over(connector: Connector, version: Version, response_limit: usize) -> Self {
        Self { pool: Mutex::new(pool(connector.clone(), version)), connector, version, response_limit }
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// When no whole answer came.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, Broken> {
        let pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let response = pool.request(request).await.map_err(|error| {
            if error.is_connect() { Broken::Unconnected(reason(&error)) } else { Broken::Lost(reason(&error)) }
        })?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, self.response_limit).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() { Broken::TooLong } else { Broken::Lost(reason(&*error)) }
        })?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes(), trailers })
    }

    /// Forgets all connections. A request that was given up may have hung on a dead one, which HTTP/2 would otherwise
    /// use for the next request as well.
    pub fn renew(&self) {
        let fresh = pool(self.connector.clone(), self.version);
        *self.pool.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
    }
}

fn pool(connector: Connector, version: Version) -> Pool {
    legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .http2_only(version == Version::Http2)
        .build(connector)
}

fn tcp() -> HttpConnector<Resolver> {
    let mut tcp = HttpConnector::new_with_resolver(Resolver);
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(UNACKNOWLEDGED));
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    tcp
}

/// The system's name resolution. hyper's own opens spans on the threads that resolve, which our guard against
/// exporting our own exports does not cover.
#[derive(Debug, Clone, Copy)]
struct Resolver;

impl tower_service::Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(found.into_iter())
        })
    }
}

/// The causes of an error in one line, without repeating itself.
fn reason(error: &(dyn StdError + 'static)) -> String {
    let mut said = String::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        cause = error.source();
        // hyper's outermost error only names the kind of the cause.
        if error.is::<legacy::Error>() && cause.is_some() {
            continue;
        }
        let text = error.to_string();
        if !said.contains(&text) {
            said.push_str(if said.is_empty() { "" } else { ": " });
            said.push_str(&text);
        }
    }
    said
}

/// A random number from 0 to 1. The standard library's hash keys are random enough to spread clients in time.
pub fn jitter() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(0_u8);
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use tower_service::Service as _;

    use super::*;

    #[test]
    fn jitter_stays_in_its_range_and_differs() {
        let drawn: Vec<f64> = (0..1_000).map(|_| jitter()).collect();
        assert!(drawn.iter().all(|value| (0.0..1.0).contains(value)));
        let mean = drawn.iter().sum::<f64>() / 1_000.0;
        assert!((0.4..0.6).contains(&mean), "{mean}");
    }

    #[tokio::test]
    async fn a_connection_does_not_hold_back_small_requests() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stream = tcp().call(url.parse().unwrap()).await.unwrap().into_inner();
        assert!(stream.nodelay().unwrap(), "asked of the socket itself");
    }
}
