//! What the store takes from the allocator. A process of its own, because an allocator is one for the whole process.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use bellwether::clock::{Clock, Timestamp};
use bellwether::model::Number;
use bellwether::series::{Collect, Config, Declaration, InstrumentKind, Series, Store};
use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;

struct Counting;

thread_local! {
    /// Allocations of this thread, and the bytes it holds.
    static COUNT: Cell<(u64, i64)> = const { Cell::new((0, 0)) };
}

#[expect(unsafe_code, reason = "an allocator is an unsafe trait")]
// SAFETY: every call goes to the system's allocator with the arguments as they came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size(), 0);
        // SAFETY: the caller keeps the contract of the same function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, 0, layout.size());
        // SAFETY: the caller keeps the contract of the same function.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size, layout.size());
        // SAFETY: the caller keeps the contract of the same function.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(allocations: u64, taken: usize, given: usize) {
    let change = i64::try_from(taken).unwrap_or(i64::MAX) - i64::try_from(given).unwrap_or(i64::MAX);
    // Without thread-locals the thread is about to end, and no test looks at it any more.
    let _gone = COUNT.try_with(|counted| counted.set((counted.get().0 + allocations, counted.get().1 + change)));
}

fn allocations_of(f: impl FnOnce()) -> u64 {
    let before = COUNT.get().0;
    f();
    COUNT.get().0 - before
}

fn bytes() -> i64 {
    COUNT.get().1
}

fn span_series(store: &Store, at: usize) -> Series {
    let names = ["search", "rank", "embed", "fetch", "render"];
    let identity = [
        KeyValue::new("span.name", names[at % names.len()]),
        KeyValue::new("span.kind", "SPAN_KIND_INTERNAL"),
        KeyValue::new("status.code", "STATUS_CODE_UNSET"),
    ];
    let dimensions =
        [KeyValue::new("http.route", format!("/tenants/{at}")), KeyValue::new("http.response.status_code", 200)];
    store.series(Store::SPANS, &identity, &dimensions)
}

/// Durations over two doublings, in nanoseconds.
fn durations() -> impl Iterator<Item = u64> {
    (0..30).map(|at| 12_000_000 + at * 1_000_000)
}

#[test]
fn recording_allocates_nothing_once_warm() {
    let store = Store::new(Config::default(), Clock::system(), std::sync::Arc::default());
    let declare = |name, kind| {
        let declaration = Declaration { name, unit: "", description: "", kind, boundaries: None };
        store.instrument(&declaration).map(|instrument| store.series(instrument, &[], &[]))
    };
    let span = span_series(&store, 1);
    let (Some(sum), Some(gauge), Some(histogram)) = (
        declare("sum", InstrumentKind::Counter),
        declare("gauge", InstrumentKind::Gauge),
        declare("histogram", InstrumentKind::Histogram),
    ) else {
        panic!("refused")
    };
    let in_flight = store.in_flight("search", &SpanKind::Internal);
    let all = || {
        for nanos in durations() {
            in_flight.enter();
            store.record_span(span, nanos, nanos, None);
            store.add(sum, Number::I64(1), None);
            store.set(gauge, Number::F64(nanos as f64));
            store.record(histogram, nanos as f64, None);
            in_flight.exit();
        }
    };
    // The first values of a bucket are counted by themselves; then its page comes into being.
    (0..10).for_each(|_| all());
    assert_eq!(allocations_of(|| (0..100).for_each(|_| all())), 0);
}

#[test]
fn a_thousand_span_series_of_one_thread_fit_in_a_megabyte() {
    let clock = Clock::manual(Timestamp(1_700_000_000_000_000_000));
    let before = bytes();
    let store = Store::new(Config::default(), clock, std::sync::Arc::default());
    for at in 0..1_000 {
        let series = span_series(&store, at);
        for nanos in durations() {
            store.record_span(series, nanos, nanos / 2, None);
        }
    }
    let recorded = bytes() - before;
    store.clock().advance(Duration::from_secs(10));
    drop(store.collect(store.clock().now(), Collect::Tick));
    let collected = bytes() - before;
    assert!(collected <= 1_000_000, "{recorded} bytes, {collected} after a collection");
    drop(store);
    assert!(bytes() - before < 2_000, "the thread keeps {} bytes of a store that is gone", bytes() - before);
}

#[test]
fn memory_grows_with_what_a_thread_records_and_not_with_the_series_there_are() {
    let store = Store::new(Config::default(), Clock::system(), std::sync::Arc::default());
    let series: Vec<Series> = (0..1_500).map(|at| span_series(&store, at)).collect();
    let grown = std::thread::scope(|scope| {
        let record = || {
            let before = bytes();
            store.record_span(series[1_499], 1, 1, None);
            bytes() - before
        };
        scope.spawn(record).join().unwrap_or(i64::MAX)
    });
    assert!(grown <= 32 << 10, "{grown} bytes for one series");
}
