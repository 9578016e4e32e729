//! The way of one signal: split, send, try again, and account for every item.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Bytes;
use prost::Message;
use tokio::time::{Instant, sleep, timeout_at};

use super::account::Account;
use super::batch::Batch;
use super::health::Health;
use super::retry::{self, Failure};
use super::target::Target;
use super::{Compression, Protocol, Retry, compress, grpc, http, lines, status};
use crate::clock::{Clock, Timestamp};
use crate::internal::Internal;
use crate::model::{Reason, Signal};
use crate::transport::{self, Broken, Transport};

/// A backend that does not know a signal is asked again after this time: it may have been updated, or a proxy in
/// front of it may have answered in its place.
const ASK_AGAIN: Duration = Duration::from_secs(300);

/// A wait that the server asks for is kept across requests for at most this long, whatever it asks for.
const LONGEST_THROTTLE: Duration = Duration::from_secs(300);

/// One signal's way to its backend.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) signal: Signal,
    pub(super) target: Target,
    pub(super) protocol: Protocol,
    pub(super) compression: Compression,
    /// All tries of one export together.
    pub(super) timeout: Duration,
    pub(super) retry: Retry,
    /// Largest message before compression, in bytes.
    pub(super) message_limit: usize,
    pub(super) transport: Arc<Transport>,
    pub(super) backend: Arc<Backend>,
    pub(super) internal: Arc<Internal>,
    pub(super) clock: Clock,
    /// Unix nanoseconds until which nothing is sent, because the backend does not know the signal; 0 when it does.
    pub(super) stopped_until: AtomicU64,
    /// Unix nanoseconds until which the server wants no request; in the past when it does.
    pub(super) throttled_until: AtomicU64,
    pub(super) limits: lines::Limits,
}

/// What the signals that go to one backend share.
#[derive(Debug, Default)]
pub(super) struct Backend {
    health: Mutex<Health>,
    /// Which signals go there, in the order of [`Signal::ALL`]; set when an exporter is handed out.
    used: [AtomicBool; Signal::ALL.len()],
}

impl Backend {
    /// Notes that a signal goes here.
    pub(super) fn uses(&self, signal: Signal) {
        self.used[signal as usize].store(true, Ordering::Relaxed);
    }

    /// The signals that go here.
    pub(super) fn signals(&self) -> impl Iterator<Item = Signal> {
        Signal::ALL.into_iter().filter(|signal| self.used[*signal as usize].load(Ordering::Relaxed))
    }
}

impl Channel {
    /// Sends a batch, and counts every item as delivered or dropped: also when this future is dropped before its end,
    /// as [`Reason::Deadline`].
    ///
    /// Adds to `taken` which items the backend took, as ranges of their positions in the batch, as soon as it took them.
    pub(super) async fn export<B: Batch + Message>(&self, batch: B, taken: &mut Vec<Range<usize>>) {
        let mut account = Account::open(self, batch.items(), taken);
        // OTLP asks senders not to send empty envelopes.
        if account.total == 0 {
            return;
        }
        if self.clock.now().0 < self.stopped_until.load(Ordering::Relaxed) {
            account.dropped(Reason::Unimplemented, account.total);
            return;
        }
        let deadline = after(self.timeout);
        // Halves that still wait, the next one last.
        let mut waiting = vec![batch];
        while let Some(mut batch) = waiting.pop() {
            let items = batch.items();
            if batch.encoded_len() <= self.message_limit {
                self.send(&batch, deadline, &mut account).await;
            } else if items > 1 {
                let behind = batch.split_off(items / 2);
                waiting.extend([behind, batch]);
            } else {
                account.dropped(Reason::TooLarge, items);
                lines::too_large(self, batch.encoded_len());
            }
        }
    }

    /// Sends one request until it is taken, refused, or out of time.
    async fn send<B: Batch + Message>(&self, batch: &B, deadline: Instant, account: &mut Account<'_>) {
        let items = batch.items();
        let message = batch.encode_to_vec();
        let body = match self.protocol {
            Protocol::Grpc => grpc::body(&message, self.compression),
            Protocol::HttpProtobuf => compress::pack(&message, self.compression).into_owned().into(),
        };
        let deadline = deadline.min(after(self.retry.total));
        if !self.throttle_passed(deadline).await {
            return account.dropped(Reason::Unreachable, items);
        }
        let mut failures = 0;
        loop {
            let failure = match timeout_at(deadline, self.try_once(body.clone(), deadline)).await {
                Ok(Ok(response)) => return self.accepted(&response, items, account),
                Ok(Err(failure)) => failure,
                Err(_) => {
                    self.transport.renew();
                    Failure::Silence(format!("no answer within {:?}", self.timeout.min(self.retry.total)))
                }
            };
            failures += 1;
            let asked = match &failure {
                Failure::Unconnected(_) | Failure::Silence(_) | Failure::Lost(_) => None,
                Failure::Busy { after, .. } => *after,
                Failure::Refused(_) | Failure::Unimplemented(_) => return self.refused(&failure, items, account),
            };
            let remains = deadline.saturating_duration_since(Instant::now());
            let wait = retry::wait(&self.retry, failures, asked, transport::jitter(), remains);
            // A backend that answers, if only to say that it is busy, is not down before the last try.
            if wait.is_none() || !matches!(failure, Failure::Busy { .. }) {
                self.failed(&failure, wait.is_none());
            }
            let Some(wait) = wait else {
                self.throttle(asked);
                return account.dropped(Reason::Unreachable, items);
            };
            tokio::select! {
                biased;
                () = self.in_vain(&failure) => return account.dropped(Reason::Unreachable, items),
                () = sleep(wait) => {}
            }
        }
    }

    /// Ends when no further try is worth the wait: nobody listens there, and telemetry is about to end. A program must
    /// not take seconds to end for want of a backend.
    async fn in_vain(&self, failure: &Failure) {
        match failure {
            Failure::Unconnected(_) => self.internal.ending().await,
            _ => std::future::pending().await,
        }
    }

    /// Remembers for the next request a wait that this one had no time for.
    fn throttle(&self, asked: Option<Duration>) {
        if let Some(asked) = asked {
            let until = self.clock.now().plus(asked.min(LONGEST_THROTTLE)).0;
            self.throttled_until.store(until, Ordering::Relaxed);
        }
    }

    /// Waits until the server wants the next request; `false` when that is after the deadline.
    async fn throttle_passed(&self, deadline: Instant) -> bool {
        let until = Timestamp(self.throttled_until.load(Ordering::Relaxed));
        let wait = until.since(self.clock.now());
        let in_time = wait < deadline.saturating_duration_since(Instant::now());
        if in_time && !wait.is_zero() {
            sleep(wait).await;
        }
        in_time
    }

    async fn try_once(&self, body: Bytes, deadline: Instant) -> Result<Bytes, Failure> {
        let request = match self.protocol {
            Protocol::Grpc => {
                let remains = deadline.saturating_duration_since(Instant::now());
                grpc::request(&self.target, body, self.compression, remains)
            }
            Protocol::HttpProtobuf => http::request(&self.target, body, self.compression),
        };
        let answer = self.transport.send(request).await.map_err(|broken| match broken {
            Broken::Unconnected(why) => Failure::Unconnected(why),
            Broken::Lost(why) => Failure::Lost(why),
            Broken::TooLong => Failure::Refused(String::from("the answer is longer than the limit")),
        })?;
        match self.protocol {
            Protocol::Grpc => grpc::read(&answer),
            Protocol::HttpProtobuf => http::read(&answer, self.clock.now()),
        }
    }

    fn accepted(&self, response: &Bytes, items: usize, account: &mut Account<'_>) {
        self.answered();
        if self.stopped_until.swap(0, Ordering::Relaxed) != 0 {
            lines::resumed(self);
        }
        let (rejected, said) = status::partial_success(response);
        let rejected = rejected.min(items);
        account.delivered(items, rejected);
        if rejected > 0 || !said.is_empty() {
            lines::partial_success(self, rejected, &said);
        }
    }

    fn refused(&self, failure: &Failure, items: usize, account: &mut Account<'_>) {
        self.answered();
        if let Failure::Unimplemented(why) = failure {
            account.dropped(Reason::Unimplemented, items);
            let until = self.clock.now().plus(ASK_AGAIN).0;
            if self.stopped_until.swap(until, Ordering::Relaxed) == 0 {
                lines::unimplemented(self, why);
            }
        } else {
            account.dropped(Reason::Refused, items);
            lines::refused(self, failure.why());
        }
    }

    fn answered(&self) {
        let (now, lost) = (self.clock.now(), self.lost());
        let outage = self.backend.health.lock().unwrap_or_else(PoisonError::into_inner).answered(now, lost);
        if let Some(outage) = outage {
            lines::back(self, &outage);
        }
    }

    fn failed(&self, failure: &Failure, given_up: bool) {
        let (now, lost) = (self.clock.now(), self.lost());
        if self.backend.health.lock().unwrap_or_else(PoisonError::into_inner).failed(now, given_up, lost) {
            lines::unreachable(self, failure);
        }
    }

    /// An export was given up by who asked for it, most likely because the process ends. A backend that was never heard
    /// of may not be there at all: a process with a short life has no other moment to learn that.
    pub(super) fn stopped(&self) {
        self.transport.renew();
        let unknown = matches!(*self.backend.health.lock().unwrap_or_else(PoisonError::into_inner), Health::Unknown);
        if unknown {
            self.failed(&Failure::Silence(String::from("no answer in the time that was left")), true);
        }
    }

    /// Items lost so far for want of a backend, by signal; only the signals that go to this one.
    fn lost(&self) -> [u64; 3] {
        let report = self.internal.report();
        let of = |signal: Signal| {
            let for_want_of_it = [Reason::QueueFull, Reason::Unreachable, Reason::Deadline];
            let dropped = &report.signal(signal).dropped;
            dropped.iter().filter(|(reason, _)| for_want_of_it.contains(reason)).map(|(_, items)| items).sum()
        };
        let mut lost = [0; Signal::ALL.len()];
        for signal in self.backend.signals() {
            lost[signal as usize] = of(signal);
        }
        lost
    }
}

/// A moment from now; a limit too far to be told is one that nobody lives to see.
fn after(limit: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);
    Instant::now() + limit.min(FAR)
}
