//! What the host holds of a running pipeline.

use std::net::SocketAddr;
use std::sync::Arc;
#[cfg(feature = "rules")]
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

#[cfg(feature = "rules")]
use super::alerts::Window;
use super::collect::Collector;
use super::control::Control;
use super::tick::Published;
use crate::model::{Operation, Report, Snapshot};
#[cfg(feature = "rules")]
use crate::rules::Active;

/// Asks a running pipeline; clones ask the same one. It works from any thread, inside any async runtime or none.
///
/// In a child process made by `fork` nothing waits and nothing is sent: the thread that sends is in the parent.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) control: Arc<Control>,
    pub(super) collector: Arc<Collector>,
    pub(super) published: watch::Receiver<Option<Published>>,
    /// Where others are answered.
    pub(super) address: Option<SocketAddr>,
    #[cfg(feature = "rules")]
    pub(super) window: Option<Window>,
    #[cfg(feature = "rules")]
    pub(super) reload: Option<Arc<AtomicBool>>,
}

impl Handle {
    /// Exports everything recorded so far, waiting for it at most `deadline`; the account since the start. What is not
    /// sent in time is not lost: the pipeline goes on with it.
    pub fn flush(&self, deadline: Duration) -> Report {
        self.control.flush(deadline);
        self.report()
    }

    /// [`Handle::flush`] for async code, in any runtime.
    pub async fn flush_async(&self, deadline: Duration) -> Report {
        self.elsewhere(move |handle| handle.flush(deadline)).await
    }

    /// Exports everything recorded so far and a last collection, and ends telemetry. What has not gone out when the
    /// deadline passes is lost, and the report counts it. A second call returns the same account.
    pub fn shutdown(&self, deadline: Duration) -> Report {
        self.control.shutdown(deadline)
    }

    /// [`Handle::shutdown`] for async code, in any runtime.
    pub async fn shutdown_async(&self, deadline: Duration) -> Report {
        self.elsewhere(move |handle| handle.shutdown(deadline)).await
    }

    /// What was delivered and what was lost so far.
    pub fn report(&self) -> Report {
        self.control.report()
    }

    /// All metrics as they are now. It collects on demand and changes nothing: the next export is not affected.
    /// It waits for callbacks of observable instruments, for 5 seconds at most.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        // In a forked child a lock of the store may be held for ever by a thread that does not exist there.
        if self.control.is_left() {
            return self.latest().unwrap_or_else(|| Arc::new(self.collector.nothing()));
        }
        Arc::new(self.collector.peek())
    }

    /// What the last tick collected; `None` before the first.
    pub fn latest(&self) -> Option<Arc<Snapshot>> {
        self.published.borrow().as_ref().map(|published| Arc::clone(&published.snapshot))
    }

    /// Every alert that is pending or firing, as of the last evaluation; none without [`crate::Builder::alerts`].
    #[cfg(feature = "rules")]
    pub fn alerts(&self) -> Arc<[Active]> {
        // In a forked child the lock may be held for ever by a thread that does not exist there.
        if self.control.is_left() {
            return Arc::new([]);
        }
        self.window.as_ref().map_or_else(|| Arc::new([]) as Arc<[Active]>, |window| window.overview().alerts)
    }

    /// Where the HTTP API answers, with the port that was found when any was asked for; `None` when it was not asked for
    /// (`Builder::web`).
    pub fn web_address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Has rule files read again at the next evaluation, whether they look changed or not; for a service that is asked
    /// to, by SIGHUP or otherwise. With a mistake in one of them the rules stay as they are, and a warning says why.
    #[cfg(feature = "rules")]
    pub fn reload_rules(&self) {
        if let Some(reload) = &self.reload {
            reload.store(true, Ordering::Relaxed);
        }
    }

    /// What each operation did since the start.
    pub fn operations(&self) -> Vec<Operation> {
        if self.control.is_left() {
            return Vec::new();
        }
        self.collector.store.operations()
    }

    /// Whether this is a child of the process that the pipeline runs in.
    pub(crate) fn is_left(&self) -> bool {
        self.control.is_left()
    }

    /// Runs something that blocks on a thread of its own, so that it holds up no runtime, whichever it is.
    async fn elsewhere(&self, ask: impl FnOnce(&Self) -> Report + Send + 'static) -> Report {
        if self.control.is_left() {
            return self.report();
        }
        let (reply, report) = oneshot::channel();
        let handle = self.clone();
        let thread = std::thread::Builder::new().name("bellwether-wait".into()).spawn(move || {
            // The caller may have stopped waiting.
            drop(reply.send(ask(&handle)));
        });
        match thread {
            Ok(_) => report.await.unwrap_or_else(|_| self.report()),
            Err(_) => self.report(),
        }
    }
}
