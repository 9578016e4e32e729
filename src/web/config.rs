//! Where the API answers, and within which limits.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::Error;

/// Prometheus' HTTP API of this process: where it answers, and within which limits. See [`crate::Builder::web`].
///
/// An address is an IP address and a port. Without an address, as in `:9464`, and for `localhost` it is this machine
/// alone (`127.0.0.1`); `0.0.0.0:9464` is for everybody who reaches the machine. Port 0 takes any free one, which
/// [`crate::Handle::web_address`] tells.
///
/// ```no_run
/// use std::time::Duration;
/// use bellwether::Web;
/// let web = Web::at("127.0.0.1:9464").timeout(Duration::from_secs(5)).max_samples(100_000);
/// let _telemetry = bellwether::builder().web(web).init()?;
/// # Ok::<(), bellwether::Error>(())
/// ```
#[must_use = "settings do nothing until `Builder::web`"]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    address: String,
    /// Where the address was given: what an error names.
    setting: &'static str,
    pub(super) timeout: Duration,
    pub(super) max_samples: usize,
    pub(super) max_connections: usize,
}

impl Web {
    /// How long a query may take.
    pub const TIMEOUT: Duration = Duration::from_secs(10);
    /// Samples that a query may hold at one time: some tens of megabytes, its answer included.
    pub const MAX_SAMPLES: usize = 500_000;
    /// Connections at once.
    pub const MAX_CONNECTIONS: usize = 64;
    /// Queries that are evaluated at once; others wait for their turn.
    pub const QUERIES: usize = 2;

    /// At this address, with the limits above.
    pub fn at(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            setting: "Builder::web",
            timeout: Self::TIMEOUT,
            max_samples: Self::MAX_SAMPLES,
            max_connections: Self::MAX_CONNECTIONS,
        }
    }

    /// How long a query may take. A request can ask for less. Default 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Samples that a query may hold at one time; one that needs more is an error. Default 500,000.
    pub fn max_samples(mut self, samples: usize) -> Self {
        self.max_samples = samples;
        self
    }

    /// Connections at once; more are closed and counted. Default 64.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// The same, given by a setting of this name.
    pub(crate) fn given_by(mut self, setting: &'static str) -> Self {
        self.setting = setting;
        self
    }

    pub(crate) fn address(&self) -> Result<SocketAddr, Error> {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let local = self.address.strip_prefix("localhost").unwrap_or(&self.address).strip_prefix(':');
        match local {
            Some(port) => port.parse().map(|port| SocketAddr::new(loopback, port)).ok(),
            None => self.address.parse().ok(),
        }
        .ok_or_else(|| self.invalid(&self.address, Self::EXPECTED))
    }

    /// An error about the address.
    pub(super) fn invalid(&self, address: impl Into<String>, expected: &str) -> Error {
        Error::invalid(self.setting, address, expected)
    }

    /// What an address may be.
    pub(crate) const EXPECTED: &'static str = "an IP address and a port such as 127.0.0.1:9464, [::1]:9464 or, for everybody who reaches this machine, \
         0.0.0.0:9464";
}

impl From<&str> for Web {
    fn from(address: &str) -> Self {
        Self::at(address)
    }
}

impl From<String> for Web {
    fn from(address: String) -> Self {
        Self::at(address)
    }
}

impl From<SocketAddr> for Web {
    fn from(address: SocketAddr) -> Self {
        Self::at(address.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_of_this_machine_unless_it_says_otherwise() {
        let cases = [
            ("127.0.0.1:9464", Some("127.0.0.1:9464")),
            (":9464", Some("127.0.0.1:9464")),
            ("localhost:0", Some("127.0.0.1:0")),
            ("[::1]:80", Some("[::1]:80")),
            ("0.0.0.0:9464", Some("0.0.0.0:9464")),
            ("9464", None),
            ("127.0.0.1", None),
            (":99999", None),
            ("example.com:9464", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let found = Web::at(text).address().ok().map(|address| address.to_string());
            assert_eq!(found.as_deref(), expected, "{text:?}");
        }
    }
}
