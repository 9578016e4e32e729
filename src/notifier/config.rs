//! What the notifier may be told.

use super::routing::{Http, Routing};
pub use super::throttle::RateLimit;

/// Settings of the notifier. By default alerts are written to the host's own log and go nowhere else.
#[derive(Debug, Clone)]
pub struct Config {
    /// Who is told what; without it every channel that is added by code gets every alert.
    pub routing: Option<Routing>,
    /// Alertmanagers, each of which gets every alert, past the routes: it has its own.
    pub alertmanagers: Vec<AlertmanagerEndpoint>,
    /// Whether each alert that begins or ends is an event of `tracing`. Default yes.
    pub log: bool,
    /// Of each channel of the routes.
    pub rate_limit: RateLimit,
    /// Alerts that are held at most, in groups and for each Alertmanager.
    pub alert_limit: usize,
}

/// Where an Alertmanager listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertmanagerEndpoint {
    /// The base URL, such as `http://localhost:9093`.
    pub url: String,
    /// Connection and credentials.
    pub http: Http,
}

impl Config {
    /// Alerts that are held at most.
    pub const ALERT_LIMIT: usize = 10_000;
}

impl Default for Config {
    fn default() -> Self {
        Self {
            routing: None,
            alertmanagers: Vec::new(),
            log: true,
            rate_limit: RateLimit::default(),
            alert_limit: Self::ALERT_LIMIT,
        }
    }
}
