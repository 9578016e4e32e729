//! Which fields become attributes, names and kinds, and how many values they may have.

use opentelemetry::Value;
use tracing::field::{Empty, debug};
use tracing::info_span;

use super::*;

#[test]
fn chosen_fields_become_attributes_with_their_types_at_opening_and_later() {
    let scene = scene();
    scene.run(|| {
        drop(info_span!("work", http.request.method = "GET", user = "not chosen", http.response.status_code = 200));
        drop(info_span!("work", http.request.method = %"GET", http.response.status_code = 200_u64));
        let late = info_span!("work", http.request.method = Empty, http.response.status_code = Empty);
        late.record("http.request.method", debug(format_args!("GET")));
        late.record("http.response.status_code", 404);
        late.record("http.response.status_code", 200);
        drop(late);
        drop(info_span!("work", http.route = "/item/{id}", db.system.name = Empty));
    });
    assert_eq!(
        scene.work(),
        expect([
            ("http.request.method=GET http.response.status_code=200 UNSET", 3.0),
            ("http.route=/item/{id} UNSET", 1.0),
        ])
    );
}

#[test]
fn values_of_every_type_make_their_own_series() {
    let config = Config { dimensions: vec!["x".into()], ..config() };
    let scene = scene_of(&config);
    scene.run(|| {
        drop(info_span!("work", x = 0));
        drop(info_span!("work", x = -5));
        drop(info_span!("work", x = i64::MAX));
        drop(info_span!("work", x = u64::MAX));
        drop(info_span!("work", x = 1.5));
        drop(info_span!("work", x = true));
        drop(info_span!("work", x = "true"));
        drop(info_span!("work", x = ?Some(1)));
        drop(info_span!("work", x = ""));
    });
    let metrics = scene.store.collect(scene.clock.now(), Collect::Peek);
    let Data::Sum { points, .. } = &metrics[0].data else { panic!("{:?}", metrics[0]) };
    let kind = |value: &Value| match value {
        Value::Bool(_) => "bool",
        Value::I64(_) => "integer",
        Value::F64(_) => "float",
        _ => "text",
    };
    let values = points.iter().map(|point| point.attributes.get("x").unwrap());
    let mut all: Vec<_> = values.map(|value| format!("{} {}", kind(value), value.as_str())).collect();
    all.sort();
    assert_eq!(
        all,
        [
            "bool true",
            "float 1.5",
            "integer -5",
            "integer 0",
            "integer 9223372036854775807",
            "text ",
            "text 18446744073709551615",
            "text Some(1)",
            "text true",
        ]
    );
}

#[test]
fn fields_may_be_chosen_for_the_spans_of_one_name() {
    let by_span = [(String::from("work"), vec![String::from("tenant")])];
    let scene = scene_of(&Config { dimensions_by_span: by_span.into(), ..config() });
    scene.run(|| {
        drop(info_span!("work", tenant = "a"));
        drop(info_span!("rest", tenant = "a"));
    });
    let kind = "span.kind=SPAN_KIND_INTERNAL";
    let points = [
        (format!("{kind} span.name=work status.code=STATUS_CODE_UNSET tenant=a"), 1.0),
        (format!("{kind} span.name=rest status.code=STATUS_CODE_UNSET"), 1.0),
    ];
    assert_eq!(scene.points("traces.span.metrics.calls"), points.into());
}

#[test]
fn more_dimensions_than_a_slot_holds_are_kept_as_well() {
    let names: Vec<String> = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"].map(String::from).into();
    let scene = scene_of(&Config { dimensions: names, ..config() });
    scene.run(|| {
        for _ in 0..2 {
            drop(info_span!("work", a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8, i = 9, j = "ten"));
            drop(info_span!("work", a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8, i = Empty, j = "x"));
        }
    });
    assert_eq!(
        scene
            .points("traces.span.metrics.calls")
            .into_keys()
            .map(|text| text.split(" span.").next().unwrap().into())
            .collect::<Vec<String>>(),
        ["a=1 b=2 c=3 d=4 e=5 f=6 g=7 h=8 i=9 j=ten", "a=1 b=2 c=3 d=4 e=5 f=6 g=7 h=8 j=x"]
    );
    assert_eq!(scene.points("traces.span.metrics.calls").into_values().collect::<Vec<_>>(), [2.0, 2.0]);
}

#[test]
fn names_and_kinds_are_those_that_tracing_opentelemetry_would_export() {
    for (kind, expected) in [
        ("server", "SERVER"),
        ("Client", "CLIENT"),
        ("PRODUCER", "PRODUCER"),
        ("consumer", "CONSUMER"),
        ("internal", "INTERNAL"),
        ("nonsense", "INTERNAL"),
    ] {
        let scene = scene();
        scene.run(|| {
            drop(info_span!("work", otel.name = "GET /", otel.kind = kind));
            drop(info_span!("work", otel.name = %"GET /", otel.kind = %kind));
            let late = info_span!("work", otel.name = Empty, otel.kind = Empty);
            late.record("otel.name", "GET /");
            late.record("otel.kind", kind);
        });
        let point = format!("span.kind=SPAN_KIND_{expected} span.name=GET / status.code=STATUS_CODE_UNSET");
        assert_eq!(scene.points("traces.span.metrics.calls"), [(point, 3.0)].into());
    }
}

#[test]
fn long_values_are_cut_at_a_character_and_counted() {
    let scene = scene_of(&Config { dimension_length: 3, ..config() });
    scene.run(|| {
        drop(info_span!("work", http.route = "éééé"));
        drop(info_span!("work", http.route = %"éééé"));
        drop(info_span!("work", http.route = "ééé"));
    });
    assert_eq!(scene.work(), expect([("http.route=ééé UNSET", 3.0)]));
    assert_eq!(scene.counted(Counter::AttributeTruncated), 2);
}

#[test]
fn too_many_values_go_to_an_overflow_series_that_keeps_the_operation_and_no_call_is_lost() {
    let series = series::Config { cardinality_limit: 10, ..series::Config::default() };
    let scene = scene_with(&config(), series);
    scene.run(|| (0..100).for_each(|n| drop(info_span!("work", http.route = format!("/{n}")))));
    let points = scene.points("traces.span.metrics.calls");
    assert!(points.len() <= 10 + 1, "{points:?}");
    assert!(points.keys().all(|text| text.contains("span.name=work")));
    assert!(points.keys().any(|text| text.contains("otel.metric.overflow=true")));
    assert_eq!(scene.operation("work").calls, 100);
}
