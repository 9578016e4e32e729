//! Without the feature `email` there is no mail, and a file that asks for it is told so.

use crate::Error;
use crate::notifier::routing::Email;
use crate::notifier::{Channel, Notification, Sending};

/// There is none.
#[derive(Debug)]
pub(crate) enum EmailChannel {}

impl EmailChannel {
    /// # Errors
    /// Always: it names the feature.
    pub(crate) fn new(name: String, config: Email) -> Result<Self, Error> {
        let expected = "no email_configs, because this program is built without bellwether's feature `email`";
        Err(Error::invalid(name, config.to, expected))
    }
}

impl Channel for EmailChannel {
    fn name(&self) -> &str {
        match *self {}
    }

    fn send<'a>(&'a self, _: &'a Notification) -> Sending<'a> {
        match *self {}
    }
}
