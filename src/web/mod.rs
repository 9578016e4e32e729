//! Prometheus' HTTP API over the window of the rules, and `/metrics`: read-only, and only when a port is asked for.
//!
//! | file | holds |
//! |---|---|
//! | `config` | the address, and limits |
//! | `server` | the thread `bellwether-web`: accept, serve, end |
//! | `routes` | which path leads where, and the limits on a request |
//! | `params` | what a request asks for: query and form, times, durations, matchers |
//! | `answer` | the envelope of an answer, and of an error |
//! | `json` | numbers, times, labels and histograms as Prometheus writes them |
//! | `query`, `browse`, `rules`, `status` | the endpoints |
//! | `bounded` | the window as a query sees it that must end in time |
//! | `metrics/` | `/metrics` in Prometheus' text format and in OpenMetrics |
//!
//! Shapes, errors and texts are those of Prometheus 3.14 (`web/api/v1`); tests compare them with the real one.
//!
//! **The host is safe.** The server has a thread and a runtime of its own; queries run beside it, at most
//! [`Web::QUERIES`] at once, on threads that end when they are idle. A query reads the window as rules do, series by
//! series, so that neither waits for the other for longer than one series takes to copy. Connections, the size of
//! requests, the time for sending one, the time and the samples of a query are limited, and what falls over is counted
//! ([`crate::internal::Counter`]). Nothing here is telemetry of the host.
//!
//! There are no headers for browsers of other origins (CORS), no TLS and no users: whoever reaches the port reads
//! everything. That is why it listens on this machine alone unless it is told otherwise.

mod answer;
mod bounded;
mod browse;
mod config;
mod desk;
mod json;
mod metrics;
mod params;
mod query;
mod routes;
mod rules;
mod server;
mod status;

pub use config::Web;
pub(crate) use server::Listener;
