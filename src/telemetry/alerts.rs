//! Alerting, as far as the builder was told.

use std::sync::Arc;

use super::Builder;
use crate::clock::Clock;
use crate::config::Config;
use crate::internal::Internal;
use crate::pipeline::{self, Evaluation, LogQueue};
use crate::{Error, names};

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

    /// With what file and variables say. An instance whose id is not given keeps the one of its earlier run, so that its
    /// alerts have the labels that they had.
    pub(super) fn settle(self, config: &mut Config) -> Self {
        let settings = match (self.0, config.alerts.clone()) {
            (Some(code), Some(other)) => Some(Box::new(code.over(*other))),
            (code, other) => code.or(other),
        };
        let Some(settings) = settings.filter(|settings| settings.on == Some(true)) else {
            let forgotten = config.alerts.as_ref().is_some_and(|other| other.on.is_none() && other.says_something());
            config.warnings.extend(forgotten.then(|| {
                String::from(
                    "alerts are off, and their settings have no effect; turn them on with BELLWETHER_ALERTS=true",
                )
            }));
            return Self(None);
        };
        if let Some(id) = settings.earlier_instance() {
            config.keep_instance(&id);
        }
        Self(Some(settings))
    }

    /// The stage that evaluates rules; what was strange and did not stop it goes to the warnings.
    pub(super) fn evaluation(
        self,
        config: &mut Config,
        logs: Option<&LogQueue>,
        internal: &Arc<Internal>,
        clock: &Clock,
    ) -> Result<Option<Evaluation>, Error> {
        let Some(settings) = self.0.filter(|_| !config.disabled) else { return Ok(None) };
        let instance = config.resource.get(&names::SERVICE_INSTANCE_ID.into());
        let instance = instance.map(|id| id.to_string()).unwrap_or_default();
        let wants_records = settings.wants_records();
        let mut evaluation = Evaluation::new(*settings, instance, internal, clock)?;
        match logs.filter(|_| wants_records) {
            Some(queue) => evaluation.add_records(queue),
            None if wants_records => {
                let line = "alerts do not become log records, because log records are not exported";
                config.warnings.push(String::from(line));
            }
            None => {}
        }
        config.warnings.append(&mut evaluation.warnings());
        Ok(Some(evaluation))
    }
}

impl Builder {
    /// Evaluates alert rules in the process, and tells people about alerts; see [`pipeline::Alerts`].
    pub fn alerts(mut self, mut alerts: pipeline::Alerts) -> Self {
        alerts.on = Some(true);
        self.alerts = Alerts(Some(Box::new(alerts)));
        self
    }
}
