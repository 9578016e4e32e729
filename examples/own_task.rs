//! Collection and export as a task of your runtime, without a thread of ours.
//!
//! ```text
//! OTEL_TRACES_EXPORTER=console OTEL_METRICS_EXPORTER=none OTEL_LOGS_EXPORTER=none cargo run --example own_task
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::error::Error;

use tokio::sync::oneshot;
use tracing::instrument;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

#[instrument]
async fn answer(question: u32) -> u32 {
    tokio::task::yield_now().await;
    question + 1
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (layer, pipeline) = bellwether::builder().service("answers").build()?;
    tracing_subscriber::registry().with(layer).init();
    let (stop, stopped) = oneshot::channel::<()>();
    let telemetry = tokio::spawn(pipeline.run(async move { drop(stopped.await) }));

    for question in 0..3 {
        answer(question).await;
    }

    drop(stop); // ends the task, which sends what is left
    let report = telemetry.await?;
    println!("{} spans delivered", report.traces.delivered);
    Ok(())
}
