//! Events become log records.

use std::sync::Arc;

use opentelemetry_sdk::logs::SdkLoggerProvider;
use tracing::Event;

use super::Config;
use super::handle::Core;
use super::spans::Live;
use super::values::Fields;

/// The log bridge.
pub(super) struct Logs;

#[expect(clippy::unused_self, reason = "the face that the composite layer calls")]
impl Logs {
    pub(super) fn new(_config: &Config, _provider: &SdkLoggerProvider, _core: &Arc<Core>) -> Self {
        Self
    }

    /// `span` is the slot of the span that the event belongs to.
    pub(super) fn on_event(&self, _: &Event<'_>, _fields: Fields, _span: Option<Live<'_>>) {}
}
