//! A line an item on standard output, for development (`OTEL_{TRACES,METRICS,LOGS}_EXPORTER=console`).
//!
//! The form of the lines is for people and may change. A closed standard output is no error: the lines are for whoever
//! looks.

use std::io::Write as _;
use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::logs::AnyValue;
use opentelemetry::trace::{SpanId, Status};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, SdkLogRecord};
use opentelemetry_sdk::trace::SpanData;

use super::Exported;
use crate::clock::Timestamp;
use crate::internal::Internal;
use crate::model::{Attributes, Data, Metric, Number, Signal, Snapshot};

/// Writes spans.
#[derive(Debug)]
pub struct SpanExporter;

/// Writes log records.
#[derive(Debug)]
pub struct LogExporter;

/// Writes data points.
#[derive(Debug)]
pub struct MetricExporter {
    internal: Arc<Internal>,
}

impl MetricExporter {
    /// Counts points in `internal`.
    pub fn new(internal: Arc<Internal>) -> Self {
        Self { internal }
    }
}

impl opentelemetry_sdk::trace::SpanExporter for SpanExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        write(batch.iter().map(span));
        Ok(())
    }
}

impl opentelemetry_sdk::logs::LogExporter for LogExporter {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        write(batch.iter().map(|(record, _)| log(record)));
        Ok(())
    }
}

impl super::MetricExporter for MetricExporter {
    fn export<'a>(&'a mut self, snapshot: &'a Snapshot) -> Exported<'a> {
        Box::pin(async move {
            let lines: Vec<String> = snapshot.metrics().flat_map(points).collect();
            self.internal.delivered(Signal::Metrics, lines.len() as u64);
            write(lines);
        })
    }
}

fn write(lines: impl IntoIterator<Item = String>) {
    let mut out = std::io::stdout().lock();
    let written = lines.into_iter().try_for_each(|line| writeln!(out, "{line}"));
    drop(written.and_then(|()| out.flush()));
}

fn span(span: &SpanData) -> String {
    let duration = Timestamp::from(span.end_time).since(span.start_time.into());
    let context = &span.span_context;
    let mut line = format!(
        "span   {} {:?} {duration:?} trace={} span={}",
        span.name,
        span.span_kind,
        context.trace_id(),
        context.span_id()
    );
    if span.parent_span_id != SpanId::INVALID {
        add(&mut line, "parent", span.parent_span_id);
    }
    if let Status::Error { description } = &span.status {
        add(&mut line, "error", format_args!("{description:?}"));
    }
    attributes(&mut line, &span.attributes);
    line
}

fn log(record: &SdkLogRecord) -> String {
    let level = record.severity_text().unwrap_or("-");
    let body = record.body().map(text).unwrap_or_default();
    let mut line = format!("log    {level} {body}");
    if let Some(context) = record.trace_context() {
        add(&mut line, "trace", context.trace_id);
        add(&mut line, "span", context.span_id);
    }
    for (key, value) in record.attributes_iter() {
        add(&mut line, key.as_str(), text(value));
    }
    line
}

fn text(value: &AnyValue) -> String {
    match value {
        AnyValue::Int(value) => value.to_string(),
        AnyValue::Double(value) => value.to_string(),
        AnyValue::Boolean(value) => value.to_string(),
        AnyValue::String(value) => value.to_string(),
        other => format!("{other:?}"),
    }
}

fn points(metric: &Metric) -> Vec<String> {
    let line = |of: &Attributes, value: String| {
        let mut line = format!("metric {} {value}{}", metric.name, metric.unit);
        attributes(&mut line, of);
        line
    };
    match &metric.data {
        Data::Gauge(points) | Data::Sum { points, .. } => {
            points.iter().map(|point| line(&point.attributes, number(point.value))).collect()
        }
        Data::Histogram { points, .. } => {
            points.iter().map(|point| line(&point.attributes, summary(point.value.count, point.value.sum))).collect()
        }
        Data::ExponentialHistogram { points, .. } => {
            points.iter().map(|point| line(&point.attributes, summary(point.value.count, point.value.sum))).collect()
        }
    }
}

fn number(value: Number) -> String {
    match value {
        Number::I64(value) => value.to_string(),
        Number::F64(value) => value.to_string(),
    }
}

fn summary(count: u64, sum: Option<f64>) -> String {
    match sum {
        Some(sum) => format!("count={count} sum={sum}"),
        None => format!("count={count}"),
    }
}

fn attributes<'a>(line: &mut String, attributes: impl IntoIterator<Item = &'a KeyValue>) {
    for KeyValue { key, value, .. } in attributes {
        add(line, key.as_str(), value);
    }
}

fn add(line: &mut String, key: &str, value: impl std::fmt::Display) {
    line.extend([" ", key, "=", &value.to_string()]);
}
