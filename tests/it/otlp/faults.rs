//! What is tried again, what is lost, and how it is counted.

use std::net::TcpListener;
use std::time::Duration;

use base64::Engine as _;
use bellwether::clock::{Clock, Timestamp};
use bellwether::model::{Reason, SignalReport};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use opentelemetry_sdk::trace::SpanExporter as _;
use prost::Message;

use super::receiver::{Receiver, Reply};
use super::{PROTOCOLS, Protocol, Sender, each_endpoint, fixtures, one_try, to};

/// The account of three spans sent to a server that answers so, and the number of its requests.
async fn outcome(protocol: Protocol, script: Vec<Reply>) -> (SignalReport, usize) {
    let receiver = Receiver::start(protocol, script).await;
    let sender = Sender::new(&to(&receiver.url(), protocol));
    let result = sender.spans().export(fixtures::spans(3)).await;
    let report = sender.report();
    assert_eq!(result.is_ok(), report.traces.delivered > 0);
    (report.traces, receiver.received().len())
}

fn delivered() -> SignalReport {
    SignalReport { delivered: 3, dropped: Vec::new() }
}

fn lost(reason: Reason) -> SignalReport {
    SignalReport { delivered: 0, dropped: vec![(reason, 3)] }
}

#[tokio::test]
async fn every_grpc_status_is_retried_or_not_as_the_specification_says() {
    for code in 1..=16 {
        let expected = match code {
            1 | 4 | 10 | 11 | 14 | 15 => (delivered(), 2),
            12 => (lost(Reason::Unimplemented), 1),
            _ => (lost(Reason::Refused), 1),
        };
        for reply in [Reply::grpc(code), Reply::GrpcAtOnce { code }] {
            assert_eq!(outcome(Protocol::Grpc, vec![reply]).await, expected, "{code}");
        }
    }
}

#[tokio::test]
async fn every_http_status_is_retried_or_not_as_the_specification_says() {
    for (status, expected) in [
        (200, (delivered(), 1)),
        (202, (delivered(), 1)),
        (301, (lost(Reason::Refused), 1)),
        (400, (lost(Reason::Refused), 1)),
        (401, (lost(Reason::Refused), 1)),
        (403, (lost(Reason::Refused), 1)),
        (404, (lost(Reason::Unimplemented), 1)),
        (405, (lost(Reason::Unimplemented), 1)),
        (408, (lost(Reason::Refused), 1)),
        (413, (lost(Reason::Refused), 1)),
        (429, (delivered(), 2)),
        (500, (lost(Reason::Refused), 1)),
        (501, (lost(Reason::Unimplemented), 1)),
        (502, (delivered(), 2)),
        (503, (delivered(), 2)),
        (504, (delivered(), 2)),
    ] {
        assert_eq!(outcome(Protocol::HttpProtobuf, vec![Reply::http(status)]).await, expected, "{status}");
    }
}

#[tokio::test]
async fn a_proxy_that_answers_in_place_of_a_grpc_server_is_understood() {
    for (status, expected) in [
        (200, (lost(Reason::Refused), 1)),
        (401, (lost(Reason::Refused), 1)),
        (404, (lost(Reason::Unimplemented), 1)),
        (503, (delivered(), 2)),
    ] {
        assert_eq!(outcome(Protocol::Grpc, vec![Reply::http(status)]).await, expected, "{status}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_again() {
    for protocol in PROTOCOLS {
        let (account, _) = outcome(protocol, vec![Reply::Close, Reply::Close]).await;
        assert_eq!(account, delivered());
    }
}

#[derive(Clone, PartialEq, prost::Message)]
struct Status {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Detail>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Detail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `RetryInfo` with a delay of whole seconds: two nested messages, each with one field of number 1.
fn retry_info(seconds: u8) -> (&'static str, String) {
    let detail = Detail {
        type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
        value: if seconds == 0 { vec![0x0a, 0] } else { vec![0x0a, 2, 0x08, seconds] },
    };
    let status = Status { details: vec![detail] }.encode_to_vec();
    ("grpc-status-details-bin", base64::engine::general_purpose::STANDARD_NO_PAD.encode(status))
}

#[tokio::test]
async fn an_exhausted_grpc_server_is_tried_again_only_when_it_says_when() {
    let exhausted = |trailers| Reply::Grpc { code: 8, trailers, message: Vec::new() };
    assert_eq!(outcome(Protocol::Grpc, vec![exhausted(Vec::new())]).await, (lost(Reason::Refused), 1));
    assert_eq!(outcome(Protocol::Grpc, vec![exhausted(vec![retry_info(0)])]).await, (delivered(), 2));
}

#[tokio::test]
async fn a_wait_that_the_server_asks_for_and_that_exceeds_the_time_limit_is_not_begun() {
    // A minute is beyond the timeout of ten seconds; the test would show the wait.
    let unavailable = Reply::Grpc { code: 14, trailers: vec![retry_info(60)], message: Vec::new() };
    assert_eq!(outcome(Protocol::Grpc, vec![unavailable]).await, (lost(Reason::Unreachable), 1));
    for after in ["60", "Fri, 31 Dec 2100 23:59:59 GMT"] {
        let headers = vec![("retry-after", after.to_owned())];
        let busy = Reply::Http { status: 503, headers, body: Vec::new() };
        assert_eq!(outcome(Protocol::HttpProtobuf, vec![busy]).await, (lost(Reason::Unreachable), 1));
    }
}

#[tokio::test]
async fn a_wait_that_one_request_had_no_time_for_is_kept_by_the_next_ones() {
    let busy = Reply::Http { status: 429, headers: vec![("retry-after", "60".to_owned())], body: Vec::new() };
    let receiver = Receiver::start(Protocol::HttpProtobuf, [busy]).await;
    let clock = Clock::manual(Timestamp(1_700_000_000_000_000_000));
    let sender = Sender::with_clock(&to(&receiver.url(), Protocol::HttpProtobuf), clock.clone());
    let spans = sender.spans();
    for _ in 0..2 {
        spans.export(fixtures::spans(3)).await.unwrap_err();
        clock.advance(Duration::from_secs(30));
    }
    assert_eq!(receiver.received().len(), 1);
    spans.export(fixtures::spans(3)).await.unwrap();
    assert_eq!(sender.report().traces, SignalReport { delivered: 3, dropped: vec![(Reason::Unreachable, 6)] });
}

#[tokio::test]
async fn a_server_that_asks_for_a_year_is_asked_again_after_five_minutes() {
    let year = Reply::Http { status: 429, headers: vec![("retry-after", "31536000".to_owned())], body: Vec::new() };
    let receiver = Receiver::start(Protocol::HttpProtobuf, [year]).await;
    let clock = Clock::manual(Timestamp(1_700_000_000_000_000_000));
    let sender = Sender::with_clock(&to(&receiver.url(), Protocol::HttpProtobuf), clock.clone());
    let spans = sender.spans();
    spans.export(fixtures::spans(1)).await.unwrap_err();
    clock.advance(Duration::from_secs(301));
    spans.export(fixtures::spans(1)).await.unwrap();
    assert_eq!(sender.report().traces.delivered, 1);
}

#[tokio::test]
async fn rejected_items_of_a_partial_success_are_counted_and_not_sent_again() {
    for protocol in PROTOCOLS {
        for (rejected, expected) in [(0, vec![]), (2, vec![(Reason::Rejected, 2)]), (99, vec![(Reason::Rejected, 3)])] {
            let partial = ExportTracePartialSuccess { rejected_spans: rejected, error_message: "too old".to_owned() };
            let response = ExportTraceServiceResponse { partial_success: Some(partial) };
            let receiver = Receiver::start(protocol, [Reply::success(protocol, response.encode_to_vec())]).await;
            let sender = Sender::new(&to(&receiver.url(), protocol));
            sender.spans().export(fixtures::spans(3)).await.unwrap();
            let dropped: u64 = expected.iter().map(|(_, items)| items).sum();
            assert_eq!(sender.report().traces, SignalReport { delivered: 3 - dropped, dropped: expected });
            assert_eq!(receiver.received().len(), 1);
        }
    }
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_not_read() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::start(protocol, [Reply::success(protocol, vec![0; 2_000])]).await;
        let mut config = to(&receiver.url(), protocol);
        config.response_limit = 1_000;
        let sender = Sender::new(&config);
        sender.spans().export(fixtures::spans(3)).await.unwrap_err();
        assert_eq!(sender.report().traces, lost(Reason::Refused));
    }
}

#[tokio::test]
async fn nonsense_in_a_successful_answer_does_not_matter() {
    for protocol in PROTOCOLS {
        let nonsense = Reply::success(protocol, vec![0xff; 40]);
        assert_eq!(outcome(protocol, vec![nonsense]).await, (delivered(), 1));
    }
}

#[tokio::test]
async fn a_connection_that_hangs_costs_the_timeout_and_is_not_used_again() {
    for protocol in PROTOCOLS {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut config = to(&format!("http://{}", listener.local_addr().unwrap()), protocol);
        each_endpoint(&mut config, |endpoint| endpoint.timeout = Duration::from_millis(300));
        let sender = Sender::new(&config);
        let spans = sender.spans();
        // The first connection is taken, and nobody ever reads from it.
        let (_silent, result) = tokio::join!(listener.accept(), spans.export(fixtures::spans(3)));
        result.unwrap_err();
        assert_eq!(sender.report().traces, lost(Reason::Unreachable));
        let _receiver = Receiver::over(listener, protocol, [], None);
        spans.export(fixtures::spans(3)).await.unwrap();
        assert_eq!(sender.report().traces.delivered, 3);
    }
}

#[tokio::test]
async fn an_export_that_is_dropped_before_its_end_counts_what_is_left() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::start(protocol, [Reply::Hang]).await;
        let sender = Sender::new(&to(&receiver.url(), protocol));
        let spans = sender.spans();
        let export = spans.export(fixtures::spans(3));
        tokio::time::timeout(Duration::from_millis(20), export).await.unwrap_err();
        assert_eq!(sender.report().traces, lost(Reason::Deadline));
    }
}

#[tokio::test]
async fn the_shorter_of_the_timeout_and_the_total_of_all_tries_ends_the_tries() {
    let dead = dead_port();
    for (timeout, total) in [(30, 60_000), (60_000, 30)] {
        let mut config = to(&dead, Protocol::Grpc);
        each_endpoint(&mut config, |endpoint| endpoint.timeout = Duration::from_millis(timeout));
        config.retry.total = Duration::from_millis(total);
        let sender = Sender::new(&config);
        sender.spans().export(fixtures::spans(3)).await.unwrap_err();
        assert_eq!(sender.report().traces, lost(Reason::Unreachable));
    }
}

/// A URL where nobody listens.
pub(super) fn dead_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port())
}

#[tokio::test]
async fn a_client_of_the_wrong_protocol_ends_without_delivering() {
    for (spoken, understood) in [(Protocol::Grpc, Protocol::HttpProtobuf), (Protocol::HttpProtobuf, Protocol::Grpc)] {
        let receiver = Receiver::start(understood, []).await;
        let mut config = to(&receiver.url(), spoken);
        one_try(&mut config);
        let sender = Sender::new(&config);
        sender.spans().export(fixtures::spans(3)).await.unwrap_err();
        assert_eq!(sender.report().traces, lost(Reason::Unreachable));
    }
}
