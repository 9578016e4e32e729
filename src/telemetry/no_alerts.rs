//! Without the feature `rules` the builder has nothing to be told about alerts.

use std::convert::Infallible;
use std::sync::Arc;

use crate::Error;
use crate::clock::Clock;
use crate::internal::Internal;
use crate::pipeline::Evaluation;

/// No settings: there are none to be had.
#[derive(Debug, Default)]
pub(super) struct Alerts(Option<Infallible>);

impl Alerts {
    #[expect(clippy::unnecessary_wraps, reason = "the signature of builds with rules")]
    pub(super) fn evaluation(
        self,
        _: &Arc<Internal>,
        _: &Clock,
        _: &mut Vec<String>,
    ) -> Result<Option<Evaluation>, Error> {
        match self.0 {
            Some(never) => match never {},
            None => Ok(None),
        }
    }
}
