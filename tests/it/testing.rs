//! Captures: what runs in a scope is seen by its capture and by no other, and time is the test's.

use std::thread;
use std::time::Duration;

use bellwether::clock::Timestamp;
use bellwether::opentelemetry::KeyValue;
use bellwether::opentelemetry::logs::Severity;
use bellwether::opentelemetry::metrics::MeterProvider as _;
use bellwether::opentelemetry::trace::SpanKind;
use bellwether::testing::{Builder, Capture, builder, capture};
use tracing::{Instrument, info, info_span, instrument, warn};

#[instrument(err)]
fn divide(a: i64, b: i64) -> Result<i64, &'static str> {
    if b == 0 { Err("division by zero") } else { Ok(a / b) }
}

fn names(capture: &Capture) -> Vec<String> {
    capture.spans().into_iter().map(|span| span.name).collect()
}

#[test]
fn parallel_captures_see_their_own_thread_and_nothing_else() {
    let run = |name: &'static str, times: u64| {
        thread::spawn(move || {
            let capture = capture();
            capture.scope(|| {
                for n in 0..times {
                    info_span!("work", name).in_scope(|| {
                        info!(monotonic_counter.jobs = 1_u64, name);
                        info!("{name} {n}");
                    });
                }
            });
            capture
        })
    };
    let [a, b] = [run("a", 200), run("b", 300)].map(|thread| thread.join().unwrap());
    for (capture, name, times) in [(&a, "a", 200), (&b, "b", 300)] {
        assert_eq!(capture.calls("work"), times);
        assert_eq!(capture.value("jobs", &[KeyValue::new("name", name)]), Some(times as f64));
        assert!(capture.spans().iter().all(|span| span.attribute("name") == Some(&name.into())));
        assert_eq!(capture.spans().len() as u64, times);
        assert!(capture.logs().iter().filter(|log| !log.message.is_empty()).all(|log| log.message.starts_with(name)));
    }
    assert_eq!(a.value("jobs", &[KeyValue::new("name", "b")]), None);
}

#[test]
fn nothing_is_captured_outside_the_scope_and_scopes_nest() {
    let (outer, inner) = (capture(), capture());
    divide(1, 1).ok();
    outer.scope(|| {
        divide(1, 1).ok();
        inner.scope(|| divide(1, 0).ok());
        divide(1, 1).ok();
    });
    assert_eq!((outer.calls("divide"), outer.errors("divide")), (2, 0));
    assert_eq!((inner.calls("divide"), inner.errors("divide")), (1, 1));
}

#[test]
fn time_moves_only_when_the_test_moves_it() {
    let start = Timestamp(1_000_000_000);
    let capture = builder().start(start).build();
    capture.scope(|| {
        let _outer = info_span!("outer").entered();
        capture.advance(Duration::from_millis(10));
        info_span!("inner").in_scope(|| {
            capture.advance(Duration::from_millis(30));
            warn!("late");
        });
        capture.advance(Duration::from_millis(5));
    });
    assert_eq!(capture.now(), start.plus(Duration::from_millis(45)));
    let [inner, outer] = <[_; 2]>::try_from(capture.spans()).unwrap();
    assert_eq!((outer.start, outer.duration()), (start, Duration::from_millis(45)));
    assert_eq!((inner.start, inner.duration()), (start.plus(Duration::from_millis(10)), Duration::from_millis(30)));
    assert!((capture.operation("outer").unwrap().self_ms - 15.0).abs() < 1e-9);
    assert_eq!(capture.logs()[0].time, Some(start.plus(Duration::from_millis(40))));
    assert_eq!(capture.snapshot().time, capture.now());
}

#[test]
fn spans_and_logs_carry_what_the_code_said_and_belong_together() {
    let capture = capture();
    capture.scope(|| {
        let _request = info_span!("request", otel.kind = "server", http.route = "/divide").entered();
        divide(7, 0).ok();
    });
    let [divide, request] = <[_; 2]>::try_from(capture.spans()).unwrap();
    assert_eq!((&request.kind, request.parent, divide.parent), (&SpanKind::Server, None, Some(request.span_id)));
    assert_eq!(request.trace_id, divide.trace_id);
    assert_eq!((request.attribute("http.route"), divide.attribute("a")), (Some(&"/divide".into()), Some(&7.into())));
    assert!(divide.is_error() && !request.is_error());
    let log = &capture.logs()[0];
    assert_eq!((log.severity, log.span), (Some(Severity::Error), Some((divide.trace_id, divide.span_id))));
    assert!(log.attribute("error").is_some(), "{log:?}");
}

#[test]
fn a_sampling_ratio_thins_traces_and_leaves_metrics_exact() {
    let thin = builder().sampling_ratio(0.1).build();
    thin.scope(|| {
        for _ in 0..1_000 {
            info_span!("root").in_scope(|| divide(1, 1).ok());
        }
    });
    assert_eq!((thin.calls("root"), thin.calls("divide")), (1_000, 1_000));
    let sampled = names(&thin).iter().filter(|name| *name == "root").count();
    assert!((40..200).contains(&sampled), "{sampled} of 1000 at 10 %");
    assert_eq!(thin.spans().len(), 2 * sampled, "traces are whole");
    let none = builder().sampling_ratio(0.0).build();
    none.scope(|| divide(1, 1).ok());
    assert_eq!((none.calls("divide"), none.spans().len()), (1, 0));
}

#[test]
fn levels_and_dimensions_can_be_chosen() {
    let default: Builder = builder();
    let verbose = builder().level(tracing::level_filters::LevelFilter::DEBUG).dimensions(["tenant"]).build();
    for (capture, calls) in [(default.build(), 0), (verbose, 1)] {
        capture.scope(|| tracing::debug_span!("detail", tenant = "blue").in_scope(|| ()));
        assert_eq!(capture.calls("detail"), calls);
        let by_tenant = capture.value("traces.span.metrics.calls", &[KeyValue::new("tenant", "blue")]);
        assert_eq!(by_tenant, (calls == 1).then_some(1.0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn async_scopes_follow_their_future_across_threads() {
    let captures = [capture(), capture()];
    let tasks = captures.iter().map(|capture| {
        let work = async {
            for _ in 0..50 {
                async { tokio::task::yield_now().await }.instrument(info_span!("step")).await;
            }
        };
        tokio::spawn(capture.scope_async(work))
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(captures.each_ref().map(|capture| capture.calls("step")), [50, 50]);
    assert_eq!(captures.each_ref().map(|capture| capture.operation("step").unwrap().in_flight), [0, 0]);
}

#[test]
fn instruments_of_the_opentelemetry_api_belong_to_the_capture_that_made_their_meter() {
    let (one, other) = (capture(), capture());
    for (capture, increment) in [(&one, 1), (&other, 10)] {
        let meter = capture.meter_provider().meter("shop");
        let counter = meter.u64_counter("sold").with_unit("{cup}").build();
        counter.add(increment, &[KeyValue::new("size", "small")]);
        let _level = meter.i64_observable_gauge("level").with_callback(|gauge| gauge.observe(7, &[])).build();
    }
    for (capture, sum) in [(&one, 1.0), (&other, 10.0)] {
        assert_eq!(capture.value("sold", &[KeyValue::new("size", "small")]), Some(sum));
        assert_eq!(capture.value("level", &[]), Some(7.0));
        assert_eq!(capture.metric("sold").unwrap().unit, "{cup}");
    }
}
