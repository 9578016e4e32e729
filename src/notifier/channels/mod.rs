//! Ways to reach people, one a file. Yours is a [`Channel`] as well.

mod alertmanager;
mod console;
#[cfg(feature = "email")]
mod email;
mod filled;
mod http;
mod json;
mod log;
#[cfg(not(feature = "email"))]
mod no_email;
mod otlp;
mod slack;
mod text;
mod webhook;

use std::fmt::Debug;
use std::pin::Pin;
use std::time::Duration;

pub(super) use self::alertmanager::{Alertmanager, Batch};
pub(super) use self::console::Console;
#[cfg(feature = "email")]
pub use self::email::EmailChannel;
pub(super) use self::log::Log;
#[cfg(not(feature = "email"))]
pub(super) use self::no_email::EmailChannel;
pub(super) use self::otlp::OtlpLog;
pub(super) use self::slack::SlackChannel;
pub(super) use self::webhook::WebhookChannel;
use super::Notification;
use crate::model::Alert;

/// The end of sending.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), Trouble>> + Send + 'a>>;

/// A way to reach people: it is given groups of alerts, after routing, grouping, inhibition and the rate limit.
///
/// ```
/// use bellwether::notifier::{Channel, Notification, Sending};
///
/// #[derive(Debug)]
/// struct Pager;
///
/// impl Channel for Pager {
///     fn name(&self) -> &str {
///         "pager"
///     }
///
///     fn send<'a>(&'a self, notification: &'a Notification) -> Sending<'a> {
///         Box::pin(async move {
///             // … hand `notification.title()` to the pager …
///             # let _ = notification;
///             Ok(())
///         })
///     }
/// }
/// ```
pub trait Channel: Send + Sync + Debug {
    /// What messages about it call it; without secrets.
    fn name(&self) -> &str;

    /// Whether the end of an alert is told. Default yes.
    fn send_resolved(&self) -> bool {
        true
    }

    /// Tells a group once. It is tried again, with a growing wait, after [`Trouble::Again`].
    ///
    /// Runs on the thread of the telemetry: it must not block. It is dropped when the time for the message is over.
    fn send<'a>(&'a self, notification: &'a Notification) -> Sending<'a>;
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Another try may succeed.
    Again {
        /// For a person, without secrets.
        why: String,
        /// The wait that the other side asks for.
        after: Option<Duration>,
    },
    /// No try will succeed: the message is lost, or the settings are wrong.
    Refused(String),
}

impl Trouble {
    /// What a person reads about it.
    pub fn why(&self) -> &str {
        match self {
            Self::Again { why, .. } | Self::Refused(why) => why,
        }
    }
}

/// A way that every alert goes by itself, at once and past the routes: for records and for other programs.
pub(super) trait Record: Send + Sync + Debug {
    /// What it is, for a person.
    fn name(&self) -> &'static str;

    /// An alert began to fire, or ended.
    fn record(&self, alert: &Alert, firing: bool);
}
