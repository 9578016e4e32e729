//! What the functions of ranges calculate, case by case. The corpus of Prometheus says the rest.

use std::sync::Arc;

use super::*;
use crate::model::{BucketSpan, ResetHint};
use crate::promql::{Annotation, FUNCTIONS};

/// Times in milliseconds, and values.
type Samples = [(i64, f64)];

/// Function, samples, scalars, result.
type Case<'a> = (&'a str, &'a Samples, &'a [f64], f64);

/// Time and value of each sample, in a range from 0 to a minute.
fn call(name: &str, floats: &[(i64, f64)], scalars: &[f64]) -> (Option<f64>, Vec<String>) {
    let floats: Vec<_> = floats.iter().map(|&(time, value)| Point { time, start: 0, value }).collect();
    let (value, notes) = run(name, &floats, &[], scalars, Edges::Inside);
    (value.map(|value| float(&value).unwrap()), notes)
}

fn run(
    name: &str,
    floats: &[Point<f64>],
    histograms: &[Point<Arc<NativeHistogram>>],
    scalars: &[f64],
    edges: Edges,
) -> (Option<SampleValue>, Vec<String>) {
    let Some(Body::Range(function)) = body(name) else { panic!("{name} is no function of a range") };
    let labels = Labels::new([("__name__", "x")]);
    let window = Window { labels: &labels, floats, histograms, start: 0, end: 60_000, edges };
    let (mut annotations, mut failure) = (Annotations::default(), None);
    let mut cx = Context::new(60_000, true, &[], &mut annotations, &mut failure);
    let value = function(&window, scalars, &mut cx);
    let notes = annotations.iter().map(Annotation::message).chain(failure).collect();
    (value, notes)
}

fn one(bucket: f64, reset_hint: ResetHint) -> Arc<NativeHistogram> {
    Arc::new(NativeHistogram {
        reset_hint,
        count: bucket,
        sum: 2.0 * bucket,
        positive_spans: vec![BucketSpan { offset: 0, length: 1 }],
        positive_buckets: vec![bucket],
        ..NativeHistogram::default()
    })
}

#[test]
fn every_function_of_the_language_has_a_body_or_is_the_evaluators() {
    const EVALUATORS: [&str; 14] = [
        "absent",
        "absent_over_time",
        "end",
        "info",
        "label_join",
        "label_replace",
        "range",
        "scalar",
        "start",
        "start_timestamp",
        "step",
        "time",
        "timestamp",
        "vector",
    ];
    for function in FUNCTIONS {
        assert_eq!(body(function.name).is_none(), EVALUATORS.contains(&function.name), "{}", function.name);
    }
}

#[test]
fn rates_are_extrapolated_to_the_edges_that_samples_come_near() {
    let cases: [(&str, &str, &Samples, Option<f64>); 9] = [
        ("near both edges", "increase", &[(10_000, 10.0), (30_000, 30.0), (50_000, 50.0)], Some(60.0)),
        ("a second", "rate", &[(10_000, 10.0), (30_000, 30.0), (50_000, 50.0)], Some(1.0)),
        ("far from the end", "increase", &[(5_000, 50.0), (10_000, 60.0), (15_000, 70.0)], Some(35.0)),
        ("not to below zero", "increase", &[(20_000, 1.0), (40_000, 41.0)], Some(81.0)),
        ("a reset", "increase", &[(10_000, 10.0), (30_000, 30.0), (50_000, 20.0)], Some(60.0)),
        ("a gauge that falls", "delta", &[(10_000, 10.0), (30_000, 30.0), (50_000, 20.0)], Some(15.0)),
        ("one sample", "rate", &[(10_000, 10.0)], None),
        ("the last two", "irate", &[(10_000, 1.0), (20_000, 5.0), (40_000, 45.0)], Some(2.0)),
        ("the last two of a gauge", "idelta", &[(10_000, 1.0), (20_000, 5.0), (40_000, 1.0)], Some(-4.0)),
    ];
    for (what, name, floats, expected) in cases {
        let (found, notes) = call(name, floats, &[]);
        let close = found.zip(expected).map_or(found == expected, |(a, b)| (a - b).abs() < 1e-9);
        assert!(close && notes.is_empty(), "{what}: {found:?}, expected {expected:?}, {notes:?}");
    }
}

#[test]
fn a_start_time_inside_the_range_is_where_the_counter_was_zero() {
    let points = |samples: &[(i64, i64, f64)]| -> Vec<Point<f64>> {
        samples.iter().map(|&(start, time, value)| Point { time, start, value }).collect()
    };
    let cases = [
        ("one sample", points(&[(30_000, 60_000, 6.0)]), Some(6.0), 0),
        ("began before the range", points(&[(-5_000, 60_000, 6.0)]), None, 0),
        ("began anew without falling", points(&[(1, 30_000, 6.0), (40_000, 60_000, 8.0)]), Some(14.0), 0),
        ("an overlap", points(&[(1, 30_000, 6.0), (20_000, 60_000, 8.0)]), Some(8.0), 1),
    ];
    for (what, floats, expected, remarks) in cases {
        let (found, notes) = run("increase", &floats, &[], &[], Edges::Inside);
        let found = found.map(|value| float(&value).unwrap());
        let close = found.zip(expected).map_or(found == expected, |(a, b): (f64, f64)| (a - b).abs() < 1e-3);
        assert!(close && notes.len() == remarks, "{what}: {found:?}, expected {expected:?}, {notes:?}");
    }
}

#[test]
fn edges_that_are_anchored_or_smoothed_use_the_samples_outside() {
    let floats = [(-30_000, 10.0), (30_000, 40.0), (90_000, 20.0)].map(|(time, value)| Point { time, start: 0, value });
    let cases = [
        ("increase", Edges::Anchored, &floats[..2], 30.0),
        ("delta", Edges::Anchored, &floats[..2], 30.0),
        ("resets", Edges::Anchored, &floats[..2], 0.0),
        ("changes", Edges::Anchored, &floats[..2], 1.0),
        // From 25 at the beginning to 40, then from zero to 10 at the end.
        ("increase", Edges::Smoothed, &floats[..], 25.0),
        ("delta", Edges::Smoothed, &floats[..], 5.0),
    ];
    for (name, edges, floats, expected) in cases {
        let (found, notes) = run(name, floats, &[], &[], edges);
        assert_eq!((found, notes), (Some(SampleValue::Float(expected)), Vec::new()), "{name} {edges:?}");
    }
}

#[test]
fn aggregations_over_time_know_what_is_not_a_number() {
    let nan = f64::NAN;
    let values = |values: &[f64]| -> Vec<(i64, f64)> { (1..).zip(values.iter().copied()).collect() };
    let cases: [(&str, _, &[f64], f64); 17] = [
        ("sum_over_time", values(&[1.0, 1e100, 1.0, -1e100]), &[], 2.0),
        ("avg_over_time", values(&[f64::MAX, f64::MAX]), &[], f64::MAX),
        ("avg_over_time", values(&[f64::INFINITY, 1.0]), &[], f64::INFINITY),
        ("max_over_time", values(&[nan, 2.0, 1.0]), &[], 2.0),
        ("min_over_time", values(&[2.0, nan, 1.0]), &[], 1.0),
        ("min_over_time", values(&[nan, nan]), &[], nan),
        ("ts_of_max_over_time", values(&[2.0, 1.0, 2.0]), &[], 0.003),
        ("ts_of_min_over_time", values(&[2.0, 1.0, 2.0]), &[], 0.002),
        ("ts_of_first_over_time", values(&[2.0, 1.0]), &[], 0.001),
        ("ts_of_last_over_time", values(&[2.0, 1.0]), &[], 0.002),
        ("stdvar_over_time", values(&[1.0, 2.0, 3.0, 4.0]), &[], 1.25),
        ("quantile_over_time", values(&[4.0, 1.0, 3.0, 2.0]), &[0.5], 2.5),
        ("quantile_over_time", values(&[4.0, nan, 3.0]), &[0.0], nan),
        ("mad_over_time", values(&[4.0, 6.0, 2.0, 1.0, 999.0]), &[], 2.0),
        ("mad_over_time", values(&[4.0, nan]), &[], nan),
        ("changes", values(&[1.0, nan, nan, 2.0]), &[], 2.0),
        ("resets", values(&[2.0, 1.0, 1.0, 0.0]), &[], 2.0),
    ];
    for (name, floats, scalars, expected) in cases {
        let (found, notes) = call(name, &floats, scalars);
        let found = found.unwrap();
        assert!(found == expected || found.is_nan() && expected.is_nan(), "{name} of {floats:?}: {found}");
        assert!(notes.is_empty(), "{name}: {notes:?}");
    }
}

#[test]
fn lines_are_fitted_through_the_samples() {
    let line = [(10_000, 20.0), (20_000, 40.0), (30_000, 60.0), (50_000, 100.0)];
    let flat = [(10_000, 5.0), (20_000, 5.0)];
    let cases: [Case<'_>; 5] = [
        ("deriv", &line, &[], 2.0),
        ("predict_linear", &line, &[60.0], 240.0),
        ("deriv", &flat, &[], 0.0),
        ("predict_linear", &flat, &[60.0], 5.0),
        ("double_exponential_smoothing", &line[..3], &[0.5, 0.5], 60.0),
    ];
    for (name, floats, scalars, expected) in cases {
        let found = call(name, floats, scalars).0.unwrap();
        assert!((found - expected).abs() < 1e-9, "{name} of {floats:?}: {found}");
    }
    let failed = call("double_exponential_smoothing", &line, &[1.0, 0.5]);
    assert_eq!(failed, (None, vec!["invalid smoothing factor. Expected: 0 < sf < 1, got: 1.000000".to_owned()]));
}

#[test]
fn histograms_in_a_range_are_combined_or_remarked() {
    use ResetHint::{CounterReset, Gauge, Unknown};
    let points = |samples: &[(i64, f64, ResetHint)]| -> Vec<Point<Arc<NativeHistogram>>> {
        samples.iter().map(|&(time, count, hint)| Point { time, start: 0, value: one(count, hint) }).collect()
    };
    let counter = points(&[(10_000, 2.0, Unknown), (30_000, 4.0, Unknown), (50_000, 3.0, CounterReset)]);
    let gauges = points(&[(10_000, 4.0, Gauge), (50_000, 2.0, Gauge)]);
    let not_a_counter = vec!["this native histogram metric is not a counter: \"x\"".to_owned()];
    let not_a_gauge = vec!["this native histogram metric is not a gauge: \"x\"".to_owned()];
    let cases = [
        ("increase", &counter, Some(7.5), Vec::new()),
        ("sum_over_time", &counter, Some(9.0), Vec::new()),
        ("avg_over_time", &counter, Some(3.0), Vec::new()),
        ("last_over_time", &counter, Some(3.0), Vec::new()),
        ("irate", &counter, Some(0.15), Vec::new()),
        ("delta", &gauges, Some(-3.0), Vec::new()),
        ("delta", &counter, Some(1.5), not_a_gauge.clone()),
        ("idelta", &counter, Some(-1.0), not_a_gauge),
        ("increase", &gauges, Some(3.0), not_a_counter),
        ("max_over_time", &counter, None, Vec::new()),
    ];
    for (name, histograms, expected, remarks) in cases {
        let (found, notes) = run(name, &[], histograms, &[], Edges::Inside);
        let count = found.map(|found| match found {
            SampleValue::Histogram(h) => h.count,
            SampleValue::Float(value) => panic!("{name} gave {value}"),
        });
        let close = count.zip(expected).map_or(count == expected, |(a, b)| (a - b).abs() < 1e-9);
        assert!(close, "{name}: {count:?}, expected {expected:?}");
        assert_eq!(notes, remarks, "{name}");
    }
    let floats = [Point { time: 20_000, start: 0, value: 1.0 }, Point { time: 40_000, start: 0, value: 2.0 }];
    for (name, given) in [("rate", false), ("sum_over_time", false), ("max_over_time", true), ("deriv", true)] {
        let (found, notes) = run(name, &floats, &counter, &[], Edges::Inside);
        assert_eq!((found.is_some(), notes.len()), (given, 1), "{name}: {notes:?}");
    }
}
