//! Tells people about alerts: route, group, throttle, queue, and one channel a file.
//!
//! ```text
//! alerts ─┬─► records: log, console, OTLP log event        each alert as it begins and ends
//!         ├─► Alertmanager                                  every alert; it groups itself
//!         └─► routes ─► groups ─► rate limit ─► channels    webhook, Slack, email, yours
//! ```
//! [`Notifier`] takes alerts and time and never blocks: what is due is sent beside it, tried again with a growing wait,
//! and noted as told only when it was taken. What is lost is counted ([`crate::internal::Counter`]).

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
