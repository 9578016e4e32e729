//! Meters that cannot hurt the pipeline or each other.
//!
//! The SDK calls observable callbacks while it holds its locks; a panic there would poison them and end all metrics of
//! the API. So each callback is wrapped before the SDK sees it. It adds what it is given, also a negative number to a
//! counter, which a backend would take for a restart. So counters that can be given one are wrapped as well. Everything
//! else is the SDK's.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::metrics::{
    AsyncInstrument, AsyncInstrumentBuilder, Callback, Counter, Gauge, Histogram, HistogramBuilder, InstrumentBuilder,
    InstrumentProvider, Meter, ObservableCounter, ObservableGauge, ObservableUpDownCounter, SyncInstrument,
    UpDownCounter,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::metrics::SdkMeterProvider;

use crate::internal::{self, Internal};

/// Makes meters whose instruments are collected with everything else.
#[derive(Debug, Clone)]
pub struct MeterProvider {
    sdk: SdkMeterProvider,
    internal: Arc<Internal>,
    /// Whether an instrument has a callback.
    observes: Arc<AtomicBool>,
}

impl MeterProvider {
    pub(super) fn new(sdk: SdkMeterProvider, internal: Arc<Internal>) -> Self {
        Self { sdk, internal, observes: Arc::default() }
    }

    pub(super) fn has_callbacks(&self) -> bool {
        self.observes.load(Ordering::Relaxed)
    }
}

impl opentelemetry::metrics::MeterProvider for MeterProvider {
    fn meter_with_scope(&self, scope: InstrumentationScope) -> Meter {
        Meter::new(Arc::new(Guarded {
            meter: self.sdk.meter_with_scope(scope),
            internal: Arc::clone(&self.internal),
            observes: Arc::clone(&self.observes),
        }))
    }
}

struct Guarded {
    meter: Meter,
    internal: Arc<Internal>,
    observes: Arc<AtomicBool>,
}

/// Passes a builder of a synchronous instrument on.
macro_rules! pass {
    ($($name:ident: $builder:ident<$instrument:ty>),+ $(,)?) => {
        $(fn $name(&self, builder: $builder<'_, $instrument>) -> $instrument {
            let mut inner = self.meter.$name(builder.name);
            inner.description = builder.description;
            inner.unit = builder.unit;
            inner.build()
        })+
    };
}

/// Passes a builder of a histogram on.
macro_rules! pass_histogram {
    ($($name:ident: $value:ty),+ $(,)?) => {
        $(fn $name(&self, builder: HistogramBuilder<'_, Histogram<$value>>) -> Histogram<$value> {
            let mut inner = self.meter.$name(builder.name);
            inner.description = builder.description;
            inner.unit = builder.unit;
            inner.boundaries = builder.boundaries;
            inner.build()
        })+
    };
}

/// Passes a builder of an observable instrument on, its callbacks wrapped.
macro_rules! pass_observable {
    ($($name:ident: $instrument:ty, $value:ty),+ $(,)?) => {
        $(fn $name(&self, builder: AsyncInstrumentBuilder<'_, $instrument, $value>) -> $instrument {
            let mut inner = self.meter.$name(builder.name);
            inner.description = builder.description;
            inner.unit = builder.unit;
            inner.callbacks = builder.callbacks.into_iter().map(|callback| self.guard(callback)).collect();
            inner.build()
        })+
    };
}

impl InstrumentProvider for Guarded {
    pass! {
        u64_counter: InstrumentBuilder<Counter<u64>>,
        i64_up_down_counter: InstrumentBuilder<UpDownCounter<i64>>,
        f64_up_down_counter: InstrumentBuilder<UpDownCounter<f64>>,
        u64_gauge: InstrumentBuilder<Gauge<u64>>,
        i64_gauge: InstrumentBuilder<Gauge<i64>>,
        f64_gauge: InstrumentBuilder<Gauge<f64>>,
    }

    fn f64_counter(&self, builder: InstrumentBuilder<'_, Counter<f64>>) -> Counter<f64> {
        let mut inner = self.meter.f64_counter(builder.name);
        inner.description = builder.description;
        inner.unit = builder.unit;
        Counter::new(Arc::new(Rising { counter: inner.build(), internal: Arc::clone(&self.internal) }))
    }

    pass_histogram! { u64_histogram: u64, f64_histogram: f64 }
    pass_observable! {
        u64_observable_counter: ObservableCounter<u64>, u64,
        f64_observable_counter: ObservableCounter<f64>, f64,
        i64_observable_up_down_counter: ObservableUpDownCounter<i64>, i64,
        f64_observable_up_down_counter: ObservableUpDownCounter<f64>, f64,
        u64_observable_gauge: ObservableGauge<u64>, u64,
        i64_observable_gauge: ObservableGauge<i64>, i64,
        f64_observable_gauge: ObservableGauge<f64>, f64,
    }
}

impl Guarded {
    fn guard<T: 'static>(&self, callback: Callback<T>) -> Callback<T> {
        self.observes.store(true, Ordering::Relaxed);
        let internal = Arc::clone(&self.internal);
        Box::new(move |instrument: &dyn AsyncInstrument<T>| {
            if catch_unwind(AssertUnwindSafe(|| callback(instrument))).is_err() {
                internal.count(internal::Counter::CallbackPanicked);
            }
        })
    }
}

/// A counter that takes no step back.
struct Rising {
    counter: Counter<f64>,
    internal: Arc<Internal>,
}

impl SyncInstrument<f64> for Rising {
    fn measure(&self, increment: f64, attributes: &[KeyValue]) {
        if !increment.is_finite() {
            self.internal.count(internal::Counter::NotFinite);
        } else if increment < 0.0 {
            self.internal.count(internal::Counter::NegativeIncrement);
        } else {
            self.counter.add(increment, attributes);
        }
    }
}
