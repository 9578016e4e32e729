//! The metrics of the layer as a subscriber sees them: a real Registry, a clock that the test moves.

mod beside;
mod dimensions;
mod errors;
mod events;
mod families;
mod host;
mod times;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tracing::Dispatch;
use tracing_core::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer as _, Registry};

use super::{Config, Handle, Layer, Parts};
use crate::clock::{Clock, Timestamp};
use crate::internal::{Counter, Internal};
use crate::model::{Data, Operation};
use crate::series::{self, Collect, Store};

struct Scene {
    dispatch: Dispatch,
    store: Arc<Store>,
    internal: Arc<Internal>,
    clock: Clock,
}

/// The default settings, but that these tests' own target is on.
fn config() -> Config {
    let filter = Config::default_filter().with_target("bellwether::layer", LevelFilter::INFO);
    Config { filter, ..Config::default() }
}

fn scene() -> Scene {
    scene_with(&config(), series::Config::default())
}

fn scene_of(layer: &Config) -> Scene {
    scene_with(layer, series::Config::default())
}

fn scene_with(layer: &Config, series: series::Config) -> Scene {
    let (clock, internal) = (Clock::manual(Timestamp(1_000_000_000)), Arc::new(Internal::default()));
    let store = Store::new(series, clock.clone(), Arc::clone(&internal));
    let parts = Parts {
        store: Some(Arc::clone(&store)),
        internal: Arc::clone(&internal),
        clock: clock.clone(),
        traces: None,
        logs: None,
        console: None,
    };
    let dispatch = Dispatch::new(Registry::default().with(Layer::new(layer, parts).boxed()));
    Scene { dispatch, store, internal, clock }
}

impl Scene {
    fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        tracing::dispatcher::with_default(&self.dispatch, f)
    }

    /// Time passes.
    fn ms(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
    }

    fn operation(&self, name: &str) -> Operation {
        let mut found: Vec<Operation> = self.store.operations().into_iter().filter(|it| it.name == name).collect();
        assert_eq!(found.len(), 1, "operations named {name}: {found:?}");
        found.remove(0)
    }

    /// Calls, duration and self time in milliseconds.
    fn times(&self, name: &str) -> (u64, u64, u64) {
        let operation = self.operation(name);
        let whole = |ms: f64| {
            assert!((ms - ms.round()).abs() < 1e-6, "{ms} ms");
            format!("{ms:.0}").parse::<u64>().unwrap()
        };
        (operation.calls, whole(operation.duration.sum.unwrap_or_default()), whole(operation.self_ms))
    }

    /// Points of a sum or gauge: their attributes, but the service, as text, and their values.
    fn points(&self, metric: &str) -> BTreeMap<String, f64> {
        let metrics = self.store.collect(self.clock.now(), Collect::Peek);
        let Some(metric) = metrics.into_iter().find(|found| found.name == metric) else { return BTreeMap::new() };
        let text = |attributes: &crate::model::Attributes| {
            let pairs = attributes.iter().filter(|kv| kv.key.as_str() != "service.name");
            pairs.map(|kv| format!("{}={}", kv.key, kv.value)).collect::<Vec<_>>().join(" ")
        };
        match metric.data {
            Data::Gauge(points) | Data::Sum { points, .. } => {
                points.iter().map(|point| (text(&point.attributes), point.value.as_f64())).collect()
            }
            Data::Histogram { points, .. } => {
                points.iter().map(|point| (text(&point.attributes), point.value.sum.unwrap_or_default())).collect()
            }
            Data::ExponentialHistogram { .. } => panic!("not asked for"),
        }
    }

    /// Attributes of the calls metric beyond those of every internal span named `work`, and how many calls.
    fn work(&self) -> BTreeMap<String, f64> {
        let points = self.points("traces.span.metrics.calls");
        let strip = |text: &str| text.replace("span.kind=SPAN_KIND_INTERNAL span.name=work ", "");
        points.iter().map(|(text, calls)| (strip(text).replace("status.code=STATUS_CODE_", ""), *calls)).collect()
    }

    fn counted(&self, counter: Counter) -> u64 {
        self.internal.counted(counter)
    }
}

fn expect<const N: usize>(pairs: [(&str, f64); N]) -> BTreeMap<String, f64> {
    pairs.map(|(text, value)| (String::from(text), value)).into()
}

#[test]
fn the_handle_is_found_through_any_subscriber_that_holds_the_layer() {
    let scene = scene();
    let handle = scene.run(|| Handle::current().unwrap());
    assert!(Arc::ptr_eq(handle.store().unwrap(), &scene.store));
    assert!(Handle::of(&Dispatch::new(Registry::default())).is_none());
}

#[test]
fn without_a_store_spans_that_nobody_wants_cost_nothing() {
    let parts = Parts {
        store: None,
        internal: Arc::default(),
        clock: Clock::system(),
        traces: None,
        logs: None,
        console: None,
    };
    let layer = Layer::new(&Config::default(), parts);
    tracing::subscriber::with_default(Registry::default().with(layer), || {
        assert!(tracing::info_span!("nobody").is_disabled());
        assert!(!tracing::event_enabled!(tracing::Level::ERROR));
    });
}

#[test]
fn the_filter_decides_by_level_and_target_and_leaves_the_exporters_crates_out() {
    let scene = scene();
    scene.run(|| {
        assert!(tracing::debug_span!("too detailed").is_disabled());
        assert!(tracing::info_span!(target: "h2::client", "of the exporter").is_disabled());
        assert!(!tracing::info_span!(target: "shop", "wanted").is_disabled());
        assert!(!tracing::info_span!(target: "bellwether_shop", "wanted").is_disabled());
        assert!(!tracing::event_enabled!(tracing::Level::INFO));
    });
}
