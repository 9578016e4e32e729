//! Context goes out of spans that the gate dropped as well.
//!
//! A dropped span is not part of OpenTelemetry's current context, so that code which injects that context would send
//! nothing, and the next service would begin a trace of its own. It must learn that the trace is not sampled.

use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState};

use super::handle::Handle;
use super::spans::Slot;

/// Lets a propagator send the context of the dropped span that the thread has entered, where there is no other.
#[derive(Debug)]
pub struct Propagator<P>(pub P);

impl<P: TextMapPropagator> TextMapPropagator for Propagator<P> {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        match (context.has_active_span(), dropped()) {
            (false, Some(span)) => self.0.inject_context(&context.with_remote_span_context(span), injector),
            _ => self.0.inject_context(context, injector),
        }
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        self.0.extract_with_context(context, extractor)
    }

    fn fields(&self) -> FieldIter<'_> {
        self.0.fields()
    }
}

fn dropped() -> Option<SpanContext> {
    let layer = Handle::current()?;
    let live = layer.0.current()?;
    let (trace_id, span_id) = live.slot.ids();
    let is_dropped = live.slot.flags(Slot::PASSED | Slot::IDS_KNOWN) == Slot::IDS_KNOWN;
    is_dropped.then(|| SpanContext::new(trace_id, span_id, TraceFlags::default(), false, TraceState::default()))
}
