//! A server that records requests and answers as a test tells it: HTTP/1.1, or gRPC over HTTP/2.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bellwether::exporters::otlp::Protocol;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// One answer.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// A status of HTTP.
    Http { status: u16, headers: Vec<(&'static str, String)>, body: Vec<u8> },
    /// A status of gRPC in the trailers.
    Grpc { code: u16, trailers: Vec<(&'static str, String)>, message: Vec<u8> },
    /// A status of gRPC in the headers, without a body.
    GrpcAtOnce { code: u16 },
    /// The connection is closed.
    Close,
    /// No answer ever comes.
    Hang,
}

impl Reply {
    pub(super) fn http(status: u16) -> Self {
        Self::Http { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(super) fn grpc(code: u16) -> Self {
        Self::Grpc { code, trailers: Vec::new(), message: Vec::new() }
    }

    /// Success with this response message.
    pub(super) fn success(protocol: Protocol, message: Vec<u8>) -> Self {
        match protocol {
            Protocol::Grpc => Self::Grpc { code: 0, trailers: Vec::new(), message },
            Protocol::HttpProtobuf => {
                let headers = vec![("content-type", String::from("application/x-protobuf"))];
                Self::Http { status: 200, headers, body: message }
            }
        }
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    /// The message, out of frame and compression.
    pub(super) message: Vec<u8>,
}

#[derive(Debug)]
struct State {
    protocol: Protocol,
    received: Mutex<Vec<Received>>,
    /// Answers to the next requests; success after that.
    script: Mutex<VecDeque<Reply>>,
    connections: AtomicUsize,
}

/// The server; it runs on the runtime of the test and ends with it.
#[derive(Debug, Clone)]
pub(super) struct Receiver {
    port: u16,
    encrypted: bool,
    state: Arc<State>,
}

impl Receiver {
    pub(super) async fn start(protocol: Protocol, script: impl IntoIterator<Item = Reply>) -> Self {
        Self::over(TcpListener::bind("127.0.0.1:0").await.unwrap(), protocol, script, None)
    }

    pub(super) fn over(
        listener: TcpListener,
        protocol: Protocol,
        script: impl IntoIterator<Item = Reply>,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let script = Mutex::new(script.into_iter().collect());
        let state = Arc::new(State { protocol, received: Mutex::default(), script, connections: AtomicUsize::new(0) });
        let (port, encrypted) = (listener.local_addr().unwrap().port(), tls.is_some());
        tokio::spawn(accept(listener, tls, Arc::clone(&state)));
        Self { port, encrypted, state }
    }

    pub(super) fn url(&self) -> String {
        let scheme = if self.encrypted { "https" } else { "http" };
        format!("{scheme}://localhost:{}", self.port)
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.state.received.lock().unwrap().clone()
    }

    /// How many connections were made.
    pub(super) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// The next answers.
    pub(super) fn then(&self, script: impl IntoIterator<Item = Reply>) {
        self.state.script.lock().unwrap().extend(script);
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).unwrap();
        state.connections.fetch_add(1, Ordering::Relaxed);
        let (tls, state) = (tls.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            match tls {
                None => serve::<TcpStream>(stream, state).await,
                // A handshake that fails is the client's to notice.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, state).await;
                    }
                }
            }
        });
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(stream: S, state: Arc<State>) {
    let protocol = state.protocol;
    let service = service_fn(move |request| answer(Arc::clone(&state), request));
    // Connections end in errors when a test closes them.
    let _ended = match protocol {
        Protocol::Grpc => {
            hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await
        }
        Protocol::HttpProtobuf => {
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
        }
    };
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> io::Result<Response<BoxBody<Bytes, Infallible>>> {
    let (head, body) = request.into_parts();
    let wire = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let path = head.uri.path_and_query().unwrap().to_string();
    let message = unpacked(&wire, &head.headers, state.protocol);
    state.received.lock().unwrap().push(Received { path, headers: head.headers, message });
    let next = state.script.lock().unwrap().pop_front();
    let reply = next.unwrap_or_else(|| Reply::success(state.protocol, Vec::new()));
    match reply {
        Reply::Close => Err(io::ErrorKind::ConnectionAborted.into()),
        Reply::Hang => std::future::pending().await,
        Reply::Http { status, headers, body } => Ok(response(status, &headers, body)),
        Reply::GrpcAtOnce { code } => Ok(response(200, &[("grpc-status", code.to_string())], Vec::new())),
        Reply::Grpc { code, trailers, message } => {
            let mut body = vec![0; 5];
            body[1..].copy_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
            body.extend(message);
            let mut ends = HeaderMap::new();
            ends.insert("grpc-status", HeaderValue::from(code));
            for (name, value) in trailers {
                ends.insert(name, value.parse().unwrap());
            }
            let body = Full::new(Bytes::from(body)).with_trailers(async move { Some(Ok(ends)) }).boxed();
            let mut response = Response::new(body);
            response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
            Ok(response)
        }
    }
}

fn response(status: u16, headers: &[(&'static str, String)], body: Vec<u8>) -> Response<BoxBody<Bytes, Infallible>> {
    let mut response = Response::new(Full::new(Bytes::from(body)).boxed());
    *response.status_mut() = status.try_into().unwrap();
    for (name, value) in headers {
        response.headers_mut().insert(*name, value.parse().unwrap());
    }
    response
}

/// The message, or nothing when the frame is not right.
fn unpacked(wire: &[u8], headers: &HeaderMap, protocol: Protocol) -> Vec<u8> {
    let (packed, gzip) = match protocol {
        Protocol::Grpc => {
            let (frame, message) = wire.split_at(5);
            assert_eq!(frame[1..], u32::try_from(message.len()).unwrap().to_be_bytes());
            (message, frame[0] == 1 && headers["grpc-encoding"] == "gzip")
        }
        Protocol::HttpProtobuf => (wire, headers.get("content-encoding").is_some_and(|value| value == "gzip")),
    };
    if !gzip {
        return packed.to_vec();
    }
    let mut message = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut message).unwrap();
    message
}
