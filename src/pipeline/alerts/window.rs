//! What readers elsewhere see of the rules.

use std::sync::Arc;

use tokio::sync::watch;

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
}

impl Window {
    /// The rules as of their last evaluation.
    pub(crate) fn overview(&self) -> Overview {
        self.published.borrow().clone()
    }
}
