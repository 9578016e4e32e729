//! A small typed API for code without spans: counter, up-down counter, gauge, histogram, timer, and lookups in a cache.
//!
//! An instrument is declared once, as a static, and used from anywhere:
//!
//! ```
//! use std::sync::LazyLock;
//! use bellwether::instruments::{Counter, Timer, counter, timer};
//! use bellwether::opentelemetry::KeyValue;
//!
//! static ORDERS: LazyLock<Counter> = LazyLock::new(|| counter("shop.orders").with_unit("{order}"));
//! static PACKING: LazyLock<Timer> = LazyLock::new(|| timer("shop.packing.duration"));
//!
//! fn order() {
//!     let _running = PACKING.start(&[]); // records when it is dropped
//!     ORDERS.add(1, &[KeyValue::new("payment", "card")]);
//! }
//!
//! let capture = bellwether::testing::capture();
//! capture.scope(order);
//! assert_eq!(capture.value("shop.orders", &[KeyValue::new("payment", "card")]), Some(1.0));
//! ```
//!
//! Measurements go to the telemetry of the calling thread's `tracing` subscriber: that of `bellwether::init`, or that
//! of the scope of a test. Without one they cost a few nanoseconds and do nothing. Within a sampled span they become
//! exemplars. What makes no sense (`NaN`, a negative increment of a [`Counter`]) is refused and counted, never an
//! error in the host's code.
//!
//! Names, units and the choice of an instrument follow
//! <https://opentelemetry.io/docs/specs/semconv/general/metrics/>. Meters of the OpenTelemetry API itself work too, and
//! are exported with the rest.

mod core;
mod lookups;
mod series;
mod timer;

use std::borrow::Cow;

use opentelemetry::KeyValue;

use self::core::Core;
pub use self::lookups::{Cache, cache};
pub use self::timer::{Running, Timer};
use crate::model::Number;
use crate::series::InstrumentKind;

/// A [`Counter`] with this name, for example `http.client.retries`.
pub fn counter(name: impl Into<Cow<'static, str>>) -> Counter {
    Counter(Core::new(name.into(), InstrumentKind::Counter))
}

/// An [`UpDownCounter`] with this name, for example `queue.size`.
pub fn up_down_counter(name: impl Into<Cow<'static, str>>) -> UpDownCounter {
    UpDownCounter(Core::new(name.into(), InstrumentKind::UpDownCounter))
}

/// A [`Gauge`] with this name, for example `queue.age`.
pub fn gauge(name: impl Into<Cow<'static, str>>) -> Gauge {
    Gauge(Core::new(name.into(), InstrumentKind::Gauge))
}

/// A [`Histogram`] with this name, for example `http.request.body.size`.
pub fn histogram(name: impl Into<Cow<'static, str>>) -> Histogram {
    Histogram(Core::new(name.into(), InstrumentKind::Histogram))
}

/// A [`Timer`] with this name, by convention ending in `.duration`.
pub fn timer(name: impl Into<Cow<'static, str>>) -> Timer {
    Timer::new(name.into())
}

/// A sum that never decreases.
///
/// ```
/// # let capture = bellwether::testing::capture();
/// # capture.scope(|| {
/// let bytes = bellwether::instruments::counter("upload.io").with_unit("By").with_description("Bytes received");
/// bytes.add(4_096, &[]);
/// # });
/// # assert_eq!(capture.value("upload.io", &[]), Some(4_096.0));
/// ```
#[derive(Debug)]
pub struct Counter(Core);

impl Counter {
    /// Adds a whole number or a float; a negative one is refused and counted.
    pub fn add(&self, value: impl Into<Number>, attributes: &[KeyValue]) {
        let value = value.into();
        self.0.measure(attributes, |store, series, link| store.add(series, value, link));
    }
}

/// A sum that may decrease: how much there is of something, from additions and removals.
///
/// ```
/// # let capture = bellwether::testing::capture();
/// # capture.scope(|| {
/// let connections = bellwether::instruments::up_down_counter("pool.connections").with_unit("{connection}");
/// connections.add(3, &[]);
/// connections.add(-1, &[]);
/// # });
/// # assert_eq!(capture.value("pool.connections", &[]), Some(2.0));
/// ```
#[derive(Debug)]
pub struct UpDownCounter(Core);

impl UpDownCounter {
    /// Adds a whole number or a float, negative ones too.
    pub fn add(&self, value: impl Into<Number>, attributes: &[KeyValue]) {
        let value = value.into();
        self.0.measure(attributes, |store, series, link| store.add(series, value, link));
    }
}

/// The last value of something that is measured, not counted.
///
/// ```
/// # let capture = bellwether::testing::capture();
/// # capture.scope(|| {
/// let temperature = bellwether::instruments::gauge("rack.temperature").with_unit("Cel");
/// temperature.record(21.5, &[]);
/// # });
/// # assert_eq!(capture.value("rack.temperature", &[]), Some(21.5));
/// ```
#[derive(Debug)]
pub struct Gauge(Core);

impl Gauge {
    /// Sets the value.
    pub fn record(&self, value: impl Into<Number>, attributes: &[KeyValue]) {
        let value = value.into();
        self.0.measure(attributes, |store, series, _| store.set(series, value));
    }
}

/// A distribution of values.
///
/// ```
/// # let capture = bellwether::testing::capture();
/// # capture.scope(|| {
/// let results = bellwether::instruments::histogram("search.results").with_boundaries([1.0, 10.0, 100.0]);
/// results.record(7, &[]);
/// # });
/// # assert_eq!(capture.value("search.results", &[]), Some(7.0));
/// ```
#[derive(Debug)]
pub struct Histogram(Core);

impl Histogram {
    /// Records a value.
    pub fn record(&self, value: impl Into<Number>, attributes: &[KeyValue]) {
        let value = value.into().as_f64();
        self.0.measure(attributes, |store, series, link| store.record(series, value, link));
    }

    /// Upper inclusive bounds of the buckets, finite and ascending. Default:
    /// [`Config::DEFAULT_BOUNDS`](crate::series::Config::DEFAULT_BOUNDS), the specification's.
    #[must_use]
    pub fn with_boundaries(self, boundaries: impl IntoIterator<Item = f64>) -> Self {
        Self(self.0.with_boundaries(boundaries))
    }
}

/// The settings that all instruments have.
macro_rules! described {
    ($($instrument:ident),+) => {$(
        impl $instrument {
            /// The unit in UCUM, for example `s`, `By`, `{order}`. Default: none.
            #[must_use]
            pub fn with_unit(self, unit: impl Into<Cow<'static, str>>) -> Self {
                Self(self.0.with_unit(unit.into()))
            }

            /// What it says, for a person. Default: nothing.
            #[must_use]
            pub fn with_description(self, description: impl Into<Cow<'static, str>>) -> Self {
                Self(self.0.with_description(description.into()))
            }
        }
    )+};
}

described!(Counter, UpDownCounter, Gauge, Histogram);
