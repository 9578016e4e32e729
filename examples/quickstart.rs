//! One call: traces, logs and metrics from `#[instrument]`.
//!
//! ```text
//! cargo run --example quickstart                              # to a backend on localhost:4318
//! OTEL_TRACES_EXPORTER=console OTEL_METRICS_EXPORTER=console OTEL_LOGS_EXPORTER=console cargo run --example quickstart
//! ```

use tracing::{info, instrument};

#[instrument]
fn search(query: &str) -> usize {
    let found = rank(query.split_whitespace().count());
    info!(found, "searched");
    found
}

#[instrument]
fn rank(words: usize) -> usize {
    words * 3
}

fn main() -> Result<(), bellwether::Error> {
    let _telemetry = bellwether::init()?;
    for query in ["high tide", "low tide at the old harbour"] {
        search(query);
    }
    Ok(()) // dropping the guard sends what is left
}
