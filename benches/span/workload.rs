//! The workload: a tree of ten spans with three fields each, and an event in each of the six leaves.
//!
//! ```text
//! request ─┬─ authorize ─┬─ session
//!          │             └─ user
//!          ├─ retrieve ──┬─ embed
//!          │             └─ lookup
//!          └─ rank ──────┬─ score
//!                        └─ cache
//! ```
//! Every span has a callsite of its own and the fields of a static string, an integer and a `Display` value. String
//! and integer take few values, as what becomes a metric attribute does; the `Display` value differs from tree to tree.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Spans in a tree.
pub(crate) const SPANS: u64 = 10;
/// Leaves of a tree: events in it, and awaits when it is asynchronous.
pub(crate) const LEAVES: u64 = 6;
/// Share of the traces that is sampled by contenders that sample.
pub(crate) const RATIO: f64 = 0.01;

const ROUTES: [&str; 4] = ["/search", "/suggest", "/documents/{id}", "/health"];
const STATUSES: [i64; 2] = [200, 404];

/// What differs from tree to tree.
#[derive(Clone, Copy)]
pub(crate) struct Request(u64);

impl Request {
    fn route(self) -> &'static str {
        ROUTES[(self.0 % 4) as usize]
    }

    fn status(self) -> i64 {
        STATUSES[(self.0 / 4 % 2) as usize]
    }

    fn tenant(self) -> Tenant {
        Tenant(self.0)
    }

    /// For fastrace, whose caller samples.
    fn sampled_at_one_percent(self) -> bool {
        self.0.is_multiple_of(100)
    }
}

struct Tenant(u64);

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenant-{}", self.0)
    }
}

/// A tree on one thread.
pub(crate) type Tree = fn(u64);
/// A tree whose every leaf waits once.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The shape, written once: `$node!` and `$leaf!` make the function of a span.
macro_rules! tree {
    ($node:ident, $leaf:ident) => {
        $node!(request: authorize, retrieve, rank);
        $node!(authorize: session, user);
        $node!(retrieve: embed, lookup);
        $node!(rank: score, cache);
        $leaf!(session);
        $leaf!(user);
        $leaf!(embed);
        $leaf!(lookup);
        $leaf!(score);
        $leaf!(cache);
    };
}

macro_rules! span {
    ($name:ident, $request:ident) => {
        tracing::info_span!(
            stringify!($name),
            http.route = $request.route(),
            http.response.status_code = $request.status(),
            tenant = %$request.tenant()
        )
    };
}

/// Spans of `tracing`.
pub(crate) mod spans {
    use super::Request;

    macro_rules! node {
        ($name:ident: $($child:ident),*) => {
            fn $name(request: Request) {
                let _entered = span!($name, request).entered();
                $($child(request);)*
            }
        };
    }
    macro_rules! leaf {
        ($name:ident) => {
            fn $name(request: Request) {
                let _entered = span!($name, request).entered();
                tracing::info!(hits = 3, "found");
            }
        };
    }
    tree!(node, leaf);

    pub(crate) fn tree(n: u64) {
        request(Request(n));
    }
}

macro_rules! measurement {
    ($name:ident, $request:ident) => {
        tracing::info!(histogram.duration = 1.5, span.name = stringify!($name), http.route = $request.route())
    };
}

/// The same with one measurement a span, written as tracing-opentelemetry's `MetricsLayer` reads it.
pub(crate) mod metric_events {
    use super::Request;

    macro_rules! node {
        ($name:ident: $($child:ident),*) => {
            fn $name(request: Request) {
                let _entered = span!($name, request).entered();
                $($child(request);)*
                measurement!($name, request);
            }
        };
    }
    macro_rules! leaf {
        ($name:ident) => {
            fn $name(request: Request) {
                let _entered = span!($name, request).entered();
                tracing::info!(hits = 3, "found");
                measurement!($name, request);
            }
        };
    }
    tree!(node, leaf);

    pub(crate) fn tree(n: u64) {
        request(Request(n));
    }
}

/// Futures of `tracing`: every leaf waits once.
pub(crate) mod tasks {
    use tracing::Instrument as _;

    use super::{Request, Task, wait};

    macro_rules! node {
        ($name:ident: $($child:ident),*) => {
            async fn $name(request: Request) {
                async { $($child(request).await;)* }.instrument(span!($name, request)).await;
            }
        };
    }
    macro_rules! leaf {
        ($name:ident) => {
            async fn $name(request: Request) {
                let found = async {
                    tracing::info!(hits = 3, "found");
                    wait().await;
                };
                found.instrument(span!($name, request)).await;
            }
        };
    }
    tree!(node, leaf);

    pub(crate) fn task(n: u64) -> Task {
        Box::pin(request(Request(n)))
    }
}

/// The same with one measurement a span.
pub(crate) mod metric_event_tasks {
    use tracing::Instrument as _;

    use super::{Request, Task, wait};

    macro_rules! node {
        ($name:ident: $($child:ident),*) => {
            async fn $name(request: Request) {
                let children = async {
                    $($child(request).await;)*
                    measurement!($name, request);
                };
                children.instrument(span!($name, request)).await;
            }
        };
    }
    macro_rules! leaf {
        ($name:ident) => {
            async fn $name(request: Request) {
                let found = async {
                    tracing::info!(hits = 3, "found");
                    wait().await;
                    measurement!($name, request);
                };
                found.instrument(span!($name, request)).await;
            }
        };
    }
    tree!(node, leaf);

    pub(crate) fn task(n: u64) -> Task {
        Box::pin(request(Request(n)))
    }
}

/// What fastrace's own API makes of the same tree.
pub(crate) mod fastrace_spans {
    use std::borrow::Cow;

    use fastrace::collector::SpanContext;
    use fastrace::future::FutureExt as _;
    use fastrace::local::LocalSpan;
    use fastrace::{Event, Span};

    use super::{Request, Task, wait};

    fn properties(request: Request) -> [(&'static str, Cow<'static, str>); 3] {
        [
            ("http.route", Cow::Borrowed(request.route())),
            ("http.response.status_code", Cow::Owned(request.status().to_string())),
            ("tenant", Cow::Owned(request.tenant().to_string())),
        ]
    }

    fn event() {
        LocalSpan::add_event(Event::new("found").with_property(|| ("hits", "3")));
    }

    macro_rules! node {
        ($name:ident: $($child:ident),*) => {
            fn $name(request: Request) {
                let _entered = LocalSpan::enter_with_local_parent(stringify!($name)).with_properties(|| properties(request));
                $($child(request);)*
            }
        };
    }
    macro_rules! leaf {
        ($name:ident) => {
            fn $name(request: Request) {
                let _entered =
                    LocalSpan::enter_with_local_parent(stringify!($name)).with_properties(|| properties(request));
                event();
            }
        };
    }
    node!(authorize: session, user);
    node!(retrieve: embed, lookup);
    node!(rank: score, cache);
    leaf!(session);
    leaf!(user);
    leaf!(embed);
    leaf!(lookup);
    leaf!(score);
    leaf!(cache);

    fn root(request: Request, sampled: bool) -> Span {
        Span::root("request", SpanContext::random().sampled(sampled)).with_properties(|| properties(request))
    }

    fn run(request: Request, sampled: bool) {
        let root = root(request, sampled);
        let _entered = root.set_local_parent();
        authorize(request);
        retrieve(request);
        rank(request);
    }

    pub(crate) fn tree(n: u64) {
        run(Request(n), true);
    }

    pub(crate) fn tree_at_one_percent(n: u64) {
        run(Request(n), Request(n).sampled_at_one_percent());
    }

    async fn inner(name: &'static str, leaves: [&'static str; 2], request: Request) {
        let span = Span::enter_with_local_parent(name).with_properties(|| properties(request));
        let children = async {
            for leaf in leaves {
                let span = Span::enter_with_local_parent(leaf).with_properties(|| properties(request));
                let found = async {
                    event();
                    wait().await;
                };
                found.in_span(span).await;
            }
        };
        children.in_span(span).await;
    }

    fn run_task(request: Request, sampled: bool) -> Task {
        let tree = async move {
            let root = root(request, sampled);
            let children = async move {
                inner("authorize", ["session", "user"], request).await;
                inner("retrieve", ["embed", "lookup"], request).await;
                inner("rank", ["score", "cache"], request).await;
            };
            children.in_span(root).await;
        };
        Box::pin(tree)
    }

    pub(crate) fn task(n: u64) -> Task {
        run_task(Request(n), true)
    }

    pub(crate) fn task_at_one_percent(n: u64) -> Task {
        run_task(Request(n), Request(n).sampled_at_one_percent())
    }
}

/// Pending once, then done.
fn wait() -> impl Future<Output = ()> + Send {
    struct Wait(bool);

    impl Future for Wait {
        type Output = ();

        fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
        }
    }

    Wait(false)
}

/// Runs `count` trees. The instruction counter switches on and off at this function's name: it must stay one call.
#[inline(never)]
pub(crate) fn measured_trees(tree: Tree, first: u64, count: u64) {
    for n in first..first + count {
        tree(n);
    }
}

/// Polls a live span once more, `count` times: what each wake of an instrumented future costs.
#[inline(never)]
pub(crate) fn measured_polls(span: &tracing::Span, count: u64) {
    for _ in 0..count {
        let entered = span.enter();
        drop(std::hint::black_box(entered));
    }
}
