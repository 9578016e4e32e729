//! A host whose `Debug` implementation logs and opens spans of itself, under a global subscriber: with a scoped one
//! `tracing` itself leaves nested events out.

use std::fmt;
use std::sync::Arc;

use bellwether::clock::Clock;
use bellwether::internal::Internal;
use bellwether::layer::{Config, Layer, Parts};
use bellwether::series::{self, Store};
use tracing::{info, info_span};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

struct LogsItself;
impl fmt::Debug for LogsItself {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        info_span!("inside", http.route = ?self).in_scope(|| {
            tracing::event!(tracing::Level::ERROR, error.type = ?self, "inside");
            info!(monotonic_counter.inside = 1, value = ?self);
        });
        f.write_str("itself")
    }
}

#[test]
fn a_value_that_logs_itself_comes_to_an_end_and_everything_is_measured() {
    let (clock, internal) = (Clock::system(), Arc::new(Internal::default()));
    let store = Store::new(series::Config::default(), clock.clone(), Arc::clone(&internal));
    let parts = Parts {
        store: Some(Arc::clone(&store)),
        internal,
        clock,
        tracer_provider: None,
        logger_provider: None,
        console: None,
    };
    let layer = Layer::new(&Config::default(), parts);
    tracing::subscriber::set_global_default(Registry::default().with(layer)).unwrap();

    drop(info_span!("outside", http.route = ?LogsItself));
    info!(monotonic_counter.outside = 1, value = ?LogsItself);

    let operations = store.operations();
    let named = |name: &str| operations.iter().find(|it| it.name == name).unwrap();
    assert_eq!(named("outside").calls, 1);
    assert!(named("inside").calls >= 2 && named("inside").errors == named("inside").calls);
}
