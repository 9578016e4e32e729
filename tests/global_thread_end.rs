//! A host that enters spans and records metrics while the locals of its thread are destroyed, under a global
//! subscriber: a scoped one is gone by then.
//!
//! Where the Registry's own locals are gone as well, it panics itself, with or without a layer; so they are made to go
//! last here.

use std::cell::RefCell;
use std::sync::Arc;

use bellwether::clock::Clock;
use bellwether::internal::Internal;
use bellwether::layer::{Config, Layer, Parts};
use bellwether::model::Data;
use bellwether::series::{self, Collect, Store};
use tracing::{Span, info, info_span};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

thread_local! {
    static FIRST: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
    static LAST: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
}

/// Opened early, entered and closed at the end of the thread.
struct AtEnd(Span);
impl Drop for AtEnd {
    fn drop(&mut self) {
        let entered = self.0.enter();
        self.0.record("http.route", "/end");
        info!(monotonic_counter.at_end = 1, route = "/end");
        tracing::event!(tracing::Level::ERROR, error.type = "end", "the thread ends");
        drop(entered);
    }
}

struct Everything;
impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Everything {}

#[test]
fn spans_and_events_in_thread_local_destructors_are_measured() {
    let (clock, internal) = (Clock::system(), Arc::new(Internal::default()));
    let store = Store::new(series::Config::default(), clock.clone(), Arc::clone(&internal));
    let parts = Parts {
        store: Some(Arc::clone(&store)),
        internal,
        clock: clock.clone(),
        traces: None,
        logs: None,
        console: None,
    };
    let layer = Layer::new(&Config::default(), parts);
    tracing::subscriber::set_global_default(Registry::default().with(layer)).unwrap();

    std::thread::spawn(|| {
        let at_end = || AtEnd(info_span!("at the end", http.route = tracing::field::Empty));
        // Locals are destroyed in the reverse order of their first use: `LAST`, then those of the layer, `FIRST`, and
        // those of the Registry. Where it is the other way round, the test only shows less.
        let another = Registry::default().with(Everything);
        tracing::subscriber::with_default(another, || drop(info_span!("not ours").entered()));
        FIRST.set(Some(at_end()));
        drop(info_span!("work", http.route = "/").entered());
        LAST.set(Some(at_end()));
    })
    .join()
    .unwrap();

    let operations = store.operations();
    let mut operations: Vec<_> = operations.iter().map(|it| (&*it.name, it.calls, it.errors, it.in_flight)).collect();
    operations.sort_unstable();
    assert_eq!(operations, [("at the end", 2, 2, 0), ("work", 1, 0, 0)]);
    let metrics = store.collect(clock.now(), Collect::Peek);
    let at_end = metrics.iter().find(|metric| metric.name == "at_end").unwrap();
    let Data::Sum { points, .. } = &at_end.data else { panic!("{at_end:?}") };
    assert_eq!(points.iter().map(|point| point.value.as_f64()).collect::<Vec<_>>(), [2.0]);
}
