use super::*;

/// Ticks until an idle series must have ended.
const TICKS_TO_END: u64 = IDLE.as_secs() / INTERVAL.as_secs();

fn stale(metrics: &[Metric], name: &str) -> Vec<bool> {
    numbers(metrics, name).iter().map(|point| point.stale).collect()
}

#[test]
fn a_new_cumulative_series_is_preceded_by_a_point_of_zero_once() {
    let store = store();
    let created = store.clock().now();
    let series = span(&store, "a");
    store.record_span(series, 3 * MILLI, 0, None);
    let first = tick(&store);
    let now = store.clock().now();
    let points = numbers(&first, names::CALLS.name);
    assert_eq!(values(points), [Number::I64(0), Number::I64(1)]);
    assert_eq!([points[0].time, points[1].time], [created, now]);
    assert!(points.iter().all(|point| point.start_time == created && !point.stale));
    let durations = explicit(&first, names::DURATION.name);
    assert_eq!((durations.len(), durations[0].value.count, durations[1].value.count), (2, 0, 1));
    assert_eq!(durations[0].value.bucket_counts.len(), durations[1].value.bucket_counts.len());
    let second = tick(&store);
    assert_eq!(values(numbers(&second, names::CALLS.name)), [Number::I64(1)]);
    assert_eq!(numbers(&second, names::CALLS.name)[0].start_time, created);
}

#[test]
fn gauges_and_up_down_counters_have_no_point_of_zero_nor_has_a_series_younger_than_a_millisecond() {
    let store = store();
    let gauge = store.instrument(&declaration("g", InstrumentKind::Gauge)).unwrap();
    let up_down = store.instrument(&declaration("u", InstrumentKind::UpDownCounter)).unwrap();
    store.set(plain(&store, gauge, 0), Number::I64(4));
    store.add(plain(&store, up_down, 0), Number::I64(4), None);
    let metrics = tick(&store);
    assert_eq!((numbers(&metrics, "g").len(), numbers(&metrics, "u").len()), (1, 1));
    store.record_span(span(&store, "a"), 1, 1, None);
    let metrics = store.collect(store.clock().now(), Collect::Tick);
    assert_eq!(numbers(&metrics, names::CALLS.name).len(), 1);
}

#[test]
fn an_idle_series_ends_with_a_stale_marker_and_comes_back_as_a_new_one() {
    let store = store();
    let (idle, busy) = (span(&store, "idle"), span(&store, "busy"));
    store.record_span(idle, 1, 1, link(1, true));
    for _ in 0..TICKS_TO_END {
        store.record_span(busy, 1, 1, None);
        assert_eq!(stale(&tick(&store), names::CALLS.name).iter().filter(|stale| **stale).count(), 0);
    }
    let generation = store.generation();
    store.record_span(busy, 1, 1, None);
    let last = tick(&store);
    assert_eq!(stale(&last, names::CALLS.name), [true, false]);
    assert_eq!(stale(&last, names::SELF_TIME.name), [true, false]);
    assert!(explicit(&last, names::DURATION.name)[0].stale);
    assert_ne!(store.generation(), generation);
    assert_eq!(counted(&store, Counter::SeriesExpired), 1);
    store.record_span(busy, 1, 1, None);
    assert_eq!(stale(&tick(&store), names::CALLS.name), [false]);

    let came_back = store.clock().now();
    let again = span(&store, "idle");
    assert_ne!(again, idle);
    store.record_span(again, 1, 1, None);
    let metrics = tick(&store);
    let points = numbers(&metrics, names::CALLS.name);
    let back: Vec<_> = points.iter().filter(|point| point.start_time == came_back).collect();
    assert_eq!(back.iter().map(|point| point.value).collect::<Vec<_>>(), [Number::I64(0), Number::I64(1)]);
}

#[test]
fn a_late_measurement_of_an_ended_series_is_not_lost() {
    for asked_again in [false, true] {
        let store = store();
        let series = span(&store, "a");
        store.record_span(series, 3 * MILLI, 0, None);
        (0..=TICKS_TO_END).for_each(|_| drop(tick(&store)));
        assert_eq!(tick(&store), []);
        store.record_span(series, 5 * MILLI, MILLI, None);
        if asked_again {
            store.record_span(span(&store, "a"), 7 * MILLI, MILLI, None);
        }
        let expected = 1 + u64::from(asked_again);
        let metrics = tick(&store);
        let value = &explicit(&metrics, names::DURATION.name).last().unwrap().value;
        assert_eq!((value.count, calls(&metrics)), (expected, expected.cast_signed()));
        let sum = if asked_again { 12.0 } else { 5.0 };
        assert_eq!(value.sum, Some(sum), "only what came after the end");
        assert_eq!(store.operations()[0].calls, expected);
        assert_eq!(counted(&store, Counter::SeriesGone), 0);
    }
}

#[test]
fn a_place_given_to_another_series_starts_empty_and_refuses_the_old_number() {
    let store = store();
    let histogram = store.instrument(&declaration("h", InstrumentKind::Histogram)).unwrap();
    let gauge = store.instrument(&declaration("g", InstrumentKind::Gauge)).unwrap();
    let old = [span(&store, "a"), plain(&store, histogram, 0), plain(&store, gauge, 0)];
    let counter = instrument(&store, InstrumentKind::Counter);
    let old_counter = plain(&store, counter, 0);
    store.record_span(old[0], 9 * MILLI, MILLI, None);
    store.record(old[1], -4.0, None);
    store.set(old[2], Number::F64(4.0));
    store.add(old_counter, Number::F64(4.5), None);
    (0..TICKS_TO_END + 4).for_each(|_| drop(tick(&store)));
    assert_eq!(peek(&store), []);

    let new = [span(&store, "b"), plain(&store, histogram, 1), plain(&store, gauge, 1)];
    let new_counter = plain(&store, counter, 1);
    for (new, old) in new.iter().chain([&new_counter]).zip(old.iter().chain([&old_counter])) {
        assert_eq!((new.place(), new.kind()), (old.place(), old.kind()), "the memory is used again");
        assert_ne!(new, old);
    }
    assert_eq!(peek(&store), []);
    store.record_span(new[0], 2 * MILLI, 0, None);
    store.record(new[1], 6.0, None);
    store.set(new[2], Number::I64(6));
    store.add(new_counter, Number::I64(6), None);
    store.record_span(old[0], MILLI, 0, link(1, true));
    store.record(old[1], 1.0, link(1, true));
    store.set(old[2], Number::I64(1));
    store.add(old_counter, Number::I64(1), link(1, true));
    assert_eq!(counted(&store, Counter::SeriesGone), 4);
    let metrics = peek(&store);
    let spans = &explicit(&metrics, names::DURATION.name)[0].value;
    assert_eq!((spans.count, spans.sum, spans.min, spans.max), (1, Some(2.0), Some(2.0), Some(2.0)));
    let value = &explicit(&metrics, "h")[0].value;
    assert_eq!((value.count, value.sum, value.min, value.max), (1, Some(6.0), Some(6.0), Some(6.0)));
    assert_eq!(values(numbers(&metrics, "g")), [Number::I64(6)]);
    assert_eq!(values(numbers(&metrics, "m")), [Number::I64(6)]);
}

#[test]
fn a_gauge_that_is_set_while_it_ends_comes_back_with_its_value() {
    let store = store();
    let gauge = instrument(&store, InstrumentKind::Gauge);
    let series = plain(&store, gauge, 0);
    store.set(series, Number::I64(1));
    (0..=TICKS_TO_END).for_each(|_| drop(tick(&store)));
    store.set(series, Number::I64(2));
    assert_eq!(tick(&store), []);
    assert_eq!(values(numbers(&tick(&store), "m")), [Number::I64(2)]);
}

#[test]
fn a_series_that_was_never_measured_is_never_seen() {
    let store = store();
    span(&store, "a");
    for _ in 0..TICKS_TO_END + 4 {
        assert_eq!(tick(&store), []);
    }
    assert_eq!(store.end(store.clock().now()), []);
    assert_eq!(counted(&store, Counter::SeriesExpired), 1);
}

#[test]
fn the_end_marks_every_reported_series_stale_after_the_last_tick() {
    let store = store();
    let gauge = instrument(&store, InstrumentKind::Gauge);
    store.record_span(span(&store, "a"), 1, 1, None);
    store.set(plain(&store, gauge, 0), Number::I64(1));
    let _open = store.in_flight("a", &opentelemetry::trace::SpanKind::Server);
    let last = tick(&store);
    let now = store.clock().now();
    store.record_span(span(&store, "never reported"), 1, 1, None);
    let end = store.end(now);
    let of = |metrics: &[Metric]| metrics.iter().map(|metric| metric.name.clone()).collect::<Vec<_>>();
    assert_eq!(of(&end), of(&last));
    assert_eq!(stale(&end, names::CALLS.name), [true]);
    assert_eq!(stale(&end, names::IN_FLIGHT.name), [true]);
    assert_eq!(stale(&end, "m"), [true]);
    assert_eq!(numbers(&end, "m")[0].time, Timestamp(now.0 + MILLI));
}

#[test]
fn a_peek_changes_nothing() {
    let store = store();
    let in_flight = store.in_flight("a", &opentelemetry::trace::SpanKind::Server);
    store.record_span(span(&store, "a"), 3 * MILLI, 0, link(1, true));
    in_flight.enter();
    in_flight.exit();
    let before = peek(&store);
    assert_eq!(before, peek(&store));
    assert_eq!(values(numbers(&before, names::IN_FLIGHT_PEAK.name)), [Number::I64(1)]);
    let ticked = tick(&store);
    assert_eq!(numbers(&ticked, names::CALLS.name).len(), 2, "the point of zero is still to come");
    assert_eq!(explicit(&ticked, names::DURATION.name)[1].exemplars.len(), 1);
    assert_eq!(values(numbers(&ticked, names::IN_FLIGHT_PEAK.name)), [Number::I64(1)]);
    assert_eq!(values(numbers(&tick(&store), names::IN_FLIGHT_PEAK.name)), [Number::I64(0)]);
}
