//! Templates of receivers, filled in with a notification.

use crate::Error;
use crate::model::Labels;
use crate::notifier::Notification;
use crate::template::message::{Data, Form, Item, Library, MessageTemplate};

/// Nanoseconds of a millisecond.
const MILLISECOND: u64 = 1_000_000;

/// What makes a label's or an annotation's value harmless.
#[derive(Debug, Clone, Copy)]
pub(super) struct Escape {
    pub(super) label: fn(&str) -> String,
    pub(super) annotation: fn(&str) -> String,
}

impl Escape {
    /// For where templates escape, or nothing needs to be.
    #[cfg(feature = "email")]
    pub(super) const NONE: Self = Self { label: str::to_owned, annotation: str::to_owned };
}

/// Reads a template; `name` and `key` say where it stands.
///
/// # Errors
/// When it does not follow the syntax.
pub(super) fn template(
    name: &str,
    key: &str,
    text: &str,
    library: &Library,
    form: Form,
) -> Result<MessageTemplate, Error> {
    MessageTemplate::parse(text, library, form)
        .map_err(|error| Error::invalid(format!("{name}: {key}"), text, format!("a template ({})", error.message)))
}

/// The text of a template for a notification.
///
/// # Errors
/// When a function fails, a template is not there, or a limit is reached.
pub(super) fn fill(template: &MessageTemplate, notification: &Notification, escape: Escape) -> Result<String, String> {
    let now = i64::try_from(notification.time.0 / MILLISECOND).unwrap_or(i64::MAX);
    template.fill(data(notification, escape), now)
}

fn data(notification: &Notification, escape: Escape) -> Data<'_> {
    let with = |labels: &Labels, escape: fn(&str) -> String| {
        Labels::new(labels.iter().map(|(name, value)| (name.to_string(), escape(value))))
    };
    let item = |alert: &crate::model::Alert| {
        let firing = alert.is_firing(notification.time);
        Item {
            firing,
            labels: with(&alert.labels, escape.label),
            annotations: with(&alert.annotations, escape.annotation),
            starts_at: alert.starts_at.0,
            ends_at: alert.resolved_at.filter(|_| !firing).map(|at| at.0),
            generator_url: alert.generator_url.clone(),
            fingerprint: format!("{:016x}", alert.labels.fingerprint()),
            trace_ids: alert.trace_ids.iter().map(ToString::to_string).collect(),
        }
    };
    Data {
        receiver: &notification.receiver,
        status: notification.status(),
        reason: notification.reason.name(),
        alerts: notification.alerts.iter().map(item).collect(),
        group_labels: with(&notification.group_labels, escape.label),
        common_labels: with(&notification.common_labels(), escape.label),
        common_annotations: with(&notification.common_annotations(), escape.annotation),
        external_url: "",
    }
}
