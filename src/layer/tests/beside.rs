//! Layers of the host's own beside ours: each sees what it wants, whatever the other leaves out.

use std::sync::Mutex;

use tracing::{Event, Level, Metadata, Subscriber, debug, debug_span, info_span, trace_span};
use tracing_core::span::{Attributes, Id};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::*;

/// A layer of the host's, which keeps what it sees.
#[derive(Debug, Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn push(&self, metadata: &Metadata<'_>) {
        self.0.lock().unwrap().push(format!("{} {}", metadata.level(), metadata.target()));
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> tracing_subscriber::Layer<S> for Seen {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        assert!(context.span(id).is_some());
        self.push(attributes.metadata());
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.push(event.metadata());
    }
}

fn ours<S: Subscriber + for<'a> LookupSpan<'a>>() -> (Layer<S>, Arc<Store>) {
    let (clock, internal) = (Clock::manual(Timestamp(1)), Arc::new(Internal::default()));
    let store = Store::new(series::Config::default(), clock.clone(), Arc::clone(&internal));
    let store_too = Some(Arc::clone(&store));
    let parts = Parts { store: store_too, internal, clock, traces: None, logs: None, console: None };
    (Layer::new(&Config::default(), parts).beside_others(), store)
}

/// Two rounds, so that what was decided at registration and what is remembered of the round before count as well.
fn host_code() {
    for _ in 0..2 {
        let _request = info_span!(target: "shop", "request").entered();
        let _detail = debug_span!(target: "shop", "detail").entered();
        debug!(target: "shop", "a detail");
        tracing::info!(target: "shop", "news");
        drop(trace_span!(target: "h2::client", "frame"));
        drop(info_span!(target: "shop", "item"));
    }
}

fn measured(store: &Store) -> BTreeMap<String, u64> {
    store.operations().into_iter().map(|operation| (operation.name, operation.calls)).collect()
}

const EVERYTHING: [&str; 6] = ["INFO shop", "DEBUG shop", "DEBUG shop", "INFO shop", "TRACE h2::client", "INFO shop"];

#[test]
fn what_telemetry_does_not_want_reaches_the_layers_of_the_host_and_the_other_way_round() {
    type Case = (&'static str, fn(Layer<Registry>, Seen) -> Dispatch, &'static [&'static str]);
    let cases: [Case; 4] = [
        ("a layer after ours", |ours, seen| Dispatch::new(Registry::default().with(ours).with(seen)), &EVERYTHING),
        (
            "a filtered layer after ours that wants less",
            |ours, seen| {
                let seen = seen.with_filter(Targets::new().with_default(Level::WARN));
                Dispatch::new(Registry::default().with(ours).with(seen))
            },
            &[],
        ),
        (
            "a filtered layer after ours that wants more",
            |ours, seen| {
                let seen = seen.with_filter(Targets::new().with_target("shop", Level::DEBUG));
                Dispatch::new(Registry::default().with(ours).with(seen))
            },
            &["INFO shop", "DEBUG shop", "DEBUG shop", "INFO shop", "INFO shop"],
        ),
        (
            "ours in a box",
            |ours, seen| Dispatch::new(Registry::default().with(ours.boxed()).with(Some(seen))),
            &EVERYTHING,
        ),
    ];
    for (what, subscriber, expected) in cases {
        let (ours, store) = ours();
        let seen = Seen::default();
        tracing::dispatcher::with_default(&subscriber(ours, seen.clone()), host_code);
        assert_eq!(seen.take(), [expected, expected].concat(), "{what}");
        assert_eq!(measured(&store), BTreeMap::from([("item".into(), 2), ("request".into(), 2)]), "{what}");
    }
}

#[test]
fn a_layer_before_ours_sees_everything_as_well() {
    let (ours, store) = ours();
    let seen = Seen::default();
    let details = seen.clone().with_filter(Targets::new().with_target("shop", Level::DEBUG));
    let subscriber = Registry::default().with(details).with(ours);
    tracing::subscriber::with_default(subscriber, host_code);
    assert_eq!(seen.take().len(), 10);
    assert_eq!(measured(&store), BTreeMap::from([("item".into(), 2), ("request".into(), 2)]));
}

#[test]
fn alone_the_layer_switches_off_what_it_does_not_want() {
    let (ours, _) = ours();
    tracing::subscriber::with_default(Registry::default().with(ours), || {
        assert!(trace_span!(target: "h2::client", "frame").is_disabled());
        assert!(!info_span!(target: "shop", "request").is_disabled());
    });
}
