//! `/metrics`: everything that is measured, as it is now, under Prometheus' names.
//!
//! It is collected when it is asked for, and translated as the window's series are. Series that rules record are not in
//! it, nor are `job` and `instance`: whoever scrapes gives its own, and `target_info` tells the service's
//! (<https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>). Of exponential histograms
//! both text formats know count and sum only.

mod family;
mod negotiate;
mod write;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::task::spawn_blocking;

use self::negotiate::Format;
use super::desk::Desk;

pub(super) async fn exposed(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    let format = Format::asked(&headers);
    // A scrape waits for its turn among the queries; it is not stopped.
    let Ok(turn) = Arc::clone(&desk.queries).acquire_owned().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let work = spawn_blocking(move || {
        let _turn = turn;
        write::text(&family::all(&desk.handle.snapshot(), &desk.window.history), format)
    });
    match work.await {
        Ok(text) => ([(header::CONTENT_TYPE, format.content_type())], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
