//! Decides which spans reach tracing-opentelemetry.

use std::any::TypeId;
use std::marker::PhantomData;
use std::sync::Arc;

use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Event, Subscriber};
use tracing_core::span::{Attributes, Id, Record};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::Config;
use super::callsite::Callsite;
use super::composite::Opened;
use super::handle::Core;
use super::spans::Live;

/// The sampling gate with tracing-opentelemetry behind it.
pub(super) struct Gate<S>(PhantomData<fn(S)>);

#[expect(clippy::unused_self, reason = "the face that the composite layer calls")]
impl<S> Gate<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    pub(super) fn new(_config: &Config, _provider: &SdkTracerProvider, _core: &Arc<Core>) -> Self {
        Self(PhantomData)
    }

    pub(super) fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _opened: Opened<'_>, _: Context<'_, S>) {}

    pub(super) fn on_record(&self, _: &Id, _: &Record<'_>, _live: Live<'_>, _: Context<'_, S>) {}

    pub(super) fn on_follows_from(&self, _: &Id, _follows: &Id, _live: Live<'_>, _: Context<'_, S>) {}

    /// `span` is the slot of the span that the event belongs to.
    pub(super) fn on_event(&self, _: &Event<'_>, _: &Callsite, _span: Option<Live<'_>>, _: Context<'_, S>) {}

    pub(super) fn on_enter(&self, _: &Id, _live: Live<'_>, _: Context<'_, S>) {}

    pub(super) fn on_exit(&self, _: &Id, _live: Live<'_>, _: Context<'_, S>) {}

    /// Called before the metrics read the slot's status.
    pub(super) fn on_close(&self, _: &Id, _live: Live<'_>, _: Context<'_, S>) {}

    /// What `OpenTelemetrySpanExt` needs of the inner layer.
    #[expect(unsafe_code, reason = "the trait's way to find a layer behind a dispatcher")]
    pub(super) unsafe fn downcast_raw(&self, _: TypeId) -> Option<*const ()> {
        None
    }
}
