//! The envelope of an answer, and of an error.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::json;
use crate::promql::{Annotations, Severity};

/// Remarks of each severity that are shown.
const REMARKS: usize = 10;
/// Prometheus' word for a list that a request's `limit` has cut.
pub(super) const TRUNCATED: &str = "results truncated due to limit";

/// What an endpoint found.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// As JSON; nothing at all when empty.
    pub(super) data: String,
    pub(super) warnings: Vec<String>,
    pub(super) infos: Vec<String>,
}

/// Why an endpoint has no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) kind: Kind,
    pub(super) message: String,
}

/// What went wrong, by the words of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    BadData,
    Execution,
    Timeout,
    Internal,
    TooLarge,
}

impl Answer {
    pub(super) fn new(data: impl Into<String>) -> Self {
        Self { data: data.into(), ..Self::default() }
    }

    /// Adds that a list was cut.
    #[must_use]
    pub(super) fn truncated(mut self, truncated: bool) -> Self {
        self.warnings.extend(truncated.then(|| TRUNCATED.to_owned()));
        self
    }

    /// Adds what the evaluation of a query remarked, with places in it.
    #[must_use]
    pub(super) fn remarking(mut self, annotations: &Annotations, query: &str) -> Self {
        let of = |severity| annotations.iter().filter(move |note| note.severity() == severity);
        for (severity, name, shown) in
            [(Severity::Warning, "warning", &mut self.warnings), (Severity::Info, "info", &mut self.infos)]
        {
            let all = of(severity).count();
            shown.extend(of(severity).take(REMARKS).map(|note| note.text(query)));
            shown.extend((all > REMARKS).then(|| format!("{} more {name} annotations omitted", all - REMARKS)));
        }
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        if self.data.is_empty() {
            return StatusCode::NO_CONTENT.into_response();
        }
        let mut body = String::with_capacity(self.data.len() + 64);
        body.extend(["{\"status\":\"success\",\"data\":", &self.data]);
        for (name, texts) in [(",\"warnings\":", &self.warnings), (",\"infos\":", &self.infos)] {
            if !texts.is_empty() {
                body.push_str(name);
                json::list(&mut body, texts, |out, text| json::text(out, text));
            }
        }
        body.push('}');
        response(StatusCode::OK, body)
    }
}

impl Refusal {
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(super) fn bad_data(message: impl Into<String>) -> Self {
        Self::new(Kind::BadData, message)
    }

    /// A parameter that is not right.
    pub(super) fn parameter(name: &str, why: impl std::fmt::Display) -> Self {
        Self::bad_data(format!("invalid parameter {name:?}: {why}"))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, kind) = match self.kind {
            Kind::BadData => (StatusCode::BAD_REQUEST, "bad_data"),
            Kind::Execution => (StatusCode::UNPROCESSABLE_ENTITY, "execution"),
            Kind::Timeout => (StatusCode::SERVICE_UNAVAILABLE, "timeout"),
            Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
            Kind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "bad_data"),
        };
        let mut body = String::new();
        body.extend(["{\"status\":\"error\",\"errorType\":\"", kind, "\",\"error\":"]);
        json::text(&mut body, &self.message);
        body.push('}');
        response(status, body)
    }
}

fn response(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
