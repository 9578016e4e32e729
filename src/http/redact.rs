//! URLs without the secrets in them.

use std::fmt::{self, Display, Formatter, Write};

use http::Uri;
use http::uri::Scheme;

/// Query parameters whose values are secrets, unless a layer is told others. The first seven are those of the semantic
/// conventions (`url.query`), the others are ours. Their case does not matter, nor whether they are percent-encoded or part of
/// a key such as `user[password]`.
pub const SENSITIVE_QUERY_PARAMETERS: [&str; 20] = [
    "X-Amz-Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "AWSAccessKeyId",
    "Signature",
    "sig",
    "X-Goog-Signature",
    "X-Goog-Credential",
    "token",
    "access_token",
    "refresh_token",
    "id_token",
    "auth",
    "key",
    "api_key",
    "apikey",
    "password",
    "passwd",
    "secret",
    "client_secret",
];

/// What stands instead of a secret, as the semantic conventions have it.
const REDACTED: &str = "REDACTED";

/// A query with the values of secrets replaced.
#[derive(Clone, Copy)]
pub(super) struct Query<'a> {
    pub(super) query: &'a str,
    pub(super) secrets: &'a [String],
}

impl Display for Query<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (at, pair) in self.query.split('&').enumerate() {
            if at > 0 {
                f.write_char('&')?;
            }
            f.write_str(self.shown(pair))?;
            if self.shown(pair).len() < pair.len() {
                f.write_str(REDACTED)?;
            }
        }
        Ok(())
    }
}

impl Query<'_> {
    /// The part of a pair that may be shown: all, or up to the `=` of a secret. Some take `;` for a separator too, and
    /// what is behind a secret's may still be part of it.
    fn shown<'p>(&self, pair: &'p str) -> &'p str {
        let mut start = 0;
        for part in pair.split(';') {
            if let Some((key, _)) = part.split_once('=')
                && self.secrets.iter().any(|secret| is_key(key, secret))
            {
                return &pair[..=start + key.len()];
            }
            start += part.len() + 1;
        }
        pair
    }
}

/// Whether a percent-encoded key is this one, whatever its case, or has it for a part: `key[]`, `user[key]`.
fn is_key(encoded: &str, key: &str) -> bool {
    let expected = || key.bytes().map(|byte| byte.to_ascii_lowercase());
    if decoded(encoded).eq(expected()) {
        return true;
    }
    let (mut rest, mut is_same) = (expected(), true);
    for byte in decoded(encoded).chain([b']']) {
        if !matches!(byte, b'[' | b']') {
            is_same &= rest.next() == Some(byte);
        } else if is_same && rest.next().is_none() {
            return true;
        } else {
            (rest, is_same) = (expected(), true);
        }
    }
    false
}

/// The bytes that percent-encoded text stands for, letters in lower case.
fn decoded(encoded: &str) -> impl Iterator<Item = u8> {
    let mut rest = encoded.as_bytes();
    std::iter::from_fn(move || {
        let (byte, after) = match rest {
            [b'%', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex(*high) << 4 | hex(*low), after)
            }
            [first, after @ ..] => (*first, after),
            [] => return None,
        };
        rest = after;
        Some(byte.to_ascii_lowercase())
    })
}

/// The value of a hexadecimal digit.
const fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).wrapping_sub(b'a').wrapping_add(10),
    }
}

/// An absolute URL without credentials and secrets: `url.full`. Without a scheme it begins with `//`.
pub(super) struct Url<'a> {
    pub(super) uri: &'a Uri,
    /// Host and port where the URL has none: a request that goes over a connection to its server.
    pub(super) authority: &'a str,
    pub(super) secrets: &'a [String],
}

impl Display for Url<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { uri, authority, secrets } = *self;
        if let Some(scheme) = uri.scheme().map(Scheme::as_str) {
            write!(f, "{scheme}:")?;
        }
        f.write_str("//")?;
        let authority = uri.authority().map_or(authority, |authority| authority.as_str());
        match authority.rsplit_once('@') {
            Some((credentials, host)) => {
                let secret = if credentials.contains(':') { "REDACTED:REDACTED@" } else { "REDACTED@" };
                write!(f, "{secret}{host}")?;
            }
            None => f.write_str(authority)?,
        }
        f.write_str(uri.path())?;
        match uri.query() {
            Some(query) => write!(f, "?{}", Query { query, secrets }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Vec<String> {
        SENSITIVE_QUERY_PARAMETERS.map(String::from).into()
    }

    #[test]
    fn values_of_secrets_are_replaced_and_all_else_stays_as_it_was() {
        for (query, shown) in [
            ("", ""),
            ("q=high%20tide&page=2", "q=high%20tide&page=2"),
            ("color=blue&sig=abc%3D", "color=blue&sig=REDACTED"),
            ("sig=abc&color=blue", "sig=REDACTED&color=blue"),
            ("sig=a=b=c", "sig=REDACTED"),
            ("sig=", "sig="),
            ("sig", "sig"),
            ("&&sig=1&", "&&sig=REDACTED&"),
            ("SIG=1&Token=2&awsaccesskeyid=3", "SIG=REDACTED&Token=REDACTED&awsaccesskeyid=REDACTED"),
            ("%73ig=1&to%6Ben=2&to%6ben=3", "%73ig=REDACTED&to%6Ben=REDACTED&to%6ben=REDACTED"),
            ("X-Amz-Signature=1&X-Goog-Signature=2", "X-Amz-Signature=REDACTED&X-Goog-Signature=REDACTED"),
            ("a=1;password=2;3&b=4", "a=1;password=REDACTED&b=4"),
            ("design=1&sigma=2&tokens=3&monkey=4", "design=1&sigma=2&tokens=3&monkey=4"),
            ("token[]=1&user%5Bpassword%5D=2&key[a]=3", "token[]=REDACTED&user%5Bpassword%5D=REDACTED&key[a]=REDACTED"),
            ("user[name]=1&a[monkey]=2&[]=3&a[=4", "user[name]=1&a[monkey]=2&[]=3&a[=4"),
            ("%=1&%7=2&%zz=3&ü=4", "%=1&%7=2&%zz=3&ü=4"),
        ] {
            assert_eq!(Query { query, secrets: &secrets() }.to_string(), shown);
        }
    }

    #[test]
    fn credentials_and_secrets_are_not_part_of_a_url() {
        for (uri, shown) in [
            ("https://example.com/a?b=c", "https://example.com/a?b=c"),
            ("http://example.com:8080", "http://example.com:8080/"),
            ("https://jo:pa%20ss@example.com/?key=1", "https://REDACTED:REDACTED@example.com/?key=REDACTED"),
            ("https://jo@[::1]:81/", "https://REDACTED@[::1]:81/"),
            ("/path?sig=1", "//fallback:80/path?sig=REDACTED"),
        ] {
            let uri: Uri = uri.parse().unwrap();
            assert_eq!(Url { uri: &uri, authority: "fallback:80", secrets: &secrets() }.to_string(), shown);
        }
    }
}
