//! What all instruments share: a declaration, and the way from a measurement to a series.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::KeyValue;
use tracing::dispatcher;

use super::series;
use crate::layer::Handle;
use crate::series::{Declaration, InstrumentKind, Link, Series, Store};

/// A declaration that stores are asked for when the first measurement comes.
#[derive(Debug)]
pub(super) struct Core {
    /// Tells instruments apart in the caches of the threads; never given twice.
    pub(super) number: u64,
    name: Cow<'static, str>,
    unit: Cow<'static, str>,
    description: Cow<'static, str>,
    kind: InstrumentKind,
    boundaries: Option<Vec<f64>>,
}

impl Core {
    pub(super) fn new(name: Cow<'static, str>, kind: InstrumentKind) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Self { number, name, unit: Cow::Borrowed(""), description: Cow::Borrowed(""), kind, boundaries: None }
    }

    pub(super) fn with_unit(self, unit: Cow<'static, str>) -> Self {
        Self { unit, ..self }
    }

    pub(super) fn with_description(self, description: Cow<'static, str>) -> Self {
        Self { description, ..self }
    }

    pub(super) fn with_boundaries(self, boundaries: impl IntoIterator<Item = f64>) -> Self {
        Self { boundaries: Some(boundaries.into_iter().collect()), ..self }
    }

    pub(super) fn declaration(&self) -> Declaration<'_> {
        Declaration {
            name: &self.name,
            unit: &self.unit,
            description: &self.description,
            kind: self.kind,
            boundaries: self.boundaries.as_deref(),
        }
    }

    /// Hands the series with these attributes to `write`, in the store of the thread's subscriber, if there is one.
    #[inline]
    pub(super) fn measure(&self, attributes: &[KeyValue], write: impl FnOnce(&Store, Series, Option<Link>)) {
        with_current(|store, link| self.measure_in(store, attributes, |store, series| write(store, series, link)));
    }

    /// The same in a known store.
    pub(super) fn measure_in(&self, store: &Arc<Store>, attributes: &[KeyValue], write: impl FnOnce(&Store, Series)) {
        if let Some(series) = series::series(store, self, attributes) {
            write(store, series);
        }
    }
}

/// Calls `f` with the store of the thread's subscriber and the innermost span, if there is a bellwether layer in it
/// that keeps metrics.
pub(super) fn with_current<R>(f: impl FnOnce(&Arc<Store>, Option<Link>) -> R) -> Option<R> {
    let mut f = Some(f);
    dispatcher::get_default(|dispatch| {
        let handle = dispatch.downcast_ref::<Handle>()?;
        let store = handle.store()?;
        f.take().map(|f| f(store, handle.link()))
    })
}
