//! The HTTP search API: `GET /search?q=words&filter=topic:name`.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::extract::{MatchedPath, Query as Parameters, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use serde_json::json;
use tokio::net::TcpListener;

use super::corpus::Query;
use super::engine::{Engine, SearchError};
use crate::http::ServerLayer;

/// A free port on the loopback interface.
///
/// # Errors
/// The operating system has none to give.
pub async fn bind() -> io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
}

/// Serves until `stop`, then lets the requests under way end.
///
/// # Errors
/// The listener is lost.
pub async fn serve(
    listener: TcpListener,
    engine: Engine,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    // Answers are small: without it, Nagle's algorithm and delayed acknowledgements add 40 ms to some of them.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, router(engine)).with_graceful_shutdown(stop).await
}

fn router(engine: Engine) -> Router {
    let layer = ServerLayer::new().route(|request| request.extensions.get().map(MatchedPath::as_str));
    Router::new().route("/search", get(search)).layer(layer).with_state(engine)
}

async fn search(
    State(engine): State<Engine>,
    Parameters(mut parameters): Parameters<HashMap<String, String>>,
) -> Response {
    let query = Query { text: parameters.remove("q").unwrap_or_default(), filter: parameters.remove("filter") };
    match engine.search(query).await {
        Ok(answer) => {
            let results: Vec<_> = answer
                .iter()
                .map(|found| json!({"title": found.title, "topic": found.topic, "score": found.score}))
                .collect();
            body(StatusCode::OK, &json!({"results": results}))
        }
        Err(error) => {
            let status = match error {
                SearchError::EmptyQuery | SearchError::MalformedFilter(_) => StatusCode::BAD_REQUEST,
                SearchError::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
                SearchError::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            };
            body(status, &json!({"error": error.to_string()}))
        }
    }
}

fn body(status: StatusCode, content: &serde_json::Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], content.to_string()).into_response()
}
