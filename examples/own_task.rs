//! Collection and export as a task on your own runtime, ended by your own shutdown.
//!
//! ```text
//! cargo run --example own_task
//! ```

use tokio::sync::oneshot;
use tracing::instrument;
use tracing_subscriber::prelude::*;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (layer, pipeline) = bellwether::builder().service("own_task").console(true).build()?;
    tracing_subscriber::registry().with(layer).try_init()?;

    let (stop, stopped) = oneshot::channel::<()>();
    let telemetry = tokio::spawn(pipeline.run(async { drop(stopped.await) }));

    for number in [3, 4, 5] {
        work(number).await;
    }

    // Whatever ends your service ends telemetry last: it sends what is left, within its shutdown timeout.
    drop(stop);
    let report = telemetry.await?;
    tracing::info!("{report}");
    Ok(())
}

#[instrument(ret)]
async fn work(number: u64) -> u64 {
    tokio::task::yield_now().await;
    (1..=number).product()
}
