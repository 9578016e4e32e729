//! The same code under our layer and under tracing-opentelemetry alone: equal spans, but for times and ids.
//!
//! Deliberate differences, which the cases avoid: unsigned and 128-bit integers are integers here and text there; `Unset`, set
//! by hand, takes no status away here, as the specification has it.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bellwether::clock::Clock;
use bellwether::internal::Internal;
use bellwether::layer::{Config, Layer, Limits, Parts, Sampler, SpanDetails, Traces};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanLimits};
use tracing::field::Empty;
use tracing::{Dispatch, Level, info, info_span, instrument};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

use crate::traces::Kept;

/// What is compared of a span: everything but times, with names in place of ids.
#[derive(Debug, PartialEq)]
struct Seen {
    name: String,
    kind: SpanKind,
    /// Its number by first appearance, or what the test gave it.
    trace: String,
    flags: TraceFlags,
    state: String,
    parent: String,
    parent_is_remote: bool,
    attributes: Vec<KeyValue>,
    dropped_attributes: u32,
    events: Vec<(String, Vec<KeyValue>, u32)>,
    dropped_events: u32,
    links: Vec<(String, Vec<KeyValue>, u32)>,
    dropped_links: u32,
    status: Status,
    scope: String,
}

/// Ids below this come from the test itself and are compared as they are.
const GIVEN: u64 = 1_000;

fn seen(spans: &[SpanData]) -> Vec<Seen> {
    let by_id: HashMap<SpanId, &str> = spans.iter().map(|span| (span.span_context.span_id(), &*span.name)).collect();
    let name = |id: SpanId| {
        let number = u64::from_be_bytes(id.to_bytes());
        if number < GIVEN { number.to_string() } else { (*by_id.get(&id).unwrap_or(&"unknown")).to_owned() }
    };
    let mut traces: Vec<TraceId> = Vec::new();
    let mut trace = |id: TraceId| {
        if u128::from_be_bytes(id.to_bytes()) < GIVEN.into() {
            return id.to_string();
        }
        let known = traces.iter().position(|known| *known == id);
        format!(
            "trace {}",
            known.unwrap_or_else(|| {
                traces.push(id);
                traces.len() - 1
            })
        )
    };
    spans
        .iter()
        .map(|span| {
            assert!(span.end_time >= span.start_time, "{}", span.name);
            Seen {
                name: span.name.to_string(),
                kind: span.span_kind.clone(),
                trace: trace(span.span_context.trace_id()),
                flags: span.span_context.trace_flags(),
                state: span.span_context.trace_state().header(),
                parent: name(span.parent_span_id),
                parent_is_remote: span.parent_span_is_remote,
                attributes: span.attributes.clone(),
                dropped_attributes: span.dropped_attributes_count,
                events: span
                    .events
                    .iter()
                    .map(|event| (event.name.to_string(), event.attributes.clone(), event.dropped_attributes_count))
                    .collect(),
                dropped_events: span.events.dropped_count,
                links: span
                    .links
                    .iter()
                    .map(|link| {
                        (name(link.span_context.span_id()), link.attributes.clone(), link.dropped_attributes_count)
                    })
                    .collect(),
                dropped_links: span.links.dropped_count,
                status: span.status.clone(),
                scope: span.instrumentation_scope.name().to_owned(),
            }
        })
        .collect()
}

const LIMITS: Limits = Limits {
    span_attributes: 8,
    span_events: 4,
    span_links: 2,
    event_attributes: 6,
    link_attributes: 1,
    ..Limits {
        span_value_length: None,
        log_attributes: 128,
        log_value_length: None,
        span_attributes: 0,
        span_events: 0,
        span_links: 0,
        event_attributes: 0,
        link_attributes: 0,
    }
};

fn ours(details: SpanDetails) -> (Dispatch, SdkTracerProvider, Kept) {
    let config = Config {
        sampler: Sampler::ParentBased(Box::new(Sampler::AlwaysOn)),
        limits: LIMITS,
        details,
        ..Config::default()
    };
    let (kept, internal) = (Kept::default(), Arc::new(Internal::default()));
    let traces = Traces::new(&config, Resource::builder_empty().build(), vec![Box::new(kept.clone())], &internal);
    let provider = traces.provider().clone();
    let parts =
        Parts { store: None, internal, clock: Clock::system(), traces: Some(traces), logs: None, console: None };
    (Dispatch::new(Registry::default().with(Layer::new(&config, parts))), provider, kept)
}

fn theirs(details: SpanDetails) -> (Dispatch, SdkTracerProvider, Kept) {
    let kept = Kept::default();
    let limits = SpanLimits {
        max_attributes_per_span: 8,
        max_events_per_span: 4,
        max_links_per_span: 2,
        max_attributes_per_event: 6,
        max_attributes_per_link: 1,
    };
    let provider = SdkTracerProvider::builder().with_span_limits(limits).with_span_processor(kept.clone()).build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("bellwether"))
        .with_location(details.location)
        .with_threads(details.threads)
        .with_target(details.target)
        .with_tracked_inactivity(details.inactivity);
    (Dispatch::new(Registry::default().with(layer)), provider, kept)
}

type Case = (&'static str, fn(&SdkTracerProvider));

fn compare(cases: &[Case], details: SpanDetails) {
    for (name, case) in cases {
        let [ours, theirs] = [ours(details), theirs(details)].map(|(dispatch, provider, kept)| {
            tracing::dispatcher::with_default(&dispatch, || case(&provider));
            seen(&kept.spans())
        });
        assert!(!theirs.is_empty(), "{name}");
        assert_eq!(ours.len(), theirs.len(), "{name}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "{name}");
        }
    }
}

fn remote(trace: u128, span: u64, sampled: bool) -> SpanContext {
    let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let state = TraceState::from_key_value([("vendor", "value")]).unwrap();
    SpanContext::new(TraceId::from(trace), SpanId::from(span), flags, true, state)
}

#[derive(Debug)]
struct Outer(fmt::Error);
impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("outer")
    }
}
impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[instrument(err)]
fn fails(text: &str) -> Result<u8, std::num::ParseIntError> {
    text.parse()
}

#[instrument(err(Debug), ret, fields(otel.kind = "client"))]
fn fails_or_returns(text: &str) -> Result<u8, std::num::ParseIntError> {
    text.parse()
}

const FIELDS: &[Case] = &[
    ("fields of every kind", |_| {
        let error = Outer(fmt::Error);
        drop(info_span!("span", a = -1, b = true, c = 1.5, d = "text", e = ?Some("debug"), f = %"display"));
        drop(info_span!("with an error", error = &error as &(dyn std::error::Error + 'static), after = 1));
        drop(info_span!("without any"));
    }),
    ("fields recorded later", |_| {
        let span = info_span!("span", a = Empty, b = Empty, c = Empty, unused = Empty);
        span.record("a", 1).record("a", 2);
        let entered = span.enter();
        span.record("b", "entered").record("c", tracing::field::debug(Some(1)));
        span.record("c", &Outer(fmt::Error) as &(dyn std::error::Error + 'static));
        drop(entered);
        span.record("b", false);
    }),
    ("names and kinds", |_| {
        drop(info_span!("span", otel.name = "GET /", otel.kind = "server"));
        drop(info_span!("span", otel.name = %"display", otel.kind = ?SpanKind::Client).entered());
        drop(info_span!("span", otel.name = 5, otel.kind = "PRODUCER"));
        drop(info_span!("span", otel.kind = "no such kind"));
        let span = info_span!("late", otel.name = Empty, otel.kind = Empty);
        span.record("otel.name", "before").record("otel.kind", "consumer");
        span.in_scope(|| span.record("otel.name", "too late").record("otel.kind", "server"));
    }),
    ("statuses of fields", |_| {
        drop(info_span!("ok", otel.status_code = "OK"));
        drop(info_span!("error", otel.status_code = ?"error"));
        drop(info_span!("described", otel.status_code = "ERROR", otel.status_description = "why"));
        drop(info_span!("the other way round", otel.status_description = %"why", otel.status_code = "error"));
        for (first, second) in [("ok", "error"), ("error", "ok"), ("error", "what"), ("ok", "unset")] {
            let before = info_span!("before", otel.status_code = Empty);
            before.record("otel.status_code", first).record("otel.status_code", second);
            let after = info_span!("after", otel.status_code = Empty);
            after.in_scope(|| after.record("otel.status_code", first).record("otel.status_code", second));
        }
    }),
    ("more attributes, events and links than the limits", |provider| {
        let span = info_span!("span", a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8, i = 9, j = Empty);
        span.record("j", 10);
        span.in_scope(|| {
            span.record("j", 11);
            for n in 0..6 {
                info!(a = n, b = 2, c = 3, d = 4, e = 5, "event");
                span.follows_from(info_span!("cause").id());
            }
            let attributes = vec![KeyValue::new("a", 1), KeyValue::new("b", 2)];
            Context::map_current(|current| current.span().add_link(remote(1, 2, true), attributes.clone()));
        });
        let few = info_span!("few");
        few.in_scope(|| {
            let attributes = vec![KeyValue::new("a", 1), KeyValue::new("b", 2)];
            Context::map_current(|current| current.span().add_link(remote(1, 2, true), attributes));
        });
        provider.tracer("other").in_span("api", |_| info!("in none"));
    }),
];

const EVENTS: &[Case] = &[
    ("messages, fields and levels", |_| {
        info_span!("first").in_scope(|| {
            info!("message");
            info!(a = 1, b = true, c = 1.5, "with {} {}", "arguments", 1);
            tracing::warn!(d = "text", e = ?Some("debug"), f = %"display");
            info!(name: "named", target: "elsewhere", a = 1);
        });
        info_span!("second").in_scope(|| {
            tracing::event!(Level::ERROR, "grave");
            tracing::event!(Level::ERROR, message = 5);
            tracing::event!(Level::INFO, message = true, x = 1);
            tracing::event!(Level::INFO, message = "text");
        });
    }),
    ("errors in events", |_| {
        let error = Outer(fmt::Error);
        info_span!("first").in_scope(|| {
            tracing::event!(Level::ERROR, error = "text");
            tracing::event!(Level::ERROR, error = %"display", a = 1);
        });
        info_span!("second").in_scope(|| {
            info!(error = ?Some("debug"));
            info!(error = "with a message", "message");
            info!(error = 5);
        });
        info_span!("third").in_scope(|| {
            info!(cause = &error as &(dyn std::error::Error + 'static), "failed");
            tracing::event!(Level::ERROR, error = &error as &(dyn std::error::Error + 'static));
        });
        let before = info_span!("before it is entered");
        tracing::event!(parent: &before, Level::ERROR, error = %"b");
        tracing::event!(parent: &before, Level::ERROR, error = %"a");
        tracing::event!(parent: &before, Level::ERROR, "c");
        let after = info_span!("after it was entered").entered();
        tracing::event!(Level::ERROR, error = %"b");
        tracing::event!(Level::ERROR, error = %"a");
        tracing::event!(Level::ERROR, "c");
        drop(after);
    }),
    ("what `instrument` reports", |_| {
        assert!(fails("x").is_err() && fails("1").is_ok());
        assert!(fails_or_returns("x").is_err() && fails_or_returns("1").is_ok());
    }),
    ("events of other spans and of none", |_| {
        let (one, two) = (info_span!("one"), info_span!("two"));
        one.in_scope(|| {
            info!(parent: &two, "of two, before it is entered");
            info!(parent: None, "of none");
            two.in_scope(|| info!(parent: &one, "of one"));
        });
        info!(parent: &two, "of two, after it was left");
    }),
    ("records of the log crate", |_| {
        info_span!("span").in_scope(|| {
            use tracing_log::log;
            let mut record = log::Record::builder();
            record.level(log::Level::Error).target("legacy").line(Some(7)).file(Some("db.rs"));
            tracing_log::format_trace(&record.args(format_args!("of the log crate")).build()).unwrap();
        });
    }),
];

const FAMILIES: &[Case] = &[
    ("contextual and explicit parents, and none", |_| {
        let root = info_span!("root").entered();
        let other = info_span!(parent: None, "other");
        let child = info_span!("child").entered();
        drop(info_span!(parent: &other, "of other"));
        drop(info_span!(parent: &*root, "of root").entered());
        drop(info_span!("grandchild"));
        drop((child, root));
        drop(info_span!("root again"));
    }),
    ("exits out of order, entered twice, entered never", |_| {
        let (a, b, c) = (info_span!("a"), info_span!("b"), info_span!("c"));
        let (enter_a, enter_b) = (a.enter(), b.enter());
        drop(info_span!("of b"));
        drop(enter_a);
        drop(info_span!("of b too"));
        drop(enter_b);
        let twice = (a.enter(), a.enter());
        drop(info_span!("of a"));
        drop(twice);
        drop(info_span!("root"));
        drop(c);
    }),
    ("a remote parent in the current context", |_| {
        for sampled in [true, false] {
            let _attached = Context::new().with_remote_span_context(remote(7, 8, sampled)).attach();
            let span = info_span!("in it", sampled);
            span.in_scope(|| drop(info_span!("below")));
            drop(info_span!(parent: None, "root"));
        }
    }),
    ("set_parent before and after a span starts", |_| {
        let parent = |trace| Context::new().with_remote_span_context(remote(trace, 9, true));
        let span = info_span!("set", a = 1, otel.name = "named", otel.status_code = "error", b = Empty);
        info!(parent: &span, "an event before");
        span.set_parent(parent(5)).unwrap();
        span.record("b", 2);
        info!(parent: &span, "an event after");
        span.in_scope(|| {
            span.record("b", 3);
            drop(info_span!("child").entered());
            info!("an event within");
        });
        let entered = info_span!("entered", a = 1);
        entered.in_scope(|| assert!(entered.set_parent(parent(6)).is_err()));
        let has_child = info_span!("has a child", a = 1);
        drop(info_span!(parent: &has_child, "its child"));
        assert!(has_child.set_parent(parent(6)).is_err());
        let unsampled = info_span!("unsampled");
        unsampled.set_parent(Context::new().with_remote_span_context(remote(3, 4, false))).unwrap();
        unsampled.in_scope(|| drop(info_span!("below")));
        let never_entered = info_span!("never entered", a = 1);
        never_entered.set_parent(parent(6)).unwrap();
    }),
    ("links", |_| {
        let (cause, effect) = (info_span!("cause"), info_span!("effect"));
        effect.follows_from(&cause);
        effect.in_scope(|| effect.follows_from(&cause));
        assert!(cause.set_parent(Context::new().with_remote_span_context(remote(5, 6, true))).is_err());
        let asked = info_span!("asked");
        asked.add_link(remote(1, 2, true));
        asked.follows_from(&effect);
        asked.add_link_with_attributes(remote(1, 3, true), vec![KeyValue::new("a", 1)]);
    }),
    ("baggage goes down to children", |_| {
        let context = Context::new().with_baggage([KeyValue::new("tenant", "a")]);
        let tenant = |span: &tracing::Span| {
            let tenant = Context::map_current(|current| current.baggage().get("tenant").map(ToString::to_string));
            span.record("tenant", tracing::field::debug(tenant));
        };
        let attached = context.clone().attach();
        let (span, set) = (info_span!("span", tenant = Empty), info_span!("set", tenant = Empty));
        drop(attached);
        let explicit = info_span!(parent: &span, "explicit", tenant = Empty);
        for span in [&span, &explicit] {
            span.in_scope(|| tenant(span));
        }
        set.set_parent(Context::new().with_baggage([KeyValue::new("tenant", "b")])).unwrap();
        set.in_scope(|| {
            tenant(&set);
            let child = info_span!("child", tenant = Empty);
            child.in_scope(|| tenant(&child));
        });
    }),
];

const API: &[Case] = &[
    ("the active span of the current context", |_| {
        let span = info_span!("span", a = 1).entered();
        Context::map_current(|current| {
            let span = current.span();
            assert!(span.is_recording() && span.span_context().is_sampled());
            span.set_attribute(KeyValue::new("b", 2));
            span.add_event("event", vec![KeyValue::new("c", 3)]);
            span.add_link(remote(1, 2, true), Vec::new());
            span.set_status(Status::error("by hand"));
            span.update_name("renamed");
        });
        drop(span);
        let kept = info_span!("ended by hand").in_scope(|| {
            Context::map_current(|current| current.span().end());
            info!("too late");
            Context::current()
        });
        assert!(!kept.span().is_recording());
        kept.span().set_attribute(KeyValue::new("too", "late"));
        drop(info_span!("another"));
    }),
    ("spans of the OpenTelemetry API between", |provider| {
        let tracer = provider.tracer("own");
        let _root = info_span!("root").entered();
        tracer.in_span("api", |_| {
            info_span!("below").in_scope(|| drop(tracer.start("deepest")));
        });
        drop(tracer.start("beside"));
    }),
    ("asked before it starts", |_| {
        let span = info_span!("span", a = 1, otel.kind = "client", b = Empty, c = Empty);
        info!(parent: &span, "before");
        span.record("b", 2);
        span.set_attribute("asked", true);
        span.add_event("by hand", vec![KeyValue::new("d", 4)]);
        span.set_status(Status::error("by hand"));
        span.in_scope(|| {
            span.record("c", 3);
            info!("within");
            span.set_status(Status::Ok);
            Context::map_current(|current| current.span().set_attribute(KeyValue::new("active", true)));
            drop(info_span!("child"));
        });
    }),
    ("asked while it is entered", |_| {
        let span = info_span!("span", a = 1, b = Empty);
        let outer = span.enter();
        tracing::event!(Level::ERROR, "before");
        span.set_attribute("asked", true);
        assert_eq!(span.context().span().span_context(), Context::current().span().span_context());
        Context::map_current(|current| {
            current.span().set_attribute(KeyValue::new("active", true));
            current.span().set_status(Status::Ok);
            current.span().add_event("api", Vec::new());
        });
        span.record("b", 2);
        info!("after");
        let child = info_span!("child");
        child.in_scope(|| assert!(child.context().has_active_span()));
        drop(outer);
        span.in_scope(|| drop(info_span!("child of the second entering")));
    }),
    ("a status with a status before", |_| {
        for (before, asked) in [("error", Status::Ok), ("ok", Status::error("late"))] {
            let span = info_span!("span", otel.status_code = before);
            span.set_status(asked.clone());
            let span = info_span!("entered", otel.status_code = before).entered();
            span.set_status(asked.clone());
            Context::map_current(|current| current.span().set_status(asked.clone()));
        }
    }),
    ("children of a span that was asked", |_| {
        let parent = info_span!("parent", a = 1);
        let context = parent.context();
        drop(info_span!(parent: &parent, "explicit"));
        parent.in_scope(|| drop(info_span!("contextual")));
        let _attached = context.attach();
        drop(info_span!("by its context"));
    }),
];

#[test]
fn spans_recorded_here_are_equal_to_those_of_tracing_opentelemetry() {
    for cases in [FIELDS, EVENTS, FAMILIES, API] {
        compare(cases, SpanDetails::default());
    }
}

#[test]
fn so_are_their_details() {
    let details = SpanDetails { location: true, threads: true, target: true, inactivity: false };
    for cases in [EVENTS, &FAMILIES[..3]] {
        compare(cases, details);
    }
}

#[test]
fn unsigned_integers_are_integers_where_they_fit() {
    let (dispatch, _, kept) = ours(SpanDetails::default());
    tracing::dispatcher::with_default(&dispatch, || {
        info_span!("span", a = 1_u64, b = u64::MAX, c = 2_i128, d = i128::MIN).in_scope(|| info!(e = 3_u64));
    });
    let span = &kept.spans()[0];
    let expected = [
        KeyValue::new("a", 1),
        KeyValue::new("b", u64::MAX.to_string()),
        KeyValue::new("c", 2),
        KeyValue::new("d", i128::MIN.to_string()),
    ];
    assert_eq!(span.attributes, expected);
    assert_eq!(span.events[0].attributes[2], KeyValue::new("e", 3));
}
