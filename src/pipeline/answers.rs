//! What somebody needs of a running pipeline who answers others: what there is to read, and when to end.

use std::sync::Arc;

use tokio::time::Instant;

use super::alerts::Window;
use super::control::Control;
use super::handle::Handle;
use crate::clock::{Clock, Timestamp};
use crate::internal::Internal;

impl Handle {
    /// What rules look at and what became of them; `None` without rules.
    pub(crate) fn window(&self) -> Option<&Window> {
        self.window.as_ref()
    }

    /// The counters.
    pub(crate) fn internal(&self) -> &Internal {
        &self.collector.internal
    }

    /// Where the pipeline takes time from.
    pub(crate) fn clock(&self) -> &Clock {
        &self.collector.clock
    }

    /// When counting began.
    pub(crate) fn start(&self) -> Timestamp {
        self.collector.start
    }

    /// Ends when a shutdown is asked for, with its deadline, or when the pipeline has ended without one.
    pub(crate) async fn ending(&self) -> Option<Instant> {
        let mut requests = self.control.requests();
        let asked = async {
            loop {
                if let Some(deadline) = requests.current().shutdown {
                    return deadline;
                }
                requests.changed().await;
            }
        };
        tokio::select! {
            deadline = asked => Some(deadline),
            () = self.control.over() => None,
        }
    }

    /// Makes a shutdown wait until what is returned is dropped.
    pub(crate) fn hold(&self) -> Hold {
        self.control.hold_for_answers();
        Hold(Arc::clone(&self.control))
    }
}

/// Somebody whose end a shutdown waits for.
#[derive(Debug)]
pub(crate) struct Hold(Arc<Control>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.end_answers();
    }
}
