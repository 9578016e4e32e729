//! Tells people about alerts: route, group, throttle, queue, and one channel a file.
//!
//! ```text
//! alerts ─┬─► records: log, console, OTLP log event        each alert as it begins and ends
//!         ├─► Alertmanager                                  every alert; it groups itself
//!         └─► routes ─► groups ─► rate limit ─► channels    webhook, Slack, email, yours
//! ```
//! [`Notifier`] takes alerts and time and never blocks: what is due is sent beside it, tried again with a growing wait,
//! and noted as told only when it was taken. What is lost is counted ([`crate::internal::Counter`]).
//!
//! Mail (`email_configs`, [`routing::Email`]) needs the feature `email`; a file that asks for it without is an error. Texts
//! for Slack and mail are Alertmanager's templates ([`crate::template::message`]); where the file has none, ours are sent.

mod channels;
mod config;
mod dispatch;
#[cfg(test)]
mod fixtures;
mod notification;
pub mod routing;
mod run;
mod saved;
mod throttle;

#[cfg(feature = "email")]
pub use channels::EmailChannel;
pub use channels::{Channel, Sending, Trouble};
pub use config::{AlertmanagerEndpoint, Config, RateLimit};
pub use notification::{Notification, Reason, Severity};
pub use routing::Routing;
pub use run::Notifier;
