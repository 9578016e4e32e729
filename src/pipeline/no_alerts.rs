//! Without the feature `rules` nothing is evaluated.

use std::future::Ready;
use std::sync::Arc;

use super::collect::Collector;
use tokio::sync::watch;

use super::control::Requests;
use super::tick::Published;

/// There is none.
#[derive(Debug)]
pub(crate) enum Evaluation {}

impl Evaluation {
    pub(crate) fn describe(&self) -> Option<String> {
        match *self {}
    }

    pub(super) fn run(self, _: Arc<Collector>, _: Requests, _: watch::Receiver<Option<Published>>) -> Ready<()> {
        match self {}
    }
}
