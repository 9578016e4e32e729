//! Connections: one pool for each protocol and set of certificates.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::SocketAddr;
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

use super::Protocol;

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

/// A complete answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) trailers: HeaderMap,
}

/// Why there is no complete answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// The connection could not be made.
    Unconnected(String),
    /// The connection was made, and broke.
    Lost(String),
    /// The answer is larger than the limit.
    TooLong,
}

/// A pool of connections.
pub(super) struct Transport {
    /// Replaced by [`Transport::renew`].
    pool: Mutex<Pool>,
    connector: Connector,
    protocol: Protocol,
    /// Largest answer that is read, in bytes.
    response_limit: usize,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("protocol", &self.protocol).finish_non_exhaustive()
    }
}

impl Transport {
    /// A pool without encryption, also for builds that know none.
    #[cfg(not(feature = "tls"))]
    pub(super) fn new(protocol: Protocol, response_limit: usize) -> Self {
        Self::over(tcp(), protocol, response_limit)
    }

    /// A pool that encrypts `https` with these certificates.
    #[cfg(feature = "tls")]
    pub(super) fn new(protocol: Protocol, response_limit: usize, tls: rustls::ClientConfig) -> Self {
        let schemes = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        let connector = match protocol {
            Protocol::Grpc => schemes.enable_http2().wrap_connector(tcp()),
            Protocol::HttpProtobuf => schemes.enable_all_versions().wrap_connector(tcp()),
        };
        Self::over(connector, protocol, response_limit)
    }

    fn over(connector: Connector, protocol: Protocol, response_limit: usize) -> Self {
        Self { pool: Mutex::new(pool(connector.clone(), protocol)), connector, protocol, response_limit }
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, Broken> {
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
    pub(super) fn renew(&self) {
        let fresh = pool(self.connector.clone(), self.protocol);
        *self.pool.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
    }
}

fn pool(connector: Connector, protocol: Protocol) -> Pool {
    legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .http2_only(protocol == Protocol::Grpc)
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
