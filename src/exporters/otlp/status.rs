//! What servers say: `google.rpc.Status` and `RetryInfo` when they refuse, OTLP's partial success when they take a
//! part; the fields that matter here.
//!
//! <https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto> and `error_details.proto` beside it.

use hyper::body::Bytes;
use prost::Message as _;

/// `google.rpc.Status`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Status {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    #[prost(string, tag = "2")]
    pub(super) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(super) details: Vec<Detail>,
}

/// `google.protobuf.Any`
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub(super) struct Detail {
    #[prost(string, tag = "1")]
    pub(super) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) value: Vec<u8>,
}

/// `google.rpc.RetryInfo`
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub(super) struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    pub(super) retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub(super) struct Delay {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

/// Rejected items and the server's words, the same two fields in the three kinds of response.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
struct Response {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// An answer that cannot be read came with a status of success, and that is what counts.
pub(super) fn partial_success(response: &Bytes) -> (usize, String) {
    let response = Response::decode(response.clone()).unwrap_or_default();
    let PartialSuccess { rejected, error_message } = response.partial_success.unwrap_or_default();
    (usize::try_from(rejected).unwrap_or(0), clip(&error_message))
}

/// The longest text of a server that is shown, in characters.
const SHOWN: usize = 200;

/// A server's text in one line of bounded length, safe for a terminal.
pub(super) fn clip(text: &str) -> String {
    let mut line: String =
        text.trim().chars().take(SHOWN).map(|char| if char.is_control() { ' ' } else { char }).collect();
    if text.trim().chars().nth(SHOWN).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_text_becomes_one_short_line_without_control_characters() {
        assert_eq!(clip(" no\n\u{1b}[31mway "), "no  [31mway");
        assert_eq!(clip(&"é".repeat(201)), format!("{}…", "é".repeat(200)));
        assert_eq!(clip(&"é".repeat(200)), "é".repeat(200));
    }
}
