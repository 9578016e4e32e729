//! Jaeger, asked through the API that its own page uses.

use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time;

use crate::program::{Server, free_ports};
use crate::received::{Span, text};
use crate::{Result, http};

/// Longest wait for a trace to become visible.
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(100);

pub(crate) struct Jaeger {
    pub(crate) grpc_port: u16,
    pub(crate) http_port: u16,
    query_port: u16,
    _server: Server,
    _folder: TempDir,
}

impl Jaeger {
    pub(crate) async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let [grpc_port, http_port, health_port, query_port, query_grpc_port] = free_ports()?;
        let variables = [
            ("GRPC_PORT", grpc_port),
            ("HTTP_PORT", http_port),
            ("HEALTH_PORT", health_port),
            ("QUERY_PORT", query_port),
            ("QUERY_GRPC_PORT", query_grpc_port),
        ]
        .map(|(name, port)| (name, port.to_string()));
        let config = format!("--config={}/tests/backends/config/jaeger.yaml", env!("CARGO_MANIFEST_DIR"));
        let mut server = Server::start("jaeger", [config], &variables, folder.path())?;
        server.ready(health_port, "/status").await?;
        Ok(Self { grpc_port, http_port, query_port, _server: server, _folder: folder })
    }

    /// Whether it holds a trace.
    pub(crate) async fn has(&self, trace_id: &str) -> Result<bool> {
        Ok(http::get(self.query_port, &format!("/api/traces/{trace_id}")).await?.status == 200)
    }

    /// The spans of a service in at most `limit` traces, as soon as there are `at_least` traces.
    pub(crate) async fn traces(&self, service: &str, limit: usize, at_least: usize) -> Result<Vec<Vec<Span>>> {
        let path = format!("/api/traces?service={service}&limit={limit}&lookback=1h");
        let mut seen = 0;
        let wait = async {
            loop {
                let response = http::get(self.query_port, &path).await?;
                let answer: Value = serde_json::from_str(&response.body)?;
                let traces = answer["data"].as_array().map_or(&[][..], Vec::as_slice);
                seen = traces.len();
                if seen >= at_least {
                    return traces.iter().map(spans).collect();
                }
                time::sleep(LOOK).await;
            }
        };
        let traces = time::timeout(PATIENCE, wait).await;
        traces.unwrap_or_else(|_| Err(format!("Jaeger shows {seen} of {at_least} traces of {service}").into()))
    }
}

fn spans(trace: &Value) -> Result<Vec<Span>> {
    let spans = trace["spans"].as_array().ok_or("a trace without spans")?;
    spans.iter().map(|span| self::span(span, &trace["processes"])).collect()
}

fn span(span: &Value, processes: &Value) -> Result<Span> {
    let references = span["references"].as_array().map_or(&[][..], Vec::as_slice);
    let parent = references.iter().find(|reference| reference["refType"] == "CHILD_OF");
    Ok(Span {
        trace_id: text(&span["traceID"])?,
        span_id: text(&span["spanID"])?,
        parent_id: parent.map(|reference| text(&reference["spanID"])).transpose()?,
        service: text(&processes[text(&span["processID"])?]["serviceName"])?,
        name: text(&span["operationName"])?,
    })
}
