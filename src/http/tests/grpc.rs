//! Requests of gRPC.

use http::HeaderMap;

use super::*;
use crate::families::Family;
use crate::model::Data;
use crate::names;

fn grpc(path: &str) -> Request<Body> {
    Request::post(path)
        .version(Version::HTTP_2)
        .header("content-type", "application/grpc")
        .body(Body::default())
        .unwrap()
}

#[test]
fn grpc_spans_say_method_and_status_of_trailers_headers_or_neither() {
    let answer = |status: u16, headers: Option<&str>, trailers: Option<&str>| {
        let map = |status: &str| HeaderMap::from_iter([("grpc-status".parse().unwrap(), status.parse().unwrap())]);
        let frames = trailers.map(|status| Ok::<_, Infallible>(Frame::<Bytes>::trailers(map(status))));
        let body = StreamBody::new(stream::iter(frames));
        let mut response = Response::builder().status(status).body(body).unwrap();
        response.headers_mut().extend(headers.map(map).unwrap_or_default());
        response
    };
    for (status, headers, trailers, code, server, client) in [
        (200, None, Some("0"), "OK", false, false),
        (200, Some("0"), None, "OK", false, false),
        (200, None, Some("5"), "NOT_FOUND", false, true),
        (200, Some("13"), None, "INTERNAL", true, true),
        (200, None, None, "UNKNOWN", true, true),
        (503, None, None, "UNAVAILABLE", true, true),
        (200, None, Some("77"), "UNKNOWN", true, true),
    ] {
        let capture = testing::capture();
        run(&capture, async {
            let handle = async |_: Request<Body>| Ok::<_, Infallible>(answer(status, headers, trailers));
            let service =
                ClientLayer::new().server("prices", 50051).layer(ServerLayer::new().layer(service_fn(handle)));
            drop(service.oneshot(grpc("/shop.Prices/Get")).await.unwrap().into_body().collect().await);
        });
        let spans = capture.spans();
        assert_eq!(spans.len(), 2);
        for (span, is_error) in spans.iter().map(|it| (it, if it.kind == SpanKind::Server { server } else { client })) {
            assert_eq!((span.name.as_str(), span.is_error()), ("shop.Prices/Get", is_error), "{code}, {:?}", span.kind);
            assert_eq!(text(span, "rpc.system.name").as_deref(), Some("grpc"));
            assert_eq!(text(span, "rpc.method").as_deref(), Some("shop.Prices/Get"));
            assert_eq!(text(span, "rpc.response.status_code").as_deref(), Some(code), "{:?}", span.kind);
            assert_eq!(text(span, "error.type").as_deref(), is_error.then_some(code));
            let server = (span.kind == SpanKind::Client).then_some("prices");
            assert_eq!(text(span, "server.address").as_deref(), server);
        }
    }
}

#[test]
fn a_length_does_not_end_a_grpc_answer_before_its_trailers() {
    let capture = testing::capture();
    run(&capture, async {
        let handle = async |_: Request<Body>| {
            let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static("5"))]);
            let frames = [Frame::data(Bytes::from_static(b"four")), Frame::trailers(trailers)];
            let body = StreamBody::new(stream::iter(frames.map(Ok::<_, Infallible>)));
            Ok::<_, Infallible>(Response::builder().header("content-length", "4").body(body).unwrap())
        };
        let service = ClientLayer::new().layer(ServerLayer::new().layer(service_fn(handle)));
        drop(service.oneshot(grpc("/shop.Prices/Get")).await.unwrap().into_body().collect().await);
    });
    let said: Vec<_> = capture.spans().iter().map(|span| text(span, "rpc.response.status_code")).collect();
    assert_eq!(said, [Some("NOT_FOUND".to_owned()), Some("NOT_FOUND".to_owned())]);
}

#[test]
fn a_method_that_the_server_does_not_have_names_no_span() {
    let unimplemented = async |_: Request<Body>| {
        let response = Response::builder().header("grpc-status", "12").body(Body::default());
        Ok::<_, Infallible>(response.unwrap())
    };
    let told = ServerLayer::new().rpc_methods(["shop.Prices/Get"]);
    for layer in [ServerLayer::new(), told.clone()] {
        let capture = testing::capture();
        run(&capture, async {
            drop(layer.layer(service_fn(unimplemented)).oneshot(grpc("/shop.Prices/Steal")).await);
        });
        let span = &capture.spans()[0];
        assert_eq!((span.name.as_str(), capture.calls("grpc")), ("grpc", 1));
        assert_eq!(text(span, "rpc.method").as_deref(), Some("_OTHER"));
        assert_eq!(text(span, "rpc.method_original").as_deref(), Some("shop.Prices/Steal"));
    }
    let capture = testing::capture();
    run(&capture, async {
        drop(told.layer(service_fn(unimplemented)).oneshot(grpc("/shop.Prices/Get")).await);
        // Given up by its caller.
        let hang = async |_: Request<Body>| -> Result<Response<Body>, Infallible> { std::future::pending().await };
        assert!(told.layer(service_fn(hang)).oneshot(grpc("/shop.Prices/Get")).now_or_never().is_none());
    });
    assert_eq!(capture.calls("shop.Prices/Get"), 2);
    let cancelled = &capture.spans()[1];
    assert_eq!(text(cancelled, "rpc.response.status_code").as_deref(), Some("CANCELLED"));
    assert!(!cancelled.is_error(), "by the conventions for servers");
}

#[test]
fn the_metrics_of_the_conventions_know_the_status_that_the_spans_say() {
    let capture = testing::builder().families([Family::Semconv]).build();
    run(&capture, async {
        let handle = async |_: Request<Body>| {
            Ok::<_, Infallible>(Response::builder().header("grpc-status", "13").body(Body::default()).unwrap())
        };
        let service = ClientLayer::new().layer(ServerLayer::new().layer(service_fn(handle)));
        drop(service.oneshot(grpc("/shop.Prices/Get")).await.unwrap().into_body().collect().await);
    });
    for metric in [names::RPC_SERVER_DURATION, names::RPC_CLIENT_DURATION] {
        let found = capture.metric(metric.name).unwrap_or_else(|| panic!("no {}", metric.name));
        let Data::Histogram { points, .. } = found.data else { panic!("{} is no histogram", metric.name) };
        let attributes: Vec<_> = points[0].attributes.iter().map(|kv| format!("{}={}", kv.key, kv.value)).collect();
        let expected = [
            "error.type=INTERNAL",
            "rpc.method=shop.Prices/Get",
            "rpc.response.status_code=INTERNAL",
            "rpc.system.name=grpc",
        ];
        assert_eq!(attributes, expected, "{}", metric.name);
    }
}
