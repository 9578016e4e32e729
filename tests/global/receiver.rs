//! An OTLP receiver in the test's own process, over gRPC and HTTP, that keeps what it gets.
//!
//! It runs on a thread of its own whose spans and events go nowhere: h2 and hyper make some there, and these are not the
//! client's.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::logs::v1 as logs;
use opentelemetry_proto::tonic::collector::metrics::v1 as metrics;
use opentelemetry_proto::tonic::collector::trace::v1 as trace;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// What came so far.
#[derive(Debug, Default)]
struct Store {
    spans: Mutex<Vec<Span>>,
    metrics: Mutex<Vec<Metric>>,
    logs: Mutex<Vec<LogRecord>>,
}

/// A running receiver; its thread lives as long as the process.
#[derive(Debug, Clone)]
pub(crate) struct Receiver {
    /// Its base URL.
    pub(crate) url: String,
    /// `grpc` or `http/protobuf`.
    pub(crate) protocol: &'static str,
    store: Arc<Store>,
}

impl Receiver {
    pub(crate) fn grpc() -> Self {
        Self::start("grpc", serve_grpc)
    }

    pub(crate) fn http() -> Self {
        Self::start("http/protobuf", serve_http)
    }

    /// One that answers every request with a refusal for good.
    pub(crate) fn refusing() -> Self {
        Self::start("http/protobuf", serve_refusals)
    }

    /// The variables that send everything here.
    pub(crate) fn variables(&self) -> [(&str, &str); 2] {
        [("OTEL_EXPORTER_OTLP_ENDPOINT", &self.url), ("OTEL_EXPORTER_OTLP_PROTOCOL", self.protocol)]
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        self.store.spans.lock().unwrap().clone()
    }

    pub(crate) fn logs(&self) -> Vec<LogRecord> {
        self.store.logs.lock().unwrap().clone()
    }

    pub(crate) fn metrics(&self) -> Vec<Metric> {
        self.store.metrics.lock().unwrap().clone()
    }

    pub(crate) fn span_names(&self) -> Vec<String> {
        self.spans().into_iter().map(|span| span.name).collect()
    }

    pub(crate) fn has_metric(&self, name: &str) -> bool {
        self.metrics().iter().any(|metric| metric.name == name)
    }

    fn start<F: Future<Output = ()>>(
        protocol: &'static str,
        serve: impl FnOnce(TcpListener, Arc<Store>) -> F + Send + 'static,
    ) -> Self {
        let store = Arc::new(Store::default());
        let (sender, port) = mpsc::channel();
        let kept = Arc::clone(&store);
        std::thread::spawn(move || {
            bellwether::layer::suppress_thread();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                sender.send(listener.local_addr().unwrap().port()).unwrap();
                serve(listener, kept).await;
            });
        });
        let port = port.recv_timeout(Duration::from_secs(10)).unwrap();
        Self { url: format!("http://127.0.0.1:{port}"), protocol, store }
    }
}

impl Store {
    fn take_trace(&self, request: trace::ExportTraceServiceRequest) {
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        self.spans.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans));
    }

    fn take_metrics(&self, request: metrics::ExportMetricsServiceRequest) {
        let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
        self.metrics.lock().unwrap().extend(scopes.flat_map(|scope| scope.metrics));
    }

    fn take_logs(&self, request: logs::ExportLogsServiceRequest) {
        let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
        self.logs.lock().unwrap().extend(scopes.flat_map(|scope| scope.log_records));
    }
}

#[derive(Clone)]
struct Grpc(Arc<Store>);

#[tonic::async_trait]
impl trace::trace_service_server::TraceService for Grpc {
    async fn export(
        &self,
        request: Request<trace::ExportTraceServiceRequest>,
    ) -> Result<Response<trace::ExportTraceServiceResponse>, Status> {
        self.0.take_trace(request.into_inner());
        Ok(Response::new(trace::ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl metrics::metrics_service_server::MetricsService for Grpc {
    async fn export(
        &self,
        request: Request<metrics::ExportMetricsServiceRequest>,
    ) -> Result<Response<metrics::ExportMetricsServiceResponse>, Status> {
        self.0.take_metrics(request.into_inner());
        Ok(Response::new(metrics::ExportMetricsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl logs::logs_service_server::LogsService for Grpc {
    async fn export(
        &self,
        request: Request<logs::ExportLogsServiceRequest>,
    ) -> Result<Response<logs::ExportLogsServiceResponse>, Status> {
        self.0.take_logs(request.into_inner());
        Ok(Response::new(logs::ExportLogsServiceResponse::default()))
    }
}

async fn serve_grpc(listener: TcpListener, store: Arc<Store>) {
    let service = Grpc(store);
    tonic::transport::Server::builder()
        .add_service(trace::trace_service_server::TraceServiceServer::new(service.clone()))
        .add_service(metrics::metrics_service_server::MetricsServiceServer::new(service.clone()))
        .add_service(logs::logs_service_server::LogsServiceServer::new(service))
        .serve_with_incoming(TcpListenerStream::new(listener))
        .await
        .unwrap();
}

async fn serve_http(listener: TcpListener, store: Arc<Store>) {
    while let Ok((stream, _)) = listener.accept().await {
        let store = Arc::clone(&store);
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let store = Arc::clone(&store);
            async move {
                let path = request.uri().path().to_owned();
                let body = request.into_body().collect().await.unwrap().to_bytes();
                match path.as_str() {
                    "/v1/traces" => store.take_trace(Message::decode(body).unwrap()),
                    "/v1/metrics" => store.take_metrics(Message::decode(body).unwrap()),
                    "/v1/logs" => store.take_logs(Message::decode(body).unwrap()),
                    other => panic!("no such path: {other}"),
                }
                let mut response = hyper::Response::new(Full::new(Bytes::new()));
                response.headers_mut().insert("content-type", "application/x-protobuf".parse().unwrap());
                Ok::<_, Infallible>(response)
            }
        });
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn serve_refusals(listener: TcpListener, _store: Arc<Store>) {
    while let Ok((stream, _)) = listener.accept().await {
        let service = service_fn(|request: hyper::Request<Incoming>| async move {
            request.into_body().collect().await.unwrap();
            let mut response = hyper::Response::new(Full::new(Bytes::new()));
            *response.status_mut() = hyper::StatusCode::BAD_REQUEST;
            Ok::<_, Infallible>(response)
        });
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
