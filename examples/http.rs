//! A server of axum and a client of hyper, whose spans are one trace: context goes out in headers and comes in by them.
//!
//! ```text
//! cargo run --features http --example http                # to a backend on localhost:4318
//! OTEL_TRACES_EXPORTER=console OTEL_METRICS_EXPORTER=console OTEL_LOGS_EXPORTER=console cargo run --features http --example http
//! ```

use std::error::Error;

use axum::Router;
use axum::extract::{MatchedPath, Path};
use axum::routing::get;
use bellwether::http::{ClientLayer, ServerLayer};
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tower::{Layer, Service};

#[tracing::instrument]
async fn user(Path(id): Path<u32>) -> String {
    format!("user {id}")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _telemetry = bellwether::init()?;

    let layer = ServerLayer::new().route(|request| request.extensions.get().map(MatchedPath::as_str));
    let router = Router::new().route("/users/{id}", get(user)).layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/users/7?lang=en&token=s3cret", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });

    let mut client = ClientLayer::new().layer(Client::builder(TokioExecutor::new()).build_http());
    let response = client.call(Request::get(url).body(Empty::<Bytes>::new())?).await?;
    // The client's span ends when the body has.
    drop(response.into_body().collect().await?);
    Ok(())
}
