//! What every endpoint reads.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::Semaphore;

use super::answer::{Kind, Refusal};
use super::config::Web;
use crate::clock::Clock;
use crate::internal::{Counter, Internal};
use crate::pipeline::{Handle, Window};

/// What every endpoint reads, and the limits that they share.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) handle: Handle,
    pub(super) window: Window,
    pub(super) web: Web,
    /// Set at the end: queries under way give up.
    pub(super) stop: AtomicBool,
    /// One for each query that may be evaluated now.
    pub(super) queries: Arc<Semaphore>,
}

impl Desk {
    /// `None` without a window to look at.
    pub(super) fn new(handle: Handle, web: Web) -> Option<Self> {
        let window = handle.window()?.clone();
        let queries = Arc::new(Semaphore::new(Web::QUERIES));
        Some(Self { handle, window, web, stop: AtomicBool::new(false), queries })
    }

    pub(super) fn clock(&self) -> &Clock {
        self.handle.clock()
    }

    /// Milliseconds since the Unix epoch.
    pub(super) fn now(&self) -> i64 {
        i64::try_from(self.clock().now().0 / 1_000_000).unwrap_or(i64::MAX)
    }

    pub(super) fn internal(&self) -> &Internal {
        self.handle.internal()
    }

    /// Counts a query that took too long, and says so.
    pub(super) fn stopped(&self, when: &str) -> Refusal {
        self.count(Counter::WebQueryStopped);
        Refusal::new(Kind::Timeout, format!("query timed out in {when}"))
    }

    pub(super) fn count(&self, counter: Counter) {
        self.internal().count(counter);
    }
}
