//! What rules may be told.

use std::sync::Arc;

use crate::model::Labels;
use crate::promql;

/// Settings of the evaluation of rules. Times are milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Time between evaluations of a group that names none.
    pub interval: i64,
    /// By how much queries look earlier than the tick in a group that does not say.
    pub query_offset: i64,
    /// Time after which a firing alert is told again.
    pub resend_delay: i64,
    /// Time that a pending alert waits at least after a restart; one whose `for` is shorter starts anew.
    pub for_grace_period: i64,
    /// Age of a state beyond which it is not restored.
    pub outage_tolerance: i64,
    /// Labels that mark everything that leaves this process; alerts carry them, series do not.
    pub external_labels: Labels,
    /// Where people find this process; empty when nowhere.
    pub external_url: String,
    /// Where people find a trace, with `{trace_id}` in it; empty when nowhere.
    pub trace_link: Arc<str>,
    /// How queries are evaluated.
    pub promql: promql::Options,
}

impl Config {
    /// One minute, as in Prometheus.
    pub const INTERVAL: i64 = 60_000;
    /// One minute, as in Prometheus.
    pub const RESEND_DELAY: i64 = 60_000;
    /// Ten minutes, as in Prometheus.
    pub const FOR_GRACE_PERIOD: i64 = 600_000;
    /// One hour, as in Prometheus.
    pub const OUTAGE_TOLERANCE: i64 = 3_600_000;
}

impl Default for Config {
    fn default() -> Self {
        Self {
            interval: Self::INTERVAL,
            query_offset: 0,
            resend_delay: Self::RESEND_DELAY,
            for_grace_period: Self::FOR_GRACE_PERIOD,
            outage_tolerance: Self::OUTAGE_TOLERANCE,
            external_labels: Labels::default(),
            external_url: String::new(),
            trace_link: Arc::from(""),
            promql: promql::Options::default(),
        }
    }
}
