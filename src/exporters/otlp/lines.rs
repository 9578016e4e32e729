//! The lines for people: each says what happens, to which data, and the cure. Each is written at a change of state or
//! at most once a minute.

use std::time::Duration;

use super::Protocol;
use super::channel::Channel;
use super::health::{Outage, Spoken};
use super::retry::Failure;
use super::target::setting;
use crate::internal::{RateLimit, info, warn};
use crate::model::Signal;

const INTERVAL: Duration = Duration::from_secs(60);

/// The limits of one signal's lines that are not changes of state.
#[derive(Debug)]
pub(super) struct Limits {
    refused: RateLimit,
    partial_success: RateLimit,
    too_large: RateLimit,
}

impl Default for Limits {
    fn default() -> Self {
        let limit = || RateLimit::new(INTERVAL);
        Self { refused: limit(), partial_success: limit(), too_large: limit() }
    }
}

pub(super) fn unreachable(channel: &Channel, failure: &Failure) {
    let (why, cure) = (failure.why(), cure(channel, failure));
    let signals = list(&channel.backend.signals().collect::<Vec<_>>());
    let authority = &channel.target.authority;
    warn(&format!(
        "cannot deliver {signals} to {authority}: {why}. {cure} Until it answers, telemetry is dropped and counted."
    ));
}

pub(super) fn back(channel: &Channel, outage: &Outage) {
    let lost: Vec<String> = Signal::ALL
        .into_iter()
        .filter(|signal| outage.lost[*signal as usize] > 0)
        .map(|signal| items(signal, outage.lost[signal as usize]))
        .collect();
    let lost = if lost.is_empty() { String::from("nothing") } else { lost.join(", ") };
    let (authority, lasted) = (&channel.target.authority, Spoken(outage.lasted));
    info(&format!("{authority} answers again after {lasted}; lost meanwhile: {lost}"));
}

pub(super) fn unimplemented(channel: &Channel, why: &str) {
    let Channel { signal, target, .. } = channel;
    let own = signal.name().to_uppercase();
    warn(&format!(
        "{} does not take {signal} ({why}); no more are sent. Set OTEL_{own}_EXPORTER=none if it should not have \
         them, or correct {}.",
        place(channel),
        if target.uri.path() == "/" || channel.protocol == Protocol::Grpc {
            setting(*signal, "ENDPOINT")
        } else {
            format!("the path in {}", setting(*signal, "ENDPOINT"))
        }
    ));
}

pub(super) fn resumed(channel: &Channel) {
    info(&format!("{} takes {} now", place(channel), channel.signal));
}

pub(super) fn refused(channel: &Channel, why: &str) {
    if channel.limits.refused.allows(channel.clock.now(), &channel.internal) {
        let cure = cure_of_refusal(channel.signal, why);
        warn(&format!("{} refused {}, which are lost: {why}.{cure}", place(channel), channel.signal));
    }
}

/// What backends say of metrics that they do not take, and what to do then.
const CURES: [(&[&str], &str); 3] = [
    (
        &["temporality"],
        " It takes cumulative metrics only: set OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative.",
    ),
    (
        &["out of order", "out of bounds", "too old", "duplicate sample"],
        " Does somebody else send the same series? Each process needs a service.instance.id of its own. Prometheus takes \
         late points within its out_of_order_time_window.",
    ),
    (&["metric name", "label name"], " In Prometheus, otlp.translation_strategy decides which names it takes."),
];

fn cure_of_refusal(signal: Signal, why: &str) -> String {
    if ["401", "403", "UNAUTHENTICATED", "PERMISSION_DENIED"].iter().any(|code| why.contains(code)) {
        return format!(" Are the credentials in {} right?", setting(signal, "HEADERS"));
    }
    let said = |(words, _): &&(&[&str], &str)| signal == Signal::Metrics && words.iter().any(|word| why.contains(word));
    CURES.iter().find(said).map_or_else(String::new, |(_, cure)| (*cure).to_owned())
}

pub(super) fn partial_success(channel: &Channel, rejected: usize, said: &str) {
    if channel.limits.partial_success.allows(channel.clock.now(), &channel.internal) {
        let place = place(channel);
        if rejected > 0 {
            let rejected = items(channel.signal, rejected as u64);
            warn(&format!("{place} rejected {rejected}: {said}"));
        } else {
            warn(&format!("{place} took all {}, but says: {said}", channel.signal));
        }
    }
}

pub(super) fn too_large(channel: &Channel, bytes: usize) {
    if channel.limits.too_large.allows(channel.clock.now(), &channel.internal) {
        let (one, limit) = (items(channel.signal, 1), channel.message_limit);
        warn(&format!(
            "{one} of {bytes} bytes is larger than a request may be ({limit} bytes) and is lost; limit the length \
             of attribute values with OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"
        ));
    }
}

/// What to do about a backend that does not answer.
fn cure(channel: &Channel, failure: &Failure) -> String {
    let signals: Vec<Signal> = channel.backend.signals().collect();
    // Where several signals go to one place, what sets it is the general variable, most likely.
    let setting = |what: &str| match signals[..] {
        [] | [_] => setting(channel.signal, what),
        _ => format!("OTEL_EXPORTER_OTLP_{what}"),
    };
    match (failure, channel.protocol) {
        // The words of rustls; tests hold them.
        (Failure::Unconnected(why) | Failure::Lost(why), _) if why.contains("CertificateRequired") => {
            format!("Set {} to the file of a certificate that it accepts.", setting("CLIENT_CERTIFICATE"))
        }
        (Failure::Unconnected(why), _) if why.contains("certificate") => {
            format!("Set {} to the file of the authority that signed it.", setting("CERTIFICATE"))
        }
        (Failure::Unconnected(why), _) if why.contains("InvalidContentType") => {
            format!("Does it speak TLS? If not, begin {} with http://.", setting("ENDPOINT"))
        }
        (Failure::Lost(_), Protocol::Grpc) => {
            let setting = setting("PROTOCOL");
            format!("Does it speak gRPC? For HTTP, usual on port 4318, set {setting} to http/protobuf.")
        }
        (Failure::Lost(_), Protocol::HttpProtobuf) => {
            format!("Does it speak HTTP? For gRPC, usual on port 4317, set {} to grpc.", setting("PROTOCOL"))
        }
        (Failure::Unconnected(_), _) => {
            let own: Vec<String> = signals.iter().map(|signal| signal.name().to_uppercase()).collect();
            let own = if let [only] = &own[..] { only.clone() } else { format!("{{{}}}", own.join(",")) };
            let endpoint = setting("ENDPOINT");
            format!("Is an OpenTelemetry Collector listening there? Set {endpoint}, or OTEL_{own}_EXPORTER=none.")
        }
        // Some servers of one protocol wait for more when they are spoken to in the other one.
        (Failure::Silence(_), protocol) => {
            let (spoken, usual, other) = match protocol {
                Protocol::Grpc => ("gRPC", "4318", "http/protobuf"),
                Protocol::HttpProtobuf => ("HTTP", "4317", "grpc"),
            };
            format!(
                "Is an OpenTelemetry Collector listening there, and does it speak {spoken}? Correct {}, or, usual on \
                 port {usual}, set {} to {other}.",
                setting("ENDPOINT"),
                setting("PROTOCOL"),
            )
        }
        _ => String::from("It is there, but takes no data for now."),
    }
}

/// The URL without its query, which may hold a token.
fn place(channel: &Channel) -> String {
    match channel.protocol {
        Protocol::Grpc => channel.target.authority.clone(),
        Protocol::HttpProtobuf => format!("{}{}", channel.target.authority, channel.target.uri.path()),
    }
}

fn items(signal: Signal, count: u64) -> String {
    let (one, many) = match signal {
        Signal::Traces => ("span", "spans"),
        Signal::Metrics => ("data point", "data points"),
        Signal::Logs => ("log record", "log records"),
    };
    format!("{count} {}", if count == 1 { one } else { many })
}

/// `traces`, `traces and logs`, `traces, metrics and logs`
fn list(signals: &[Signal]) -> String {
    match signals {
        [] => String::new(),
        [only] => only.to_string(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(|signal| signal.name()).collect();
            format!("{} and {last}", first.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_backend_says_leads_to_the_cure() {
        let cases = [
            (Signal::Metrics, "invalid temporality and type combination", "PREFERENCE=cumulative"),
            (Signal::Metrics, "HTTP status 400 Bad Request: out of order sample", "out_of_order_time_window"),
            (Signal::Metrics, "duplicate sample for timestamp", "service.instance.id"),
            (Signal::Metrics, "invalid metric name", "translation_strategy"),
            (Signal::Metrics, "HTTP status 401 Unauthorized", "OTEL_EXPORTER_OTLP_METRICS_HEADERS"),
            (Signal::Traces, "UNAUTHENTICATED", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"),
        ];
        for (signal, why, expected) in cases {
            assert!(cure_of_refusal(signal, why).contains(expected), "{why}: {}", cure_of_refusal(signal, why));
        }
        assert_eq!(cure_of_refusal(Signal::Traces, "too old"), "");
        assert_eq!(cure_of_refusal(Signal::Metrics, "HTTP status 400 Bad Request"), "");
    }
}
