//! Without the feature `web` there is no port to be asked for.

use std::convert::Infallible;
use std::net::SocketAddr;

use super::alerts::Alerts;
use crate::Error;
use crate::config::Config;
use crate::pipeline::Handle;

/// Nothing was asked for: there is nothing to be had.
#[derive(Debug, Default)]
pub(super) struct Api(Option<Infallible>);

/// There is none.
#[derive(Debug, Default)]
pub(super) struct Port(Option<Infallible>);

impl Api {
    pub(super) fn settle(self, _: &Config) -> Self {
        self
    }

    pub(super) fn window(&self, alerts: Alerts) -> Alerts {
        match self.0 {
            Some(never) => match never {},
            None => alerts,
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "the signature of builds with the API")]
    pub(super) fn open(self) -> Result<Port, Error> {
        Ok(Port(self.0))
    }
}

impl Port {
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.0.map(|never| match never {})
    }

    #[expect(clippy::unnecessary_wraps, reason = "the signature of builds with the API")]
    pub(super) fn serve(self, _: &Handle) -> Result<(), Error> {
        match self.0 {
            Some(never) => match never {},
            None => Ok(()),
        }
    }

    pub(super) fn try_serve(self, handle: &Handle) {
        // It cannot fail.
        drop(self.serve(handle));
    }
}
