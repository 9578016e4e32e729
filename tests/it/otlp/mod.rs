//! The OTLP client against servers in this process: what arrives, what is tried again, what is lost and said.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a server or a message that is not as it should be is a failed test"
)]

mod delivery;
mod equality;
mod faults;
mod fixtures;
mod limits;
mod lines;
mod receiver;
mod temporality;
#[cfg(feature = "tls")]
mod tls;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use bellwether::clock::Clock;
use bellwether::exporters::otlp::{
    Client, Config, Endpoint, LogExporter, MetricExporter, Protocol, Retry, SpanExporter,
};
use bellwether::internal::Internal;
use bellwether::model::{Report, Signal};

const PROTOCOLS: [Protocol; 2] = [Protocol::Grpc, Protocol::HttpProtobuf];

/// A client and its account.
struct Sender {
    client: RefCell<Client>,
    internal: Arc<Internal>,
}

impl Sender {
    fn new(config: &Config) -> Self {
        Self::with_clock(config, Clock::system())
    }

    fn with_clock(config: &Config, clock: Clock) -> Self {
        let internal = Arc::new(Internal::default());
        Self { client: Client::new(config.clone(), Arc::clone(&internal), clock).into(), internal }
    }

    fn spans(&self) -> SpanExporter {
        self.client.borrow_mut().spans().unwrap()
    }

    fn logs(&self) -> LogExporter {
        self.client.borrow_mut().logs().unwrap()
    }

    fn metrics(&self) -> MetricExporter {
        self.client.borrow_mut().metrics().unwrap()
    }

    fn report(&self) -> Report {
        self.internal.report()
    }
}

/// Everything to one server, with waits that a test does not feel.
fn to(authority: &str, protocol: Protocol) -> Config {
    let endpoint = |signal: Signal| {
        let url = match protocol {
            Protocol::Grpc => authority.to_owned(),
            Protocol::HttpProtobuf => format!("{authority}/v1/{signal}"),
        };
        Endpoint { url, ..Endpoint::default_for(signal, protocol) }
    };
    let retry = Retry { initial: Duration::from_millis(1), max: Duration::from_millis(5), ..Retry::default() };
    Config {
        traces: endpoint(Signal::Traces),
        metrics: endpoint(Signal::Metrics),
        logs: endpoint(Signal::Logs),
        retry,
        ..Config::default()
    }
}

/// The same change for the endpoints of all signals.
fn each_endpoint(config: &mut Config, change: impl Fn(&mut Endpoint)) {
    for endpoint in [&mut config.traces, &mut config.metrics, &mut config.logs] {
        change(endpoint);
    }
}

/// No second try, whatever the time limit: the wait before it would be far longer.
fn one_try(config: &mut Config) {
    config.retry.initial = Duration::from_secs(1_000_000);
    config.retry.max = config.retry.initial;
}
