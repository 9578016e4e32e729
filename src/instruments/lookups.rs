//! How often a cache has the answer.

use std::borrow::Cow;

use opentelemetry::KeyValue;

use super::Counter;
use crate::names::{CACHE_LOOKUPS, CACHE_NAME, CACHE_RESULT};

/// A recorder for the cache with this name.
///
/// ```
/// use std::sync::LazyLock;
/// use bellwether::instruments::{Cache, cache};
/// use bellwether::opentelemetry::KeyValue;
///
/// static PAGES: LazyLock<Cache> = LazyLock::new(|| cache("pages"));
///
/// let capture = bellwether::testing::capture();
/// capture.scope(|| {
///     PAGES.hit();
///     PAGES.lookup(false); // a miss
/// });
/// let of = |result| capture.value("cache.lookups", &[KeyValue::new("cache.name", "pages"), KeyValue::new("cache.result", result)]);
/// assert_eq!([of("hit"), of("miss")], [Some(1.0), Some(1.0)]);
/// ```
pub fn cache(name: impl Into<Cow<'static, str>>) -> Cache {
    let name = KeyValue::new(CACHE_NAME, name.into());
    let of = |result| [name.clone(), KeyValue::new(CACHE_RESULT, result)];
    let counter = super::counter(CACHE_LOOKUPS.name);
    let counter = counter.with_unit(CACHE_LOOKUPS.unit).with_description(CACHE_LOOKUPS.description);
    Cache { counter, hit: of("hit"), miss: of("miss") }
}

/// Counts lookups in a cache as `cache.lookups`, with the attributes `cache.name` and `cache.result` (`hit` or `miss`). The
/// default rules alert when too few of them hit. OpenTelemetry has no convention for caches in a process; these are ours.
#[derive(Debug)]
pub struct Cache {
    counter: Counter,
    hit: [KeyValue; 2],
    miss: [KeyValue; 2],
}

impl Cache {
    /// The cache had it.
    pub fn hit(&self) {
        self.counter.add(1, &self.hit);
    }

    /// The cache had it not.
    pub fn miss(&self) {
        self.counter.add(1, &self.miss);
    }

    /// A lookup, and whether the cache had it.
    pub fn lookup(&self, found: bool) {
        if found { self.hit() } else { self.miss() }
    }
}
