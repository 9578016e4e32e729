//! Without the feature `rules` the builder has nothing to be told about alerts.

use std::sync::Arc;

use crate::Error;
use crate::clock::Clock;
use crate::internal::Internal;
use crate::pipeline::Evaluation;

/// No settings.
#[derive(Debug, Default)]
pub(super) struct Alerts;

impl Alerts {
    #[expect(clippy::unnecessary_wraps, reason = "the signature of builds with rules")]
    pub(super) fn evaluation(
        self,
        _: &Arc<Internal>,
        _: &Clock,
        _: &mut Vec<String>,
    ) -> Result<Option<Evaluation>, Error> {
        Ok(None)
    }
}
