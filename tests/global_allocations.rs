//! What a warm span and a warm metric event allocate on the application's thread: nothing, if they are not sampled.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use bellwether::clock::{Clock, Timestamp};
use bellwether::internal::Internal;
use bellwether::layer::{Config, Layer, Parts, Sampler, Traces};
use bellwether::series::{self, Store};
use opentelemetry_sdk::Resource;
use tracing::{info, info_span};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "an allocator is unsafe to implement")]
// SAFETY: everything is handed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const METHODS: [&str; 3] = ["GET", "POST", "DELETE"];

/// A tree of ten spans with two dynamic dimensions of few distinct values, errors, and metric events.
fn work(n: usize, clock: &Clock) {
    for at in 0..3 {
        let status = if at == 2 { 500 } else { 200 };
        let _outer = info_span!(
            "outer",
            http.request.method = METHODS[(n + at) % 3],
            http.response.status_code = status,
            user = n
        )
        .entered();
        for (inner, operation) in METHODS.iter().take(2).enumerate() {
            let span = info_span!("inner", db.operation.name = %operation, db.system.name = tracing::field::Empty);
            span.record("db.system.name", "sqlite");
            let _inner = span.entered();
            if at == 2 {
                tracing::event!(tracing::Level::ERROR, error.type = "timeout", "failed");
            }
            info!(monotonic_counter.rows = 3, table = "items", shard = inner, "read");
            info!(histogram.wait = 0.5);
            // The same durations each time: memory for those not seen before is not what is asked here.
            clock.advance(Duration::from_micros(300));
        }
    }
    drop(info_span!("plain"));
}

#[test]
fn warm_spans_and_events_allocate_nothing() {
    let (clock, internal) = (Clock::manual(Timestamp(1)), Arc::new(Internal::default()));
    let store = Store::new(series::Config::default(), clock.clone(), Arc::clone(&internal));
    let parts = Parts {
        store: Some(Arc::clone(&store)),
        internal,
        clock: clock.clone(),
        traces: None,
        logs: None,
        console: None,
    };
    let layer = Layer::new(&Config::default(), parts);
    tracing::subscriber::set_global_default(Registry::default().with(layer)).unwrap();
    (0..200).for_each(|n| work(n, &clock));
    let before = ALLOCATIONS.get();
    (0..200).for_each(|n| work(n, &clock));
    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert_eq!(store.operations().iter().map(|it| it.calls).sum::<u64>(), 400 * 10, "and everything is recorded");
}

/// A tree of ten spans with three fields each.
fn trace(n: usize, clock: &Clock) {
    let _root = info_span!("root", kind = "static", n, user = %n).entered();
    for branch in 0..3 {
        let _branch = info_span!("branch", kind = "static", branch, user = %n).entered();
        for leaf in 0..2 {
            drop(info_span!("leaf", kind = "static", leaf, user = %n).entered());
        }
        clock.advance(Duration::from_micros(300));
    }
}

#[test]
fn with_one_trace_in_a_hundred_sampled_a_span_allocates_a_third_of_a_time_at_most() {
    let (clock, internal) = (Clock::manual(Timestamp(1)), Arc::new(Internal::default()));
    let store = Store::new(series::Config::default(), clock.clone(), Arc::clone(&internal));
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatio(0.01)));
    let config = Config { sampler, ..Config::default() };
    let traces = Traces::new(&config, Resource::builder_empty().build(), Vec::new(), &internal);
    let parts = Parts {
        store: Some(Arc::clone(&store)),
        internal,
        clock: clock.clone(),
        traces: Some(traces),
        logs: None,
        console: None,
    };
    tracing::subscriber::with_default(Registry::default().with(Layer::new(&config, parts)), || {
        (0..500).for_each(|n| trace(n, &clock));
        let before = ALLOCATIONS.get();
        let traces = 50_000;
        (0..traces).for_each(|n| trace(n, &clock));
        let a_span = (ALLOCATIONS.get() - before) as f64 / (traces * 10) as f64;
        assert!(a_span > 0.0 && a_span <= 0.3, "{a_span}");
    });
}
