//! A request under way: its span, and how it ends.

use std::fmt;

use http::{HeaderMap, Method, StatusCode, Uri, response};
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use tracing::Span;
use tracing::field::display;

use super::grpc;
use super::request::OTHER;
use crate::names;

/// Who tells of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Server,
    Client,
}

/// What is spoken.
#[derive(Debug, Clone)]
pub(super) enum Protocol {
    Http,
    Grpc {
        /// The method's, when only the answer tells whether the server has it.
        unproven: Option<Uri>,
    },
}

/// A request under way. Its span ends when this is dropped.
pub(super) struct Call {
    span: Span,
    side: Side,
    protocol: Protocol,
    /// What the caller sent along, for code that no span of ours is entered around: it is filtered or traces are off.
    remote: Option<Context>,
    /// Whether no body follows whatever the headers say: the answer to `HEAD`.
    without_body: bool,
    /// Whether it was said why the request failed. The first reason stands.
    has_failed: bool,
    /// gRPC's status, once it is known.
    status: Option<&'static str>,
    /// What a missing status means.
    status_of_http: Option<&'static str>,
    /// Set while the service's own code runs, and left so by a panic.
    is_inside: bool,
}

impl Call {
    pub(super) fn new(span: Span, side: Side, protocol: Protocol, method: &Method) -> Self {
        Self {
            span,
            side,
            protocol,
            remote: None,
            without_body: method == Method::HEAD,
            has_failed: false,
            status: None,
            status_of_http: None,
            is_inside: false,
        }
    }

    pub(super) fn with_remote(mut self, remote: Option<Context>) -> Self {
        self.remote = remote;
        self
    }

    /// Runs the service's own code within the span.
    pub(super) fn within<R>(&mut self, f: impl FnOnce() -> R) -> R {
        let _remote = self.remote.clone().map(Context::attach);
        let _entered = self.span.enter();
        self.is_inside = true;
        let result = f();
        self.is_inside = false;
        result
    }

    /// The headers of the response are there. Says whether a body may follow.
    pub(super) fn headers(&mut self, response: &response::Parts) -> bool {
        let status = response.status;
        match self.protocol {
            Protocol::Http => {
                self.span.record(names::HTTP_RESPONSE_STATUS_CODE, status.as_u16());
                if status.is_server_error() || (self.side == Side::Client && status.is_client_error()) {
                    self.fail(status.as_str());
                }
            }
            Protocol::Grpc { .. } => {
                self.status_of_http = Some(status).filter(|it| *it != StatusCode::OK).map(grpc::status_of);
                self.trailers(&response.headers);
            }
        }
        let is_bare = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        !self.without_body && !is_bare && !status.is_informational()
    }

    /// Whether the end of the body's data is not the end of what is said.
    pub(super) fn awaits_trailers(&self) -> bool {
        matches!(self.protocol, Protocol::Grpc { .. })
    }

    /// Trailers, or headers that are trailers at once.
    pub(super) fn trailers(&mut self, trailers: &HeaderMap) {
        if matches!(self.protocol, Protocol::Grpc { .. })
            && let Some(status) = grpc::status(trailers)
        {
            self.grpc_status(status);
        }
    }

    /// The response has ended as it should.
    pub(super) fn end(&mut self) {
        if matches!(self.protocol, Protocol::Grpc { .. }) && self.status.is_none() {
            self.grpc_status(self.status_of_http.unwrap_or(grpc::UNKNOWN));
        }
        self.touch();
    }

    /// The service or the body failed with an error of type `E`.
    pub(super) fn error<E>(&mut self) {
        let name = std::any::type_name::<E>();
        self.fail(if name.contains("dyn ") { OTHER } else { name });
        self.touch();
    }

    /// The future was dropped before its end; `f` drops the service's own.
    pub(super) fn leave(&mut self, f: impl FnOnce()) {
        let _remote = self.remote.clone().map(Context::attach);
        let _entered = self.span.clone().entered();
        f();
        self.abandon();
    }

    /// The body was dropped before its end.
    pub(super) fn abandon(&mut self) {
        match (self.side, &self.protocol) {
            _ if self.is_inside => self.fail("panic"),
            // Its caller did not want it any more.
            (Side::Client, _) => {}
            (Side::Server, Protocol::Grpc { .. }) if self.status.is_none() => self.grpc_status(grpc::CANCELLED),
            (Side::Server, _) => self.fail("cancelled"),
        }
        self.touch();
    }

    fn grpc_status(&mut self, status: &'static str) {
        self.status = Some(status);
        self.span.record(names::RPC_STATUS_CODE, status);
        let is_error = match self.side {
            Side::Server => grpc::is_server_error(status),
            Side::Client => status != "OK",
        };
        if is_error {
            self.fail(status);
        }
        if status == grpc::UNIMPLEMENTED
            && let Protocol::Grpc { unproven } = &mut self.protocol
            && let Some(uri) = unproven.take()
        {
            self.unknown_method(&uri);
        }
    }

    /// The server has no such method: a client can think of as many as it likes, so none of them becomes a name.
    fn unknown_method(&self, uri: &Uri) {
        self.span
            .record(names::RPC_METHOD, OTHER)
            .record(names::RPC_METHOD_ORIGINAL, display(uri.path().trim_start_matches('/')))
            .record("otel.name", "grpc");
        let _entered = self.span.enter();
        let context = Context::current();
        if !self.span.is_disabled() && context.span().is_recording() {
            context.span().update_name("grpc");
        }
    }

    fn fail(&mut self, error: &str) {
        if !self.has_failed {
            self.has_failed = true;
            self.span.record(names::ERROR_TYPE, error).record("otel.status_code", "ERROR");
        }
    }

    /// A span ends for its trace when it was last left.
    fn touch(&self) {
        self.span.in_scope(|| ());
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // A service that panics before there is a future of its own.
        if self.is_inside {
            self.abandon();
        }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("side", &self.side).field("protocol", &self.protocol).finish_non_exhaustive()
    }
}
