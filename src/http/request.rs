//! What a request says, as attributes want it.

use std::fmt::{self, Display, Formatter};

use http::header::{HOST, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, Version};

use super::redact::SENSITIVE_QUERY_PARAMETERS;

/// Methods that are attributes by their name, unless a layer is told others: RFC 9110, `PATCH` and `QUERY`. Any other is
/// `_OTHER`, because a client can think of as many as it likes.
pub const KNOWN_METHODS: [&str; 10] =
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"];

/// Value of an attribute of few values for all others.
pub(super) const OTHER: &str = "_OTHER";

/// What both layers may be told.
#[derive(Debug, Clone)]
pub(super) struct Words {
    pub(super) methods: Vec<String>,
    pub(super) secrets: Vec<String>,
}

impl Default for Words {
    fn default() -> Self {
        Self {
            methods: KNOWN_METHODS.map(String::from).into(),
            secrets: SENSITIVE_QUERY_PARAMETERS.map(String::from).into(),
        }
    }
}

/// `http.request.method`, and `http.request.method_original` where they differ.
pub(super) struct Method<'a> {
    pub(super) name: &'a str,
    pub(super) original: Option<&'a str>,
}

impl<'a> Method<'a> {
    pub(super) fn of(request: &'a Parts, words: &Words) -> Self {
        let name = request.method.as_str();
        if words.methods.iter().any(|known| known == name) {
            Self { name, original: None }
        } else {
            Self { name: OTHER, original: Some(name) }
        }
    }
}

/// A span's name: `{method} {target}`.
pub(super) struct Name<'a>(pub(super) &'a Method<'a>, pub(super) Option<&'a str>);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(Method { name, original }, target) = self;
        f.write_str(if original.is_some() { "HTTP" } else { name })?;
        match target {
            Some(target) => write!(f, " {target}"),
            None => Ok(()),
        }
    }
}

/// `server.address` and `server.port`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address<'a> {
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
}

impl<'a> Address<'a> {
    /// Of the URL, else of the `Host` header.
    pub(super) fn of(request: &'a Parts) -> Option<Self> {
        Self::read(authority(request)?)
    }

    /// Reads `host`, `host:port`, `[address]:port`, with or without `user@` before it.
    fn read(authority: &'a str) -> Option<Self> {
        let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
        let (host, port) = match address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, after)) => (host, after.strip_prefix(':')),
            None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
        };
        let port = port.and_then(|port| port.parse().ok());
        (!host.is_empty()).then_some(Self { host, port })
    }
}

/// Host and port as the request has them.
pub(super) fn authority(request: &Parts) -> Option<&str> {
    let host = || request.headers.get(HOST)?.to_str().ok();
    request.uri.authority().map(http::uri::Authority::as_str).or_else(host)
}

/// `user_agent.original`
pub(super) fn user_agent(headers: &HeaderMap) -> Option<&str> {
    // Bytes beyond ASCII are allowed; what is no text is left out.
    std::str::from_utf8(headers.get(USER_AGENT)?.as_bytes()).ok()
}

/// `network.protocol.version`
pub(super) const fn version(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_09 => Some("0.9"),
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        Version::HTTP_3 => Some("3"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_taken_apart_and_a_strange_one_harms_nobody() {
        for (authority, expected) in [
            ("example.com", Some(("example.com", None))),
            ("example.com:8080", Some(("example.com", Some(8080)))),
            ("jo:pw@example.com:8080", Some(("example.com", Some(8080)))),
            ("127.0.0.1:1", Some(("127.0.0.1", Some(1)))),
            ("[::1]", Some(("::1", None))),
            ("[::1]:443", Some(("::1", Some(443)))),
            ("[::1", Some(("[", None))),
            ("example.com:", Some(("example.com", None))),
            ("example.com:99999", Some(("example.com", None))),
            (":80", None),
            ("", None),
        ] {
            let expected = expected.map(|(host, port)| Address { host, port });
            assert_eq!(Address::read(authority), expected, "{authority}");
        }
    }
}
