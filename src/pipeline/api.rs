//! Instruments of the OpenTelemetry API, collected where their callbacks can hang.
//!
//! A callback is code of the host, and the SDK calls it while it holds a lock. On the pipeline's thread, one that hangs
//! would stop traces and logs too. So as soon as there is a callback, collection of these instruments has a thread of
//! its own, and is waited for only so long; after that their metrics stay as they were until it returns.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::bridge::Bridge;
use crate::clock::Clock;
use crate::internal::{self, Counter, Internal, RateLimit};
use crate::layer;
use crate::model::ScopeMetrics;

/// How long all callbacks together may take.
pub(super) const LIMIT: Duration = Duration::from_secs(5);
/// Collections that may wait for the one under way: of the tick, and of callers of `snapshot`.
const WAITING: usize = 8;
/// Time between two lines about callbacks that take too long.
const LINES: Duration = Duration::from_secs(600);

/// The bridge, and the thread that collects it once there are callbacks.
#[derive(Debug)]
pub(super) struct Api {
    shared: Arc<Shared>,
    /// To the thread; `None` when the operating system refused it.
    jobs: OnceLock<Option<SyncSender<Job>>>,
    internal: Arc<Internal>,
    clock: Clock,
    lines: RateLimit,
}

#[derive(Debug)]
struct Shared {
    bridge: Bridge,
    /// What was collected last, while there are callbacks.
    last: Mutex<Vec<ScopeMetrics>>,
    /// Whether a collection is under way that was given up waiting for.
    overdue: AtomicBool,
}

/// Takes what was collected.
struct Job(Box<dyn FnOnce(Vec<ScopeMetrics>) + Send>);

impl Api {
    pub(super) fn new(bridge: Bridge, internal: Arc<Internal>, clock: Clock) -> Self {
        let shared = Arc::new(Shared { bridge, last: Mutex::default(), overdue: AtomicBool::new(false) });
        Self { shared, jobs: OnceLock::new(), internal, clock, lines: RateLimit::new(LINES) }
    }

    /// Everything as it is now, or as it was when callbacks take longer than the limit. It blocks no longer than that.
    pub(super) fn collect(&self) -> Vec<ScopeMetrics> {
        let Some(jobs) = self.jobs() else { return self.shared.collect() };
        let (reply, found) = sync_channel(1);
        // Nobody may wait for it any more.
        let asked = self.ask(jobs, move |scopes| drop(reply.try_send(scopes)));
        asked.and_then(|()| found.recv_timeout(LIMIT).ok()).unwrap_or_else(|| self.late())
    }

    /// The same without blocking, until the caller's patience ends.
    pub(super) async fn collected(&self, patience: impl Future<Output = ()>) -> Vec<ScopeMetrics> {
        let Some(jobs) = self.jobs() else { return self.shared.collect() };
        let (reply, found) = oneshot::channel();
        if self.ask(jobs, move |scopes| drop(reply.send(scopes))).is_none() {
            return self.late();
        }
        let scopes = tokio::select! {
            biased;
            scopes = found => scopes.ok(),
            () = patience => None,
        };
        scopes.unwrap_or_else(|| self.late())
    }

    /// The way to the thread, when there is reason for one. A callback that asks for what it is part of must not wait
    /// for itself.
    fn jobs(&self) -> Option<&SyncSender<Job>> {
        if !self.shared.bridge.has_callbacks() || Bridge::is_collecting() {
            return None;
        }
        self.jobs.get_or_init(|| start(Arc::clone(&self.shared)).ok()).as_ref()
    }

    /// Asks the thread for a collection. `None` when it is at one that nobody waits for any more.
    fn ask(&self, jobs: &SyncSender<Job>, take: impl FnOnce(Vec<ScopeMetrics>) + Send + 'static) -> Option<()> {
        if self.shared.overdue.load(Ordering::Relaxed) {
            return None;
        }
        jobs.try_send(Job(Box::new(take))).ok()
    }

    /// What was collected last, counted and told.
    fn late(&self) -> Vec<ScopeMetrics> {
        self.shared.overdue.store(true, Ordering::Relaxed);
        self.internal.count(Counter::CallbackLate);
        if self.lines.allows(self.clock.now(), &self.internal) {
            internal::warn(&format!(
                "callbacks of observable instruments take longer than {LIMIT:?}: metrics of the OpenTelemetry API stay \
                 as they were until they return"
            ));
        }
        self.shared.last()
    }
}

impl Shared {
    fn collect(&self) -> Vec<ScopeMetrics> {
        layer::suppressed(|| self.bridge.collect())
    }

    fn last(&self) -> Vec<ScopeMetrics> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn work(&self, inbox: &Receiver<Job>) {
        layer::suppress_thread();
        while let Ok(Job(take)) = inbox.recv() {
            let scopes = self.collect();
            self.last.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&scopes);
            self.overdue.store(false, Ordering::Relaxed);
            take(scopes);
        }
    }
}

/// Starts the thread. It ends with the last owner of the pipeline, or never when a callback does not return.
fn start(shared: Arc<Shared>) -> std::io::Result<SyncSender<Job>> {
    let (jobs, inbox) = sync_channel(WAITING);
    std::thread::Builder::new().name("bellwether-callbacks".into()).spawn(move || shared.work(&inbox))?;
    Ok(jobs)
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Job")
    }
}
