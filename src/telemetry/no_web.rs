//! Without the feature `web` there is no port to be asked for.

use super::alerts::Alerts;
use crate::Error;
use crate::pipeline::Handle;

/// Nothing was asked for.
#[derive(Debug, Default)]
pub(super) struct Api;

/// There is none.
#[derive(Debug, Default)]
pub(super) struct Port;

impl Api {
    #[expect(clippy::unused_self, reason = "the signature of builds with the API")]
    pub(super) fn window(&self, alerts: Alerts) -> Alerts {
        alerts
    }

    #[expect(clippy::unnecessary_wraps, reason = "the signature of builds with the API")]
    pub(super) fn open(self) -> Result<Port, Error> {
        Ok(Port)
    }
}

impl Port {
    #[expect(clippy::unused_self, reason = "the signature of builds with the API")]
    pub(super) fn address(&self) -> Option<std::net::SocketAddr> {
        None
    }

    #[expect(clippy::unnecessary_wraps, reason = "the signature of builds with the API")]
    pub(super) fn serve(self, _: &Handle) -> Result<(), Error> {
        Ok(())
    }

    pub(super) fn try_serve(self, _: &Handle) {}
}
