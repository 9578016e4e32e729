//! A histogram of durations, in seconds.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;

use super::core::{Core, with_current};
use crate::series::{InstrumentKind, Store};

/// How long something takes, in seconds, as the semantic conventions have it.
///
/// ```
/// # use std::time::Duration;
/// # let capture = bellwether::testing::capture();
/// # capture.scope(|| {
/// let packing = bellwether::instruments::timer("shop.packing.duration");
/// let running = packing.start(&[]);
/// capture.advance(Duration::from_millis(250)); // work
/// drop(running);
/// packing.record(Duration::from_secs(1), &[]);
/// # });
/// # assert_eq!(capture.value("shop.packing.duration", &[]), Some(1.25));
/// ```
#[derive(Debug)]
pub struct Timer(Core);

impl Timer {
    /// The bounds that the semantic conventions advise for durations, in seconds
    /// (<https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserverrequestduration>).
    pub const BOUNDARIES: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

    pub(super) fn new(name: Cow<'static, str>) -> Self {
        let core = Core::new(name, InstrumentKind::Histogram);
        Self(core.with_unit(Cow::Borrowed("s")).with_boundaries(Self::BOUNDARIES))
    }

    /// What it says, for a person. Default: nothing.
    #[must_use]
    pub fn with_description(self, description: impl Into<Cow<'static, str>>) -> Self {
        Self(self.0.with_description(description.into()))
    }

    /// Upper inclusive bounds of the buckets in seconds, finite and ascending. Default: [`Timer::BOUNDARIES`].
    #[must_use]
    pub fn with_boundaries(self, boundaries: impl IntoIterator<Item = f64>) -> Self {
        Self(self.0.with_boundaries(boundaries))
    }

    /// Records a duration that is already known.
    pub fn record(&self, duration: Duration, attributes: &[KeyValue]) {
        self.0.measure(attributes, |store, series, link| store.record(series, duration.as_secs_f64(), link));
    }

    /// Measures from now until the result is dropped.
    pub fn start(&self, attributes: &[KeyValue]) -> Running<'_> {
        let began = with_current(|store, _| Began {
            store: Arc::clone(store),
            ticks: store.clock().ticks(),
            attributes: attributes.to_vec(),
        });
        Running { timer: self, began }
    }
}

/// A measurement under way; it is recorded when this is dropped.
#[derive(Debug)]
#[must_use = "it measures until it is dropped"]
pub struct Running<'a> {
    timer: &'a Timer,
    /// `None` when there is nobody to tell.
    began: Option<Began>,
}

#[derive(Debug)]
struct Began {
    /// Whose clock it is, and who gets the measurement, wherever it ends.
    store: Arc<Store>,
    ticks: u64,
    attributes: Vec<KeyValue>,
}

impl Running<'_> {
    /// Adds an attribute that is known only now, such as how it ended.
    pub fn set(&mut self, attribute: KeyValue) {
        if let Some(began) = &mut self.began {
            began.attributes.push(attribute);
        }
    }

    /// Ends the measurement without recording it.
    pub fn discard(mut self) {
        self.began = None;
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let Some(Began { store, ticks, attributes }) = self.began.take() else { return };
        let elapsed = Duration::from_nanos(store.clock().ticks().saturating_sub(ticks)).as_secs_f64();
        let link = with_current(|current, link| link.filter(|_| Arc::ptr_eq(current, &store))).flatten();
        self.timer.0.measure_in(&store, &attributes, |store, series| store.record(series, elapsed, link));
    }
}
