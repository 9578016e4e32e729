//! What readers elsewhere see of the rules.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
#[cfg(feature = "web")]
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;

#[cfg(feature = "web")]
use crate::clock::Clock;
use crate::history::History;
use crate::rules::{Config, Overview};

/// The series that rules look at, and what became of the rules. Reading holds up nobody: see [`crate::history`].
#[derive(Debug, Clone)]
pub(crate) struct Window {
    /// The series.
    #[cfg_attr(not(feature = "web"), expect(dead_code, reason = "only the HTTP API reads it"))]
    pub(crate) history: Arc<History>,
    /// How rules are evaluated.
    #[cfg_attr(not(feature = "web"), expect(dead_code, reason = "only the HTTP API reads it"))]
    pub(crate) config: Config,
    pub(super) published: watch::Receiver<Overview>,
    /// When an evaluation ended last, in the clock's ticks.
    #[cfg_attr(not(feature = "web"), expect(dead_code, reason = "only the HTTP API reads it"))]
    pub(super) beat: Arc<AtomicU64>,
    /// Time between two evaluations.
    #[cfg_attr(not(feature = "web"), expect(dead_code, reason = "only the HTTP API reads it"))]
    pub(super) interval: Duration,
}

/// What an evaluation may take, or wait for a collection, beyond its interval before it counts as stuck.
#[cfg(feature = "web")]
const LATE: Duration = Duration::from_secs(60);

impl Window {
    /// The rules as of their last evaluation.
    pub(crate) fn overview(&self) -> Overview {
        self.published.borrow().clone()
    }

    /// Whether rules are still evaluated: their thread is there, and has not been busy with one evaluation for long.
    #[cfg(feature = "web")]
    pub(crate) fn is_alive(&self, clock: &Clock) -> bool {
        let quiet = Duration::from_nanos(clock.ticks().saturating_sub(self.beat.load(Ordering::Relaxed)));
        self.published.has_changed().is_ok() && quiet <= self.interval.saturating_mul(3).saturating_add(LATE)
    }
}

#[cfg(test)]
#[cfg(feature = "web")]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::rules::Rules;

    #[test]
    fn an_evaluation_that_is_stuck_or_has_ended_is_seen() {
        let (clock, config) = (Clock::manual(Timestamp(0)), Config::default());
        let publisher = watch::Sender::new(Rules::new(Vec::new()).overview(&config));
        let beat = Arc::new(AtomicU64::new(clock.ticks()));
        let history = Arc::new(History::new(crate::history::Config::default(), Arc::default()));
        let interval = Duration::from_secs(10);
        let window = Window { history, config, published: publisher.subscribe(), beat: Arc::clone(&beat), interval };
        clock.advance(Duration::from_secs(90));
        assert!(window.is_alive(&clock));
        clock.advance(Duration::from_secs(1));
        assert!(!window.is_alive(&clock), "stuck");
        beat.store(clock.ticks(), Ordering::Relaxed);
        assert!(window.is_alive(&clock));
        drop(publisher);
        assert!(!window.is_alive(&clock), "ended");
    }
}
