//! The server's side.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::TraceContextExt;
use tower_layer::Layer;
use tower_service::Service;
use tracing::field::{Empty, display};
use tracing::{Span, info_span};

use super::call::{Call, Protocol, Side};
use super::context;
use super::redact::Query;
use super::request::{Address, Method, Name, OTHER, Words, user_agent, version};
use super::{ResponseBody, ResponseFuture, TARGET, grpc};

/// Opens a span of kind server for each request, in the trace that the request names.
///
/// ```
/// use bellwether::http::ServerLayer;
///
/// let layer = ServerLayer::new()
///     .filter(|request| request.uri.path() != "/health")
///     .scheme("https");
/// ```
#[derive(Debug, Clone, Default)]
pub struct ServerLayer(Arc<Settings>);

/// Reads the route template of a request.
type Route = dyn for<'a> Fn(&'a Parts) -> Option<&'a str> + Send + Sync;
/// Reads who sent a request.
type ClientAddress = dyn Fn(&Parts) -> Option<IpAddr> + Send + Sync;
/// Whether a request has a span.
type Filter = dyn Fn(&Parts) -> bool + Send + Sync;

#[derive(Clone, Default)]
struct Settings {
    words: Words,
    route: Option<Arc<Route>>,
    client: Option<Arc<ClientAddress>>,
    filter: Option<Arc<Filter>>,
    scheme: Option<String>,
    rpc_methods: Option<Vec<String>>,
}

impl ServerLayer {
    /// No route is known, and every request has a span.
    pub fn new() -> Self {
        Self::default()
    }

    /// How the route template of a request is found, such as `/users/{id}`: `http.route` and part of the span's name.
    /// Nothing that a client chooses may be in it. Default: none, and the name is the method alone.
    ///
    /// For axum, in a layer of its router: `|request| request.extensions.get().map(MatchedPath::as_str)`.
    #[must_use]
    pub fn route(mut self, read: impl for<'a> Fn(&'a Parts) -> Option<&'a str> + Send + Sync + 'static) -> Self {
        self.settings().route = Some(Arc::new(read));
        self
    }

    /// How the address of the client is found: `client.address`. Default: it is not recorded.
    ///
    /// For axum with `into_make_service_with_connect_info`:
    /// `|request| request.extensions.get().map(|ConnectInfo(peer): &ConnectInfo<SocketAddr>| peer.ip())`. Behind a proxy
    /// that can be trusted, read the header that it sets.
    #[must_use]
    pub fn client_address(mut self, read: impl Fn(&Parts) -> Option<IpAddr> + Send + Sync + 'static) -> Self {
        self.settings().client = Some(Arc::new(read));
        self
    }

    /// Which requests have a span, such as all but health checks. What the caller sent along holds for the others too.
    #[must_use]
    pub fn filter(mut self, wants: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.settings().filter = Some(Arc::new(wants));
        self
    }

    /// `url.scheme` where the request does not say, as none does in HTTP/1. Default: `http`.
    #[must_use]
    pub fn scheme(mut self, scheme: impl Into<String>) -> Self {
        self.settings().scheme = Some(scheme.into());
        self
    }

    /// Methods that are attributes by their name; replaces [`KNOWN_METHODS`](super::KNOWN_METHODS).
    #[must_use]
    pub fn known_methods(mut self, methods: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.settings().words.methods = methods.into_iter().map(Into::into).collect();
        self
    }

    /// Query parameters whose values are not recorded; replaces
    /// [`SENSITIVE_QUERY_PARAMETERS`](super::SENSITIVE_QUERY_PARAMETERS).
    #[must_use]
    pub fn sensitive_query_parameters(mut self, keys: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.settings().words.secrets = keys.into_iter().map(Into::into).collect();
        self
    }

    /// The methods of the server's gRPC services, such as `shop.Prices/Get`; others are `_OTHER` from the start.
    /// Default: a method is taken for one of the server's until the answer is `UNIMPLEMENTED`.
    #[must_use]
    pub fn rpc_methods(mut self, methods: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.settings().rpc_methods = Some(methods.into_iter().map(Into::into).collect());
        self
    }

    fn settings(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.0)
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = Server<S>;

    fn layer(&self, inner: S) -> Server<S> {
        Server { inner, settings: Arc::clone(&self.0) }
    }
}

/// A service whose requests have spans of kind server; made by [`ServerLayer`].
#[derive(Debug, Clone)]
pub struct Server<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S, A, B> Service<Request<A>> for Server<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    B: Body,
{
    type Response = Response<ResponseBody<B>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let mut call = self.settings.call(&parts);
        let request = Request::from_parts(parts, body);
        let future = call.within(|| self.inner.call(request));
        ResponseFuture::new(future, Some(call))
    }
}

impl Settings {
    fn call(&self, request: &Parts) -> Call {
        // The caller's span is the parent from the start: whether this span is recorded follows from it.
        let remote = context::extract(&request.headers);
        let attached = remote.clone().attach();
        let (span, protocol) = if self.filter.as_ref().is_some_and(|wants| !wants(request)) {
            (Span::none(), Protocol::Http)
        } else if grpc::is_grpc(&request.headers) {
            self.grpc(request)
        } else {
            (self.http(request), Protocol::Http)
        };
        drop(attached);
        let remote = (remote.has_active_span() || !remote.baggage().is_empty()).then_some(remote);
        Call::new(span, Side::Server, protocol, &request.method).with_remote(remote)
    }

    fn http(&self, request: &Parts) -> Span {
        let method = Method::of(request, &self.words);
        let route = self.route.as_ref().and_then(|read| read(request));
        let server = Address::of(request);
        let scheme = request.uri.scheme_str().or(self.scheme.as_deref()).unwrap_or("http");
        let query = request.uri.query().map(|query| display(Query { query, secrets: &self.words.secrets }));
        info_span!(
            target: TARGET,
            "http.server",
            otel.name = display(Name(&method, route)),
            otel.kind = "server",
            otel.status_code = Empty,
            http.request.method = method.name,
            http.request.method_original = method.original,
            http.route = route,
            http.response.status_code = Empty,
            url.path = request.uri.path(),
            url.query = query,
            url.scheme = scheme,
            server.address = server.map(|server| server.host),
            server.port = server.and_then(|server| server.port),
            client.address = self.client.as_ref().and_then(|read| read(request)).map(display),
            network.protocol.version = version(request.version),
            user_agent.original = user_agent(&request.headers),
            error.type = Empty,
        )
    }

    fn grpc(&self, request: &Parts) -> (Span, Protocol) {
        let original = grpc::method(&request.uri);
        let is_known = |method: &&str| self.rpc_methods.as_ref().is_none_or(|all| all.iter().any(|it| it == method));
        let known = original.filter(is_known);
        let unknown = if known.is_none() { original.or_else(|| Some(request.uri.path())) } else { None };
        let server = Address::of(request);
        let span = info_span!(
            target: TARGET,
            "grpc.server",
            otel.name = known.unwrap_or("grpc"),
            otel.kind = "server",
            otel.status_code = Empty,
            rpc.system.name = "grpc",
            rpc.method = known.unwrap_or(OTHER),
            rpc.method_original = unknown,
            rpc.response.status_code = Empty,
            server.address = server.map(|server| server.host),
            server.port = server.and_then(|server| server.port),
            client.address = self.client.as_ref().and_then(|read| read(request)).map(display),
            error.type = Empty,
        );
        let is_unproven = known.is_some() && self.rpc_methods.is_none() && !span.is_disabled();
        (span, Protocol::Grpc { unproven: is_unproven.then(|| request.uri.clone()) })
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("words", &self.words)
            .field("route", &self.route.is_some())
            .field("client_address", &self.client.is_some())
            .field("filter", &self.filter.is_some())
            .field("scheme", &self.scheme)
            .field("rpc_methods", &self.rpc_methods)
            .finish()
    }
}
