//! What gRPC says in headers and trailers
//! (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>, <https://grpc.github.io/grpc/core/md_doc_statuscodes.html>).

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode, Uri};

use crate::model::grpc_code_name;

/// The status of a call that ended without one, and of a number that has no name.
pub(super) const UNKNOWN: &str = "UNKNOWN";
/// The status of a method that the server does not have.
pub(super) const UNIMPLEMENTED: &str = "UNIMPLEMENTED";
/// The status of a call that its client gave up.
pub(super) const CANCELLED: &str = "CANCELLED";

/// Whether a request or response is gRPC. gRPC-Web is not: its trailers lie within the body.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    let content = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let after = content.and_then(|content| content.strip_prefix(b"application/grpc"));
    after.is_some_and(|after| matches!(after.first(), None | Some(b'+' | b';' | b' ')))
}

/// `package.Service/Method` of `/package.Service/Method`; `None` of what is no method.
pub(super) fn method(uri: &Uri) -> Option<&str> {
    let method = uri.path().strip_prefix('/')?;
    let (service, name) = method.split_once('/')?;
    (!service.is_empty() && !name.is_empty()).then_some(method)
}

/// The status in headers or trailers.
pub(super) fn status(headers: &HeaderMap) -> Option<&'static str> {
    let status = headers.get("grpc-status")?;
    let number = status.to_str().ok().and_then(|status| status.parse().ok());
    Some(number.map_or(UNKNOWN, grpc_code_name))
}

/// What a response without a status means
/// (<https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md>).
pub(super) fn status_of(http: StatusCode) -> &'static str {
    match http.as_u16() {
        400 => "INTERNAL",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => UNIMPLEMENTED,
        429 | 502 | 503 | 504 => "UNAVAILABLE",
        _ => UNKNOWN,
    }
}

/// Whether a server is to blame for a status, as the semantic conventions list them.
pub(super) fn is_server_error(status: &str) -> bool {
    matches!(status, UNKNOWN | "DEADLINE_EXCEEDED" | UNIMPLEMENTED | "INTERNAL" | "UNAVAILABLE" | "DATA_LOSS")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &[u8]) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap())])
    }

    #[test]
    fn grpc_is_known_by_its_content_type_and_grpc_web_is_not_grpc() {
        for (content, expected) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc; charset=utf-8", true),
            ("application/grpc-web", false),
            ("application/grpcx", false),
            ("application/json", false),
            ("\u{fc}", false),
        ] {
            assert_eq!(is_grpc(&headers("content-type", content.as_bytes())), expected, "{content}");
        }
        assert!(!is_grpc(&HeaderMap::new()));
    }

    #[test]
    fn a_status_is_named_and_a_strange_one_is_unknown() {
        for (number, name) in [
            ("0", "OK"),
            ("5", "NOT_FOUND"),
            ("16", "UNAUTHENTICATED"),
            ("17", UNKNOWN),
            ("-1", UNKNOWN),
            ("ü", UNKNOWN),
        ] {
            assert_eq!(status(&headers("grpc-status", number.as_bytes())), Some(name), "{number}");
        }
        assert_eq!(status(&HeaderMap::new()), None);
    }

    #[test]
    fn a_method_is_a_path_of_two_parts() {
        for (path, expected) in [
            ("/a.Greeter/Say", Some("a.Greeter/Say")),
            ("/a.Greeter/Say?q=1", Some("a.Greeter/Say")),
            ("/a.Greeter/", None),
            ("//Say", None),
            ("/", None),
            ("*", None),
        ] {
            assert_eq!(method(&path.parse().unwrap()), expected, "{path}");
        }
    }
}
