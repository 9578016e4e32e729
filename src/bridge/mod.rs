//! OTel SDK meters of the user and of other libraries join at collection.
//!
//! The SDK aggregates what is recorded through the OpenTelemetry API; a manual reader takes it out when the pipeline
//! collects, and `convert` turns it into our model. Always cumulative, without exemplars: the SDK has none.

mod callbacks;
mod convert;

use std::cell::Cell;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, InstrumentKind, ManualReader, Pipeline, SdkMeterProvider, Stream, Temporality,
};

pub use callbacks::MeterProvider;

use crate::internal::Internal;
use crate::model::ScopeMetrics;
use crate::series::{Config, HistogramAggregation};

/// The finest resolution that an exponential histogram of the SDK starts with: the specification's default.
const MAX_SCALE: i8 = 20;

thread_local! {
    /// Whether this thread is in a collection. A callback that asks for a snapshot must not wait for itself.
    static COLLECTING: Cell<bool> = const { Cell::new(false) };
}

/// Collects what was recorded through the meters of its [`MeterProvider`].
pub struct Bridge {
    reader: Reader,
    provider: MeterProvider,
    internal: Arc<Internal>,
}

impl Bridge {
    /// Aggregates as the store does: same form of histograms, same cardinality limit.
    pub fn new(config: &Config, resource: Resource, internal: Arc<Internal>) -> Self {
        let reader = Reader(Arc::new(ManualReader::builder().with_temporality(Temporality::Cumulative).build()));
        let sdk = SdkMeterProvider::builder()
            .with_resource(resource)
            .with_reader(reader.clone())
            .with_view(view(config))
            .build();
        Self { reader, provider: MeterProvider::new(sdk, Arc::clone(&internal)), internal }
    }

    /// For `opentelemetry::global::set_meter_provider`, or to pass to a library.
    pub fn provider(&self) -> MeterProvider {
        self.provider.clone()
    }

    /// All metrics by scope. Callbacks of observable instruments run on the calling thread; within one it is empty.
    pub(crate) fn collect(&self) -> Vec<ScopeMetrics> {
        struct Leave;
        impl Drop for Leave {
            fn drop(&mut self) {
                COLLECTING.set(false);
            }
        }

        if COLLECTING.replace(true) {
            return Vec::new();
        }
        let _leave = Leave;
        let mut found = ResourceMetrics::default();
        match self.reader.collect(&mut found) {
            Ok(()) => convert::scopes(&found, &self.internal),
            // Shut down by the host: nothing more is recorded either.
            Err(_) => Vec::new(),
        }
    }
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bridge").finish_non_exhaustive()
    }
}

fn view(config: &Config) -> impl Fn(&Instrument) -> Option<Stream> + Send + Sync + 'static {
    let exponential = config.aggregation == HistogramAggregation::Base2ExponentialBucket;
    let max_size = u32::try_from(config.max_size).unwrap_or(u32::MAX);
    let limit = config.cardinality_limit;
    move |instrument| {
        let mut stream = Stream::builder().with_cardinality_limit(limit);
        if exponential && instrument.kind() == InstrumentKind::Histogram {
            stream = stream.with_aggregation(Aggregation::Base2ExponentialHistogram {
                max_size,
                max_scale: MAX_SCALE,
                record_min_max: true,
            });
        }
        stream.build().ok()
    }
}

/// The SDK takes its reader by value; ours is shared with the bridge.
#[derive(Debug, Clone)]
struct Reader(Arc<ManualReader>);

impl MetricReader for Reader {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, found: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(found)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}
