//! OTLP over gRPC: one unary call a request, written out, because nothing else of gRPC is needed.
//!
//! Wire format: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.

use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::http::header::{CONTENT_TYPE, HeaderName, TE};
use hyper::http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use prost::Message;

use super::retry::{self, Failure};
use super::status::{RetryInfo, Status, clip};
use super::target::Target;
use super::{Compression, compress};
use crate::model::grpc_code_name;
use crate::transport::Answer;

/// Flag and length before each message.
const PREFIX: usize = 5;
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");

/// Binary metadata comes with and without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The body of a request: a message of at most 4 GiB behind its prefix.
pub(super) fn body(message: &[u8], compression: Compression) -> Bytes {
    let packed = compress::pack(message, compression);
    let length = u32::try_from(packed.len()).unwrap_or(u32::MAX);
    let mut body = Vec::with_capacity(PREFIX + packed.len());
    body.push(u8::from(compression == Compression::Gzip));
    body.extend_from_slice(&length.to_be_bytes());
    body.extend_from_slice(&packed);
    body.into()
}

/// One try, which the server may give up after `timeout`.
pub(super) fn request(
    target: &Target,
    body: Bytes,
    compression: Compression,
    timeout: Duration,
) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = target.uri.clone();
    let headers = request.headers_mut();
    headers.clone_from(&target.headers);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    if compression == Compression::Gzip {
        headers.insert(ENCODING, HeaderValue::from_static("gzip"));
    }
    // The format allows eight digits; 99,999,999 ms are 27 hours.
    let millis = timeout.as_millis().clamp(1, 99_999_999);
    if let Ok(value) = HeaderValue::try_from(format!("{millis}m")) {
        headers.insert(TIMEOUT, value);
    }
    request
}

/// The response message, or why there is none.
pub(super) fn read(answer: &Answer) -> Result<Bytes, Failure> {
    // A server that fails at once sends its status in the headers, with no trailers at all.
    let status = [&answer.trailers, &answer.headers].into_iter().find(|map| map.contains_key(STATUS));
    let Some(status) = status else { return Err(not_grpc(answer.status)) };
    let code = status.get(STATUS).and_then(|code| code.to_str().ok()?.parse().ok()).unwrap_or(2);
    if code == 0 {
        return Ok(message(&answer.body));
    }
    let why = match clip(&percent_decoded(status)) {
        said if said.is_empty() => format!("gRPC status {code} {}", grpc_code_name(code)),
        said => format!("gRPC status {code} {}: {said}", grpc_code_name(code)),
    };
    Err(retry::grpc(code, why, retry_info(status)))
}

/// An answer of something that is not a gRPC server, a proxy or a load balancer, sorted as gRPC has it:
/// <https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md>.
fn not_grpc(status: StatusCode) -> Failure {
    let code = match status.as_u16() {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    };
    retry::grpc(code, format!("HTTP status {status} without a gRPC status; is this an OTLP/gRPC endpoint?"), None)
}

/// The message behind the prefix. A compressed one was not asked for and says nothing to us.
fn message(body: &Bytes) -> Bytes {
    match body.first() {
        Some(0) if body.len() > PREFIX => body.slice(PREFIX..),
        _ => Bytes::new(),
    }
}

fn percent_decoded(status: &HeaderMap) -> String {
    let mut rest = status.get(MESSAGE).map_or(&b""[..], HeaderValue::as_bytes);
    let mut decoded = Vec::with_capacity(rest.len());
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = tail.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match escaped {
            Some(byte) if first == b'%' => {
                decoded.push(byte);
                rest = &tail[2..];
            }
            _ => {
                decoded.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// The wait that the server asks for; `None` without `RetryInfo`.
fn retry_info(status: &HeaderMap) -> Option<Duration> {
    let details = BASE64.decode(status.get(DETAILS)?.as_bytes()).ok()?;
    let details = Status::decode(&details[..]).ok()?.details;
    let info = details.iter().find(|detail| detail.type_url.ends_with("google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(&info.value[..]).ok()?.retry_delay.unwrap_or_default();
    let seconds = u64::try_from(delay.seconds).unwrap_or(0);
    Some(Duration::from_secs(seconds).saturating_add(Duration::from_nanos(u64::try_from(delay.nanos).unwrap_or(0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(http: u16, headers: &[(&'static str, &str)], trailers: &[(&'static str, &str)], body: &[u8]) -> Answer {
        let map = |pairs: &[(&'static str, &str)]| {
            pairs.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_str(v).unwrap())).collect()
        };
        Answer {
            status: StatusCode::from_u16(http).unwrap(),
            headers: map(headers),
            trailers: map(trailers),
            body: Bytes::copy_from_slice(body),
        }
    }

    #[test]
    fn the_status_is_found_in_trailers_or_headers_and_a_missing_one_is_mapped() {
        let ok = answer(200, &[], &[("grpc-status", "0")], &[0, 0, 0, 0, 2, 7, 8]);
        assert_eq!(read(&ok).unwrap(), Bytes::from_static(&[7, 8]));
        let early = answer(200, &[("grpc-status", "16"), ("grpc-message", "no%20token%C3%A9")], &[], &[]);
        assert_eq!(read(&early), Err(Failure::Refused("gRPC status 16 UNAUTHENTICATED: no tokené".to_owned())));
        for (http, retried, unimplemented) in
            [(200, false, false), (401, false, false), (404, false, true), (502, true, false), (500, false, false)]
        {
            let failure = read(&answer(http, &[], &[], b"<html>")).unwrap_err();
            assert_eq!(matches!(failure, Failure::Busy { .. }), retried, "{http}");
            assert_eq!(matches!(failure, Failure::Unimplemented(_)), unimplemented, "{http}");
            assert!(failure.why().contains("OTLP/gRPC endpoint?"));
        }
    }

    #[test]
    fn retry_info_is_read_with_and_without_padding_and_nonsense_is_ignored() {
        // Status { details: [Any { type_url: ".../google.rpc.RetryInfo", value: RetryInfo { 2.5 s } }] }
        let retry = RetryInfo { retry_delay: Some(super::super::status::Delay { seconds: 2, nanos: 500_000_000 }) };
        let detail = super::super::status::Detail {
            type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
            value: retry.encode_to_vec(),
        };
        let status = Status { code: 8, message: String::new(), details: vec![detail] }.encode_to_vec();
        let unpadded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&status);
        let padded = base64::engine::general_purpose::STANDARD.encode(&status);
        for (details, asked) in
            [(unpadded.as_str(), Some(2_500)), (&padded, Some(2_500)), ("AAAA", None), ("%%", None), ("", None)]
        {
            let failure = read(&answer(200, &[], &[("grpc-status", "8"), ("grpc-status-details-bin", details)], &[]));
            let after = match failure.unwrap_err() {
                Failure::Busy { after, .. } => after,
                _ => None,
            };
            assert_eq!(after, asked.map(Duration::from_millis), "{details}");
        }
    }

    #[test]
    fn a_body_carries_its_flag_and_length() {
        assert_eq!(body(&[1, 2, 3], Compression::None)[..], [0, 0, 0, 0, 3, 1, 2, 3]);
        let gzip = body(&[1; 1_000], Compression::Gzip);
        assert_eq!((gzip[0], gzip[4] as usize), (1, gzip.len() - PREFIX));
    }
}
