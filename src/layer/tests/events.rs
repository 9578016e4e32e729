//! Events become metrics, as tracing-opentelemetry's `MetricsLayer` has it, and better.

use tracing::{debug_span, info, info_span, trace};

use super::*;
use crate::layer::MetricDeclaration;
use crate::model::ExplicitHistogram;

#[test]
fn each_prefix_is_its_kind_and_other_fields_are_attributes() {
    let scene = scene();
    scene.run(|| {
        for n in 1..=3 {
            info!(monotonic_counter.requests = 1, method = "GET", code = 200, "served {n}");
            info!(counter.open = if n == 2 { -1 } else { 1 });
            info!(gauge.depth = n, queue = %"mail");
            info!(histogram.size = f64::from(n), ok = true, ratio = 0.5, source = ?Some("x"));
        }
        info!(monotonic_counter.hits = 2_u64, counter.misses = 1.5, shard = 7, "two at once");
        info!(method = "GET", "no metric");
    });
    for (metric, points) in [
        ("requests", expect([("code=200 method=GET", 3.0)])),
        ("open", expect([("", 1.0)])),
        ("depth", expect([("queue=mail", 3.0)])),
        ("size", expect([("ok=true ratio=0.5 source=Some(\"x\")", 6.0)])),
        ("hits", expect([("shard=7", 2.0)])),
        ("misses", expect([("shard=7", 1.5)])),
    ] {
        assert_eq!(scene.points(metric), points, "{metric}");
    }
}

#[test]
fn whole_and_fractional_numbers_of_any_width_are_one_series() {
    let scene = scene();
    scene.run(|| {
        info!(monotonic_counter.bytes = 1_u8);
        info!(monotonic_counter.bytes = 2_i64);
        info!(monotonic_counter.bytes = 0.5);
        info!(monotonic_counter.bytes = 4_u128);
        info!(monotonic_counter.bytes = 8_i128);
    });
    assert_eq!(scene.points("bytes"), expect([("", 15.5)]));
}

#[test]
fn what_is_no_measurement_is_refused_and_counted_and_the_rest_recorded() {
    let scene = scene();
    scene.run(|| {
        info!(monotonic_counter.n = 1);
        info!(monotonic_counter.n = -1);
        info!(monotonic_counter.n = -0.5);
        info!(monotonic_counter.n = f64::NAN, counter.m = 3);
        info!(histogram.h = f64::INFINITY);
        info!(gauge.g = f64::NEG_INFINITY);
        info!(monotonic_counter.n = "one");
        info!(monotonic_counter.n = ?Some(1));
        info!(monotonic_counter.n = true);
        // The same name with another kind.
        info!(gauge.n = 7);
    });
    assert_eq!(scene.points("n"), expect([("", 1.0)]));
    assert_eq!(scene.points("m"), expect([("", 3.0)]));
    assert_eq!(scene.counted(Counter::NegativeIncrement), 2);
    assert_eq!(scene.counted(Counter::NotFinite), 3);
    assert_eq!(scene.counted(Counter::InvalidMeasurement), 4);
    assert_eq!(scene.counted(Counter::InstrumentRefused), 1);
}

#[test]
fn a_level_does_not_switch_a_count_off_but_a_target_that_is_off_does() {
    let scene = scene();
    scene.run(|| {
        trace!(monotonic_counter.n = 1);
        info!(target: "h2::client", { monotonic_counter.n = 1 }, "off");
        // Metric fields of spans are not metrics, neither there nor here.
        drop(debug_span!("work", monotonic_counter.n = 1));
        drop(info_span!("work", monotonic_counter.n = 1));
    });
    assert_eq!(scene.points("n"), expect([("", 1.0)]));
}

#[test]
fn units_descriptions_and_buckets_can_be_declared() {
    let declaration = MetricDeclaration {
        name: String::from("queue.wait"),
        unit: String::from("s"),
        description: String::from("Time in the queue"),
        boundaries: Some(vec![0.1, 1.0]),
    };
    let scene = scene_of(&Config { metric_declarations: vec![declaration], ..config() });
    scene.run(|| [0.05, 0.5, 5.0].map(|wait| info!(histogram.queue.wait = wait)));
    let metrics = scene.store.collect(scene.clock.now(), Collect::Peek);
    let metric = metrics.iter().find(|metric| metric.name == "queue.wait").unwrap();
    assert_eq!((&*metric.unit, &*metric.description), ("s", "Time in the queue"));
    let Data::Histogram { points, .. } = &metric.data else { panic!("{:?}", metric.data) };
    let ExplicitHistogram { bounds, bucket_counts, .. } = &points[0].value;
    assert_eq!((&bounds[..], &bucket_counts[..]), (&[0.1, 1.0][..], &[1, 1, 1][..]));
}

#[test]
fn more_attributes_than_a_key_holds_make_exact_series_as_well() {
    let scene = scene();
    scene.run(|| {
        for n in 0..4 {
            info!(monotonic_counter.n = 1, a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = n % 2);
        }
    });
    let all = "a=1 b=2 c=3 d=4 e=5 f=6 g=7 ";
    assert_eq!(scene.points("n"), expect([(&*format!("{all}h=0"), 2.0), (&*format!("{all}h=1"), 2.0)]));
}
