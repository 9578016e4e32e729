//! What the window may be told.

use std::time::Duration;

/// Settings of the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How far back samples are kept when no rule asks for more.
    pub retention: Duration,
    /// How far back samples are kept at most, whatever the rules ask for.
    pub max_retention: Duration,
    /// Series at most; a new one beyond is refused.
    pub max_series: usize,
    /// Bytes of samples, labels and index at most; the oldest samples make room.
    pub max_bytes: usize,
    /// Exemplars that a series keeps at most; the oldest make room.
    pub exemplars: usize,
    /// Whether the instrumentation scope becomes labels (`otel_scope_name`, `otel_scope_version`,
    /// `otel_scope_schema_url` and its attributes), as Prometheus' `promote_scope_metadata` does.
    pub scope_labels: bool,
}

impl Config {
    /// One hour: what a usual burn-rate alert looks back.
    pub const RETENTION: Duration = Duration::from_secs(3_600);
    /// Three days: the longest window of the burn-rate alerts in Google's SRE workbook.
    pub const MAX_RETENTION: Duration = Duration::from_secs(3 * 86_400);
    /// 50,000 series.
    pub const MAX_SERIES: usize = 50_000;
    /// 64 MiB.
    pub const MAX_BYTES: usize = 64 << 20;
    /// 4 a series.
    pub const EXEMPLARS: usize = 4;
}

impl Default for Config {
    fn default() -> Self {
        Self {
            retention: Self::RETENTION,
            max_retention: Self::MAX_RETENTION,
            max_series: Self::MAX_SERIES,
            max_bytes: Self::MAX_BYTES,
            exemplars: Self::EXEMPLARS,
            scope_labels: false,
        }
    }
}
