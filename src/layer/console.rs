//! The user's console layer, with its own filter.

use tracing::{Event, Metadata, Subscriber};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Interest, LevelFilter};
use tracing_subscriber::layer::{Context, Layer};

/// The console.
pub(super) struct Console<S>(Box<dyn Layer<S> + Send + Sync>);

impl<S: Subscriber> Console<S> {
    pub(super) fn new(layer: Box<dyn Layer<S> + Send + Sync>) -> Self {
        Self(layer)
    }

    pub(super) fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.0.register_callsite(metadata)
    }

    pub(super) fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        self.0.enabled(metadata, context)
    }

    pub(super) fn max_level_hint(&self) -> Option<LevelFilter> {
        self.0.max_level_hint()
    }

    pub(super) fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        self.0.on_new_span(attributes, id, context);
    }

    pub(super) fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.0.on_record(id, values, context);
    }

    pub(super) fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        self.0.on_follows_from(id, follows, context);
    }

    pub(super) fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        self.0.on_event(event, context);
    }

    pub(super) fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.0.on_enter(id, context);
    }

    pub(super) fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.0.on_exit(id, context);
    }

    pub(super) fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.0.on_close(id, context);
    }
}
