//! Tests against real servers: the OpenTelemetry Collector, Jaeger, Prometheus, Alertmanager and a mail server, started here on free ports of this
//! machine.
//!
//! ```text
//! tests/backends/install.sh                        builds the servers, once
//! cargo test --test backends --features cli
//! ```
//! A server that is missing fails the test, with the cure; nothing is skipped. Every server belongs to one test, which
//! waits for its health endpoint, and ends it.

mod alertmanager;
mod another;
mod certificates;
mod collector;
mod demo;
mod families;
mod history;
mod hook;
mod http;
mod jaeger;
mod messages;
mod program;
mod prometheus;
mod promtool;
mod readme;
mod received;
mod refusals;
mod scraped;
mod servers;
mod service;
mod services;
mod smtp;
mod stack;
mod told;
mod web;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Error>;
