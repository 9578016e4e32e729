//! A webhook that takes Alertmanager's JSON, version 4.

use super::http::Poster;
use super::{Channel, Sending, json};
use crate::Error;
use crate::notifier::Notification;
use crate::notifier::routing::Webhook;

/// `webhook_configs`
#[derive(Debug)]
pub(crate) struct WebhookChannel {
    name: String,
    poster: Poster,
    max_alerts: usize,
    send_resolved: bool,
}

impl WebhookChannel {
    /// # Errors
    /// When a certificate file is not usable.
    pub(crate) fn new(name: String, config: Webhook) -> Result<Self, Error> {
        let poster = Poster::new(config.url, &config.http, config.timeout, &name)?;
        Ok(Self { name, poster, max_alerts: config.max_alerts, send_resolved: config.send_resolved })
    }
}

impl Channel for WebhookChannel {
    fn name(&self) -> &str {
        &self.name
    }

    fn send_resolved(&self) -> bool {
        self.send_resolved
    }

    fn send<'a>(&'a self, notification: &'a Notification) -> Sending<'a> {
        Box::pin(async move { self.poster.post(&json::webhook(notification, self.max_alerts)).await })
    }
}
