//! The way out of spans or log records: wait for a batch, export it, account for every item.

use std::sync::Arc;

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use tokio::time::sleep;

use super::Batch;
use super::config::GRACE;
use super::control::{Control, Requests};
use super::exporter::Export;
use super::overflow::{Line, Overflow};
use super::queue::Drain;
use crate::clock::Clock;
use crate::internal::{self, Internal, RateLimit};
use crate::model::{Reason, Signal};

/// One signal's way out.
pub(super) struct Lane<T> {
    pub(super) signal: Signal,
    pub(super) batch: Batch,
    pub(super) drain: Drain<T>,
    pub(super) exporter: Box<dyn Export<T>>,
    pub(super) control: Arc<Control>,
    pub(super) requests: Requests,
    pub(super) internal: Arc<Internal>,
    pub(super) clock: Clock,
    /// Of the line about an exporter that fails.
    pub(super) lines: RateLimit,
    pub(super) overflow: Overflow,
    /// Whether the last export failed.
    pub(super) fails: bool,
}

/// How an export ended.
enum Ended {
    Itself(OTelSdkResult),
    ExportTimeout,
    ShutdownDeadline,
}

impl<T: Send + 'static> Lane<T> {
    /// Exports until a shutdown is asked for and done, or its deadline has passed.
    pub(super) async fn run(mut self) {
        loop {
            self.wait().await;
            // Read before draining: what was recorded before the request is in the queue by now.
            let request = self.requests.current();
            let last = request.shutdown.is_some();
            if last {
                self.drain.close();
            }
            let in_time = self.export_waiting().await;
            self.look_at_losses();
            self.control.answer(self.signal, request.flush);
            if last || !in_time {
                break;
            }
        }
        self.drain.discard(Reason::Deadline);
        self.exporter.shutdown();
    }

    /// Ends when there is a reason to export: a full batch, the schedule's delay, a request.
    async fn wait(&mut self) {
        tokio::select! {
            biased;
            () = self.requests.changed() => {}
            () = self.drain.full() => {}
            () = sleep(self.batch.schedule_delay) => {}
        }
    }

    /// Exports what waits now, and not what comes meanwhile. `false` when the deadline of a shutdown has passed.
    async fn export_waiting(&mut self) -> bool {
        let mut left = self.drain.len();
        while left > 0 {
            let batch = self.drain.take(left.min(self.batch.max_export_batch_size.max(1)));
            if batch.is_empty() {
                // Counted but not pushed yet; it will wake us.
                break;
            }
            left -= batch.len();
            if !self.export(batch).await {
                return false;
            }
            self.look_at_losses();
        }
        true
    }

    /// Exports one batch and accounts for each of its items. `false` when the deadline of a shutdown has passed.
    async fn export(&mut self, batch: Vec<T>) -> bool {
        let items = batch.len() as u64;
        let settled = self.internal.settled(self.signal);
        let ended = tokio::select! {
            biased;
            result = self.exporter.export(batch) => Ended::Itself(result),
            () = self.requests.clone().expired() => Ended::ShutdownDeadline,
            () = sleep(self.batch.export_timeout.saturating_add(GRACE)) => Ended::ExportTimeout,
        };
        self.fails = !matches!(ended, Ended::Itself(Ok(())));
        // Our own client counts each item itself, also when it is dropped half-way; others count nothing.
        let rest = items.saturating_sub(self.internal.settled(self.signal) - settled);
        match &ended {
            Ended::Itself(Ok(())) => self.internal.delivered(self.signal, rest),
            Ended::Itself(Err(error)) => self.lost(rest, reason(error), &error.to_string()),
            Ended::ExportTimeout => self.lost(rest, Reason::Unreachable, "no answer within the export timeout"),
            Ended::ShutdownDeadline => self.internal.dropped(self.signal, Reason::Deadline, rest),
        }
        !matches!(ended, Ended::ShutdownDeadline)
    }

    fn look_at_losses(&mut self) {
        match self.overflow.look(self.clock.now(), self.fails, &self.internal) {
            Some(Line::Full(line)) => internal::warn(&line),
            Some(Line::Room(line)) => internal::info(&line),
            None => {}
        }
    }

    fn lost(&self, items: u64, reason: Reason, why: &str) {
        self.internal.dropped(self.signal, reason, items);
        if items > 0 && self.lines.allows(self.clock.now(), &self.internal) {
            internal::warn(&format!("the exporter of {} lost {items} items: {why}", self.signal));
        }
    }
}

fn reason(error: &OTelSdkError) -> Reason {
    match error {
        OTelSdkError::Timeout(_) => Reason::Unreachable,
        OTelSdkError::AlreadyShutdown => Reason::AfterShutdown,
        OTelSdkError::InternalFailure(_) => Reason::Refused,
    }
}
