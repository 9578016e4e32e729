use std::sync::Mutex;

use tracing_core::field::{Field, Visit};
use tracing_core::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use super::*;
use crate::internal;

/// Keeps the lines that bellwether writes.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        assert_eq!(event.metadata().target(), internal::TARGET);
        event.record(&mut self.clone());
    }
}

impl Visit for Lines {
    fn record_debug(&mut self, _: &Field, value: &dyn std::fmt::Debug) {
        self.0.lock().unwrap().push(format!("{value:?}"));
    }
}

fn overflow(own: &[KeyValue]) -> Attributes {
    attributes(&[own, &[KeyValue::new(names::OVERFLOW, true)]].concat())
}

#[test]
fn what_exceeds_the_limit_of_a_metric_goes_to_one_overflow_series() {
    let store = store_with(Config { cardinality_limit: 5, ..Config::default() });
    let counter = instrument(&store, InstrumentKind::Counter);
    for round in 1..=2 {
        for value in 0..10 {
            store.add(plain(&store, counter, value), Number::I64(1), None);
        }
        let metrics = tick(&store);
        let points = numbers(&metrics, "m");
        let real: Vec<_> = points.iter().filter(|point| point.time == store.clock().now()).collect();
        assert_eq!(real.len(), 5, "the overflow series included");
        let rest = real.iter().find(|point| point.attributes == overflow(&[])).unwrap();
        assert_eq!(rest.value, Number::I64(6 * round));
        assert_eq!(counted(&store, Counter::CardinalityOverflow), 6 * round.unsigned_abs());
    }
}

#[test]
fn spans_that_overflow_stay_with_their_operation() {
    let store = store_with(Config { cardinality_limit: 8, ..Config::default() });
    let names = ["a", "b"];
    for user in 0..20i64 {
        for name in names {
            let identity = span_identity(name, "STATUS_CODE_UNSET");
            store.record_span(store.series(Store::SPANS, &identity, &[KeyValue::new("user", user)]), 1, 1, None);
        }
    }
    let metrics = peek(&store);
    let points = numbers(&metrics, names::CALLS.name);
    assert_eq!((points.len(), calls(&metrics)), (7, 40), "one place is left for what has no operation");
    for name in names {
        let identity = span_identity(name, "STATUS_CODE_UNSET");
        let own = [&identity[..], &[KeyValue::new("service.name", "shop")]].concat();
        assert!(points.iter().any(|point| point.attributes == overflow(&own)), "{name}");
    }
    assert!(store.operations().iter().all(|operation| operation.calls == 20));
}

#[test]
fn operations_without_a_place_share_the_last_one_and_the_limit_holds() {
    for limit in [0, 1, 2, 7] {
        let store = store_with(Config { cardinality_limit: limit, ..Config::default() });
        for at in 0..50i64 {
            let identity = [KeyValue::new(names::SPAN_NAME, format!("op {at}"))];
            let series = store.series(Store::SPANS, &identity, &[KeyValue::new("user", at)]);
            store.record_span(series, 1, 1, None);
            drop(store.in_flight(&format!("op {at}"), &opentelemetry::trace::SpanKind::Client));
        }
        let metrics = peek(&store);
        let points = numbers(&metrics, names::CALLS.name);
        assert!(points.len() <= limit.max(1), "{} series of {limit}", points.len());
        assert_eq!(calls(&metrics), 50);
        assert!(points.iter().any(|point| point.attributes == overflow(&[KeyValue::new("service.name", "shop")])));
        assert!(numbers(&metrics, names::IN_FLIGHT.name).len() <= limit.max(1));
    }
}

#[test]
fn places_of_ended_series_are_free_again() {
    let store = store_with(Config { cardinality_limit: 4, ..Config::default() });
    for round in 0..5i64 {
        let now = |at: i64| [KeyValue::new(names::SPAN_NAME, format!("op {round} {at}"))];
        for at in 0..2 {
            store.record_span(store.series(Store::SPANS, &now(at), &[]), 1, 1, None);
        }
        store.record_span(store.series(Store::SPANS, &now(9), &[KeyValue::new("user", 1)]), 1, 1, None);
        let overflowed = peek(&store).iter().filter(|it| it.name == names::CALLS.name).count();
        assert_eq!(overflowed, 1);
        let metrics = peek(&store);
        let all = numbers(&metrics, names::CALLS.name);
        assert_eq!(all.iter().filter(|point| point.attributes.get(names::OVERFLOW).is_none()).count(), 2);
        (0..20).for_each(|_| drop(tick(&store)));
        assert_eq!(peek(&store), []);
    }
}

#[test]
fn one_line_at_a_tick_says_which_metric_overflowed_and_which_attribute_is_to_blame() {
    let store = store_with(Config { cardinality_limit: 5, ..Config::default() });
    let lines = Lines::default();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(lines.clone()), || {
        for round in 0..3 {
            for user in 0..10i64 {
                let identity = span_identity("search", "STATUS_CODE_UNSET");
                let dimensions = [KeyValue::new("user.id", user + round * 10), KeyValue::new("tier", user % 2)];
                store.record_span(store.series(Store::SPANS, &identity, &dimensions), 1, 1, None);
            }
            assert_eq!(
                lines.0.lock().unwrap().len(),
                usize::from(round > 0),
                "nothing is written on the caller's thread"
            );
            tick(&store);
        }
    });
    let lines = lines.0.lock().unwrap();
    let [line] = &lines[..] else { panic!("{lines:?}") };
    for part in ["traces.span.metrics.calls", "`search`", "limit of 5", "`user.id`"] {
        assert!(line.contains(part), "{part} is not in: {line}");
    }
    assert!(counted(&store, Counter::LineSuppressed) > 0);
}
