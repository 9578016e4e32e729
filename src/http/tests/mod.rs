//! The layers around services of this process, each telling a capture.

mod grpc;

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Once;
use std::time::Duration;

use futures_util::{FutureExt, stream};
use http::{HeaderValue, Method, Request, Response, Version};
use http_body_util::{BodyExt, Channel, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry::trace::SpanKind;
use opentelemetry::{Value, global};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use tower::{Layer, ServiceExt, service_fn};

use super::{ClientLayer, ResendCount, ServerLayer, UrlTemplate};
use crate::layer::Propagator;
use crate::testing::{self, Capture, Span};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

type Body = Full<Bytes>;

/// Runs a future to its end with the propagator that `init` installs.
fn run<R>(capture: &Capture, future: impl Future<Output = R>) -> R {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let all = TextMapCompositePropagator::new(vec![
            Box::new(TraceContextPropagator::new()),
            Box::new(BaggagePropagator::new()),
        ]);
        global::set_text_map_propagator(Propagator(all));
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    capture.scope(|| runtime.block_on(future))
}

/// What a span says, sorted, as `key=value`.
fn said(span: &Span) -> Vec<String> {
    let mut said: Vec<String> = span.attributes.iter().map(|pair| format!("{}={}", pair.key, pair.value)).collect();
    said.sort();
    said
}

fn text(span: &Span, key: &str) -> Option<String> {
    span.attribute(key).map(Value::to_string)
}

fn request(uri: &str) -> Request<Body> {
    Request::get(uri).body(Body::default()).unwrap()
}

fn traceparent(sampled: bool) -> HeaderValue {
    HeaderValue::try_from(format!("00-{TRACE}-{PARENT}-0{}", u8::from(sampled))).unwrap()
}

/// Asks a server that answers with this status, and reads the answer to its end.
async fn ask(layer: &ServerLayer, request: Request<Body>, status: u16) {
    let handle = async |_: Request<Body>| {
        let answer = Response::builder().status(status).body(Body::from("answer")).unwrap();
        Ok::<_, Infallible>(answer)
    };
    let response = layer.layer(service_fn(handle)).oneshot(request).await.unwrap();
    drop(response.into_body().collect().await);
}

#[test]
fn a_server_span_has_the_attributes_of_the_conventions_and_no_secret() {
    let capture = testing::capture();
    let layer = ServerLayer::new()
        .route(|request| request.extensions.get::<&str>().copied())
        .client_address(|_| Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7))));
    run(&capture, async {
        let mut full = request("/users/7?q=tide&sig=s3cret");
        full.extensions_mut().insert("/users/{id}");
        full.headers_mut().insert("host", HeaderValue::from_static("example.com:8080"));
        full.headers_mut().insert("user-agent", HeaderValue::from_static("curl/8"));
        ask(&layer, full, 200).await;
        let mut strange = request("https://[::1]/");
        *strange.method_mut() = Method::from_bytes(b"BREW").unwrap();
        *strange.version_mut() = Version::HTTP_2;
        ask(&layer, strange, 404).await;
    });
    let [full, strange] = &capture.spans()[..] else { panic!("two spans") };
    assert_eq!((full.name.as_str(), &full.kind), ("GET /users/{id}", &SpanKind::Server));
    assert_eq!(
        said(full),
        [
            "client.address=10.0.0.7",
            "http.request.method=GET",
            "http.response.status_code=200",
            "http.route=/users/{id}",
            "network.protocol.version=1.1",
            "server.address=example.com",
            "server.port=8080",
            "url.path=/users/7",
            "url.query=q=tide&sig=REDACTED",
            "url.scheme=http",
            "user_agent.original=curl/8",
        ]
    );
    assert_eq!(strange.name, "HTTP");
    assert!(!strange.is_error(), "the client is to blame");
    assert_eq!(
        said(strange),
        [
            "client.address=10.0.0.7",
            "http.request.method=_OTHER",
            "http.request.method_original=BREW",
            "http.response.status_code=404",
            "network.protocol.version=2",
            "server.address=::1",
            "url.path=/",
            "url.scheme=https",
        ]
    );
    assert_eq!(capture.calls("GET /users/{id}"), 1);
}

#[test]
fn a_status_is_an_error_of_the_side_that_is_to_blame_for_it() {
    for (status, server, client) in [
        (200, false, false),
        (304, false, false),
        (400, false, true),
        (499, false, true),
        (500, true, true),
        (503, true, true),
    ] {
        let capture = testing::capture();
        run(&capture, async {
            ask(&ServerLayer::new(), request("/"), status).await;
            let answer =
                async |_| Ok::<_, Infallible>(Response::builder().status(status).body(Body::default()).unwrap());
            let client = ClientLayer::new().layer(service_fn(answer));
            drop(client.oneshot(request("http://example.com/")).await);
        });
        for (span, is_error) in capture.spans().iter().zip([server, client]) {
            assert_eq!(span.is_error(), is_error, "{status}, {:?}", span.kind);
            assert_eq!(text(span, "error.type"), is_error.then(|| status.to_string()));
            assert_eq!(text(span, "http.response.status_code"), Some(status.to_string()));
        }
    }
}

/// Answers with the headers that a request of its own would carry, after some work.
async fn echo(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    let mut response = Response::new(Body::default());
    super::inject(response.headers_mut());
    tracing::info_span!(target: "shop", "work").in_scope(|| ());
    Ok(response)
}

fn from_remote(sampled: bool) -> Request<Body> {
    let mut request = request("/");
    request.headers_mut().insert("traceparent", traceparent(sampled));
    request.headers_mut().insert("baggage", HeaderValue::from_static("tenant=north"));
    request
}

#[test]
fn the_callers_sampling_decision_holds_whatever_the_own_sampler_says() {
    for (ratio, sampled) in [(0.0, true), (1.0, false)] {
        let capture = testing::builder().sampling_ratio(ratio).build();
        let server = ServerLayer::new().layer(service_fn(echo));
        let response = run(&capture, server.oneshot(from_remote(sampled))).unwrap();
        let goes_out = response.headers()["traceparent"].to_str().unwrap();
        assert!(goes_out.starts_with(&format!("00-{TRACE}-")), "{goes_out}");
        assert!(goes_out.ends_with(if sampled { "-01" } else { "-00" }), "{goes_out}");
        assert!(!goes_out.contains(PARENT), "the server's own span is the parent of what it calls");
        assert_eq!(response.headers()["baggage"], "tenant=north");
        let spans = capture.spans();
        assert_eq!(spans.len(), if sampled { 2 } else { 0 });
        for span in spans {
            assert_eq!(span.trace_id.to_string(), TRACE);
            assert_eq!(span.parent_is_remote, span.kind == SpanKind::Server);
        }
        assert_eq!((capture.calls("GET"), capture.calls("work")), (1, 1), "metrics are exact");
    }
}

#[test]
fn what_the_caller_sent_goes_on_where_no_span_is_wanted() {
    let capture = testing::capture();
    let server = ServerLayer::new().filter(|_| false).layer(service_fn(echo));
    let response = run(&capture, server.oneshot(from_remote(true))).unwrap();
    assert_eq!(response.headers()["traceparent"], traceparent(true));
    assert_eq!(response.headers()["baggage"], "tenant=north");
    let [work] = &capture.spans()[..] else { panic!("one span") };
    assert_eq!((work.trace_id.to_string().as_str(), work.parent_is_remote), (TRACE, true));
    // Without any telemetry as well.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let server = ServerLayer::new().layer(service_fn(echo));
    let response = runtime.block_on(server.oneshot(from_remote(false))).unwrap();
    assert_eq!(response.headers()["traceparent"], traceparent(false));
}

#[test]
fn a_client_span_goes_out_sampled_or_not_and_is_the_servers_parent() {
    for ratio in [1.0, 0.0] {
        let capture = testing::builder().sampling_ratio(ratio).build();
        let service = ClientLayer::new().layer(ServerLayer::new().layer(service_fn(echo)));
        let request = request("http://jo:pw@example.com/a?token=1");
        let response = run(&capture, service.oneshot(request)).unwrap();
        let sampled = if ratio > 0.5 { "-01" } else { "-00" };
        assert!(response.headers()["traceparent"].to_str().unwrap().ends_with(sampled));
        assert_eq!(capture.spans().len(), if ratio > 0.5 { 3 } else { 0 });
        assert_eq!(capture.operations().iter().map(|operation| operation.calls).sum::<u64>(), 3);
        let spans = capture.spans();
        let of = |kind| spans.iter().find(|span| span.kind == kind);
        let (Some(client), Some(server)) = (of(SpanKind::Client), of(SpanKind::Server)) else { continue };
        assert_eq!(server.parent, Some(client.span_id));
        assert_eq!(
            said(client),
            [
                "http.request.method=GET",
                "http.response.status_code=200",
                "server.address=example.com",
                "server.port=80",
                "url.full=http://REDACTED:REDACTED@example.com/a?token=REDACTED",
            ]
        );
    }
}

#[test]
fn a_client_says_what_the_request_knows_and_the_layer_was_told() {
    let capture = testing::capture();
    let client = ClientLayer::new().server("prices", 8443).known_methods(["GET"]).sensitive_query_parameters(["q"]);
    let mut request = request("/users/7?q=1&sig=2");
    request.extensions_mut().insert(ResendCount(2));
    request.extensions_mut().insert(UrlTemplate("/users/{id}".into()));
    run(&capture, async {
        drop(client.layer(service_fn(echo)).oneshot(request).await);
        let mut over_connection = Request::post("/a?sig=2&q=1").body(Body::default()).unwrap();
        over_connection.headers_mut().insert("host", HeaderValue::from_static("example.com:81"));
        drop(client.layer(service_fn(echo)).oneshot(over_connection).await);
    });
    let spans = capture.spans();
    let clients: Vec<&Span> = spans.iter().filter(|span| span.kind == SpanKind::Client).collect();
    assert_eq!((clients[0].name.as_str(), clients[1].name.as_str()), ("GET /users/{id}", "HTTP"));
    assert_eq!(text(clients[0], "http.request.resend_count").as_deref(), Some("2"));
    assert_eq!(text(clients[0], "url.template").as_deref(), Some("/users/{id}"));
    assert_eq!(text(clients[0], "server.address").as_deref(), Some("prices"));
    assert_eq!(text(clients[0], "server.port").as_deref(), Some("8443"));
    assert_eq!(text(clients[1], "url.full").as_deref(), Some("//example.com:81/a?sig=2&q=REDACTED"));
    assert_eq!(text(clients[1], "server.port").as_deref(), Some("81"));
}

#[test]
fn a_span_ends_with_the_body_and_not_with_the_headers() {
    let capture = testing::capture();
    run(&capture, async {
        let (mut sender, body) = Channel::<Bytes>::new(4);
        let body = std::sync::Mutex::new(Some(body));
        let handle = |_: Request<Body>| {
            let body = body.lock().unwrap().take().unwrap();
            async move { Ok::<_, Infallible>(Response::new(body)) }
        };
        let response = ServerLayer::new().layer(service_fn(handle)).oneshot(request("/")).await.unwrap();
        let mut body = response.into_body();
        capture.advance(Duration::from_millis(30));
        sender.send_data(Bytes::from_static(b"a")).await.unwrap();
        assert!(body.frame().await.is_some());
        assert_eq!(capture.calls("GET"), 0, "more may come");
        capture.advance(Duration::from_millis(40));
        drop(sender);
        assert!(body.frame().await.is_none());
        assert_eq!(capture.calls("GET"), 1, "the end is the end, though the body is still held");
        drop(body);
    });
    assert_eq!(capture.spans()[0].duration(), Duration::from_millis(70));
    assert!(!capture.spans()[0].is_error());
}

#[test]
fn a_body_that_need_not_be_read_to_its_end_ends_the_span() {
    let streamed = |length: Option<&str>| {
        let frames = stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"four")))]);
        let mut response = Response::new(StreamBody::new(frames));
        if let Some(length) = length {
            response.headers_mut().insert("content-length", HeaderValue::try_from(length).unwrap());
        }
        response
    };
    for (method, length, frames, is_cancelled) in [
        // As hyper does: HEAD has no body, and a body of known length is not asked for more.
        ("HEAD", Some("4"), 0, false),
        ("GET", Some("4"), 1, false),
        ("GET", Some("0"), 0, false),
        ("GET", Some("5"), 1, true),
        ("GET", None, 1, true),
        ("GET", None, 2, false),
        ("GET", None, 0, true),
    ] {
        let capture = testing::capture();
        run(&capture, async {
            let handle = async |_: Request<Body>| Ok::<_, Infallible>(streamed(length));
            let mut request = request("/");
            *request.method_mut() = method.parse().unwrap();
            let response = ServerLayer::new().layer(service_fn(handle)).oneshot(request).await.unwrap();
            let mut body = response.into_body();
            for _ in 0..frames {
                drop(body.frame().await);
            }
        });
        let error = text(&capture.spans()[0], "error.type");
        assert_eq!(error.as_deref(), is_cancelled.then_some("cancelled"), "{method} {length:?}, {frames} frames");
        assert_eq!(capture.calls(method), 1);
    }
}

#[test]
fn errors_panics_and_requests_given_up_end_the_span_and_say_so() {
    #[derive(Debug)]
    struct Refused;
    let refuse = async |_: Request<Body>| Err::<Response<Body>, _>(Refused);
    let boxed = async |_: Request<Body>| Err::<Response<Body>, Box<dyn std::error::Error>>("no".into());
    let break_down = async |_: Request<Body>| -> Result<Response<Body>, Infallible> { panic!("meant") };
    let hang = async |_: Request<Body>| -> Result<Response<Body>, Infallible> { std::future::pending().await };
    let broken = async |_: Request<Body>| {
        let frames = stream::iter([Ok(Frame::data(Bytes::new())), Err(Refused)]);
        Ok::<_, Infallible>(Response::new(StreamBody::new(frames)))
    };
    let capture = testing::capture();
    run(&capture, async {
        let (server, client) = (ServerLayer::new(), ClientLayer::new());
        drop(server.layer(service_fn(refuse)).oneshot(request("/")).await);
        drop(client.layer(service_fn(refuse)).oneshot(request("/")).await);
        drop(server.layer(service_fn(boxed)).oneshot(request("/")).await);
        let panicking = server.layer(service_fn(break_down)).oneshot(request("/"));
        assert!(std::panic::AssertUnwindSafe(panicking).catch_unwind().await.is_err());
        assert!(server.layer(service_fn(hang)).oneshot(request("/")).now_or_never().is_none());
        assert!(client.layer(service_fn(hang)).oneshot(request("/")).now_or_never().is_none());
        drop(server.layer(service_fn(broken)).oneshot(request("/")).await.unwrap().into_body().collect().await);
        let mut unread = client.layer(service_fn(broken)).oneshot(request("/")).await.unwrap().into_body();
        drop(unread.frame().await);
    });
    let refused = std::any::type_name::<Refused>();
    let errors: Vec<_> = capture.spans().iter().map(|span| (span.is_error(), text(span, "error.type"))).collect();
    let expected = [
        Some(refused),
        Some(refused),
        Some("_OTHER"),
        Some("panic"),
        Some("cancelled"),
        // Who gives up has not failed.
        None,
        Some(refused),
        None,
    ];
    assert_eq!(errors, expected.map(|error| (error.is_some(), error.map(str::to_owned))));
    assert_eq!(capture.calls("GET"), 8);
}

#[test]
fn a_service_that_panics_before_it_gives_a_future_has_failed() {
    let capture = testing::capture();
    let panics = |_: Request<Body>| -> std::future::Ready<Result<Response<Body>, Infallible>> { panic!("meant") };
    run(&capture, async {
        let calling = async { ServerLayer::new().layer(service_fn(panics)).oneshot(request("/")).await.map(drop) };
        assert!(std::panic::AssertUnwindSafe(calling).catch_unwind().await.is_err());
    });
    assert_eq!(text(&capture.spans()[0], "error.type").as_deref(), Some("panic"));
    assert_eq!(capture.calls("GET"), 1);
}

#[test]
fn strange_headers_harm_nobody() {
    let capture = testing::capture();
    let strange = [
        "",
        "\u{ff}",
        "00",
        "00-0-0-0",
        ",,,=;=",
        "%%%",
        "[",
        ":",
        "@",
        "99999999999999999999",
        "a".repeat(9_000).leak(),
    ];
    run(&capture, async {
        for value in strange {
            for name in ["traceparent", "tracestate", "baggage", "host", "user-agent", "content-type", "content-length"]
            {
                let mut request = request("/?%&=&&;sig=%");
                let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
                request.headers_mut().insert(http::HeaderName::from_static(name), value.clone());
                let answer = async |_: Request<Body>| {
                    let response = Response::builder().header("content-length", &value).header("grpc-status", &value);
                    Ok::<_, Infallible>(response.body(Body::from("answer")).unwrap())
                };
                let service = ClientLayer::new().layer(ServerLayer::new().layer(service_fn(answer)));
                drop(service.oneshot(request).await.unwrap().into_body().collect().await);
            }
        }
    });
    assert_eq!(capture.calls("GET"), 2 * 7 * strange.len() as u64);
}

#[test]
fn a_filter_of_telemetry_leaves_the_layers_out() {
    let capture = testing::builder().level(tracing_subscriber::filter::LevelFilter::WARN).build();
    let service = ClientLayer::new().layer(ServerLayer::new().layer(service_fn(echo)));
    let response = run(&capture, service.oneshot(from_remote(true))).unwrap();
    assert_eq!(capture.calls("GET"), 0);
    // The client had no span to send, and what it was given went through.
    assert_eq!(response.headers()["traceparent"], traceparent(true));
}

#[test]
fn axum_names_its_routes_by_the_line_that_the_documentation_shows() {
    use axum::extract::MatchedPath;
    use axum::routing::get;

    let capture = testing::capture();
    let layer = ServerLayer::new().route(|request| request.extensions.get().map(MatchedPath::as_str));
    let nested = axum::Router::new().route("/{id}", get(async || "user"));
    let router = axum::Router::new().nest("/users", nested).route("/", get(async || "home")).layer(layer);
    run(&capture, async {
        for path in ["/users/7", "/users/8", "/", "/nowhere"] {
            let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
            drop(router.clone().oneshot(request).await.unwrap().into_body().collect().await);
        }
    });
    assert_eq!((capture.calls("GET /users/{id}"), capture.calls("GET /"), capture.calls("GET")), (2, 1, 1));
    assert_eq!(text(&capture.spans()[0], "url.path").as_deref(), Some("/users/7"));
}
