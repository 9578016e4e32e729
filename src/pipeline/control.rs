//! What the host asks of the pipeline (flush, shutdown), and how far the pipeline has come.
//!
//! Requests are a state and not a queue of messages: any number of callers may ask at once and memory does not grow. Each
//! caller waits on its own, with its own deadline, and never for the pipeline's thread to end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::fork::Process;
use crate::internal::Internal;
use crate::model::{Reason, Report, Signal};

/// How much longer than its deadline a caller waits for the pipeline to count what is lost.
const GRACE: Duration = Duration::from_millis(30);

/// Everything that a shutdown waits for: each signal, the evaluation of rules, and who answers others.
const PARTS: usize = Signal::ALL.len() + 2;
const RULES: usize = Signal::ALL.len();
#[cfg(feature = "web")]
const ANSWERS: usize = RULES + 1;

/// What has been asked for so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Request {
    /// Number of the latest flush; 0 before the first.
    pub(super) flush: u64,
    /// When everything must have ended, once a shutdown was asked for.
    pub(super) shutdown: Option<Instant>,
}

/// Shared by the pipeline, its queues and everybody who may ask.
#[derive(Debug)]
pub(super) struct Control {
    request: watch::Sender<Request>,
    /// The latest flush that each part has answered; `u64::MAX` when it has ended.
    answered: Mutex<[u64; PARTS]>,
    progress: Condvar,
    /// Items of each signal that entered the pipeline so far. The difference to what has settled is what a stuck
    /// pipeline still holds; one number that only grows cannot be read at a wrong moment.
    entered: [Arc<AtomicU64>; Signal::ALL.len()],
    /// Whether the pipeline has ended, in whichever way.
    over: watch::Sender<bool>,
    internal: Arc<Internal>,
    process: Process,
    /// The pipeline's thread, which must not wait for itself.
    thread: OnceLock<ThreadId>,
}

impl Control {
    /// Control of a pipeline that has these signals; the others have ended before they began.
    pub(super) fn new(has: impl Fn(Signal) -> bool, internal: Arc<Internal>) -> Arc<Self> {
        let mut answered = [u64::MAX; PARTS];
        for signal in Signal::ALL.into_iter().filter(|signal| has(*signal)) {
            answered[signal as usize] = 0;
        }
        Arc::new(Self {
            request: watch::Sender::default(),
            answered: Mutex::new(answered),
            progress: Condvar::new(),
            entered: Default::default(),
            over: watch::Sender::default(),
            internal,
            process: Process::current(),
            thread: OnceLock::new(),
        })
    }

    /// Asks for everything recorded so far to be exported, and waits. `false` when that took longer than the deadline.
    pub(super) fn flush(&self, deadline: Duration) -> bool {
        if self.process.is_left() {
            return false;
        }
        let mut number = 0;
        self.request.send_modify(|request| {
            request.flush += 1;
            number = request.flush;
        });
        self.wait(number, deadline)
    }

    /// Asks for the end and waits for it at most the deadline; the account then.
    pub(super) fn shutdown(&self, deadline: Duration) -> Report {
        if !self.process.is_left() {
            self.begin_shutdown(deadline);
            self.wait(u64::MAX, deadline.saturating_add(GRACE));
        }
        self.report()
    }

    /// Asks for the end within a deadline. Of two deadlines the earlier one counts.
    pub(super) fn begin_shutdown(&self, deadline: Duration) {
        let now = Instant::now();
        let asked = now.checked_add(deadline).unwrap_or_else(|| now + Duration::from_secs(86_400));
        self.request.send_modify(|request| {
            request.shutdown = Some(request.shutdown.map_or(asked, |earlier| earlier.min(asked)));
        });
        self.internal.begin_end();
    }

    /// The account so far. After the deadline of a shutdown, what the pipeline still holds counts as lost.
    pub(super) fn report(&self) -> Report {
        let mut report = self.internal.report();
        // In a forked child a lock may be held for ever, and what the pipeline held is its parent's.
        let overdue = !self.process.is_left()
            && self.request.borrow().shutdown.is_some_and(|deadline| deadline <= Instant::now());
        if overdue {
            for signal in Signal::ALL {
                let entered = self.entered[signal as usize].load(Ordering::Relaxed);
                let held = entered.saturating_sub(report.signal(signal).settled());
                report.add_dropped(signal, Reason::Deadline, held);
            }
        }
        report
    }

    /// The counters.
    pub(super) fn internal(&self) -> &Arc<Internal> {
        &self.internal
    }

    /// Whether this is a child of the process that the pipeline runs in.
    pub(super) fn is_left(&self) -> bool {
        self.process.is_left()
    }

    /// Changes of the request, for one stage of the pipeline.
    pub(super) fn requests(&self) -> Requests {
        let mut requests = self.request.subscribe();
        // What was asked before the stage began counts too.
        requests.mark_changed();
        Requests(requests)
    }

    /// Says that the calling thread is the pipeline's own.
    pub(super) fn claim_thread(&self) {
        self.thread.get_or_init(|| std::thread::current().id());
    }

    /// Says that a signal has exported everything recorded before a flush.
    pub(super) fn answer(&self, signal: Signal, flush: u64) {
        let mut answered = self.answered();
        let known = &mut answered[signal as usize];
        *known = flush.max(*known);
        drop(answered);
        self.progress.notify_all();
    }

    /// Says that a signal has ended.
    pub(super) fn end(&self, signal: Signal) {
        self.answer(signal, u64::MAX);
    }

    /// Says that rules are evaluated: their end is waited for, and no flush is.
    pub(super) fn hold_for_rules(&self) {
        self.answered()[RULES] = u64::MAX - 1;
    }

    /// Says that the evaluation of rules has ended.
    pub(super) fn end_rules(&self) {
        self.answered()[RULES] = u64::MAX;
        self.progress.notify_all();
    }

    /// Says that somebody answers others: their end is waited for, and no flush is.
    #[cfg(feature = "web")]
    pub(super) fn hold_for_answers(&self) {
        self.answered()[ANSWERS] = u64::MAX - 1;
    }

    /// Says that nobody is answered any more.
    #[cfg(feature = "web")]
    pub(super) fn end_answers(&self) {
        self.answered()[ANSWERS] = u64::MAX;
        self.progress.notify_all();
    }

    /// Says that the pipeline has ended.
    pub(super) fn set_over(&self) {
        self.over.send_replace(true);
    }

    /// Ends when the pipeline has ended, in whichever way.
    #[cfg(feature = "web")]
    pub(super) async fn over(&self) {
        // The sender lives as long as `self`.
        drop(self.over.subscribe().wait_for(|over| *over).await);
    }

    /// Where a signal counts what enters the pipeline.
    pub(super) fn entered(&self, signal: Signal) -> Arc<AtomicU64> {
        Arc::clone(&self.entered[signal as usize])
    }

    /// Waits until everything has answered this flush. The pipeline's own thread does not wait.
    fn wait(&self, flush: u64, deadline: Duration) -> bool {
        let behind = |answered: &mut [u64; PARTS]| answered.iter().any(|number| *number < flush);
        if self.thread.get() == Some(&std::thread::current().id()) {
            return !behind(&mut self.answered());
        }
        let waited = self.progress.wait_timeout_while(self.answered(), deadline, behind);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    fn answered(&self) -> MutexGuard<'_, [u64; PARTS]> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one stage has seen of the requests.
#[derive(Debug, Clone)]
pub(super) struct Requests(watch::Receiver<Request>);

impl Requests {
    /// Ends at the next change.
    pub(super) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            // Nobody is left who could ask.
            std::future::pending::<()>().await;
        }
    }

    /// What is asked for now.
    pub(super) fn current(&mut self) -> Request {
        *self.0.borrow_and_update()
    }

    /// Ends when the deadline of a shutdown has passed, whenever that shutdown is asked for.
    pub(super) async fn expired(mut self) {
        loop {
            let Some(deadline) = self.current().shutdown else {
                self.changed().await;
                continue;
            };
            tokio::select! {
                biased;
                () = sleep_until(deadline) => return,
                () = self.changed() => {}
            }
        }
    }
}
