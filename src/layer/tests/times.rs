//! Duration, self time, spans in flight.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use tracing::{Instrument, info_span};

use super::*;

#[test]
fn self_time_is_what_no_child_covers() {
    let scene = scene();
    scene.run(|| {
        let parent = info_span!("parent").entered();
        scene.ms(5);
        for _ in 0..2 {
            let _child = info_span!("child").entered();
            scene.ms(10);
            let _grandchild = info_span!("grandchild").entered();
            scene.ms(3);
        }
        scene.ms(2);
        drop(parent);
    });
    assert_eq!(scene.times("parent"), (1, 33, 7));
    assert_eq!(scene.times("child"), (2, 26, 20));
    assert_eq!(scene.times("grandchild"), (2, 6, 6));
}

#[test]
fn children_at_the_same_time_cover_their_union() {
    let scene = scene();
    scene.run(|| {
        let parent = info_span!("parent");
        scene.ms(1);
        let first = info_span!(parent: &parent, "child");
        scene.ms(10);
        let second = info_span!(parent: &parent, "child");
        scene.ms(10);
        drop(first);
        scene.ms(10);
        drop(second);
        scene.ms(2);
    });
    assert_eq!(scene.times("parent"), (1, 33, 3));
    assert_eq!(scene.times("child"), (2, 40, 40));
}

#[test]
fn a_child_that_outlives_its_parent_is_clipped_where_the_parent_ended() {
    let scene = scene();
    scene.run(|| {
        let left_behind = info_span!("request").in_scope(|| {
            scene.ms(4);
            let task = info_span!("task");
            scene.ms(6);
            task
        });
        scene.ms(100);
        drop(left_behind);
    });
    assert_eq!(scene.times("request"), (1, 10, 4));
    assert_eq!(scene.times("task"), (1, 106, 106));
}

#[test]
fn a_span_that_is_entered_again_has_not_ended() {
    let scene = scene();
    scene.run(|| {
        let span = info_span!("work");
        let child = span.in_scope(|| info_span!("child"));
        scene.ms(10);
        drop(child);
        span.in_scope(|| scene.ms(5));
        scene.ms(1);
    });
    assert_eq!(scene.times("work"), (1, 16, 6));
}

#[test]
fn a_span_that_is_never_entered_lasts_until_its_handle_is_dropped() {
    let scene = scene();
    scene.run(|| {
        let _span = info_span!("work");
        scene.ms(7);
    });
    assert_eq!(scene.times("work"), (1, 7, 7));
}

#[test]
fn explicit_parents_and_roots_are_honoured() {
    let scene = scene();
    scene.run(|| {
        let a = info_span!("a");
        let _b = info_span!("b").entered();
        let of_a = info_span!(parent: &a, "of a");
        let root = info_span!(parent: None, "root");
        scene.ms(5);
        drop((of_a, root));
        scene.ms(1);
        drop(a);
    });
    assert_eq!(scene.times("a"), (1, 6, 1));
    assert_eq!(scene.times("b"), (1, 6, 6), "neither child is its own");
}

#[test]
fn an_unwanted_span_between_two_wanted_ones_is_passed_over() {
    let mut settings = config();
    settings.filter = settings.filter.with_target("unwanted", LevelFilter::OFF);
    let scene = scene_of(&settings);
    // The console wants all spans, so that those we do not want reach us as well.
    let console = crate::layer::Console::with_writer("RUST_LOG", "trace", false, std::io::sink).unwrap();
    let parts = Parts {
        store: Some(Arc::clone(&scene.store)),
        internal: Arc::clone(&scene.internal),
        clock: scene.clock.clone(),
        traces: None,
        logs: None,
        console: Some(console),
    };
    let mut settings = config();
    settings.filter = settings.filter.with_target("unwanted", LevelFilter::OFF);
    tracing::subscriber::with_default(Registry::default().with(Layer::new(&settings, parts)), || {
        let parent = info_span!("parent").entered();
        let between = info_span!(target: "unwanted", "between");
        let contextual = between.in_scope(|| info_span!("contextual"));
        scene.ms(10);
        drop(contextual);
        let explicit = info_span!(parent: &between, "explicit");
        scene.ms(10);
        drop((explicit, between));
        scene.ms(1);
        drop(parent);
    });
    assert_eq!(scene.times("parent"), (1, 21, 1));
    assert_eq!(scene.store.operations().len(), 3);
}

#[test]
fn exits_out_of_order_leave_the_right_parent() {
    let scene = scene();
    scene.run(|| {
        let (a, b) = (info_span!("a"), info_span!("b"));
        let (enter_a, enter_b) = (a.enter(), b.enter());
        drop(enter_a);
        let child = info_span!("child");
        scene.ms(3);
        drop(child);
        drop(enter_b);
    });
    assert_eq!(scene.times("a"), (1, 3, 3));
    assert_eq!(scene.times("b"), (1, 3, 0));
}

/// Ready at its second poll.
#[derive(Default)]
struct Twice(bool);
impl Future for Twice {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[test]
fn a_future_that_moves_between_threads_is_one_span_with_its_own_children() {
    let scene = scene();
    scene.run(|| {
        let work = async {
            scene.ms(1);
            Twice::default().instrument(info_span!("child")).await;
            scene.ms(2);
        };
        let mut work = Box::pin(work.instrument(info_span!("work")));
        let mut poll = || work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(poll().is_pending());
        // Between the polls this thread works in another span; the future is polled again elsewhere.
        let other = info_span!("other").entered();
        scene.ms(10);
        drop(other);
        std::thread::scope(|threads| {
            threads.spawn(|| scene.run(|| assert!(poll().is_ready())));
        });
    });
    assert_eq!(scene.times("work"), (1, 13, 3));
    assert_eq!(scene.times("child"), (1, 10, 10));
    assert_eq!(scene.times("other"), (1, 10, 10));
}

#[test]
fn children_on_other_threads_cover_their_parent() {
    let scene = scene();
    let parent = scene.run(|| info_span!("parent"));
    let (step, steps) = mpsc::channel::<()>();
    std::thread::scope(|threads| {
        let opened = scene.run(|| info_span!(parent: &parent, "child"));
        scene.ms(5);
        let scene = &scene;
        threads.spawn(move || {
            steps.recv().unwrap();
            // In the scene, because the Registry gives the parent back through the thread's dispatcher.
            scene.run(|| drop(opened));
        });
        scene.ms(5);
        step.send(()).unwrap();
    });
    scene.ms(1);
    scene.run(|| drop(parent));
    assert_eq!(scene.times("parent"), (1, 11, 1));
}

#[test]
fn spans_in_flight_are_counted_by_the_name_they_were_opened_with() {
    let scene = scene();
    scene.run(|| {
        let all: Vec<_> = (0..3).map(|_| info_span!("work", otel.name = tracing::field::Empty)).collect();
        assert_eq!(scene.operation("work").in_flight, 3);
        for span in &all {
            span.record("otel.name", "renamed");
        }
        drop(all);
        let _named = info_span!("work", otel.name = "named", otel.kind = "server");
        assert_eq!(scene.operation("named").in_flight, 1);
    });
    let named = |name: &str| scene.store.operations().into_iter().filter(|it| it.name == name).collect::<Vec<_>>();
    for name in ["work", "renamed", "named"] {
        assert!(named(name).iter().all(|it| it.in_flight == 0), "{name}");
    }
    assert_eq!(named("renamed").iter().map(|it| it.calls).sum::<u64>(), 3);
}
