//! Tells people about alerts: route, group, throttle, queue, and one channel a file.

mod dispatch;
#[cfg(test)]
mod fixtures;
mod notification;
pub mod routing;

pub use notification::{Notification, Reason, Severity};
pub use routing::Routing;
