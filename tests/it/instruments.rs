//! The typed instruments: the right store, the right kind, nothing without telemetry.

use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use bellwether::instruments::{Counter, Timer, counter, gauge, histogram, timer, up_down_counter};
use bellwether::internal::Counter as Internal;
use bellwether::model::Data;
use bellwether::opentelemetry::KeyValue;
use bellwether::testing::{Capture, builder, capture};
use tracing::info_span;

static ORDERS: LazyLock<Counter> =
    LazyLock::new(|| counter("shop.orders").with_unit("{order}").with_description("Orders taken"));
static PACKING: LazyLock<Timer> = LazyLock::new(|| timer("shop.packing.duration"));

fn by(key: &'static str, value: &'static str) -> [KeyValue; 1] {
    [KeyValue::new(key, value)]
}

#[test]
fn a_static_instrument_records_into_the_store_of_each_scope_and_nowhere_without_one() {
    ORDERS.add(5, &by("payment", "card"));
    let threads: Vec<_> = (1..=4_u64)
        .map(|times| {
            thread::spawn(move || {
                let (first, second) = (capture(), capture());
                for _ in 0..times {
                    first.scope(|| ORDERS.add(1, &by("payment", "card")));
                    second.scope(|| ORDERS.add(10_u64, &by("payment", "cash")));
                }
                let sum = |capture: &Capture, payment| capture.value("shop.orders", &by("payment", payment));
                assert_eq!((sum(&first, "card"), sum(&first, "cash")), (Some(times as f64), None));
                assert_eq!((sum(&second, "card"), sum(&second, "cash")), (None, Some(10.0 * times as f64)));
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn each_kind_aggregates_as_its_name_says_and_carries_its_description() {
    let capture = capture();
    capture.scope(|| {
        ORDERS.add(2, &[]);
        let connections = up_down_counter("pool.connections");
        connections.add(3, &[]);
        connections.add(-2, &[]);
        let temperature = gauge("rack.temperature");
        temperature.record(20, &[]);
        temperature.record(21.5, &[]);
        let results = histogram("search.results").with_boundaries([1.0, 10.0]);
        for documents in [0, 1, 5, 50] {
            results.record(documents, &[]);
        }
    });
    let orders = capture.metric("shop.orders").unwrap();
    assert_eq!((orders.unit.as_ref(), orders.description.as_ref()), ("{order}", "Orders taken"));
    assert!(matches!(orders.data, Data::Sum { monotonic: true, .. }));
    assert!(matches!(capture.metric("pool.connections").unwrap().data, Data::Sum { monotonic: false, .. }));
    assert_eq!(capture.value("pool.connections", &[]), Some(1.0));
    assert_eq!(capture.value("rack.temperature", &[]), Some(21.5));
    let Data::Histogram { points, .. } = capture.metric("search.results").unwrap().data else { panic!("no histogram") };
    assert_eq!((points[0].value.count, &points[0].value.bucket_counts[..]), (4, &[2, 1, 1][..]));
}

#[test]
fn a_timer_measures_in_seconds_from_start_to_drop() {
    let capture = capture();
    capture.scope(|| {
        let mut running = PACKING.start(&by("line", "a"));
        capture.advance(Duration::from_millis(30));
        running.set(KeyValue::new("error.type", "timeout"));
        drop(running);
        PACKING.start(&[]).discard();
    });
    // It belongs to the telemetry in which it began, wherever it ends.
    let elsewhere = capture.scope(|| PACKING.start(&by("line", "b")));
    capture.advance(Duration::from_millis(70));
    drop(elsewhere);
    let metric = capture.metric("shop.packing.duration").unwrap();
    assert_eq!(metric.unit, "s");
    let Data::Histogram { points, .. } = metric.data else { panic!("no histogram") };
    assert_eq!(points.len(), 2, "what was discarded is not recorded");
    let sums = ["a", "b"].map(|line| capture.value("shop.packing.duration", &by("line", line)).unwrap());
    assert!((sums[0] - 0.03).abs() < 1e-9 && (sums[1] - 0.07).abs() < 1e-9, "{sums:?}");
    assert!(capture.value("shop.packing.duration", &by("error.type", "timeout")).is_some());
}

#[test]
fn measurements_within_a_sampled_span_become_exemplars_of_that_span() {
    let (all, none) = (capture(), builder().sampling_ratio(0.0).build());
    for capture in [&all, &none] {
        capture.scope(|| info_span!("pack").in_scope(|| PACKING.record(Duration::from_millis(20), &[])));
    }
    let exemplars = |capture: &Capture| match capture.metric("shop.packing.duration").unwrap().data {
        Data::Histogram { points, .. } => points[0].exemplars.clone(),
        other => panic!("{other:?}"),
    };
    let span = &all.spans()[0];
    let found: Vec<_> = exemplars(&all).iter().map(|exemplar| (exemplar.trace_id, exemplar.span_id)).collect();
    assert_eq!(found, [(span.trace_id, span.span_id)]);
    assert!(exemplars(&none).is_empty());
}

#[test]
fn nonsense_is_refused_and_counted() {
    let capture = capture();
    capture.scope(|| {
        ORDERS.add(-1, &[]);
        ORDERS.add(f64::NAN, &[]);
        PACKING.record(Duration::from_secs(1), &[]);
        histogram("search.score").record(f64::INFINITY, &[]);
        gauge("shop.orders").record(1, &[]);
    });
    assert_eq!(capture.counted(Internal::NegativeIncrement), 1);
    assert_eq!(capture.counted(Internal::NotFinite), 2);
    assert_eq!(capture.counted(Internal::InstrumentRefused), 1);
}

#[test]
fn more_series_than_a_thread_remembers_are_still_exact() {
    let capture = capture();
    let jobs = counter("jobs");
    capture.scope(|| {
        for round in 0..2 {
            for user in 0..1_500_i64 {
                jobs.add(1 + round, &[KeyValue::new("user", user)]);
            }
        }
    });
    assert_eq!(capture.value("jobs", &[]), Some(4_500.0));
    assert_eq!(capture.value("jobs", &[KeyValue::new("user", 1_499)]), Some(3.0));
}
