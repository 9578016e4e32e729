//! Families of metrics: the same spans under the names that a backend's own views look for.
//!
//! A *family* is switched on as a whole ([`Families`], [`Builder::families`](crate::Builder::families), `families` of the
//! configuration file, `BELLWETHER_FAMILIES`). All count every span, whatever the sampler says, and carry exemplars of the
//! sampled ones.
//!
//! | family | metric (unit) | attributes | counted where |
//! |---|---|---|---|
//! | `collector`, the default | `traces.span.metrics.calls`, `traces.span.metrics.duration` (ms) | `service.name`, `span.name`, `span.kind`, `status.code`, dimensions | at the span's end |
//! | `tempo` | `traces_spanmetrics_calls_total`, `traces_spanmetrics_latency` (seconds, no unit), `traces_target_info` | `service`, `span_name`, `span_kind`, `status_code`, dimensions | at collection, from the counts of `collector` |
//! | `service_graph` | `traces_service_graph_request_total`, `…_failed_total`, `…_server_seconds`, `…_client_seconds` | `client`, `server`, `connection_type` | at the end of spans of another kind than internal ([`graph`]) |
//! | `semconv` | `http.server.request.duration`, `http.client.request.duration`, `rpc.server.call.duration`, `rpc.client.call.duration`, `db.client.operation.duration`, `messaging.client.operation.duration`, `messaging.process.duration`, `gen_ai.client.operation.duration` (all s), `messaging.client.{sent,consumed}.messages`, `gen_ai.client.token.usage` | those of the conventions ([`semconv`]) | at the end of spans that have the attributes |
//!
//! What a family that is off costs is nothing; what one costs that is on is decided once a callsite: only spans whose
//! callsite has the fields pay.

pub mod graph;
mod keys;
pub mod semconv;
pub mod tempo;

pub use keys::{Key, MAX_KEYS, key, key_of_field, keys};

use std::fmt;

/// One family of metrics; see [the module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Names of the Collector's span-metrics connector, which Jaeger's Monitor tab reads.
    Collector,
    /// Names of Tempo's metrics generator, which Grafana's Tempo views read.
    Tempo,
    /// Who calls whom, under the names that Tempo and the Collector's service-graph connector write.
    ServiceGraph,
    /// Metrics of OpenTelemetry's semantic conventions, of spans that carry their attributes.
    Semconv,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Collector, Self::Tempo, Self::ServiceGraph, Self::Semconv];

    /// Its word in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Collector => "collector",
            Self::Tempo => "tempo",
            Self::ServiceGraph => "service_graph",
            Self::Semconv => "semconv",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which families are on. The default is [`Family::Collector`] alone.
///
/// ```
/// use bellwether::config::{Families, Family};
/// let families = Families::from_iter([Family::Tempo, Family::ServiceGraph]);
/// assert!(families.has(Family::Tempo) && !families.has(Family::Collector));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Families(u8);

impl Families {
    /// None at all.
    pub const NONE: Self = Self(0);

    /// Whether a family is on.
    #[must_use]
    pub const fn has(self, family: Family) -> bool {
        self.0 & family.bit() != 0
    }
}

impl Default for Families {
    fn default() -> Self {
        Self(Family::Collector.bit())
    }
}

impl FromIterator<Family> for Families {
    fn from_iter<T: IntoIterator<Item = Family>>(families: T) -> Self {
        Self(families.into_iter().fold(0, |all, family| all | family.bit()))
    }
}

impl fmt::Debug for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(Family::ALL.iter().filter(|family| self.has(**family))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in_and_the_default_is_the_collectors() {
        for family in Family::ALL {
            let one = Families::from_iter([family]);
            assert_eq!(Family::ALL.map(|other| one.has(other)), Family::ALL.map(|other| other == family));
            assert_eq!(Families::default().has(family), family == Family::Collector);
            assert!(!Families::NONE.has(family));
        }
    }
}
