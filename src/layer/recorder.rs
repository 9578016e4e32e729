//! What all that has to do with recorded spans shares: the records, the limits, and where finished spans go.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, InstrumentationScope};
use opentelemetry_sdk::trace::SpanData;

use super::handle::Core;
use super::provider::{Processors, Traces};
use super::recording::{Change, Recording, add_attributes};
use super::spans::{Live, Records, Slot};
use super::{Config, Limits, SpanDetails};

/// Name of the instrumentation scope of the host's spans.
pub(super) const SCOPE: &str = env!("CARGO_PKG_NAME");

/// So many dropped ancestors are looked at for one that was not.
const ANCESTORS: usize = 64;

/// The recorded spans of one layer.
pub(super) struct Recorder {
    pub(super) core: Arc<Core>,
    pub(super) records: Records<Recording>,
    pub(super) limits: Limits,
    pub(super) details: SpanDetails,
    pub(super) scope: InstrumentationScope,
    processors: Arc<Processors>,
}

impl Recorder {
    pub(super) fn new(config: &Config, traces: &Traces, core: &Arc<Core>) -> Self {
        Self {
            core: Arc::clone(core),
            records: Records::new(),
            limits: config.limits,
            details: config.details,
            scope: InstrumentationScope::builder(SCOPE).build(),
            processors: Arc::clone(&traces.processors),
        }
    }

    pub(super) fn now(&self) -> SystemTime {
        self.core.clock.now().into()
    }

    /// A span that is recorded here has ended.
    pub(super) fn finish(&self, mut recording: Box<Recording>) {
        let activity = recording.take_activity();
        let Some(mut data) = recording.data.take() else { return };
        if let Some(activity) = activity {
            add_attributes(&mut data, activity, &self.limits);
        }
        data.end_time = recording.end_time(data.start_time, self.core.clock.ticks());
        self.export(data);
    }

    pub(super) fn export(&self, data: SpanData) {
        if data.span_context.is_sampled() {
            self.processors.end(data);
        }
    }

    /// Makes a change that comes through the OpenTelemetry API, if the span still lives and is still the same.
    pub(super) fn change(&self, span: Live<'_>, change: Change) {
        let mut change = Some(change);
        let handed = self.records.with(span.id(), |recording| {
            if recording.handed.is_some() {
                return Some(recording.context.clone());
            }
            if let (Some(data), Some(change)) = (&mut recording.data, change.take()) {
                change.apply(data, &self.limits);
            }
            None
        });
        if let (Some(context), Some(change)) = (handed.flatten(), change) {
            change.forward(&context.span());
        }
    }

    /// Whether the span is still recorded.
    pub(super) fn is_recording(&self, span: Live<'_>) -> bool {
        let is_recording = |recording: &mut Recording| recording.data.is_some() || recording.handed.is_some();
        span.slot.flags(Slot::SAMPLED) != 0 && self.records.with(span.id(), is_recording).unwrap_or(false)
    }

    /// The context of a span or, where it was dropped, of its nearest ancestor that was not.
    pub(super) fn nearest_context(&self, span: Live<'_>) -> Option<Context> {
        let trace_id = span.slot.ids().0;
        let mut next = Some(span);
        for _ in 0..ANCESTORS {
            let span = next.filter(|span| span.slot.ids().0 == trace_id)?;
            let own = if span.slot.flags(Slot::RECORDED) == 0 { None } else { self.context(span) };
            if own.is_some() {
                return own;
            }
            next = span.slot.parent().and_then(|id| self.core.spans.find(id));
        }
        None
    }

    fn context(&self, span: Live<'_>) -> Option<Context> {
        self.records.with(span.id(), |recording| recording.is_active.then(|| recording.context.clone())).flatten()
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}
