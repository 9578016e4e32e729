//! The bounded queue of a signal, from the host's threads to the pipeline.
//!
//! Pushing never blocks, takes no lock and touches no thread-local, so that a span may end in a signal-ridden, forked or
//! dying thread. What does not fit is dropped and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use tokio::sync::Notify;

use super::Batch;
use crate::fork::Process;
use crate::internal::Internal;
use crate::model::{Reason, Signal};

/// The end that the host's threads hold; clones push into the same queue.
#[derive(Debug)]
pub struct Queue<T> {
    sender: SyncSender<T>,
    shared: Arc<Shared>,
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), shared: Arc::clone(&self.shared) }
    }
}

/// The end that the pipeline holds.
#[derive(Debug)]
pub(super) struct Drain<T> {
    receiver: Receiver<T>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    signal: Signal,
    internal: Arc<Internal>,
    /// Items after which the pipeline is woken.
    batch: usize,
    /// Items pushed and not yet taken.
    waiting: AtomicUsize,
    /// Items that were let in so far.
    entered: Arc<AtomicU64>,
    closed: AtomicBool,
    full: Notify,
    process: Process,
}

/// A queue and its drain; `entered` is where it counts what it lets in.
pub(super) fn queue<T>(
    signal: Signal,
    batch: &Batch,
    entered: Arc<AtomicU64>,
    internal: Arc<Internal>,
) -> (Queue<T>, Drain<T>) {
    let limit = batch.max_queue_size.max(1);
    let (sender, receiver) = sync_channel(limit);
    let shared = Arc::new(Shared {
        signal,
        internal,
        batch: batch.max_export_batch_size.clamp(1, limit),
        waiting: AtomicUsize::new(0),
        entered,
        closed: AtomicBool::new(false),
        full: Notify::new(),
        process: Process::current(),
    });
    (Queue { sender, shared: Arc::clone(&shared) }, Drain { receiver, shared })
}

impl<T> Queue<T> {
    /// Hands an item to the pipeline, or drops and counts it.
    #[inline]
    pub fn push(&self, item: T) {
        let shared = &*self.shared;
        if shared.process.is_left() {
            return shared.drop_one(Reason::Forked);
        }
        if shared.closed.load(Ordering::Relaxed) {
            return shared.drop_one(Reason::AfterShutdown);
        }
        let waiting = shared.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        match self.sender.try_send(item) {
            Ok(()) => {
                shared.entered.fetch_add(1, Ordering::Relaxed);
                // Exactly one push sees the batch become full; the drain looks at the number itself before it waits.
                if waiting == shared.batch {
                    shared.full.notify_one();
                }
            }
            Err(refused) => {
                shared.waiting.fetch_sub(1, Ordering::Relaxed);
                shared.drop_one(match refused {
                    TrySendError::Full(_) => Reason::QueueFull,
                    TrySendError::Disconnected(_) => Reason::AfterShutdown,
                });
            }
        }
    }

    /// Items that wait.
    pub(super) fn len(&self) -> usize {
        self.shared.waiting.load(Ordering::Relaxed)
    }
}

impl<T> Drain<T> {
    /// Items that wait.
    pub(super) fn len(&self) -> usize {
        self.shared.waiting.load(Ordering::Relaxed)
    }

    /// Takes up to `limit` items, oldest first.
    pub(super) fn take(&mut self, limit: usize) -> Vec<T> {
        let items: Vec<T> = self.receiver.try_iter().take(limit).collect();
        self.shared.waiting.fetch_sub(items.len(), Ordering::Relaxed);
        items
    }

    /// Ends when a batch is full. It takes `&mut self` because a receiver may move between threads, but not be shared.
    pub(super) async fn full(&mut self) {
        while self.len() < self.shared.batch {
            self.shared.full.notified().await;
        }
    }

    /// Refuses further items; those that wait can still be taken.
    pub(super) fn close(&self) {
        self.shared.closed.store(true, Ordering::Relaxed);
    }

    /// Drops all that waits.
    pub(super) fn discard(&mut self, reason: Reason) {
        let lost = self.take(usize::MAX).len() as u64;
        self.shared.internal.dropped(self.shared.signal, reason, lost);
    }
}

impl<T> Drop for Drain<T> {
    fn drop(&mut self) {
        self.close();
        // Pushed by threads that had looked at `closed` before it was set.
        self.discard(Reason::Deadline);
    }
}

impl Shared {
    fn drop_one(&self, reason: Reason) {
        self.internal.dropped(self.signal, reason, 1);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn small(internal: &Arc<Internal>) -> (Queue<u32>, Drain<u32>) {
        let batch = Batch { max_queue_size: 4, max_export_batch_size: 2, ..Batch::SPANS };
        queue(Signal::Traces, &batch, Arc::default(), Arc::clone(internal))
    }

    #[test]
    fn what_exceeds_the_limit_or_comes_after_the_end_is_dropped_and_counted() {
        let internal = Arc::new(Internal::default());
        let (queue, mut drain) = small(&internal);
        (0..6).for_each(|item| queue.push(item));
        assert_eq!(drain.take(3), [0, 1, 2]);
        queue.push(7);
        assert_eq!((drain.len(), drain.take(9)), (2, vec![3, 7]));
        drain.close();
        queue.push(8);
        drop(drain);
        queue.push(9);
        let report = internal.report();
        assert_eq!(report.traces.dropped, [(Reason::QueueFull, 2), (Reason::AfterShutdown, 2)]);
        assert_eq!(report.traces.settled(), 0, "none of them entered");
    }

    #[tokio::test(start_paused = true)]
    async fn the_drain_wakes_for_a_full_batch_and_for_nothing_less() {
        let internal = Arc::new(Internal::default());
        let (queue, mut drain) = small(&internal);
        queue.push(1);
        assert!(tokio::time::timeout(Duration::from_secs(1), drain.full()).await.is_err());
        queue.push(2);
        drain.full().await;
        assert_eq!(drain.take(2), [1, 2]);
        assert!(tokio::time::timeout(Duration::from_secs(1), drain.full()).await.is_err(), "an old wake-up is spent");
    }
}
