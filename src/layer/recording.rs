//! What is recorded of one span, and the rules of OpenTelemetry's SDK by which it grows.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{Event, Link, SpanContext, SpanRef, Status};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SpanData;
use tracing_core::span::Id;

use super::Limits;
use super::attributes::Read;
use super::draft::Draft;

/// A span that is recorded, or could yet be.
#[derive(Debug)]
pub(super) struct Recording {
    /// What will be exported, so far. `None` when that is over: the sampler decided against it, the application ended the
    /// span by itself, or it was handed over.
    pub(super) data: Option<SpanData>,
    /// OpenTelemetry's context with this span in it, or, while `is_active` is false, the one that it was opened in.
    pub(super) context: Context,
    /// The parent; invalid without one.
    pub(super) parent: SpanContext,
    /// Whether `context` is the current one while the span is entered.
    pub(super) is_active: bool,
    /// Whether it was entered, became a parent, or was asked for its context: from then on its own parent stands.
    pub(super) started: bool,
    /// Clock ticks at which it was opened.
    pub(super) start: u64,
    /// Clock ticks of the last exit; 0 before.
    pub(super) end: u64,
    /// Time within and without, when it is wanted.
    pub(super) activity: Option<Box<Activity>>,
    /// Its fields, while it `is_waiting`.
    pub(super) draft: Draft,
    /// Whether the sampler left it out, and may be asked anew when a parent comes.
    pub(super) is_waiting: bool,
    /// Where it went, when it was handed over.
    pub(super) handed: Option<Box<Handed>>,
}

/// A span that was handed over to tracing-opentelemetry.
#[derive(Debug)]
pub(super) struct Handed {
    /// Its place there.
    pub(super) place: Id,
    /// When it was opened, if that is known.
    pub(super) start: Option<SystemTime>,
    /// Its status until then.
    pub(super) status: Status,
}

/// How long a span was entered and how long it was not, in nanoseconds: tracing-opentelemetry's inactivity.
#[derive(Debug)]
pub(super) struct Activity {
    /// Ticks of the last change.
    last: u64,
    busy: u64,
    idle: u64,
    /// So often it is entered now.
    entered: u32,
}

/// Something that happens to a span through the OpenTelemetry API.
pub(super) enum Change {
    Event(Event),
    Attribute(KeyValue),
    Status(Status),
    Name(Cow<'static, str>),
    Link(Link),
}

impl Default for Recording {
    /// Nothing recorded, no parent, opened in the empty context.
    fn default() -> Self {
        Self {
            data: None,
            context: Context::new(),
            parent: SpanContext::NONE,
            is_active: true,
            started: false,
            start: 0,
            end: 0,
            activity: None,
            draft: Draft::default(),
            is_waiting: false,
            handed: None,
        }
    }
}

impl Recording {
    /// Makes it empty, for another span. What it refers to goes, buffers stay.
    pub(super) fn clear(&mut self) {
        self.data = None;
        self.context = Context::new();
        self.parent = SpanContext::NONE;
        (self.is_active, self.started, self.is_waiting) = (true, false, false);
        (self.start, self.end) = (0, 0);
        self.activity = None;
        self.handed = None;
        self.draft.clear();
    }

    /// When the span ends that is left or closed at `now`.
    pub(super) fn end_time(&self, start: SystemTime, now: u64) -> SystemTime {
        let end = if self.end == 0 { now } else { self.end };
        start + Duration::from_nanos(end.saturating_sub(self.start))
    }

    /// Fields were recorded.
    pub(super) fn update(&mut self, read: Read, limits: &Limits) {
        let Some(data) = &mut self.data else { return };
        // As there: the name and the kind are settled when the span starts.
        if !self.started {
            data.name = read.name.unwrap_or_else(|| std::mem::take(&mut data.name));
            data.span_kind = read.kind.unwrap_or_else(|| data.span_kind.clone());
        }
        if let Some(status) = read.status {
            set_status(data, status, self.started);
        }
        add_attributes(data, read.attributes, limits);
    }

    /// An event happened. `is_error` when its level says so; `status` and `attributes` are what its fields say of the span.
    pub(super) fn add_event(
        &mut self,
        event: Event,
        is_error: bool,
        (status, attributes): (Option<Status>, Vec<KeyValue>),
        limits: &Limits,
    ) {
        let Some(data) = &mut self.data else { return };
        if is_error && (self.started || data.status == Status::Unset) {
            set_status(data, Status::error(""), self.started);
        }
        if let Some(status) = status {
            set_status(data, status, self.started);
        }
        if !attributes.is_empty() {
            add_attributes(data, attributes, limits);
        }
        add_event(data, event, limits);
    }

    /// It was entered or, when `entered` is false, left.
    pub(super) fn polled(&mut self, now: u64, entered: bool) {
        if let Some(activity) = &mut self.activity {
            activity.change(now, entered);
        }
        if !entered {
            self.end = now.max(1);
        }
    }

    /// What the end adds to the attributes.
    pub(super) fn take_activity(&mut self) -> Option<[KeyValue; 2]> {
        let Activity { busy, idle, .. } = *self.activity.take()?;
        let nanos = |nanos: u64| i64::try_from(nanos).unwrap_or(i64::MAX);
        Some([KeyValue::new("busy_ns", nanos(busy)), KeyValue::new("idle_ns", nanos(idle))])
    }
}

impl Activity {
    pub(super) fn new(now: u64) -> Self {
        Self { last: now, busy: 0, idle: 0, entered: 0 }
    }

    fn change(&mut self, now: u64, entered: bool) {
        self.entered = if entered { self.entered + 1 } else { self.entered.saturating_sub(1) };
        let (first, last) = (entered && self.entered == 1, !entered && self.entered == 0);
        if first || last {
            *(if first { &mut self.idle } else { &mut self.busy }) += now.saturating_sub(self.last);
            self.last = now;
        }
    }
}

impl Change {
    /// Makes the change by the rules of a span of the SDK that has started.
    pub(super) fn apply(self, data: &mut SpanData, limits: &Limits) {
        match self {
            Self::Event(event) => add_event(data, event, limits),
            Self::Attribute(attribute) => add_attributes(data, [attribute], limits),
            Self::Status(status) => set_status(data, status, true),
            Self::Name(name) => data.name = name,
            Self::Link(link) => add_link(data, link, limits),
        }
    }

    /// Makes the change to a span that was handed over.
    pub(super) fn forward(self, span: &SpanRef<'_>) {
        match self {
            Self::Event(Event { name, timestamp, attributes, .. }) => {
                span.add_event_with_timestamp(name, timestamp, attributes);
            }
            Self::Attribute(attribute) => span.set_attribute(attribute),
            Self::Status(status) => span.set_status(status),
            Self::Name(name) => span.update_name(name),
            Self::Link(Link { span_context, attributes, .. }) => span.add_link(span_context, attributes),
        }
    }
}

/// Before a span starts the last status given wins; afterwards `Ok` beats `Error` beats `Unset`.
fn set_status(data: &mut SpanData, status: Status, started: bool) {
    if !started || status > data.status {
        data.status = status;
    }
}

pub(super) fn add_attributes(data: &mut SpanData, attributes: impl IntoIterator<Item = KeyValue>, limits: &Limits) {
    for attribute in attributes {
        if data.attributes.len() < limits.span_attributes {
            data.attributes.push(attribute);
        } else {
            data.dropped_attributes_count += 1;
        }
    }
}

#[inline]
fn add_event(data: &mut SpanData, mut event: Event, limits: &Limits) {
    if data.events.events.len() >= limits.span_events {
        data.events.dropped_count += 1;
        return;
    }
    event.dropped_attributes_count = truncate(&mut event.attributes, limits.event_attributes);
    data.events.events.push(event);
}

pub(super) fn add_link(data: &mut SpanData, mut link: Link, limits: &Limits) {
    if data.links.links.len() >= limits.span_links {
        data.links.dropped_count += 1;
        return;
    }
    link.dropped_attributes_count = truncate(&mut link.attributes, limits.link_attributes);
    data.links.links.push(link);
}

/// Keeps the first ones; how many went.
#[inline]
pub(super) fn truncate(attributes: &mut Vec<KeyValue>, limit: usize) -> u32 {
    let beyond = attributes.len().saturating_sub(limit);
    attributes.truncate(limit);
    u32::try_from(beyond).unwrap_or(u32::MAX)
}
