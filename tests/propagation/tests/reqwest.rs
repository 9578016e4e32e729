//! reqwest-tracing: spans of a client, whose context goes out by a middleware.
//!
//! reqwest-tracing 0.7.1 injects through versions of opentelemetry up to 0.32 only, which know nothing of a subscriber
//! that is built on another one.

mod common;

use async_trait::async_trait;
use axum::Router;
use axum::routing::get;
use common::{TRACE, Telemetry, caller, goes_on};
use http::{Extensions, HeaderMap};
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, Middleware, Next, Result};
use reqwest_tracing::TracingMiddleware;
use tokio::net::TcpListener;
use tracing::Instrument;

/// Writes the span that is entered, which is that of [`TracingMiddleware`], into the headers.
struct Propagation;

#[async_trait]
impl Middleware for Propagation {
    async fn handle(&self, mut request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
        bellwether::http::inject(request.headers_mut());
        next.run(request, extensions).await
    }
}

#[tokio::test]
async fn a_clients_span_goes_out_sampled_and_not() {
    let telemetry = Telemetry::start();
    let echo = Router::new().route("/", get(async |headers: HeaderMap| (headers, "")));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, echo).await });

    let client =
        ClientBuilder::new(reqwest::Client::new()).with(TracingMiddleware::default()).with(Propagation).build();
    for sampled in [true, false] {
        let attached = bellwether::http::extract(&caller(sampled)).attach();
        let root = tracing::info_span!("root", otel.kind = "consumer");
        drop(attached);
        let response = client.get(&url).send().instrument(root).await.unwrap();
        let span_id = goes_on(response.headers(), sampled);
        drop(response);
        let spans = telemetry.spans();
        assert_eq!(spans.len(), 2 * usize::from(sampled));
        let [client, root] = &spans[..] else { continue };
        assert_eq!(client.span_context.span_id().to_string(), span_id);
        assert_eq!(client.parent_span_id, root.span_context.span_id());
        assert_eq!(client.span_context.trace_id().to_string(), TRACE);
    }
}
