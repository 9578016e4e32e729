//! What keeps this layer from deciding for others.
//!
//! A layer that says it does not want a callsite switches it off for the whole subscriber. That is as it should be when
//! the subscriber is ours alone, and a fault when the host has layers of its own: they would miss all that telemetry does
//! not want. There the answer has to go the way of tracing-subscriber's per-layer filters. [`Beside`] is such a filter
//! around a layer that does nothing. The real one asks it nothing for a span it wants, so that it costs nothing there.

use std::sync::Arc;

use tracing::{Event, Metadata, Subscriber};
use tracing_core::span::{Attributes, Id};
use tracing_core::{Interest, LevelFilter};
use tracing_subscriber::filter::Filtered;
use tracing_subscriber::layer::{Context, Filter, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::callsite::Callsite;
use super::handle::Core;

/// The layer's answers, told as those of one among others.
pub(super) struct Beside<S>(pub(super) Filtered<Nothing, Wanted, S>);

/// Stands where the filter expects a layer.
pub(super) struct Nothing;

/// What the layer wants.
pub(super) struct Wanted(Arc<Core>);

impl<S> Beside<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self(Nothing.with_filter(Wanted(core)))
    }

    /// Takes note that a span was opened. The filter keeps its answer until then, and it must not stay for the next one.
    #[inline]
    pub(super) fn on_new_span(
        &self,
        callsite: &Callsite,
        attributes: &Attributes<'_>,
        id: &Id,
        context: &Context<'_, S>,
    ) {
        if !callsite.wanted {
            self.0.on_new_span(attributes, id, context.clone());
        }
    }

    /// Takes note of an event. What was asked about a record of the `log` crate is not what its callsite says.
    #[inline]
    pub(super) fn on_event(&self, callsite: &Callsite, event: &Event<'_>, context: &Context<'_, S>) {
        if !callsite.wanted || callsite.is_log {
            self.0.on_event(event, context.clone());
        }
    }
}

impl<S: Subscriber> Layer<S> for Nothing {}

impl<S> Filter<S> for Wanted
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        self.0.is_wanted(metadata, context)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.0.interest(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.0.max_level()
    }
}
