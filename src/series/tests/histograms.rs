use super::super::HistogramAggregation;
use super::*;

fn histogram(store: &Store, boundaries: Option<&[f64]>) -> Series {
    let declaration = Declaration { boundaries, ..declaration("h", InstrumentKind::Histogram) };
    plain(store, store.instrument(&declaration).unwrap(), 0)
}

#[test]
fn explicit_buckets_count_exactly_for_bounds_and_values_of_any_sign() {
    let values = [-7.5, -5.0, -4.9, -0.1, 0.0, -0.0, 1e-300, 1.5, 1.5f64.next_up(), 3.0, 1e9, f64::MAX];
    let cases: [(Option<&[f64]>, &[u64]); 6] = [
        (Some(&[]), &[12]),
        (Some(&[-5.0, 0.0, 1.5]), &[2, 4, 2, 4]),
        (Some(&[1.5]), &[8, 4]),
        (Some(&[-5.0]), &[2, 10]),
        (Some(&[0.0, 3.0]), &[6, 4, 2]),
        (None, &[6, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]),
    ];
    for (bounds, expected) in cases {
        let store = store();
        let series = histogram(&store, bounds);
        for value in values {
            store.record(series, value, None);
        }
        let metrics = peek(&store);
        let found = &explicit(&metrics, "h")[0].value;
        assert_eq!(found.bucket_counts, expected, "{bounds:?}");
        assert_eq!((found.count, found.sum), (12, None), "a sum with negative values is no counter");
        assert_eq!((found.min, found.max), (Some(-7.5), Some(f64::MAX)));
    }
}

#[test]
fn an_exponential_histogram_keeps_zeros_and_signs_apart_and_fits_its_size() {
    let config = Config { aggregation: HistogramAggregation::Base2ExponentialBucket, max_size: 8, ..Config::default() };
    let store = store_with(config);
    let series = histogram(&store, Some(&[1.0]));
    for value in [0.0, 1.1, 1.2, 100.0, -3.0] {
        store.record(series, value, None);
    }
    let metrics = peek(&store);
    let found = &exponential(&metrics, "h")[0].value;
    assert_eq!((found.count, found.zero_count), (5, 1));
    assert_eq!((found.positive.total(), found.negative.total()), (3, 1));
    assert!(found.positive.counts.len() <= 8 && found.scale < 3, "{found:?}");
    store.record_span(span(&store, "a"), 7 * MILLI, 0, None);
    assert_eq!(exponential(&peek(&store), names::DURATION.name)[0].value.scale, 3);
}

#[test]
fn one_exemplar_a_bucket_from_sampled_spans_goes_out_once_sorted_by_value() {
    let store = store();
    let series = span(&store, "a");
    for (at, millis, sampled) in [(1, 70, true), (2, 3, true), (3, 75, true), (4, 9, false)] {
        store.record_span(series, millis * MILLI, 0, link(at, sampled));
    }
    store.record_span(series, MILLI, 0, None);
    let spans = |metrics: &[Metric]| -> Vec<u64> {
        let point = explicit(metrics, names::DURATION.name).last().unwrap();
        point.exemplars.iter().map(|exemplar| u64::from_be_bytes(exemplar.span_id.to_bytes())).collect()
    };
    assert_eq!(spans(&peek(&store)), [2, 3]);
    assert_eq!(spans(&tick(&store)), [2, 3]);
    assert_eq!(spans(&tick(&store)), [0; 0]);
}

#[test]
fn the_exemplar_filter_decides_and_counters_keep_one() {
    use super::super::ExemplarFilter::{AlwaysOff, AlwaysOn, TraceBased};
    for (exemplar_filter, sampled, expected) in
        [(TraceBased, true, 1), (TraceBased, false, 0), (AlwaysOn, false, 1), (AlwaysOff, true, 0)]
    {
        let store = store_with(Config { exemplar_filter, ..Config::default() });
        let counter = plain(&store, instrument(&store, InstrumentKind::Counter), 0);
        for at in 1..=3 {
            store.add(counter, Number::I64(at), link(at.unsigned_abs(), sampled));
        }
        let metrics = peek(&store);
        let exemplars = &numbers(&metrics, "m")[0].exemplars;
        assert_eq!(exemplars.len(), expected, "{exemplar_filter:?}");
        assert!(exemplars.iter().all(|exemplar| exemplar.value == Number::I64(3)), "the last one");
    }
}

#[test]
fn values_beyond_the_fine_buckets_are_kept_in_the_nearest_and_counted() {
    let store = store();
    let series = histogram(&store, Some(&[1.0]));
    let values: Vec<f64> = (0..200).map(|i| f64::from(i * 10 - 1_000).exp2()).collect();
    for value in &values {
        store.record(series, *value, None);
    }
    let metrics = peek(&store);
    let found = &explicit(&metrics, "h")[0].value;
    assert_eq!((found.count, found.max), (200, values.last().copied()));
    // 40 buckets by themselves, and the pages.
    assert_eq!(counted(&store, Counter::HistogramRange), 200 - 40 - 64);
}
