//! What the state file keeps beside the alerts.

use serde_json::{Value, json};

use super::Alerts;
use crate::rules::StateFile;

/// What a restart must find again besides the alerts.
#[derive(Debug, PartialEq)]
pub(super) struct Beside {
    /// The id of the instance: it is a label of its alerts, and with another one they would be others.
    pub(super) instance: String,
    /// Who was told what, in the words of the notifier.
    pub(super) told: String,
}

impl Beside {
    pub(super) fn write(instance: &str, told: &str) -> String {
        json!({"instance": instance, "told": told}).to_string()
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let text = |name: &str| Some(value[name].as_str()?.to_owned());
        Some(Self { instance: text("instance")?, told: text("told")? })
    }
}

impl Alerts {
    /// The id that the instance had in an earlier run, if its state is there.
    pub(crate) fn earlier_instance(&self) -> Option<String> {
        let beside = StateFile::new(self.state.as_ref()?).beside()?;
        Some(Beside::read(&beside)?.instance).filter(|id| !id.is_empty())
    }
}
