//! Which path leads where, and the limits on a request.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use axum::{Router, body::Body};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::answer::{Answer, Kind, Refusal};
use super::desk::Desk;
use super::params::Params;
use super::{browse, metrics, query, rules, status};
use crate::internal::Counter;

/// Bytes of a form at most.
const FORM_SIZE: usize = 1 << 20;
/// How long a client may take to send a form.
const FORM: Duration = Duration::from_secs(10);
/// How much longer than its own time a query is waited for.
const GRACE: Duration = Duration::from_secs(1);

type Endpoint = fn(&Desk, &Params) -> Result<Answer, Refusal>;

pub(super) fn router(desk: Arc<Desk>) -> Router {
    let api = Router::new()
        .route("/query", form(query::instant))
        .route("/query_range", form(query::range))
        .route("/query_exemplars", form(query::exemplars))
        .route("/format_query", form(query::format))
        .route("/series", form(browse::series))
        .route("/labels", form(browse::label_names))
        .route("/label/{name}/values", get(label_values))
        .route("/metadata", read(browse::metadata))
        .route("/rules", read(rules::rules))
        .route("/alerts", read(rules::alerts))
        .route("/status/buildinfo", read(status::build))
        .route("/status/runtimeinfo", read(status::runtime))
        .route("/status/config", read(status::config))
        .route("/status/flags", read(status::flags));
    Router::new()
        .nest("/api/v1", api)
        .route("/health", get(health))
        .route("/-/healthy", get(health))
        .route("/ready", get(ready))
        .route("/-/ready", get(ready))
        .route("/metrics", get(metrics::exposed))
        .fallback(unknown)
        .with_state(desk)
}

/// An endpoint that is asked by GET, or by POST with a form.
fn form(endpoint: Endpoint) -> MethodRouter<Arc<Desk>, Infallible> {
    read(endpoint).post(move |State(desk), request: Request| answered(desk, request, String::new(), endpoint))
}

/// An endpoint that is asked by GET.
fn read(endpoint: Endpoint) -> MethodRouter<Arc<Desk>, Infallible> {
    get(move |State(desk), request: Request| answered(desk, request, String::new(), endpoint))
}

async fn label_values(State(desk): State<Arc<Desk>>, Path(name): Path<String>, request: Request) -> Response {
    answered(desk, request, name, browse::label_values).await
}

async fn health(State(desk): State<Arc<Desk>>) -> Response {
    status::health(&desk).into_response()
}

async fn ready(State(desk): State<Arc<Desk>>) -> Response {
    status::ready(&desk).into_response()
}

async fn unknown() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "404 page not found\n")
}

async fn answered(desk: Arc<Desk>, request: Request, label: String, endpoint: Endpoint) -> Response {
    let (head, body) = request.into_parts();
    match read_body(&desk, body).await {
        Ok(body) => match answer(desk, &head, &body, label, endpoint).await {
            Ok(answer) => answer.into_response(),
            Err(refusal) => refusal.into_response(),
        },
        Err(refusal) => refusal.into_response(),
    }
}

async fn read_body(desk: &Desk, body: Body) -> Result<Bytes, Refusal> {
    let refused = |kind, why: &str| {
        desk.count(Counter::WebRequestRefused);
        Err(Refusal::new(kind, why))
    };
    match timeout(FORM, to_bytes(body, FORM_SIZE)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => refused(Kind::TooLarge, "the form is larger than 1 MiB, or it ended early"),
        Err(_) => refused(Kind::Timeout, "the form did not arrive in time"),
    }
}

/// Asks an endpoint on a thread for queries, when it is its turn.
async fn answer(
    desk: Arc<Desk>,
    head: &Parts,
    body: &Bytes,
    label: String,
    endpoint: Endpoint,
) -> Result<Answer, Refusal> {
    let params = Params::read(head, body, label);
    let longest = desk.web.timeout;
    let turn = timeout(longest, Arc::clone(&desk.queries).acquire_owned()).await;
    let Ok(Ok(turn)) = turn else { return Err(desk.stopped("query queue")) };
    let reading = Arc::clone(&desk);
    let work = spawn_blocking(move || {
        let _turn = turn;
        endpoint(&reading, &params)
    });
    match timeout(longest.saturating_add(GRACE), work).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(Refusal::new(Kind::Internal, "the query could not be evaluated; please report this")),
        Err(_) => Err(desk.stopped("expression evaluation")),
    }
}
