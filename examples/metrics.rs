//! Measurements besides spans: fields of events, typed instruments, and meters of the OpenTelemetry API.
//!
//! ```text
//! cargo run --example metrics
//! ```

use std::sync::LazyLock;
use std::time::Duration;

use bellwether::instruments::{Counter, Timer, counter, timer};
use bellwether::opentelemetry::{KeyValue, global};
use tracing::info;

static ORDERS: LazyLock<Counter> = LazyLock::new(|| counter("shop.orders").with_unit("{order}"));
static PACKING: LazyLock<Timer> = LazyLock::new(|| timer("shop.packing.duration"));

fn main() -> Result<(), bellwether::Error> {
    let telemetry = bellwether::builder()
        .service("shop")
        // What the event below cannot say: unit, description, bounds of the buckets.
        .histogram("shop.basket.size", "{item}", "Items in a basket", &[1.0, 2.0, 5.0, 10.0])
        .init()?;

    // Instruments of the OpenTelemetry API, yours or of any library, are exported with the rest.
    let _waiting = global::meter("shop")
        .u64_observable_gauge("shop.queue.length")
        .with_callback(|gauge| gauge.observe(3, &[]))
        .build();

    for items in [1_u64, 4, 12] {
        order(items);
    }

    let snapshot = telemetry.snapshot();
    for name in ["shop.orders", "shop.basket.size", "shop.packing.duration", "shop.queue.length"] {
        let points = snapshot.metric(name).map_or(0, |metric| metric.data.len());
        info!("{name}: {points} series");
    }
    let report = telemetry.shutdown(Duration::from_secs(5));
    info!("{report}");
    Ok(())
}

fn order(items: u64) {
    let _running = PACKING.start(&[]);
    ORDERS.add(1, &[KeyValue::new("payment", if items > 10 { "invoice" } else { "card" })]);
    // The prefixes that tracing-opentelemetry's MetricsLayer knows; other fields become attributes.
    info!(histogram.shop.basket.size = items, monotonic_counter.shop.items = items, channel = "web");
}
