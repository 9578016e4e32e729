//! A bounded window of every collected series, by Prometheus' names: what rules look at.
//!
//! ```text
//! Snapshot ─► translate ─► Writer ─► Series: open samples ─► blocks ─► evicted
//!             names,        limits,     ▲
//!             labels        counters    └── Source: select, visit (any thread, meanwhile)
//! ```
//!
//! **Writing.** [`History::ingest`] takes a collection. A point is translated once, when it is first seen, as Prometheus'
//! OTLP receiver does it; from then on its attributes lead to its series. Deltas are summed up, exponential histograms
//! become native ones, and what a later collection no longer has ends with a staleness marker. [`History::append`] is
//! for those who have labels and samples already: recording rules, `ALERTS`, tests. One at a time writes.
//!
//! **Keeping.** The newest sixteen samples of a series are kept as they came; what is older lies in blocks of up to
//! sixty-four, encoded without losing a bit. Series in step share their times. An hour of ten thousand series at ten
//! seconds takes eleven megabytes with labels and index (`cargo bench --bench history`).
//!
//! **Reading.** A reader takes the list of a metric's series, which nobody changes under it, and then locks one series at
//! a time for as long as it copies the samples asked for. So neither side waits for the other for more than that.
//!
//! **Limits.** Samples are kept as long as the rules look back, between [`Config::retention`] and
//! [`Config::max_retention`]; a series beyond [`Config::max_series`] is refused; beyond [`Config::max_bytes`] the oldest
//! samples make room. Each is counted ([`crate::internal::Counter`]), and a line names the metric with the most series.
//! Samples that are late or contradict one at their time are refused, as in Prometheus.

mod block;
mod codec;
mod config;
mod index;
mod limits;
mod metadata;
mod read;
mod series;
mod source;
mod timeline;
mod translate;
mod window;
mod writer;

pub use config::Config;
pub use metadata::{Metadata, MetricKind};
pub use source::{Point, Points, Selected, Source};
pub use translate::{NamedAs, prometheus_name};
pub use window::{History, Usage};

pub use crate::model::{MatchOp, Matcher};

#[cfg(test)]
mod tests;
