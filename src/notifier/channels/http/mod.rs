//! Posting JSON, and what an answer allows.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use hyper::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use serde_json::Value;

use super::Trouble;
use crate::Error;
use crate::notifier::routing::{Authorization, Http, Secret};
use crate::transport::{Answer, Broken, Tls, TlsFile, Transport, Version};

const AGENT: &str = concat!("bellwether/", env!("CARGO_PKG_VERSION"));
/// Of an answer, in bytes: a status and a few words are expected.
const RESPONSE_LIMIT: usize = 1 << 20;
/// Characters of an answer that are shown.
const SHOWN: usize = 200;

/// A place that takes JSON.
#[derive(Debug)]
pub(super) struct Poster {
    url: Secret,
    authorization: Option<Authorization>,
    transport: Arc<Transport>,
    /// One try at most.
    timeout: Option<Duration>,
}

impl Poster {
    /// Reads certificates, and connects to nobody. `setting` names the place for messages.
    ///
    /// # Errors
    /// When a certificate file is not usable.
    pub(super) fn new(url: Secret, http: &Http, timeout: Option<Duration>, setting: &str) -> Result<Self, Error> {
        let tls = Tls {
            certificate: http.ca_file.clone(),
            client_certificate: http.cert_file.clone(),
            client_key: http.key_file.clone(),
        };
        let encrypted = !matches!(&url, Secret::Text(url) if url.starts_with("http://"));
        let name = |file| match file {
            TlsFile::Certificate => format!("{setting}: tls_config: ca_file"),
            TlsFile::ClientCertificate => format!("{setting}: tls_config: cert_file"),
            TlsFile::ClientKey => format!("{setting}: tls_config: key_file"),
        };
        let transport = Transport::new(Version::Any, RESPONSE_LIMIT, encrypted.then_some(&tls), name)?;
        Ok(Self { url, authorization: http.authorization.clone(), transport: Arc::new(transport), timeout })
    }

    /// Posts a body and judges the answer: 2xx is taken, 5xx and 429 may be tried again, the rest is refused.
    pub(super) async fn post(&self, body: &Value) -> Result<(), Trouble> {
        let request = self.request(body)?;
        let sent = self.transport.send(request);
        let answer = match self.timeout {
            None => sent.await,
            Some(limit) => {
                let Ok(answer) = tokio::time::timeout(limit, sent).await else {
                    self.transport.renew();
                    return Err(again(format!("no answer within {limit:?}"), None));
                };
                answer
            }
        };
        match answer {
            Ok(answer) => judge(&answer),
            Err(Broken::Unconnected(why) | Broken::Lost(why)) => Err(again(why, None)),
            Err(Broken::TooLong) => Err(Trouble::Refused(format!("the answer is longer than {RESPONSE_LIMIT} bytes"))),
        }
    }

    fn request(&self, body: &Value) -> Result<Request<Full<Bytes>>, Trouble> {
        // A secret is read at each use so that it may be renewed; a file that is not there may come.
        let unread = |error: io::Error| again(format!("a file with a secret cannot be read: {error}"), None);
        let url = self.url.read().map_err(unread)?;
        // The URL may hold a token: what is wrong with it is said without it.
        let wrong = || Trouble::Refused(String::from("the URL is not valid; expected one such as https://host/path"));
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        if uri.scheme().is_none() || uri.host().is_none() {
            return Err(wrong());
        }
        let mut request = Request::new(Full::new(Bytes::from(body.to_string())));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        if let Some(authorization) = &self.authorization {
            let text = match authorization {
                Authorization::Scheme(scheme, secret) => format!("{scheme} {}", secret.read().map_err(unread)?),
                Authorization::Basic(user, secret) => {
                    format!("Basic {}", BASE64.encode(format!("{user}:{}", secret.read().map_err(unread)?)))
                }
            };
            let unfit = |_| Trouble::Refused(String::from("the credentials hold characters that a header cannot"));
            let mut value = HeaderValue::from_str(&text).map_err(unfit)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(request)
    }
}

fn judge(answer: &Answer) -> Result<(), Trouble> {
    if answer.status.is_success() {
        return Ok(());
    }
    let said: String = String::from_utf8_lossy(&answer.body).split_whitespace().collect::<Vec<_>>().join(" ");
    let said: String = said.chars().take(SHOWN).collect();
    let why = if said.is_empty() {
        format!("HTTP status {}", answer.status)
    } else {
        format!("HTTP status {}: {said}", answer.status)
    };
    if answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS {
        Err(again(why, retry_after(&answer.headers)))
    } else {
        Err(Trouble::Refused(why))
    }
}

/// Seconds only: a date would need a clock, and the backoff does without it.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

fn again(why: String, after: Option<Duration>) -> Trouble {
    Trouble::Again { why, after }
}

#[cfg(test)]
#[cfg(feature = "tls")]
mod tests;
