//! Alerting, as far as the builder was told.

use std::sync::Arc;

use super::Builder;
use crate::Error;
use crate::clock::Clock;
use crate::internal::Internal;
use crate::pipeline::{self, Evaluation};

/// The settings, if there are some.
#[derive(Debug, Default)]
pub(super) struct Alerts(Option<Box<pipeline::Alerts>>);

impl Alerts {
    /// Without rules asked for, still collects what is to be looked at.
    #[cfg(feature = "web")]
    pub(super) fn at_least_a_window(self) -> Self {
        let window_alone = || Box::new(pipeline::Alerts::new().default_rules(false).log(false));
        Self(Some(self.0.unwrap_or_else(window_alone)))
    }

    /// The stage that evaluates rules; what was strange and did not stop it goes to the warnings.
    pub(super) fn evaluation(
        self,
        internal: &Arc<Internal>,
        clock: &Clock,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Evaluation>, Error> {
        let Some(settings) = self.0 else { return Ok(None) };
        let mut evaluation = Evaluation::new(*settings, internal, clock)?;
        warnings.append(&mut evaluation.warnings());
        Ok(Some(evaluation))
    }
}

impl Builder {
    /// Evaluates alert rules in the process, and tells people about alerts; see [`pipeline::Alerts`].
    pub fn alerts(mut self, alerts: pipeline::Alerts) -> Self {
        self.alerts = Alerts(Some(Box::new(alerts)));
        self
    }
}
