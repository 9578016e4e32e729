//! The host is safe: its code may panic, log, leak and end as it likes.

use std::fmt;

use tracing::{Level, Span, event, info, info_span};

use super::*;

struct Panics;
impl fmt::Debug for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("a host's Debug implementation")
    }
}

#[test]
fn a_value_that_panics_is_left_out_and_the_span_and_event_are_measured() {
    let scene = scene();
    scene.run(|| {
        drop(info_span!("work", http.route = ?Panics, http.request.method = "GET"));
        info!(monotonic_counter.n = 1, who = ?Panics, what = "x");
        let late = info_span!("work", http.route = tracing::field::Empty, http.request.method = "GET");
        late.record("http.route", tracing::field::debug(Panics));
    });
    assert_eq!(scene.work(), expect([("http.request.method=GET UNSET", 2.0)]));
    assert_eq!(scene.points("n"), expect([("what=x", 1.0)]));
    assert_eq!(scene.counted(Counter::FieldPanicked), 3);
}

#[test]
fn a_hundred_thousand_leaked_spans_break_nothing() {
    let scene = scene();
    scene.run(|| {
        let parent = info_span!("parent").entered();
        for _ in 0..100_000 {
            std::mem::forget(info_span!("leaked"));
        }
        assert_eq!(
            scene.operation("leaked").in_flight.cast_unsigned() + scene.counted(Counter::SpanUnmeasured),
            100_000
        );
        let after = info_span!(parent: None, "after").entered();
        scene.ms(1);
        drop(after);
        drop(parent);
    });
    let measured = scene.store.operations().iter().any(|it| it.name == "after" && it.calls == 1);
    assert!(measured || scene.counted(Counter::SpanUnmeasured) > 0, "a span is measured, or counted");
}

#[test]
fn guards_that_are_never_dropped_do_not_give_later_spans_a_dead_parent() {
    let scene = scene();
    scene.run(|| {
        let forgotten = info_span!("forgotten");
        std::mem::forget(forgotten.clone().entered());
        drop(forgotten);
        for _ in 0..3 {
            let _work = info_span!("work").entered();
            scene.ms(1);
        }
    });
    assert_eq!(scene.times("work"), (3, 3, 3));
}

#[test]
fn two_layers_on_one_thread_keep_their_spans_apart() {
    let (one, two) = (scene(), scene());
    one.run(|| {
        let _outer = info_span!("outer").entered();
        one.ms(1);
        two.run(|| {
            let _inner = info_span!("inner").entered();
            two.ms(5);
        });
        drop(info_span!("child"));
    });
    assert_eq!(one.times("outer"), (1, 1, 1));
    assert_eq!(two.times("inner"), (1, 5, 5));
    assert_eq!((one.store.operations().len(), two.store.operations().len()), (2, 1));
}

#[test]
fn suppressed_code_makes_no_telemetry_and_its_callers_do() {
    let scene = scene();
    scene.run(|| {
        let _work = info_span!("work").entered();
        crate::layer::suppressed(|| {
            let _export = info_span!("export").entered();
            info!(monotonic_counter.n = 1);
            event!(Level::ERROR, "no");
            assert!(!Span::current().is_none());
        });
    });
    assert_eq!(scene.points("n"), expect([]));
    let operations = scene.store.operations();
    assert_eq!(operations.iter().map(|it| (&*it.name, it.errors)).collect::<Vec<_>>(), [("work", 0)]);
}
