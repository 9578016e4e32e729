//! Layers of tower for HTTP and gRPC: context in and out, server and client spans by the semantic conventions.
//!
//! A [`ServerLayer`] reads who called from the headers before it opens its span, so that the caller's trace goes on and
//! its sampling decision holds. A [`ClientLayer`] opens a span for each request and writes it into the headers, with
//! `sampled=0` too. Both work for every service of tower over `http` types: axum, tonic, hyper.
//!
//! ```
//! use bellwether::http::{ClientLayer, ServerLayer};
//! use tower::{ServiceBuilder, service_fn};
//! # type Answer = Result<http::Response<http_body_util::Empty<hyper::body::Bytes>>, std::convert::Infallible>;
//! # async fn handle<B>(_: http::Request<B>) -> Answer { Ok(http::Response::default()) }
//!
//! let server = ServiceBuilder::new().layer(ServerLayer::new()).service(service_fn(handle::<String>));
//! let client = ServiceBuilder::new().layer(ClientLayer::new()).service(server);
//! ```
//!
//! With axum, `Router::layer` runs when the route is known, and one line more makes it the span's name:
//!
//! ```
//! use axum::Router;
//! use axum::extract::MatchedPath;
//! use axum::routing::get;
//! use bellwether::http::ServerLayer;
//! # async fn user() {}
//!
//! let layer = ServerLayer::new().route(|request| request.extensions.get().map(MatchedPath::as_str));
//! let router: Router = Router::new().route("/users/{id}", get(user)).layer(layer);
//! ```
//!
//! With tonic: `Server::builder().layer(ServerLayer::new())`, and `GreeterClient::new(ClientLayer::new().layer(channel))`.
//! A request whose content is `application/grpc` gets a span of the RPC conventions.
//!
//! # What a span says
//! Names and attributes are those of the semantic conventions 1.4x for
//! [HTTP](https://opentelemetry.io/docs/specs/semconv/http/http-spans/) (stable) and
//! [gRPC](https://opentelemetry.io/docs/specs/semconv/rpc/grpc/) (release candidate). `error.type` is a status code, the
//! name of an error's Rust type, `_OTHER` for an error in a box, `panic`, or `cancelled` when the client of a server went
//! away. A client that drops its request has not failed.
//!
//! Filters know the spans by the target `http`, such as `BELLWETHER_FILTER=warn,http=info`.
//!
//! A span ends when the body of the response has ended or is dropped, for clients too: until then something may fail.
//!
//! Differences that are meant: keys of secrets in a query are found whatever their case, because a secret that is shown
//! is worse than a value that is hidden, and their list is longer ([`SENSITIVE_QUERY_PARAMETERS`]);
//! `Forwarded` and `X-Forwarded-*` are not read, because anybody can write them ([`ServerLayer::client_address`] may).

mod body;
mod call;
mod client;
mod context;
mod future;
mod grpc;
mod redact;
mod request;
mod server;
#[cfg(test)]
mod tests;

pub use body::ResponseBody;
pub use client::{Client, ClientLayer, ResendCount, UrlTemplate};
pub use context::{extract, inject};
pub use future::ResponseFuture;
pub use redact::SENSITIVE_QUERY_PARAMETERS;
pub use request::KNOWN_METHODS;
pub use server::{Server, ServerLayer};

/// Target of the spans, for filters. Not a module of this crate, whose own spans are no telemetry.
const TARGET: &str = "http";
