//! A layer beside your own, a service name in code, and an account of what was delivered.
//!
//! ```text
//! OTEL_TRACES_EXPORTER=console OTEL_METRICS_EXPORTER=console OTEL_LOGS_EXPORTER=none cargo run --example own_subscriber
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::time::Duration;

use tracing::{info, info_span};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

fn main() -> Result<(), bellwether::Error> {
    let (layer, guard) = bellwether::builder().service("search").dimension("index.name").layer()?;
    // `layer` touches nothing global: what else the program listens with is its own business.
    tracing_subscriber::registry().with(layer).with(tracing_subscriber::fmt::layer()).init();

    for name in ["books", "maps", "books"] {
        let _entered = info_span!("open_index", index.name = name).entered();
        info!("opened");
    }

    let report = guard.shutdown(Duration::from_secs(5));
    println!("{} spans delivered", report.traces.delivered);
    Ok(())
}
