//! Without the feature `rules` nothing is evaluated.

use std::future::Ready;
use std::sync::Arc;

use super::collect::Collector;
use super::control::Requests;

/// There is none.
#[derive(Debug)]
pub(crate) enum Evaluation {}

impl Evaluation {
    pub(crate) fn describe(&self) -> String {
        match *self {}
    }

    pub(super) fn run(self, _: Arc<Collector>, _: Requests) -> Ready<()> {
        match self {}
    }
}
