//! tonic-tracing-opentelemetry: context into a server, and out of a client that the server calls.

mod common;

use std::convert::Infallible;

use common::{CALLER, TRACE, Telemetry, caller, goes_on};
use http::{HeaderMap, Request, Response};
use tonic::body::Body;
use tonic_tracing_opentelemetry::middleware::{client, server};
use tower::{Layer, ServiceExt, service_fn};

type Answer = Result<Response<Body>, Infallible>;

/// Answers with the headers of the request.
async fn echo(request: Request<Body>) -> Answer {
    let mut response = Response::new(Body::empty());
    *response.headers_mut() = request.headers().clone();
    Ok(response)
}

/// Calls another service, and answers as that does.
async fn relay(_: Request<Body>) -> Answer {
    client::OtelGrpcLayer.layer(service_fn(echo)).oneshot(call("/shop.Stock/Get", HeaderMap::new())).await
}

fn call(path: &str, headers: HeaderMap) -> Request<Body> {
    let mut request = Request::post(path).body(Body::empty()).unwrap();
    *request.headers_mut() = headers;
    request
}

#[tokio::test]
async fn the_callers_trace_goes_on_sampled_and_not() {
    let telemetry = Telemetry::start();
    for sampled in [true, false] {
        let server = server::OtelGrpcLayer::default().layer(service_fn(relay));
        let response = server.oneshot(call("/shop.Prices/Get", caller(sampled))).await.unwrap();
        let span_id = goes_on(response.headers(), sampled);
        drop(response);
        let spans = telemetry.spans();
        assert_eq!(spans.len(), 2 * usize::from(sampled));
        let [client, server] = &spans[..] else { continue };
        assert_eq!((&*client.name, &*server.name), ("shop.Stock/Get", "shop.Prices/Get"));
        assert_eq!(client.span_context.span_id().to_string(), span_id);
        assert_eq!(client.parent_span_id, server.span_context.span_id());
        assert_eq!(server.span_context.trace_id().to_string(), TRACE);
        assert_eq!((server.parent_span_id.to_string().as_str(), server.parent_span_is_remote), (CALLER, true));
    }
}
