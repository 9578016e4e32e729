//! The tick: collects every interval, aligned to the clock, and publishes what it found.
//!
//! The tick does not wait for exports. Whoever reads the published snapshot slower than it changes sees the newest.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::api::LIMIT;
use super::collect::Collector;
use super::control::Requests;
use crate::clock::{Timestamp, nanos};
use crate::internal::Counter;
use crate::model::Snapshot;

/// The latest collection.
#[derive(Debug, Clone)]
pub(super) struct Published {
    pub(super) snapshot: Arc<Snapshot>,
    /// The flush that this collection answers.
    pub(super) flush: u64,
    /// Whether it is the last one.
    pub(super) last: bool,
}

/// Collects and publishes.
pub(super) struct Ticker {
    pub(super) collector: Arc<Collector>,
    pub(super) interval: Duration,
    pub(super) requests: Requests,
    pub(super) published: watch::Sender<Option<Published>>,
}

impl Ticker {
    /// Ticks until a shutdown is asked for; the last tick answers it.
    pub(super) async fn run(mut self) {
        let clock = self.collector.clock.clone();
        let mut answered = 0;
        loop {
            let now = clock.now();
            let wait = until_next(now, self.interval);
            let due = tokio::select! {
                biased;
                () = self.requests.changed() => None,
                () = sleep(wait) => Some(now.plus(wait)),
            };
            let request = self.requests.current();
            let last = request.shutdown.is_some();
            if let Some(due) = due {
                let missed = clock.now().since(due).as_nanos() / self.interval.as_nanos().max(1);
                self.collector.internal.add(Counter::TickMissed, u64::try_from(missed).unwrap_or(u64::MAX));
            } else if request.flush == answered && !last {
                continue;
            }
            answered = request.flush;
            let snapshot = Arc::new(self.collector.tick(patience(self.requests.clone())).await);
            self.published.send_replace(Some(Published { snapshot, flush: answered, last }));
            if last {
                return;
            }
        }
    }
}

/// Ends when callbacks of the host have had their time: of what is left before the end of telemetry, half is for the
/// last export.
pub(super) async fn patience(mut requests: Requests) {
    let mut until = Instant::now() + LIMIT;
    loop {
        if let Some(deadline) = requests.current().shutdown {
            let now = Instant::now();
            until = until.min(now + deadline.saturating_duration_since(now) / 2);
        }
        tokio::select! {
            biased;
            () = sleep_until(until) => return,
            () = requests.changed() => {}
        }
    }
}

/// Time to the next multiple of the interval since the epoch, never zero.
pub(super) fn until_next(now: Timestamp, interval: Duration) -> Duration {
    let interval = nanos(interval).max(1_000_000);
    Duration::from_nanos(interval - now.0 % interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_fall_on_multiples_of_the_interval() {
        let seconds = |s: u64| Timestamp(s * 1_000_000_000);
        let wait = |now, interval| until_next(seconds(now), Duration::from_secs(interval)).as_secs();
        assert_eq!([wait(0, 60), wait(59, 60), wait(60, 60), wait(61, 60), wait(7, 5)], [60, 1, 60, 59, 3]);
        assert_eq!(until_next(Timestamp(1), Duration::ZERO), Duration::from_nanos(999_999), "no interval of zero");
    }
}
