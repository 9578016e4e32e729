//! Context goes out of spans that the gate dropped as well.
//!
//! A dropped span is never part of OpenTelemetry's current context, so that code which injects that context would send
//! nothing, and the next service would begin a trace of its own. It must learn that the trace is not sampled.

use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState};

use super::handle::{self, Handle};
use crate::series::Link;

/// Lets a propagator send the context of the dropped span that the thread has entered, where there is no other.
#[derive(Debug)]
pub struct Propagator<P>(pub P);

impl<P: TextMapPropagator> TextMapPropagator for Propagator<P> {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let entered = if context.has_active_span() { None } else { entered() };
        match entered {
            Some(span) => self.0.inject_context(&context.with_remote_span_context(span), injector),
            None => self.0.inject_context(context, injector),
        }
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        self.0.extract_with_context(context, extractor)
    }

    fn fields(&self) -> FieldIter<'_> {
        self.0.fields()
    }
}

/// The span that the thread has entered, whether OpenTelemetry knows it or not.
fn entered() -> Option<SpanContext> {
    let layer = Handle::current()?;
    let live = layer.0.current()?;
    let Link { trace_id, span_id, sampled } = handle::link(live.slot)?;
    let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    Some(SpanContext::new(trace_id, span_id, flags, false, TraceState::default()))
}
