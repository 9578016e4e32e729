use std::cell::RefCell;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

#[test]
fn totals_are_exact_after_many_threads_recorded_while_another_collected() {
    const THREADS: usize = 4;
    const SPANS: u64 = 20_000;
    let store = store();
    let counter = instrument(&store, InstrumentKind::Counter);
    let done = AtomicBool::new(false);
    let start = Barrier::new(THREADS + 1);
    std::thread::scope(|scope| {
        let recorders: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    for at in 0..SPANS {
                        let name = if at % 2 == 0 { "a" } else { "b" };
                        store.record_span(span(&store, name), (at % 100) * MILLI, MILLI, link(at + 1, at % 10 == 0));
                        store.add(plain(&store, counter, 0), Number::I64(1), None);
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            start.wait();
            let mut before = 0;
            while !done.load(Ordering::Relaxed) {
                let metrics = peek(&store);
                let now = calls(&metrics);
                assert!(now >= before, "a sum went back from {before} to {now}");
                for point in explicit(&metrics, names::DURATION.name) {
                    assert_eq!(point.value.count, point.value.bucket_counts.iter().sum::<u64>());
                }
                before = now;
            }
        });
        for recorder in recorders {
            recorder.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    let metrics = peek(&store);
    let all = i64::try_from(SPANS).unwrap() * i64::try_from(THREADS).unwrap();
    assert_eq!((calls(&metrics), values(numbers(&metrics, "m"))), (all, vec![Number::I64(all)]));
    let durations = explicit(&metrics, names::DURATION.name).iter().filter_map(|point| point.value.sum);
    let self_times = numbers(&metrics, names::SELF_TIME.name).iter().map(|point| point.value.as_f64());
    // Sums of whole milliseconds are exact in floats.
    let sums = [Number::F64(durations.sum()), Number::F64(self_times.sum())];
    assert_eq!(sums, [Number::F64(all as f64 / 100.0 * 4_950.0), Number::F64(all as f64)]);
}

#[test]
fn a_thousand_threads_that_come_and_go_share_one_shard_and_lose_nothing() {
    let store = store();
    let series = span(&store, "a");
    for _ in 0..1_000 {
        std::thread::scope(|scope| scope.spawn(|| store.record_span(series, MILLI, 0, None)).join().unwrap());
    }
    assert_eq!(calls(&peek(&store)), 1_000);
    assert_eq!(store.shards.all().len(), 2, "one for them, one for threads that are ending");
}

/// Records when the thread that holds it ends.
struct Last(Arc<Store>, Series);

impl Drop for Last {
    fn drop(&mut self) {
        self.0.record_span(self.1, MILLI, 0, None);
        self.0.record_span(self.1, MILLI, 0, None);
    }
}

thread_local! {
    static BEFORE: RefCell<Option<Last>> = const { RefCell::new(None) };
    static AFTER: RefCell<Option<Last>> = const { RefCell::new(None) };
}

#[test]
fn destructors_of_thread_locals_may_record_before_and_after_the_thread_lost_its_shard() {
    for recorded_before in [false, true] {
        let store = store();
        let series = span(&store, "a");
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                // Thread-locals are destroyed in either order, depending on the platform: have one on each side.
                BEFORE.set(Some(Last(Arc::clone(&store), series)));
                if recorded_before {
                    store.record_span(series, MILLI, 0, None);
                }
                AFTER.set(Some(Last(Arc::clone(&store), series)));
            });
            thread.join().unwrap();
        });
        assert_eq!(calls(&peek(&store)), 4 + i64::from(recorded_before));
    }
}

#[test]
fn a_store_that_is_gone_leaves_its_threads_unharmed() {
    let other = store();
    let other_series = span(&other, "b");
    for _ in 0..3 {
        let store = store();
        let series = span(&store, "a");
        store.record_span(series, 1, 1, None);
        other.record_span(other_series, 1, 1, None);
        store.record_span(series, 1, 1, None);
        let cells = Arc::downgrade(&store.shards.all()[1]);
        assert_eq!(calls(&peek(&store)), 2);
        drop(store);
        assert!(cells.upgrade().is_none());
        other.record_span(other_series, 1, 1, None);
    }
    assert_eq!(calls(&peek(&other)), 6);
}
