//! Which format the client wants.

use axum::http::{HeaderMap, header};

/// The formats of `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Prometheus' own text format, version 0.0.4: without exemplars.
    Text,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
}

impl Format {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The one of our formats that a client likes best; of several the first, and of none the text format.
    pub(super) fn asked(headers: &HeaderMap) -> Self {
        let clauses = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut best = (0.0, Self::Text);
        for clause in clauses.flat_map(|value| value.split(',')) {
            let mut parts = clause.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let (mut quality, mut version) = (1.0, "");
            for (name, value) in parts.filter_map(|part| part.split_once('=')) {
                match name {
                    "q" => quality = value.parse().unwrap_or(0.0),
                    "version" => version = value.trim_matches('"'),
                    _ => {}
                }
            }
            let format = match (kind, version) {
                ("application/openmetrics-text", "" | "0.0.1" | "1.0.0") => Self::OpenMetrics,
                ("text/plain", "" | "0.0.4") | ("text/*" | "*/*", _) => Self::Text,
                _ => continue,
            };
            if quality > best.0 {
                best = (quality, format);
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_client_gets_the_format_that_it_likes_best() {
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                          application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,\
                          text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let cases = [
            (prometheus, Format::OpenMetrics),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("application/openmetrics-text; version=2.0.0, text/plain", Format::Text),
            ("application/openmetrics-text;q=0.1, text/plain;version=0.0.4", Format::Text),
            ("application/openmetrics-text;q=0", Format::Text),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Format::Text),
            ("", Format::Text),
        ];
        for (accept, expected) in cases {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(Format::asked(&headers), expected, "{accept}");
        }
    }
}
