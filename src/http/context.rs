//! Context in HTTP headers, by the propagator that `bellwether::init` installed: W3C unless `OTEL_PROPAGATORS` says else.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::global::get_text_map_propagator;
use opentelemetry::propagation::{Extractor, Injector};

/// Writes the current context into headers: the span that is entered, sampled or not, and baggage.
///
/// For clients that no [`ClientLayer`](super::ClientLayer) fits around.
pub fn inject(headers: &mut HeaderMap) {
    let context = Context::current();
    get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut Writer(headers)));
}

/// The current context with what headers carry: a remote span, baggage.
///
/// A span that is opened while it is attached goes on with the caller's trace.
pub fn extract(headers: &HeaderMap) -> Context {
    get_text_map_propagator(|propagator| propagator.extract(&Reader(headers)))
}

struct Writer<'a>(&'a mut HeaderMap);

impl Injector for Writer<'_> {
    fn set(&mut self, key: &str, value: String) {
        // What no header can carry stays here; a full map does as well.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            drop(self.0.try_insert(name, value));
        }
    }
}

struct Reader<'a>(&'a HeaderMap);

impl Extractor for Reader<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let all: Vec<&str> = self.0.get_all(key).iter().filter_map(|value| value.to_str().ok()).collect();
        (!all.is_empty()).then_some(all)
    }
}
