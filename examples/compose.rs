//! Telemetry as a layer of a subscriber of your own, beside layers of your own.
//!
//! ```text
//! cargo run --example compose
//! ```

use std::time::Duration;

use bellwether::opentelemetry::global;
use tracing::info_span;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (telemetry, guard) = bellwether::builder()
        .service("compose")
        .resource("deployment.environment.name", "example")
        .sample_ratio(0.1)
        .dimension("tenant")
        .layer()?;

    // Your console, as you like it: its filter does not touch telemetry.
    let console = tracing_subscriber::fmt::layer().compact().with_filter(LevelFilter::INFO);
    tracing_subscriber::registry().with(telemetry).with(console).try_init()?;

    // `layer` sets nothing global; do so where other crates use the OpenTelemetry API.
    global::set_meter_provider(guard.meter_provider());
    if let Some(provider) = guard.tracer_provider() {
        global::set_tracer_provider(provider);
    }

    for tenant in ["north", "south", "north"] {
        info_span!("request", tenant).in_scope(|| global::meter("compose").u64_counter("sold").build().add(1, &[]));
    }

    // One trace in ten is sampled, but every request is counted.
    for operation in guard.operations() {
        tracing::info!(name = operation.name, calls = operation.calls, "counted");
    }
    let report = guard.shutdown(Duration::from_secs(5));
    tracing::info!("{report}");
    Ok(())
}
