//! The HTTP API, as far as the builder was told.

use std::net::SocketAddr;

use super::Builder;
use super::alerts::Alerts;
use crate::Error;
use crate::config::Config;
use crate::internal;
use crate::pipeline::Handle;
use crate::web::{Listener, Web};

/// What the builder was told, if anything.
#[derive(Debug, Default)]
pub(super) struct Api(Option<Web>);

/// A port that is open and not answered yet, if one was asked for.
#[derive(Debug, Default)]
pub(super) struct Port(Option<Listener>);

impl Api {
    /// With what file and variables say, unless code asked for a port itself.
    pub(super) fn settle(self, config: &Config) -> Self {
        Self(self.0.or_else(|| config.web.clone()))
    }

    /// What there is to look at: without rules their window alone.
    pub(super) fn window(&self, alerts: Alerts) -> Alerts {
        if self.0.is_some() { alerts.at_least_a_window() } else { alerts }
    }

    /// Opens the port.
    pub(super) fn open(self) -> Result<Port, Error> {
        self.0.map(Listener::bind).transpose().map(Port)
    }
}

impl Port {
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.0.as_ref().map(Listener::address)
    }

    /// Answers on a thread of its own from now on.
    pub(super) fn serve(self, handle: &Handle) -> Result<(), Error> {
        let Some(listener) = self.0 else { return Ok(()) };
        listener.serve(handle).map_err(|error| Error::system("start the thread of the HTTP API", error))
    }

    /// The same when it is too late for an error.
    pub(super) fn try_serve(self, handle: &Handle) {
        if let Err(error) = self.serve(handle) {
            internal::warn(&error.to_string());
        }
    }
}

impl Builder {
    /// Answers Prometheus' HTTP API, read-only, on a thread of its own: so Grafana takes this process as a Prometheus,
    /// and Prometheus scrapes `/metrics`. By itself no port is open.
    ///
    /// ```no_run
    /// let _telemetry = bellwether::builder().web("127.0.0.1:9464").init()?;
    /// # Ok::<(), bellwether::Error>(())
    /// ```
    ///
    /// Queries see what rules see: the last hour of every series, or longer where a rule looks back further. Without
    /// [`Builder::alerts`] there are no rules, and the series are collected for queries alone.
    ///
    /// Whoever reaches the port reads everything, and there is no TLS: an address without a host, such as `:9464`, is
    /// this machine's own. Limits are set with a [`Web`]. What is said here replaces `web` of the configuration file and
    /// `BELLWETHER_WEB`.
    pub fn web(mut self, web: impl Into<Web>) -> Self {
        self.api = Api(Some(web.into()));
        self
    }
}
