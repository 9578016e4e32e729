//! One call, and every `#[instrument]` is a trace, exact metrics and correlated logs.
//!
//! ```text
//! cargo run --example basic
//! OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318 OTEL_SERVICE_NAME=search cargo run --example basic
//! OTEL_TRACES_EXPORTER=console OTEL_METRICS_EXPORTER=console OTEL_LOGS_EXPORTER=console cargo run --example basic
//! ```

use std::time::Duration;

use tracing::{info, instrument, warn};

fn main() -> Result<(), bellwether::Error> {
    let telemetry = bellwether::init()?;
    for query in ["tea", "coffee", "", "milk"] {
        if let Err(error) = search(query) {
            warn!(%error, "nothing found");
        }
    }
    // Dropping the guard would flush as well; this says what became of everything.
    let report = telemetry.shutdown(Duration::from_secs(5));
    info!("{report}");
    Ok(())
}

/// An error makes the span one: it shows in the trace's status and in the error rate of `search`.
#[instrument(err, fields(http.route = "/search"))]
fn search(query: &str) -> Result<Vec<String>, String> {
    let words = parse(query)?;
    Ok(rank(&words))
}

#[instrument]
fn parse(query: &str) -> Result<Vec<String>, String> {
    if query.is_empty() {
        return Err(String::from("an empty query"));
    }
    Ok(query.split(' ').map(String::from).collect())
}

#[instrument(skip_all, fields(words = words.len()))]
fn rank(words: &[String]) -> Vec<String> {
    info!("ranked");
    words.to_vec()
}
