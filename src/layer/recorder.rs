//! What all that has to do with recorded spans shares: the records, the limits, and where finished spans go.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanContext, SpanKind, TraceContextExt, TraceFlags};
use opentelemetry::{Context, InstrumentationScope};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::attributes::{Read, SpanReader};
use super::callsite::Callsite;
use super::handle::Core;
use super::pool;
use super::provider::{Processors, Traces};
use super::recording::{Activity, Change, Recording, add_attributes, truncate};
use super::spans::{Live, Records, Slot};
use super::values::Reader;
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
    processors: Arc<Processors>,
}

impl Recorder {
    pub(super) fn new(config: &Config, traces: &Traces, core: &Arc<Core>) -> Self {
        Self {
            core: Arc::clone(core),
            records: Records::new(),
            limits: config.limits,
            details: config.details,
            processors: Arc::clone(&traces.processors),
        }
    }

    pub(super) fn now(&self) -> SystemTime {
        self.core.clock.system_time()
    }

    pub(super) fn reader(&self) -> Reader<'_> {
        Reader { limit: self.limits.span_value_length, internal: &self.core.internal }
    }

    pub(super) fn span_reader<'a>(&'a self, callsite: &'a Callsite, read: &'a mut Read) -> SpanReader<'a> {
        SpanReader { meanings: &callsite.meanings, reader: self.reader(), read }
    }

    /// What is to be exported of a span, as it opens.
    #[inline]
    pub(super) fn data(
        &self,
        span: Live<'_>,
        callsite: &Callsite,
        mut read: Read,
        (parent, sampled): (&SpanContext, bool),
        time: SystemTime,
    ) -> SpanData {
        let (trace_id, span_id) = span.slot.ids();
        let flags = if sampled { parent.trace_flags().with_sampled(true) } else { TraceFlags::default() };
        let dropped = truncate(&mut read.attributes, self.limits.span_attributes);
        SpanData {
            span_context: SpanContext::new(trace_id, span_id, flags, false, parent.trace_state().clone()),
            parent_span_id: parent.span_id(),
            parent_span_is_remote: parent.is_valid() && parent.is_remote(),
            span_kind: read.kind.unwrap_or(SpanKind::Internal),
            name: read.name.unwrap_or_else(|| callsite.metadata.name().into()),
            start_time: time,
            end_time: time,
            attributes: read.attributes,
            dropped_attributes_count: dropped,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: read.status.unwrap_or_default(),
            // As cheap as can be: nothing in it is allocated.
            instrumentation_scope: InstrumentationScope::builder(SCOPE).build(),
        }
    }

    /// Makes of a draft what could be exported, because the span is more than a passing root.
    pub(super) fn write_out(&self, span: Live<'_>, callsite: &Callsite, recording: &mut Recording) {
        if !std::mem::take(&mut recording.is_waiting) {
            return;
        }
        let mut read = Read::with_details(callsite.metadata, self.details);
        let mut reader = self.span_reader(callsite, &mut read);
        recording.draft.replay(callsite.metadata.fields(), &mut reader);
        let now = self.core.clock.ticks();
        let since = Duration::from_nanos(now.saturating_sub(recording.start));
        let time = self.now().checked_sub(since).unwrap_or(SystemTime::UNIX_EPOCH);
        recording.data = Some(self.data(span, callsite, read, (&recording.parent, false), time));
        recording.activity = self.details.inactivity.then(|| Box::new(Activity::new(recording.start)));
    }

    /// A span that is recorded here has ended.
    pub(super) fn finish(&self, mut recording: Box<Recording>) {
        let activity = recording.take_activity();
        let (start, end) = (recording.start, recording.end);
        if let Some(data) = &mut recording.data {
            if let Some(activity) = activity {
                add_attributes(data, activity, &self.limits);
            }
            let end = if end == 0 { self.core.clock.ticks() } else { end };
            data.end_time = data.start_time + Duration::from_nanos(end.saturating_sub(start));
        }
        if let Some(data) = recording.data.take_if(|data| data.span_context.is_sampled()) {
            self.export(data);
        }
        pool::give_back(recording);
    }

    #[inline]
    pub(super) fn export(&self, data: SpanData) {
        self.processors.end(data);
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
