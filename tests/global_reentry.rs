//! A host whose `Debug` implementation logs and opens spans of itself, under a global subscriber: with a scoped one
//! `tracing` itself leaves nested events out.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bellwether::clock::Clock;
use bellwether::internal::Internal;
use bellwether::layer::{Config, Console, Layer, LogSink, Parts, Traces, Written};
use bellwether::series::{self, Store};
use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
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

/// Keeps the names of recorded spans.
#[derive(Debug, Clone, Default)]
struct Names(Arc<Mutex<Vec<String>>>);

impl SpanProcessor for Names {
    fn on_start(&self, _: &mut Span, _: &Context) {}
    fn on_end(&self, span: SpanData) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(span.name.into_owned());
    }
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

struct Nowhere;

impl LogSink for Nowhere {
    fn put(&self, written: Written) {
        drop(written.into_record());
    }
}

#[test]
fn a_value_that_logs_itself_comes_to_an_end_and_everything_is_measured() {
    let (clock, internal) = (Clock::system(), Arc::new(Internal::default()));
    let store = Store::new(series::Config::default(), clock.clone(), Arc::clone(&internal));
    let config = Config::default();
    let resource = Resource::builder_empty().build();
    let names = Names::default();
    let parts = Parts {
        store: Some(Arc::clone(&store)),
        clock,
        traces: Some(Traces::new(&config, resource, vec![Box::new(names.clone())], &internal)),
        logs: Some(Box::new(Nowhere)),
        console: Some(Console::with_writer("RUST_LOG", "trace", false, std::io::sink).unwrap()),
        internal,
    };
    let layer = Layer::new(&config, parts);
    tracing::subscriber::set_global_default(Registry::default().with(layer)).unwrap();

    let outside = info_span!("outside", http.route = ?LogsItself, later = tracing::field::Empty).entered();
    outside.record("later", tracing::field::debug(LogsItself));
    drop(outside);
    info!(monotonic_counter.outside = 1, value = ?LogsItself);

    let operations = store.operations();
    let named = |name: &str| operations.iter().find(|it| it.name == name).unwrap();
    assert_eq!(named("outside").calls, 1);
    assert_eq!(names.0.lock().unwrap().iter().filter(|name| *name == "outside").count(), 1);
    assert!(named("inside").calls >= 2 && named("inside").errors == named("inside").calls);
}
