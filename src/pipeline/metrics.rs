//! The way out of metrics: exports what the tick publishes, the newest when it falls behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::collect::Collector;
use super::config::GRACE;
use super::control::{Control, Requests};
use super::tick::Published;
use crate::exporters::MetricExporter;
use crate::internal::Internal;
use crate::model::{Signal, Snapshot};

/// The way out of metrics.
pub(super) struct MetricLane {
    pub(super) exporter: Box<dyn MetricExporter>,
    pub(super) collector: Arc<Collector>,
    pub(super) published: watch::Receiver<Option<Published>>,
    pub(super) control: Arc<Control>,
    pub(super) requests: Requests,
    pub(super) export_timeout: Duration,
    pub(super) internal: Arc<Internal>,
    /// Points that were settled, and those of the export under way.
    pub(super) entered: Arc<AtomicU64>,
}

impl MetricLane {
    /// Exports until the last collection, then the stale markers, or until the deadline of a shutdown has passed.
    pub(super) async fn run(mut self) {
        while let Some(published) = self.next().await {
            let in_time = self.export(&published.snapshot).await;
            self.control.answer(Signal::Metrics, published.flush);
            if published.last && in_time {
                self.export(&self.collector.end(&published.snapshot)).await;
            }
            if published.last || !in_time {
                break;
            }
        }
    }

    async fn next(&mut self) -> Option<Published> {
        self.published.changed().await.ok()?;
        self.published.borrow_and_update().clone()
    }

    /// Exports one snapshot; the exporter accounts for its points. `false` when the deadline of a shutdown has passed.
    async fn export(&mut self, snapshot: &Snapshot) -> bool {
        let points = snapshot.metrics().map(|metric| metric.data.len() as u64).sum::<u64>();
        self.entered.fetch_add(points, Ordering::Relaxed);
        let in_time = tokio::select! {
            biased;
            () = self.exporter.export(snapshot) => true,
            () = self.requests.clone().expired() => false,
            () = sleep(self.export_timeout.saturating_add(GRACE)) => true,
        };
        // Nothing is under way now. Points that an exporter leaves out, as deltas do with series at rest, were no loss.
        self.entered.store(self.internal.settled(Signal::Metrics), Ordering::Relaxed);
        in_time
    }
}
