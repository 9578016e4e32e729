//! OTLP over HTTP with binary protobuf: <https://opentelemetry.io/docs/specs/otlp/#otlphttp>.

use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use hyper::http::{HeaderMap, HeaderValue, Method, Request};
use prost::Message;

use super::Compression;
use super::retry::{self, Failure};
use super::status::{Status, clip};
use super::target::Target;
use crate::clock::Timestamp;
use crate::transport::Answer;

const PROTOBUF: &str = "application/x-protobuf";

/// One try.
pub(super) fn request(target: &Target, body: Bytes, compression: Compression) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = target.uri.clone();
    let headers = request.headers_mut();
    headers.clone_from(&target.headers);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROTOBUF));
    if compression == Compression::Gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    request
}

/// The response message, or why there is none.
pub(super) fn read(answer: &Answer, now: Timestamp) -> Result<Bytes, Failure> {
    if !answer.status.is_success() {
        let why = match said(answer) {
            said if said.is_empty() => format!("HTTP status {}", answer.status),
            said => format!("HTTP status {}: {said}", answer.status),
        };
        return Err(retry::http(answer.status.as_u16(), why, retry_after(&answer.headers, now)));
    }
    match content_type(answer) {
        PROTOBUF => Ok(answer.body.clone()),
        // Somebody's web page says 200 to everything; nothing was taken.
        "text/html" => {
            let why = format!("HTTP status {} with a web page; is this an OTLP/HTTP endpoint?", answer.status);
            Err(Failure::Refused(why))
        }
        // Some backends answer with nothing, or with JSON that was not asked for.
        _ => Ok(Bytes::new()),
    }
}

fn content_type(answer: &Answer) -> &str {
    let value = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

/// The server's own words: those of a `google.rpc.Status`, or the beginning of a text.
fn said(answer: &Answer) -> String {
    match content_type(answer) {
        PROTOBUF => Status::decode(answer.body.clone()).map_or_else(|_| String::new(), |status| clip(&status.message)),
        "text/html" => String::new(),
        _ => clip(&String::from_utf8_lossy(&answer.body)),
    }
}

/// Seconds or a date: <https://www.rfc-editor.org/rfc/rfc9110#field.retry-after>.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match value.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(Timestamp::from(httpdate::parse_http_date(value).ok()?).since(now)),
    }
}

#[cfg(test)]
mod tests {
    use hyper::http::StatusCode;

    use super::*;

    fn answer(status: u16, content_type: &'static str, body: &[u8]) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let (status, body) = (StatusCode::from_u16(status).unwrap(), Bytes::copy_from_slice(body));
        Answer { status, headers, body, trailers: HeaderMap::new() }
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date_and_nonsense_is_ignored() {
        let now = Timestamp(784_111_770 * 1_000_000_000);
        for (value, seconds) in [
            ("120", Some(120)),
            ("0", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let mut answer = answer(503, "text/plain", b"busy");
            answer.headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
            let expected = Failure::Busy {
                why: "HTTP status 503 Service Unavailable: busy".to_owned(),
                after: seconds.map(Duration::from_secs),
            };
            assert_eq!(read(&answer, now), Err(expected), "{value}");
        }
    }

    #[test]
    fn the_servers_words_are_found_and_a_web_page_is_not_a_delivery() {
        let status = Status { code: 3, message: "bad\nspan".to_owned(), details: Vec::new() }.encode_to_vec();
        for (answer, expected) in [
            (answer(400, "application/x-protobuf", &status), "HTTP status 400 Bad Request: bad span"),
            (answer(400, "application/x-protobuf; charset=x", b"\xff"), "HTTP status 400 Bad Request"),
            (answer(403, "text/html", b"<html>"), "HTTP status 403 Forbidden"),
            (
                answer(200, "text/html; charset=utf-8", b"<html>"),
                "HTTP status 200 OK with a web page; is this an OTLP/HTTP endpoint?",
            ),
        ] {
            assert_eq!(read(&answer, Timestamp(0)), Err(Failure::Refused(expected.to_owned())));
        }
        assert_eq!(read(&answer(202, "application/json", b"{}"), Timestamp(0)), Ok(Bytes::new()));
    }
}
