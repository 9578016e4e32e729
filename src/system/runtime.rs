//! The tokio runtime of the host: what is stable in tokio, without `tokio_unstable`.

use tokio::runtime::Handle;

use super::points::Points;
use crate::names;

/// The runtime that telemetry was set up in. It does not keep the runtime's threads.
#[derive(Debug)]
pub(super) struct Runtime(Handle);

impl Runtime {
    /// The one of the calling thread.
    pub(super) fn current() -> Option<Self> {
        Handle::try_current().ok().map(Self)
    }

    pub(super) fn read(&self, points: &mut Points) {
        let metrics = self.0.metrics();
        points.level(names::TOKIO_WORKERS, metrics.num_workers() as u64);
        points.level(names::TOKIO_TASKS, metrics.num_alive_tasks() as u64);
        points.level(names::TOKIO_QUEUE, metrics.global_queue_depth() as u64);
    }
}
