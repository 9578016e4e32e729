//! Traces and the sampling gate, through a real Registry and a real SDK provider.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bellwether::clock::Clock;
use bellwether::internal::{Counter, Internal};
use bellwether::layer::{Config, Layer, Parts, Propagator, Sampler, SpanDetails, Traces as Destination};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanData, SpanProcessor};
use tracing::instrument::WithSubscriber;
use tracing::{Dispatch, Instrument, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

/// Keeps what a backend would get.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl Kept {
    pub(crate) fn spans(&self) -> Vec<SpanData> {
        self.0.lock().unwrap().clone()
    }
}

impl SpanProcessor for Kept {
    fn on_start(&self, _: &mut Span, _: &Context) {}
    fn on_end(&self, span: SpanData) {
        self.0.lock().unwrap().push(span);
    }
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// One telemetry instance without metrics and logs.
struct Traces {
    dispatch: Dispatch,
    provider: SdkTracerProvider,
    internal: Arc<Internal>,
    kept: Kept,
}

impl Traces {
    fn new(sampler: Sampler) -> Self {
        Self::with(&Config { sampler, ..Config::default() })
    }

    fn with(config: &Config) -> Self {
        let (kept, internal) = (Kept::default(), Arc::new(Internal::default()));
        let resource = Resource::builder_empty().build();
        let traces = Destination::new(config, resource, vec![Box::new(kept.clone())], &internal);
        let provider = traces.provider().clone();
        let parts = Parts {
            store: None,
            internal: Arc::clone(&internal),
            clock: Clock::system(),
            traces: Some(traces),
            logs: None,
            console: None,
        };
        let dispatch = Dispatch::new(Registry::default().with(Layer::new(config, parts)));
        Self { dispatch, provider, internal, kept }
    }

    fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        tracing::dispatcher::with_default(&self.dispatch, f)
    }

    fn spans(&self) -> Vec<SpanData> {
        self.kept.spans()
    }

    fn names(&self) -> Vec<String> {
        self.spans().iter().map(|span| span.name.to_string()).collect()
    }

    fn span(&self, name: &str) -> SpanData {
        self.spans()
            .into_iter()
            .find(|span| span.name == name)
            .unwrap_or_else(|| panic!("{name} in {:?}", self.names()))
    }
}

/// A ratio at which nothing is sampled, but only after the draw.
const NEARLY_NONE: f64 = 1e-15;

/// Beyond every ratio but 1.
const ANY_TRACE: u128 = u128::MAX;

fn parent_based(root: Sampler) -> Sampler {
    Sampler::ParentBased(Box::new(root))
}

fn remote(trace: u128, sampled: bool) -> Context {
    let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let span = SpanContext::new(TraceId::from(trace), SpanId::from(7), flags, true, TraceState::default());
    Context::new().with_remote_span_context(span)
}

/// The header that goes out, if any.
fn traceparent(context: &Context) -> Option<String> {
    let mut headers = HashMap::new();
    Propagator(TraceContextPropagator::new()).inject_context(context, &mut headers);
    headers.remove("traceparent")
}

fn ids(context: &Context) -> (TraceId, SpanId, bool) {
    let span = context.span();
    let span = span.span_context();
    (span.trace_id(), span.span_id(), span.is_sampled())
}

/// Every span's parent is there, in the same trace, or there is none by right.
fn assert_whole(spans: &[SpanData], roots_with: &[SpanId]) {
    let known: HashSet<_> =
        spans.iter().map(|span| (span.span_context.trace_id(), span.span_context.span_id())).collect();
    assert_eq!(known.len(), spans.len(), "every id once");
    for span in spans {
        let parent = span.parent_span_id;
        let is_root = parent == SpanId::INVALID || roots_with.contains(&parent);
        assert!(is_root || known.contains(&(span.span_context.trace_id(), parent)), "{} has no parent", span.name);
    }
}

/// Ends the learning of a callsite that makes roots.
fn worn(mut root: impl FnMut() -> tracing::Span) {
    for _ in 0..20 {
        drop(root().entered());
    }
}

#[test]
fn each_sampler_decides_as_specified_with_a_remote_parent_and_without() {
    let cases = [
        (Sampler::AlwaysOn, [true, true, true]),
        (Sampler::AlwaysOff, [false, false, false]),
        (Sampler::TraceIdRatio(1.0), [true, true, true]),
        (Sampler::TraceIdRatio(0.0), [false, false, false]),
        (Sampler::TraceIdRatio(NEARLY_NONE), [false, false, false]),
        (parent_based(Sampler::AlwaysOn), [true, true, false]),
        (parent_based(Sampler::AlwaysOff), [false, true, false]),
        (parent_based(Sampler::TraceIdRatio(NEARLY_NONE)), [false, true, false]),
    ];
    for (sampler, expected) in cases {
        for (parent, expected) in [None, Some(true), Some(false)].into_iter().zip(expected) {
            for by_set_parent in [false, true] {
                for round in 0..40 {
                    let traces = Traces::new(sampler.clone());
                    traces.run(|| {
                        let context = parent.map(|sampled| remote(ANY_TRACE, sampled));
                        let attached = context.clone().filter(|_| !by_set_parent).map(Context::attach);
                        let span = info_span!("root", otel.kind = "server");
                        drop(attached);
                        if let Some(context) = context.filter(|_| by_set_parent) {
                            span.set_parent(context).unwrap();
                        }
                        span.in_scope(|| info_span!("child").in_scope(|| drop(info_span!("grandchild"))));
                    });
                    let what = format!("{sampler:?}, parent {parent:?}, set_parent {by_set_parent}, round {round}");
                    assert_eq!(traces.names().len(), if expected { 3 } else { 0 }, "{what}");
                    let spans = traces.spans();
                    assert_whole(&spans, &[SpanId::from(7)]);
                    if parent.is_some() {
                        assert!(
                            spans.iter().all(|span| span.span_context.trace_id() == TraceId::from(ANY_TRACE)),
                            "{what}"
                        );
                    }
                    if round > 1 && !by_set_parent {
                        break;
                    }
                }
            }
        }
    }
}

#[test]
fn a_traceparent_with_the_right_trace_and_sampled_0_goes_out_of_an_unsampled_trace() {
    let traces = Traces::new(parent_based(Sampler::AlwaysOn));
    traces.run(|| {
        let server = info_span!("server", otel.kind = "server");
        server.set_parent(remote(5, false)).unwrap();
        let _server = server.entered();
        let _between = info_span!("between").entered();
        let client = info_span!("client", otel.kind = "client");
        let header = traceparent(&client.context()).unwrap();
        assert!(header.starts_with("00-00000000000000000000000000000005-") && header.ends_with("-00"), "{header}");
        assert_eq!(traceparent(&Context::current()).as_deref().map(|header| &header[..35]), Some(&header[..35]));
    });
    assert!(traces.names().is_empty());
}

#[test]
fn a_client_span_below_a_dropped_root_sends_the_trace_id_of_that_root() {
    let traces = Traces::new(parent_based(Sampler::TraceIdRatio(NEARLY_NONE)));
    let root = || info_span!("root");
    traces.run(|| {
        worn(root);
        let root = root().entered();
        let calls: Vec<_> = (0..3).map(|_| ids(&info_span!("call", otel.kind = "client").context())).collect();
        assert!(calls.iter().all(|(trace, _, sampled)| *trace == calls[0].0 && !sampled));
        assert_eq!(calls.iter().map(|(_, span, _)| span).collect::<HashSet<_>>().len(), 3);
        let explicit = info_span!(parent: &root, "call", otel.kind = "client");
        assert_eq!(ids(&explicit.context()).0, calls[0].0);
        // Code that injects the current context, without a span of its own, sends it too.
        let header = traceparent(&Context::current()).unwrap();
        assert!(header[3..].starts_with(&calls[0].0.to_string()) && header.ends_with("-00"), "{header}");
        // Asked for its own context, the dropped root gives it.
        assert_eq!(ids(&root.context()).0, calls[0].0);
        assert!(traceparent(&root.context()).unwrap().ends_with("-00"));
    });
    assert!(traces.names().is_empty());
}

#[test]
fn set_parent_works_while_the_gate_learns_a_callsite_and_afterwards() {
    let traces = Traces::new(parent_based(Sampler::AlwaysOff));
    traces.run(|| {
        for round in 0_u32..100 {
            let span = info_span!("request", round);
            span.set_parent(remote(u128::from(1_000 + round), true)).unwrap();
            span.in_scope(|| drop(info_span!("work").entered()));
        }
    });
    let spans = traces.spans();
    assert_eq!(spans.len(), 200);
    assert_whole(&spans, &[SpanId::from(7)]);
    let requests = spans.iter().filter(|span| span.name == "request");
    assert!(requests.clone().all(|span| span.attributes.len() == 1), "no attribute is lost");
    let traces: HashSet<_> = requests.map(|span| span.span_context.trace_id()).collect();
    assert_eq!(traces, (1_000..1_100).map(TraceId::from).collect());
}

#[test]
fn a_callsite_that_was_learned_to_make_roots_may_still_get_a_remote_parent() {
    let traces = Traces::new(parent_based(Sampler::AlwaysOff));
    let request = || info_span!("request", field = 1);
    traces.run(|| {
        worn(request);
        for round in 0..3 {
            let span = request();
            span.set_parent(remote(50 + round, true)).unwrap();
            span.in_scope(|| drop(info_span!("work").entered()));
        }
    });
    assert_whole(&traces.spans(), &[SpanId::from(7)]);
    let requests: Vec<_> = traces.spans().into_iter().filter(|span| span.name == "request").collect();
    let trace_ids: Vec<_> = requests.iter().map(|span| span.span_context.trace_id()).collect();
    assert_eq!(trace_ids, [50, 51, 52].map(TraceId::from));
    assert!(requests.iter().all(|span| span.attributes.len() == 1), "no field is lost");
}

#[test]
fn a_server_span_inside_a_dropped_span_gets_its_remote_parent() {
    let traces = Traces::new(parent_based(Sampler::AlwaysOff));
    let connection = || info_span!("connection");
    traces.run(|| {
        worn(connection);
        let _connection = connection().entered();
        let request = info_span!("request", otel.kind = "server", http.route = "/");
        request.set_parent(remote(3, true)).unwrap();
        request.in_scope(|| drop(info_span!("work")));
    });
    assert_eq!(traces.names(), ["work", "request"]);
    assert_whole(&traces.spans(), &[SpanId::from(7)]);
    assert_eq!(traces.span("request").attributes, [KeyValue::new("http.route", "/")]);
}

#[test]
fn a_context_attached_inside_a_dropped_span_becomes_the_parent() {
    let traces = Traces::new(parent_based(Sampler::AlwaysOff));
    let outer = || info_span!("outer");
    traces.run(|| {
        worn(outer);
        let _outer = outer().entered();
        let attached = remote(8, true).attach();
        info_span!("inner").in_scope(|| drop(info_span!("innermost")));
        drop(attached);
        drop(info_span!("after"));
    });
    assert_eq!(traces.names(), ["innermost", "inner"]);
    assert_eq!(traces.span("inner").span_context.trace_id(), TraceId::from(8));
}

#[test]
fn events_reach_sampled_spans_only_also_one_that_became_sampled_after_it_was_entered() {
    let traces = Traces::new(parent_based(Sampler::TraceIdRatio(NEARLY_NONE)));
    let request = || info_span!("request");
    traces.run(|| {
        worn(request);
        let outer = request().entered();
        tracing::info!("dropped");
        let elsewhere = info_span!(parent: None, "elsewhere");
        elsewhere.set_parent(remote(9, true)).unwrap();
        tracing::info!(parent: &elsewhere, "by an explicit parent");
        elsewhere.in_scope(|| tracing::info!("inside"));
        tracing::info!("dropped again");
        outer.set_parent(remote(8, true)).unwrap();
        outer.exit().in_scope(|| tracing::info!("after it was sampled"));
    });
    let events = |name: &str| -> Vec<_> {
        let span = traces.spans().into_iter().find(|span| span.name == name).unwrap();
        span.events.iter().map(|event| event.name.to_string()).collect()
    };
    assert_eq!(events("elsewhere"), ["by an explicit parent", "inside"]);
    assert_eq!(events("request"), ["after it was sampled"]);
}

#[test]
fn explicit_parents_and_explicit_roots_are_kept() {
    for ratio in [0.5, 1.0] {
        let traces = Traces::new(parent_based(Sampler::TraceIdRatio(ratio)));
        traces.run(|| {
            for round in 0..200 {
                let first = info_span!("first", round);
                let second = info_span!(parent: &first, "second", round);
                let _elsewhere = info_span!("elsewhere", round).entered();
                drop(info_span!(parent: &second, "third", round));
                info_span!(parent: None, "alone", round).in_scope(|| drop(info_span!("below", round)));
            }
        });
        let spans = traces.spans();
        assert_whole(&spans, &[]);
        let ids = |name: &str| -> HashMap<_, _> {
            let named = spans.iter().filter(|span| span.name == name);
            named.map(|span| (round(span), (span.span_context.span_id(), span.parent_span_id))).collect()
        };
        for (child, parent) in [("second", "first"), ("third", "second"), ("below", "alone")] {
            let (children, parents) = (ids(child), ids(parent));
            assert!(children.len() > 50, "{child}");
            assert!(children.iter().all(|(round, (_, parent))| parents[round].0 == *parent), "{child}");
        }
        assert!(ids("alone").values().all(|(_, parent)| *parent == SpanId::INVALID));
    }
}

/// The value of the field `round`.
fn round(span: &SpanData) -> String {
    span.attributes.iter().find(|field| field.key.as_str() == "round").map(|field| field.value.to_string()).unwrap()
}

#[test]
fn links_and_follows_from_between_recorded_spans_are_kept() {
    let traces = Traces::new(Sampler::AlwaysOn);
    let other = remote(77, true).span().span_context().clone();
    traces.run(|| {
        let cause = info_span!("cause");
        let effect = info_span!("effect");
        effect.follows_from(&cause);
        effect.follows_from(&effect);
        effect.add_link(other.clone());
        drop((cause, effect));
    });
    let cause = traces.span("cause").span_context;
    let links: Vec<_> = traces.span("effect").links.iter().map(|link| link.span_context.clone()).collect();
    assert_eq!(links, [cause, other]);
}

/// A tree of spans over tasks: three nodes a node, each with a leaf.
fn tree(depth: usize) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        let branches = if depth == 0 { 0 } else { 3 };
        let node = |branch| {
            let node = async move {
                tokio::task::yield_now().await;
                tree(depth - 1).await;
                let leaf = info_span!("leaf");
                tokio::task::yield_now().instrument(leaf).await;
            };
            tokio::spawn(whole(node.instrument(info_span!("node", depth, branch))))
        };
        for node in (0..branches).map(node).collect::<Vec<_>>() {
            node.await.unwrap();
        }
    })
}

/// A task under the subscriber of here, to its end: a Registry releases a span's parent through the thread's default.
fn whole(task: impl Future<Output = ()> + Send) -> impl Future<Output = ()> + Send {
    async move {
        task.await;
    }
    .with_current_subscriber()
}

#[test]
fn trees_over_tasks_that_move_between_threads_are_sampled_whole_or_not_at_all() {
    let traces = Traces::new(parent_based(Sampler::TraceIdRatio(0.3)));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let roots = 60;
    traces.run(|| {
        let all = (0..roots).map(|_| whole(tree(3).instrument(info_span!("root"))));
        let all: Vec<_> = all.map(|tree| runtime.spawn(tree)).collect();
        runtime.block_on(async {
            for tree in all {
                tree.await.unwrap();
            }
        });
    });
    let spans = traces.spans();
    assert_whole(&spans, &[]);
    let mut sizes: HashMap<TraceId, usize> = HashMap::new();
    for span in &spans {
        *sizes.entry(span.span_context.trace_id()).or_default() += 1;
    }
    assert!(sizes.values().all(|size| *size == 1 + 2 * (3 + 9 + 27)), "{sizes:?}");
    assert!(!sizes.is_empty() && sizes.len() < roots, "{}", sizes.len());
}

#[test]
fn the_share_of_sampled_traces_is_the_ratio() {
    let traces = Traces::new(parent_based(Sampler::TraceIdRatio(0.1)));
    traces.run(|| (0..10_000).for_each(|_| info_span!("root").in_scope(|| drop(info_span!("child")))));
    let kept = traces.spans().len() / 2;
    assert!((800..1_200).contains(&kept), "{kept}");
    assert_whole(&traces.spans(), &[]);
}

#[test]
fn spans_of_the_opentelemetry_api_join_the_trace_sampled_or_not() {
    let traces = Traces::new(parent_based(Sampler::TraceIdRatio(0.2)));
    let tracer = traces.provider.tracer("own");
    traces.run(|| {
        for _ in 0..300 {
            let _root = info_span!("root").entered();
            tracer.in_span("api", |_| {
                info_span!("below").in_scope(|| drop(tracer.start("deepest")));
            });
        }
    });
    let spans = traces.spans();
    assert_whole(&spans, &[]);
    let count = |name: &str| spans.iter().filter(|span| span.name == name).count();
    let roots = count("root");
    assert!(roots > 20 && roots < 150, "{roots}");
    assert_eq!((count("api"), count("below"), count("deepest")), (roots, roots, roots));
    assert!(spans.iter().filter(|span| span.name != "root").all(|span| span.parent_span_id != SpanId::INVALID));
}

#[test]
fn fields_names_kinds_and_statuses_arrive_typed() {
    #[tracing::instrument(err, skip_all)]
    fn fails() -> Result<(), std::num::ParseIntError> {
        "x".parse::<u8>().map(drop)
    }
    let traces = Traces::new(Sampler::AlwaysOn);
    traces.run(|| {
        let span = info_span!(
            "static name",
            otel.name = "GET /",
            otel.kind = ?SpanKind::Client,
            count = 3_u64,
            text = "t",
            debug = ?Some(1),
            later = tracing::field::Empty,
            otel.status_code = tracing::field::Empty,
        );
        span.record("later", 200_u16);
        span.in_scope(|| tracing::info!(code = 7_u64, "an event"));
        span.record("otel.status_code", "ok");
        drop(span);
        drop(info_span!("failed", otel.status_code = "ERROR", otel.status_description = "why"));
        assert!(fails().is_err());
        let direct = info_span!("direct");
        direct.set_status(Status::error("by hand"));
        direct.set_attribute("later", 1);
    });
    let span = traces.span("GET /");
    assert_eq!((&span.span_kind, &span.status), (&SpanKind::Client, &Status::Ok));
    let expected = [
        KeyValue::new("count", 3),
        KeyValue::new("text", "t"),
        KeyValue::new("debug", "Some(1)"),
        KeyValue::new("later", 200),
    ];
    assert_eq!(span.attributes, expected);
    assert_eq!(span.events[0].name, "an event");
    assert!(span.events[0].attributes.contains(&KeyValue::new("code", 7)));
    assert_eq!(traces.span("failed").status, Status::error("why"));
    assert_eq!(traces.span("fails").status, Status::error("invalid digit found in string"));
    assert_eq!(traces.span("direct").status, Status::error("by hand"));
    assert_eq!(traces.span("direct").attributes, [KeyValue::new("later", 1)]);
}

#[test]
fn details_are_added_on_demand_only() {
    let details = SpanDetails { location: true, threads: true, target: true, inactivity: true };
    for (details, expected) in [(SpanDetails::default(), 0), (details, 8)] {
        let traces = Traces::with(&Config { sampler: Sampler::AlwaysOn, details, ..Config::default() });
        traces.run(|| drop(info_span!("span").entered()));
        assert_eq!(traces.span("span").attributes.len(), expected, "{:?}", traces.span("span").attributes);
    }
}

struct Bad(fn(&mut std::fmt::Formatter<'_>) -> std::fmt::Result);

impl std::fmt::Debug for Bad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0(f)
    }
}

#[test]
fn a_debug_implementation_that_panics_or_logs_harms_nothing() {
    let panics = Bad(|_| std::panic::resume_unwind(Box::new(())));
    let logs = Bad(|f| {
        tracing::info!("from Debug");
        let span = info_span!("from Debug").entered();
        tracing::Span::current().record("nothing", 1);
        drop(span);
        f.write_str("logged")
    });
    let traces = Traces::new(Sampler::AlwaysOn);
    traces.run(|| {
        let outer = info_span!("outer", bad = ?panics, later = tracing::field::Empty, logs = ?logs).entered();
        tracing::info!(bad = ?panics, logs = ?logs);
        outer.record("later", tracing::field::debug(&logs));
        outer.record("later", tracing::field::debug(&panics));
        drop(info_span!("inner", bad = ?panics, logs = ?logs, good = 1));
    });
    assert_eq!(traces.internal.counted(Counter::FieldPanicked), 4);
    let inner = traces.span("inner");
    assert_eq!(inner.parent_span_id, traces.span("outer").span_context.span_id());
    let values: HashMap<_, _> = inner.attributes.iter().map(|kv| (kv.key.as_str(), kv.value.clone())).collect();
    assert_eq!(values["good"], Value::from(1));
    assert_eq!(values["logs"], Value::from("logged"));
    assert_whole(&traces.spans(), &[]);
}

#[test]
fn a_span_entered_in_the_destructor_of_a_thread_local_does_not_abort() {
    struct Late(tracing::Span);
    impl Drop for Late {
        fn drop(&mut self) {
            let _entered = self.0.enter();
            tracing::info!("late event");
            let _again = self.0.enter();
        }
    }
    thread_local! { static LATE: RefCell<Option<Late>> = const { RefCell::new(None) } }

    // Thread-locals are destroyed in the reverse order of their first use: `LATE` before or after those of
    // OpenTelemetry. Those of the Registry are always first here, since it panics without them by itself.
    for before in [true, false] {
        let traces = Traces::new(Sampler::AlwaysOn);
        let dispatch = traces.dispatch.clone();
        let late = traces.run(|| info_span!("late"));
        let thread = std::thread::spawn(move || {
            let keep = |late| LATE.with_borrow_mut(|slot| *slot = Some(Late(late)));
            tracing::dispatcher::with_default(&dispatch, || {
                bellwether::layer::suppressed(|| drop(info_span!("of the Registry alone").entered()));
                if before {
                    keep(late);
                    drop(info_span!("early").entered());
                } else {
                    drop(info_span!("early").entered());
                    keep(late);
                }
            });
        });
        thread.join().unwrap();
        assert_eq!(traces.names(), ["early", "late"], "before {before}");
    }
}

#[test]
fn what_a_thread_of_telemetry_does_makes_no_spans() {
    let traces = Traces::new(Sampler::AlwaysOn);
    traces.run(|| {
        bellwether::layer::suppressed(|| {
            drop(info_span!(parent: None, "Connection").entered());
            info_span!("request").in_scope(|| tracing::info!("event"));
        });
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        drop(info_span!("in a suppressed context").entered());
        drop(info_span!(parent: None, "root in a suppressed context").entered());
    });
    assert!(traces.names().is_empty(), "{:?}", traces.names());
}
