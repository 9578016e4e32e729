//! The OpenTelemetry Collector, which writes what it receives into a file.

use std::time::Duration;

use tempfile::TempDir;
use tokio::time;

use crate::Result;
use crate::jaeger::Jaeger;
use crate::program::{Server, free_ports};
use crate::received::Received;

/// Longest wait for metrics that the Collector makes of spans.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(50);
const CALLS: &str = "traces.span.metrics.calls";

pub(crate) struct Collector {
    pub(crate) grpc_port: u16,
    pub(crate) http_port: u16,
    server: Server,
    folder: TempDir,
}

impl Collector {
    pub(crate) async fn start() -> Result<Self> {
        Self::start_with(None, None).await
    }

    /// Makes metrics of the spans as well: see [`Collector::received_and_made`].
    pub(crate) async fn start_making_metrics() -> Result<Self> {
        Self::start_with(None, Some("spanmetrics.yaml")).await
    }

    /// Sends traces on to Jaeger as well.
    pub(crate) async fn start_before(jaeger: &Jaeger) -> Result<Self> {
        Self::start_with(Some(jaeger.grpc_port), None).await
    }

    async fn start_with(jaeger_port: Option<u16>, more: Option<&str>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let [grpc_port, http_port, health_port] = free_ports()?;
        let config = |name: &str| format!("--config={}/tests/backends/config/{name}", env!("CARGO_MANIFEST_DIR"));
        let mut arguments = vec![config("collector.yaml")];
        arguments.extend(more.map(config));
        let mut variables = vec![
            ("GRPC_PORT", grpc_port.to_string()),
            ("HTTP_PORT", http_port.to_string()),
            ("HEALTH_PORT", health_port.to_string()),
            ("DIRECTORY", folder.path().display().to_string()),
        ];
        if let Some(port) = jaeger_port {
            arguments.push(config("forward.yaml"));
            variables.push(("JAEGER_PORT", port.to_string()));
        }
        let mut server = Server::start("otelcol", arguments, &variables, folder.path())?;
        server.ready(health_port, "/").await?;
        Ok(Self { grpc_port, http_port, server, folder })
    }

    /// The same, and what it made of so many spans, which it does at an interval of its own.
    pub(crate) async fn received_and_made(self, spans: u64) -> Result<(Received, Received)> {
        let made = self.folder.path().join("spanmetrics.jsonl");
        let wait = async {
            while Received::read(&made).map_or(0, |made| made.totals(CALLS, "").values().sum()) < spans {
                time::sleep(LOOK).await;
            }
        };
        if time::timeout(PATIENCE, wait).await.is_err() {
            return Err(format!("the Collector did not count {spans} spans within {PATIENCE:?}").into());
        }
        let made = Received::read(&made)?;
        Ok((self.received().await?, made))
    }

    /// Ends the Collector, which writes what it still holds, and reads its file.
    pub(crate) async fn received(self) -> Result<Received> {
        self.server.stop().await?;
        Received::read(&self.folder.path().join("received.jsonl"))
    }
}
