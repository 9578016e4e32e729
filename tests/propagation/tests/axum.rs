//! axum-tracing-opentelemetry: a server's context in, and out in the response.

mod common;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use axum_tracing_opentelemetry::middleware::{OtelAxumLayer, OtelInResponseLayer};
use common::{CALLER, TRACE, Telemetry, caller, goes_on};
use http::Request;
use tower::ServiceExt;

#[tokio::test]
async fn the_callers_trace_goes_on_sampled_and_not() {
    let telemetry = Telemetry::start();
    let router = Router::new()
        .route("/users/{id}", get(async || "user"))
        .layer(OtelInResponseLayer)
        .layer(OtelAxumLayer::default());
    for sampled in [true, false] {
        let mut request = Request::get("/users/7").body(Body::empty()).unwrap();
        *request.headers_mut() = caller(sampled);
        let response = router.clone().oneshot(request).await.unwrap();
        let span_id = goes_on(response.headers(), sampled);
        drop(response);
        let spans = telemetry.spans();
        assert_eq!(spans.len(), usize::from(sampled));
        for span in spans {
            assert_eq!(span.name, "GET /users/{id}");
            assert_eq!(span.span_context.trace_id().to_string(), TRACE);
            assert_eq!(span.span_context.span_id().to_string(), span_id);
            assert_eq!((span.parent_span_id.to_string().as_str(), span.parent_span_is_remote), (CALLER, true));
        }
    }
}
