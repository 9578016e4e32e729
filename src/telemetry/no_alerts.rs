//! Without the feature `rules` the builder has nothing to be told about alerts.

use std::convert::Infallible;
use std::sync::Arc;

use crate::Error;
use crate::clock::Clock;
use crate::config::Config;
use crate::internal::Internal;
use crate::pipeline::{Evaluation, LogQueue};

/// No settings: there are none to be had.
#[derive(Debug, Default)]
pub(super) struct Alerts(Option<Infallible>);

impl Alerts {
    pub(super) fn settle(self, _: &mut Config) -> Self {
        self
    }

    #[expect(clippy::unnecessary_wraps, reason = "the signature of builds with rules")]
    pub(super) fn evaluation(
        self,
        _: &mut Config,
        _: Option<&LogQueue>,
        _: &Arc<Internal>,
        _: &Clock,
    ) -> Result<Option<Evaluation>, Error> {
        match self.0 {
            Some(never) => match never {},
            None => Ok(None),
        }
    }
}
