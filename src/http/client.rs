//! The client's side.

use std::borrow::Cow;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;
use tracing::field::Empty;
use tracing::{Span, info_span};

use super::call::{Call, Protocol, Side};
use super::redact::Url;
use super::request::{Address, Method, Name, OTHER, Words, authority};
use super::{ResponseBody, ResponseFuture, TARGET, context, grpc};

/// Opens a span of kind client for each request, and writes it into the request's headers.
///
/// ```
/// use bellwether::http::ClientLayer;
///
/// let layer = ClientLayer::new().server("prices.example.com", 50051);
/// ```
#[derive(Debug, Clone, Default)]
pub struct ClientLayer(Arc<Settings>);

#[derive(Debug, Clone, Default)]
struct Settings {
    words: Words,
    server: Option<(String, u16)>,
}

/// Extension of a request that is sent again, for any reason: the first repetition is 1. `http.request.resend_count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResendCount(pub u32);

/// Extension of a request whose path follows a template, such as `/users/{id}`: `url.template`, and part of the span's
/// name. There must be few of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlTemplate(pub Cow<'static, str>);

impl ClientLayer {
    /// The server is read from each request.
    pub fn new() -> Self {
        Self::default()
    }

    /// `server.address` and `server.port` of requests that do not say them: those of gRPC over a channel, or of HTTP/1
    /// over a connection of their own. Default: they are left out.
    #[must_use]
    pub fn server(mut self, host: impl Into<String>, port: u16) -> Self {
        self.settings().server = Some((host.into(), port));
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

    fn settings(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.0)
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = Client<S>;

    fn layer(&self, inner: S) -> Client<S> {
        Client { inner, settings: Arc::clone(&self.0) }
    }
}

/// A service whose requests have spans of kind client; made by [`ClientLayer`].
#[derive(Debug, Clone)]
pub struct Client<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S, A, B> Service<Request<A>> for Client<S>
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
        let (mut parts, body) = request.into_parts();
        let mut call = self.settings.call(&parts);
        let future = call.within(|| {
            context::inject(&mut parts.headers);
            self.inner.call(Request::from_parts(parts, body))
        });
        ResponseFuture::new(future, Some(call))
    }
}

impl Settings {
    fn call(&self, request: &Parts) -> Call {
        let (span, protocol) = if grpc::is_grpc(&request.headers) {
            (self.grpc(request), Protocol::Grpc { unproven: None })
        } else {
            (self.http(request), Protocol::Http)
        };
        Call::new(span, Side::Client, protocol, &request.method)
    }

    fn http(&self, request: &Parts) -> Span {
        let method = Method::of(request, &self.words);
        let template = request.extensions.get().map(|UrlTemplate(template)| &**template);
        let server = self.address(request);
        let usual_port = || match request.uri.scheme_str() {
            Some("https") => Some(443),
            Some("http") => Some(80),
            _ => None,
        };
        let url =
            authority(request).map(|authority| Url { uri: &request.uri, authority, secrets: &self.words.secrets });
        info_span!(
            target: TARGET,
            "http.client",
            otel.name = display(Name(&method, template)),
            otel.kind = "client",
            otel.status_code = Empty,
            http.request.method = method.name,
            http.request.method_original = method.original,
            http.request.resend_count = request.extensions.get().map(|ResendCount(count)| *count),
            http.response.status_code = Empty,
            url.full = url.map(display),
            url.template = template,
            server.address = server.map(|server| server.host),
            server.port = server.and_then(|server| server.port.or_else(usual_port)),
            error.type = Empty,
        )
    }

    fn grpc(&self, request: &Parts) -> Span {
        let method = grpc::method(&request.uri);
        let server = self.address(request);
        info_span!(
            target: TARGET,
            "grpc.client",
            otel.name = method.unwrap_or("grpc"),
            otel.kind = "client",
            otel.status_code = Empty,
            rpc.system.name = "grpc",
            rpc.method = method.unwrap_or(OTHER),
            rpc.response.status_code = Empty,
            server.address = server.map(|server| server.host),
            server.port = server.and_then(|server| server.port),
            error.type = Empty,
        )
    }

    fn address<'a>(&'a self, request: &'a Parts) -> Option<Address<'a>> {
        let told = || self.server.as_ref().map(|(host, port)| Address { host, port: Some(*port) });
        Address::of(request).or_else(told)
    }
}
