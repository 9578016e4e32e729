//! A child made by `fork` has no pipeline thread: nothing there may wait for it.

#![cfg(unix)]
#![expect(unsafe_code, reason = "std has no fork")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bellwether::model::Reason;
use bellwether::opentelemetry::KeyValue;

use crate::process::case;
use crate::receiver::Receiver;

const DEADLINE: Duration = Duration::from_secs(30);

/// How a child that does `body` ended; 0 when it got to its end, at once.
fn forked(body: impl FnOnce() -> bool) -> i32 {
    // SAFETY: the child runs on with one thread, which is what is tested, and ends without the parent's exit handlers.
    // The alarm ends it, should it hang.
    unsafe {
        let pid = libc::fork();
        if pid == 0 {
            libc::alarm(5);
            let as_expected = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_or(false);
            libc::_exit(i32::from(!as_expected));
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(pid, &raw mut status, 0), pid);
        status
    }
}

#[test]
fn a_forked_child_neither_waits_nor_hangs_and_the_parent_loses_nothing() {
    case("fork::a_forked_child_neither_waits_nor_hangs_and_the_parent_loses_nothing", &[], || {
        let receiver = Receiver::grpc();
        let environment = receiver.variables().into_iter().collect();
        let guard = bellwether::builder().environment(environment).console(false).init().unwrap();
        tracing::info_span!("in the parent").in_scope(|| tracing::info!("before"));
        let handle = guard.handle();
        let status = forked(move || {
            for _ in 0..10_000 {
                tracing::info_span!("in the child").in_scope(|| tracing::info!("in vain"));
            }
            let flushed = handle.flush(DEADLINE);
            handle.snapshot();
            let report = handle.shutdown(DEADLINE);
            flushed == report
                && report.traces.dropped.contains(&(Reason::Forked, 10_000))
                && report.logs.dropped.contains(&(Reason::Forked, 10_000))
        });
        assert_eq!(status, 0, "14 is an alarm: the child hung");
        tracing::info_span!("in the parent").in_scope(|| ());
        let report = guard.shutdown(DEADLINE);
        assert!(report.is_complete(), "{report}");
        assert_eq!(receiver.span_names(), ["in the parent", "in the parent"]);
    });
}

#[test]
fn a_guard_dropped_in_a_forked_child_returns_at_once() {
    case("fork::a_guard_dropped_in_a_forked_child_returns_at_once", &[], || {
        let environment = Receiver::grpc().variables().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment = environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let guard = bellwether::builder().environment(environment).shutdown_timeout(DEADLINE).init().unwrap();
        let mut guard = Some(guard);
        let status = forked(|| {
            drop(guard.take());
            true
        });
        assert_eq!(status, 0, "14 is an alarm: the child hung");
    });
}

#[test]
fn a_child_that_was_forked_while_another_thread_made_a_series_does_not_wait_for_that_thread() {
    let name = "fork::a_child_that_was_forked_while_another_thread_made_a_series_does_not_wait_for_that_thread";
    case(name, &[("OTEL_TRACES_EXPORTER", "none"), ("OTEL_LOGS_EXPORTER", "none")], || {
        let environment = [("OTEL_METRICS_EXPORTER", "none")].into_iter().collect();
        let guard = bellwether::builder().environment(environment).console(false).init().unwrap();
        let counter = bellwether::instruments::counter("shop.orders");
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            // Always in the store's cold path.
            scope.spawn(|| {
                for number in (0_i64..).take_while(|_| !ended.load(Ordering::Relaxed)) {
                    counter.add(1, &[KeyValue::new("number", number)]);
                }
            });
            let statuses: Vec<i32> = (0..100_i64)
                .map(|number| {
                    forked(|| {
                        counter.add(1, &[KeyValue::new("of the child", number)]);
                        bellwether::instruments::gauge("of the child").record(number, &[]);
                        // What the last tick of the parent collected, if there was one.
                        guard.snapshot();
                        guard.operations().is_empty()
                    })
                })
                .take_while(|status| *status == 0)
                .collect();
            ended.store(true, Ordering::Relaxed);
            assert_eq!(statuses.len(), 100, "a child hung or failed");
        });
        drop(guard);
    });
}
