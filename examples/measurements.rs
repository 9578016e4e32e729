//! Metrics that are not spans: from events, from typed instruments, and from the OpenTelemetry API.
//!
//! ```text
//! OTEL_TRACES_EXPORTER=none OTEL_METRICS_EXPORTER=console OTEL_LOGS_EXPORTER=none cargo run --example measurements
//! ```

use std::sync::LazyLock;

use bellwether::instruments::{Counter, Timer, counter, timer};
use bellwether::opentelemetry::{KeyValue, global};
use tracing::{info, instrument};

// Typed, declared once, usable from anywhere.
static PARCELS: LazyLock<Counter> = LazyLock::new(|| counter("shop.parcels").with_unit("{parcel}"));
static PACKING: LazyLock<Timer> = LazyLock::new(|| timer("shop.packing.duration"));

#[instrument]
fn pack(items: u64) {
    let _running = PACKING.start(&[]); // records when it is dropped
    PARCELS.add(1, &[KeyValue::new("size", if items > 2 { "large" } else { "small" })]);
    // An event with such a field is a measurement; its other fields are attributes.
    info!(histogram.shop.items = items, warehouse = "north");
}

fn main() -> Result<(), bellwether::Error> {
    let _telemetry = bellwether::builder()
        .service("shop")
        // What an event cannot say about its metric: unit, description, buckets.
        .histogram("shop.items", "{item}", "Items in a parcel", &[1.0, 2.0, 5.0, 10.0])
        .init()?;
    // Any crate that records through the OpenTelemetry API is collected as well.
    let stock = global::meter("shop").i64_up_down_counter("shop.stock").build();
    for items in [1, 2, 7] {
        pack(items);
        stock.add(-i64::try_from(items).unwrap_or(i64::MAX), &[]);
    }
    Ok(())
}
