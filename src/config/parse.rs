//! Values as people write them, in variables and in files alike.
//!
//! Each function returns what is accepted as its error; who calls it knows the setting's name and place, and whether
//! the value may be shown.

use std::borrow::Cow;
use std::time::Duration;

use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};
use tracing_core::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Targets;

use crate::exporters::otlp::Protocol;
use crate::families::{Families, Family};
use crate::layer;
use crate::model::Signal;
use crate::nearest::nearest;

/// What is accepted, to follow the word "expected".
pub(super) type Expected = Cow<'static, str>;

/// What "no limit" is for a timeout: the largest number of milliseconds that every OpenTelemetry SDK can hold.
pub(super) const NO_LIMIT: Duration = Duration::from_millis(i32::MAX as u64);

/// A whole number of at least `least`.
pub(super) fn count(value: &str, least: usize) -> Result<usize, Expected> {
    let number = value.parse().ok().filter(|number| (least..=i32::MAX as usize).contains(number));
    number.ok_or_else(|| format!("a whole number from {least} to {}", i32::MAX).into())
}

/// Milliseconds between two things. Zero means "at once", which is one millisecond here: nothing may spin.
pub(super) fn duration(value: &str) -> Result<Duration, Expected> {
    let number = milliseconds(value)?;
    Ok(Duration::from_millis(number.max(1)))
}

/// Milliseconds that something may take; zero means no limit.
pub(super) fn timeout(value: &str) -> Result<Duration, Expected> {
    Ok(match milliseconds(value)? {
        0 => NO_LIMIT,
        number => Duration::from_millis(number),
    })
}

fn milliseconds(value: &str) -> Result<u64, Expected> {
    let number = value.parse::<u64>().ok().filter(|number| i32::try_from(*number).is_ok());
    number.ok_or_else(|| format!("whole milliseconds from 0 to {}", i32::MAX).into())
}

/// Families of metrics, `collector,tempo`; `none` for none of them.
pub(super) fn families(value: &str) -> Result<Families, Expected> {
    let words = value.split(',').map(str::trim).filter(|word| !word.is_empty());
    families_of(words)
}

/// The same, a word each.
pub(super) fn families_of<'a>(words: impl Iterator<Item = &'a str>) -> Result<Families, Expected> {
    let family = |word: &str| {
        let found = Family::ALL.into_iter().find(|family| family.name().eq_ignore_ascii_case(word));
        found.ok_or_else(|| {
            let known = Family::ALL.map(Family::name).join(", ");
            let slip = nearest(word, Family::ALL.into_iter().map(Family::name));
            slip.map_or_else(|| format!("{known} or none"), |slip| format!("{known} or none; did you mean {slip}?"))
        })
    };
    let named = words.filter(|word| !word.eq_ignore_ascii_case("none"));
    named.map(family).collect::<Result<Families, _>>().map_err(Expected::from)
}

/// A share, 0 to 1.
pub(super) fn ratio(value: &str) -> Result<f64, Expected> {
    let number = value.parse().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or(Cow::Borrowed("a number from 0 to 1"))
}

/// `key1=value1,key2=value2`, where keys and values may be percent-encoded.
pub(super) fn attributes(value: &str) -> Result<Vec<(String, String)>, Expected> {
    pairs(value)
        .map(|(at, key, value)| match (key.map(percent_decoded), percent_decoded(value)) {
            (Some(Some(key)), Some(value)) if !key.is_empty() => Ok((key, value)),
            _ => Err(format!(
                "key1=value1,key2=value2 with `,`, `=` and `%` in keys and values percent-encoded (entry {at} is not)"
            )
            .into()),
        })
        .collect()
}

/// Headers in the form of W3C Baggage: `key1=value1,key2=value2`, values percent-encoded where needed. Names become
/// lower case, as HTTP/2 wants them.
pub(super) fn headers(value: &str) -> Result<Vec<(String, String)>, Expected> {
    pairs(value)
        .map(|(at, name, value)| {
            let header = name.zip(percent_decoded(value)).and_then(|(name, value)| header(name, &value).ok());
            header.ok_or_else(|| {
                format!("header1=value1,header2=value2 with values percent-encoded (entry {at} is not)").into()
            })
        })
        .collect()
}

/// One header, checked: what a request cannot carry is refused here and not at every export.
pub(super) fn header(name: &str, value: &str) -> Result<(String, String), Expected> {
    match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
        (Ok(name), Ok(_)) => Ok((name.as_str().to_owned(), value.to_owned())),
        (Err(_), _) => Err(Cow::Borrowed("a header name of letters, digits and dashes")),
        (_, Err(_)) => Err(Cow::Borrowed("a header value of visible characters")),
    }
}

/// The entries of a list, counted from 1, as key (where there is a `=`) and value. Empty entries do not count.
fn pairs(list: &str) -> impl Iterator<Item = (usize, Option<&str>, &str)> {
    let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).enumerate();
    entries.map(|(at, entry)| match entry.split_once('=') {
        Some((key, value)) => (at + 1, Some(key.trim()), value.trim()),
        None => (at + 1, None, entry),
    })
}

/// RFC 3986, section 2.1. `None` when a `%` is not followed by two hexadecimal digits or the bytes are not UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, tail @ ..] = tail else { return None };
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        bytes.push(digit(*high)? << 4 | digit(*low)?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

/// The URL that a signal's requests go to.
///
/// `base` says that `value` is the general endpoint: HTTP adds the signal's path to it. gRPC takes no path, and a
/// scheme only if it is there: without one, `insecure` chooses between `http` and `https`.
pub(super) fn endpoint(
    value: &str,
    protocol: Protocol,
    signal: Signal,
    base: bool,
    insecure: bool,
) -> Result<String, Expected> {
    let expected = || match protocol {
        Protocol::Grpc => Cow::Borrowed("a URL such as http://localhost:4317, without user, password, path and query"),
        Protocol::HttpProtobuf if base => {
            Cow::Borrowed("a URL such as http://localhost:4318, without user, password and query")
        }
        Protocol::HttpProtobuf => {
            Cow::Borrowed("a URL such as http://localhost:4318/v1/traces, without user and password")
        }
    };
    let grpc = protocol == Protocol::Grpc;
    let with_scheme = if grpc && !value.contains("://") {
        format!("{}://{value}", if insecure { "http" } else { "https" })
    } else {
        value.to_owned()
    };
    let uri: Uri = with_scheme.parse().map_err(|_| expected())?;
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(expected());
    };
    let fits = !authority.as_str().contains('@')
        && !authority.host().is_empty()
        && (authority.port().is_none() == (authority.as_str() == authority.host()))
        && (uri.query().is_none() || !(grpc || base))
        && (!grpc || uri.path() == "/");
    if !fits {
        return Err(expected());
    }
    let path = uri.path();
    Ok(match (grpc, base) {
        (true, _) => format!("{scheme}://{authority}"),
        (false, true) => format!("{scheme}://{authority}{}/v1/{signal}", path.strip_suffix('/').unwrap_or(path)),
        (false, false) => format!("{scheme}://{authority}{}", uri.path_and_query().map_or("/", |path| path.as_str())),
    })
}

/// The base URL of another program.
#[cfg(feature = "rules")]
pub(super) fn http_url(value: &str) -> Result<String, Expected> {
    let uri: Option<Uri> = value.parse().ok();
    let scheme = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some();
    let fits = uri.is_some_and(|uri| scheme(&uri) && uri.query().is_none());
    if fits { Ok(value.to_owned()) } else { Err(Cow::Borrowed("a URL such as http://localhost:9093, without query")) }
}

/// A link to a trace.
#[cfg(feature = "rules")]
pub(super) fn trace_link(value: &str) -> Result<String, Expected> {
    let fits = (value.starts_with("http://") || value.starts_with("https://"))
        && value.contains(crate::model::Alert::TRACE_ID)
        && !value.contains(char::is_whitespace);
    if fits {
        Ok(value.to_owned())
    } else {
        Err(Cow::Borrowed("a URL such as https://jaeger.example/trace/{trace_id}"))
    }
}

/// An endpoint as it may be shown: without user, password and query, which may be secrets.
pub(super) fn endpoint_shown(value: &str) -> String {
    let (url, query) = value.split_once('?').map_or((value, ""), |(url, _)| (url, "?***"));
    match url.rsplit_once('@') {
        Some((before, host)) => {
            let scheme = before.find("://").map_or("", |at| &before[..at + 3]);
            format!("{scheme}***@{host}{query}")
        }
        None => format!("{url}{query}"),
    }
}

/// What becomes telemetry: directives such as `info,search=debug,noisy::module=off`. The crates that the exporter runs
/// on stay off unless they are named, and our own lines always.
pub(super) fn filter(value: &str) -> Result<Targets, Expected> {
    const EXPECTED: Expected = Cow::Borrowed(
        "directives such as info,search=debug,noisy::module=off with the levels off, error, warn, info, debug, trace",
    );
    let directives: Vec<&str> = value.split(',').map(str::trim).filter(|directive| !directive.is_empty()).collect();
    if directives.is_empty() || directives.iter().any(|directive| directive.contains([' ', '[', ']', '{', '}'])) {
        return Err(EXPECTED);
    }
    let named: Targets = directives.join(",").parse().map_err(|_| EXPECTED)?;
    // A directive for a module of such a crate counts before the one that switches the crate off; one for the crate
    // as a whole replaces it.
    let is_named =
        |exporter: &str| named.iter().any(|(target, _)| target.trim_end_matches(':') == exporter.trim_end_matches(':'));
    let off = layer::Config::EXPORTER_TARGETS.into_iter().filter(|exporter| !is_named(exporter));
    let mut filter =
        Targets::new().with_targets(named.iter()).with_targets(off.map(|target| (target, LevelFilter::OFF)));
    if let Some(level) = named.default_level() {
        filter = filter.with_default(level);
    }
    Ok(filter.with_target(crate::internal::TARGET, LevelFilter::OFF))
}

/// Directives of the console, in the full syntax of [`EnvFilter`].
pub(super) fn console_filter(value: &str) -> Result<String, Expected> {
    match EnvFilter::builder().parse(value) {
        Ok(_) => Ok(value.to_owned()),
        Err(_) => Err(Cow::Borrowed(
            "directives such as info,search=debug,noisy::module=off with the levels off, error, warn, info, debug, \
             trace",
        )),
    }
}
