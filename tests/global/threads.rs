//! Threads that come and go, spans that never end, spans in a dying thread.

use std::cell::RefCell;
use std::time::Duration;

use bellwether::Guard;

use crate::process::case;
use crate::receiver::Receiver;

const DEADLINE: Duration = Duration::from_secs(20);

fn init(receiver: &Receiver) -> Guard {
    let queues = [("OTEL_BSP_MAX_QUEUE_SIZE", "200000"), ("OTEL_BLRP_MAX_QUEUE_SIZE", "200000")];
    let environment = receiver.variables().into_iter().chain(queues).collect();
    bellwether::builder().environment(environment).console(false).init().unwrap()
}

fn calls(guard: &Guard, name: &str) -> u64 {
    guard.operations().iter().filter(|operation| operation.name == name).map(|operation| operation.calls).sum()
}

#[test]
fn a_thousand_threads_that_come_and_go_are_all_counted() {
    case("threads::a_thousand_threads_that_come_and_go_are_all_counted", &[], || {
        let receiver = Receiver::grpc();
        let guard = init(&receiver);
        for _ in 0..20 {
            let threads: Vec<_> = (0..50)
                .map(|_| std::thread::spawn(|| (0..10).for_each(|_| tracing::info_span!("work").in_scope(|| ()))))
                .collect();
            for thread in threads {
                thread.join().unwrap();
            }
        }
        assert_eq!(calls(&guard, "work"), 10_000);
        let report = guard.shutdown(DEADLINE);
        assert!(report.is_complete(), "{report}");
        assert_eq!(receiver.spans().len(), 10_000);
    });
}

#[test]
fn a_hundred_thousand_leaked_spans_do_no_harm_to_those_after_them() {
    case("threads::a_hundred_thousand_leaked_spans_do_no_harm_to_those_after_them", &[], || {
        let receiver = Receiver::http();
        let guard = init(&receiver);
        for _ in 0..100_000 {
            std::mem::forget(tracing::info_span!("leaked"));
        }
        for _ in 0..1_000 {
            tracing::info_span!("after").in_scope(|| ());
        }
        assert_eq!((calls(&guard, "leaked"), calls(&guard, "after")), (0, 1_000));
        let report = guard.shutdown(DEADLINE);
        assert!(report.is_complete(), "{report}");
        assert_eq!(receiver.span_names(), vec!["after"; 1_000]);
    });
}

#[test]
fn a_span_in_a_thread_local_destructor_is_no_abort() {
    struct Late(&'static str);
    impl Drop for Late {
        fn drop(&mut self) {
            tracing::info_span!("late", of = self.0).in_scope(|| tracing::info!("late"));
        }
    }
    thread_local! {
        static FIRST: RefCell<Option<Late>> = const { RefCell::new(None) };
        static LAST: RefCell<Option<Late>> = const { RefCell::new(None) };
    }

    case("threads::a_span_in_a_thread_local_destructor_is_no_abort", &[], || {
        let receiver = Receiver::grpc();
        let guard = init(&receiver);
        for _ in 0..20 {
            let thread = std::thread::spawn(|| {
                FIRST.with_borrow_mut(|late| *late = Some(Late("first")));
                tracing::info_span!("usual").in_scope(|| tracing::info!("usual"));
                LAST.with_borrow_mut(|late| *late = Some(Late("last")));
            });
            thread.join().unwrap();
        }
        // The older thread-local is destroyed after those that the registry needs: what it opens is left out, counted.
        assert_eq!((calls(&guard, "usual"), calls(&guard, "late")), (20, 20));
        let left_out = guard.snapshot().metric("bellwether.internal.events").map(|metric| format!("{metric:?}"));
        assert!(left_out.is_some_and(|events| events.contains("thread_ending")));
        let report = guard.shutdown(DEADLINE);
        assert!(report.is_complete(), "{report}");
        assert_eq!(receiver.span_names().iter().filter(|name| *name == "usual").count(), 20);
    });
}
