//! Exporters that are not ours, each on a thread of its own.
//!
//! An exporter of the SDK may block (a blocking HTTP client), may want to start a runtime, may hang, may panic. None of
//! this may stop the pipeline, so the exporter runs elsewhere: the pipeline hands it one batch at a time and waits no
//! longer than the export timeout. A thread that hangs is left alone; its signal then drops batches, counted.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::exporter::{Export, Exported};
use crate::layer;
use crate::model::Signal;

/// A foreign exporter, seen from the pipeline.
#[derive(Debug)]
pub(super) struct Foreign<T> {
    jobs: SyncSender<Job<T>>,
    /// The export that is still under way: one that the pipeline gave up waiting for.
    under_way: Option<oneshot::Receiver<OTelSdkResult>>,
}

struct Job<T> {
    batch: Vec<T>,
    done: oneshot::Sender<OTelSdkResult>,
}

impl<T: fmt::Debug + Send + 'static> Foreign<T> {
    /// Starts the exporter's thread. `runtime`, where there is one, drives what the exporter spawns or sleeps on.
    pub(super) fn start(signal: Signal, exporter: Box<dyn Export<T>>, runtime: Option<Handle>) -> io::Result<Self> {
        let (jobs, inbox) = sync_channel(1);
        thread::Builder::new()
            .name(format!("bellwether-{signal}"))
            .spawn(move || work(exporter, &inbox, runtime.as_ref()))?;
        Ok(Self { jobs, under_way: None })
    }

    /// One without a thread: it loses everything, which is counted.
    pub(super) fn stopped() -> Self {
        Self { jobs: sync_channel(1).0, under_way: None }
    }
}

impl<T: fmt::Debug + Send + 'static> Export<T> for Foreign<T> {
    fn set_resource(&mut self, _resource: &Resource) {
        // Set before its thread started.
    }

    fn export(&mut self, batch: Vec<T>) -> Exported<'_> {
        Box::pin(async move {
            if let Some(former) = &mut self.under_way {
                // Its batch was counted when the pipeline gave it up.
                drop(former.await);
            }
            let (done, result) = oneshot::channel();
            let under_way = self.under_way.insert(result);
            if self.jobs.try_send(Job { batch, done }).is_err() {
                return Err(OTelSdkError::AlreadyShutdown);
            }
            let result = under_way.await;
            self.under_way = None;
            result.unwrap_or(Err(OTelSdkError::AlreadyShutdown))
        })
    }

    fn shutdown(&mut self) {
        // Without a sender the thread ends when it can, and shuts the exporter down there.
        self.jobs = sync_channel(1).0;
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("items", &self.batch.len()).finish_non_exhaustive()
    }
}

fn work<T>(mut exporter: Box<dyn Export<T>>, inbox: &Receiver<Job<T>>, runtime: Option<&Handle>) {
    layer::suppress_thread();
    // A context for `tokio::spawn` and timers, in which blocking is still allowed, unlike within `block_on`.
    let _entered = runtime.map(Handle::enter);
    while let Ok(Job { batch, done }) = inbox.recv() {
        let result = catch_unwind(AssertUnwindSafe(|| block_on(exporter.export(batch))))
            .unwrap_or_else(|_| Err(OTelSdkError::InternalFailure(String::from("the exporter panicked"))));
        // The pipeline may have given up waiting.
        drop(done.send(result));
    }
    drop(catch_unwind(AssertUnwindSafe(|| exporter.shutdown())));
}

/// Drives one future on this thread.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
