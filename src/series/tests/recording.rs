use super::*;

#[test]
fn a_span_series_is_three_metrics_with_the_identity_the_dimensions_and_the_service() {
    let store = store();
    let route = KeyValue::new("http.route", "/items");
    let identity = span_identity("get", "STATUS_CODE_OK");
    let series = store.series(Store::SPANS, &identity, std::slice::from_ref(&route));
    store.record_span(series, 4 * MILLI, 3 * MILLI, None);
    store.record_span(series, 0, 0, None);
    let metrics = peek(&store);
    let [name, kind, status] = identity;
    let expected = attributes(&[name, kind, status, route, KeyValue::new("service.name", "shop")]);
    let call = &numbers(&metrics, names::CALLS.name)[0];
    let self_time = &numbers(&metrics, names::SELF_TIME.name)[0];
    let duration = &explicit(&metrics, names::DURATION.name)[0];
    assert_eq!((&call.attributes, call.value), (&expected, Number::I64(2)));
    assert_eq!((&self_time.attributes, self_time.value), (&expected, Number::F64(3.0)));
    assert_eq!(duration.attributes, expected);
    let value = &duration.value;
    assert_eq!((value.count, value.sum, value.min, value.max), (2, Some(4.0), Some(0.0), Some(4.0)));
    assert_eq!(value.bucket_counts[..3], [1, 1, 0]);
    let units: Vec<&str> = metrics.iter().map(|metric| &*metric.unit).collect();
    assert_eq!(units, ["", "ms", "ms"]);
}

#[test]
fn counters_stay_whole_until_a_float_comes_and_refuse_what_they_cannot_add() {
    let store = store();
    let counter = instrument(&store, InstrumentKind::Counter);
    let (whole, mixed, refused) = (plain(&store, counter, 0), plain(&store, counter, 1), plain(&store, counter, 2));
    store.add(whole, Number::I64(2), None);
    store.add(whole, Number::I64(3), None);
    store.add(mixed, Number::I64(2), None);
    store.add(mixed, Number::F64(0.5), None);
    for value in [Number::I64(-1), Number::F64(-0.5), Number::F64(f64::NAN), Number::F64(f64::INFINITY)] {
        store.add(refused, value, link(1, true));
    }
    store.add(refused, Number::I64(i64::MAX), None);
    store.add(refused, Number::I64(i64::MAX), None);
    let metrics = peek(&store);
    assert_eq!(values(numbers(&metrics, "m")), [Number::I64(5), Number::F64(2.5), Number::I64(i64::MAX)]);
    assert!(
        numbers(&metrics, "m").iter().all(|point| point.exemplars.is_empty()),
        "what is refused leaves no exemplar"
    );
    assert_eq!((counted(&store, Counter::NegativeIncrement), counted(&store, Counter::NotFinite)), (2, 2));
    assert!(matches!(metric(&metrics, "m").unwrap().data, Data::Sum { monotonic: true, .. }));
}

#[test]
fn an_up_down_counter_goes_below_zero_and_a_gauge_keeps_the_last_value() {
    let store = store();
    let up_down = store.instrument(&declaration("u", InstrumentKind::UpDownCounter)).unwrap();
    let gauge = store.instrument(&declaration("g", InstrumentKind::Gauge)).unwrap();
    let (sum, last) = (plain(&store, up_down, 0), plain(&store, gauge, 0));
    store.add(sum, Number::I64(-7), None);
    store.set(last, Number::I64(1));
    std::thread::scope(|scope| scope.spawn(|| store.set(last, Number::I64(2))).join().unwrap());
    assert_eq!(values(numbers(&peek(&store), "g")), [Number::I64(2)]);
    store.set(last, Number::F64(0.5));
    store.set(last, Number::F64(f64::NAN));
    assert_eq!(values(numbers(&peek(&store), "g")), [Number::F64(0.5)]);
    store.set(last, Number::I64(3));
    let metrics = tick(&store);
    assert_eq!(values(numbers(&metrics, "g")), [Number::F64(3.0)], "one series has one type of number");
    assert_eq!(values(numbers(&metrics, "u")), [Number::I64(-7)]);
    assert!(matches!(metric(&metrics, "u").unwrap().data, Data::Sum { monotonic: false, .. }));
}

#[test]
fn a_measurement_of_another_kind_is_refused_and_counted() {
    let store = store();
    let other = Store::new(Config::default(), Clock::manual(Timestamp(1)), Arc::default());
    let counter = plain(&store, instrument(&store, InstrumentKind::Counter), 0);
    let stranger = other.series(Instrument(99), &[], &[]);
    store.record(counter, 1.0, link(1, true));
    store.set(counter, Number::I64(1));
    store.record_span(counter, 1, 1, link(1, true));
    store.add(span(&store, "a"), Number::I64(1), link(1, true));
    store.add(stranger, Number::I64(1), link(1, true));
    assert_eq!(counted(&store, Counter::InvalidMeasurement), 5);
    assert_eq!(peek(&store), []);
}

#[test]
fn the_first_declaration_decides_and_what_does_not_fit_is_refused() {
    let store = store_with(Config { instrument_limit: 2, ..Config::default() });
    let first = Declaration { unit: "", ..declaration("size", InstrumentKind::Histogram) };
    let size = store.instrument(&first).unwrap();
    let again = Declaration { unit: "By", description: "Bytes", ..declaration("SIZE", InstrumentKind::Histogram) };
    assert_eq!(store.instrument(&again), Some(size));
    assert_eq!(store.instrument(&Declaration { unit: "kB", ..again }), Some(size));
    store.record(plain(&store, size, 0), 1.0, None);
    let metrics = peek(&store);
    let found = metric(&metrics, "size").unwrap();
    assert_eq!((&*found.unit, &*found.description), ("By", "Bytes"));

    let long = "x".repeat(256);
    let histogram = declaration("h", InstrumentKind::Histogram);
    let refused = [
        declaration("size", InstrumentKind::Counter),
        declaration("", InstrumentKind::Counter),
        declaration(&long, InstrumentKind::Counter),
        declaration(names::DURATION.name, InstrumentKind::Histogram),
        Declaration { boundaries: Some(&[2.0, 1.0]), ..histogram },
        Declaration { boundaries: Some(&[f64::NAN]), ..histogram },
    ];
    for declaration in refused {
        assert_eq!(store.instrument(&declaration), None, "{declaration:?}");
    }
    assert!(store.instrument(&declaration("second", InstrumentKind::Gauge)).is_some());
    assert_eq!(store.instrument(&declaration("third", InstrumentKind::Gauge)), None);
    assert_eq!(counted(&store, Counter::InstrumentRefused), 7);
}

#[test]
fn operations_are_merged_over_status_and_dimensions_and_windows_are_differences() {
    let store = store();
    let failed = store.series(Store::SPANS, &span_identity("get", "STATUS_CODE_ERROR"), &[KeyValue::new("d", 1)]);
    let fine = span(&store, "get");
    let in_flight = store.in_flight("get", &opentelemetry::trace::SpanKind::Server);
    (0..3).for_each(|_| in_flight.enter());
    in_flight.exit();
    store.record_span(fine, 10 * MILLI, 4 * MILLI, None);
    store.record_span(failed, 40 * MILLI, MILLI, None);
    let first = store.operations().remove(0);
    assert_eq!((&*first.name, &first.kind), ("get", &opentelemetry::trace::SpanKind::Server));
    assert_eq!((first.calls, first.errors, first.in_flight, first.peak), (2, 1, 2, 3));
    assert_eq!((first.self_ms, first.quantile(0.0), first.quantile(1.0)), (5.0, Some(10.0), Some(40.0)));
    store.record_span(fine, 20 * MILLI, 20 * MILLI, None);
    let window = store.operations().remove(0).since(&first);
    assert_eq!((window.calls, window.errors, window.self_ms), (1, 0, 20.0));
    let median = window.quantile(0.5).unwrap();
    assert!((19.0..=21.0).contains(&median), "{median}");
}
