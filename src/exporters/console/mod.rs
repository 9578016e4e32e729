//! `OTEL_{TRACES,METRICS,LOGS}_EXPORTER=console`: a line an item, for development. The format is for people and may
//! change.

#[cfg(test)]
mod tests;
mod text;

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::KeyValue;
use opentelemetry::logs::AnyValue;
use opentelemetry::trace::{SpanId, Status, TraceId};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{LogBatch, SdkLogRecord};
use opentelemetry_sdk::trace::SpanData;

use self::text::{Any, Bare, Braced, Plain, Rfc3339};
use super::Exported;
use crate::clock::Timestamp;
use crate::internal::Internal;
use crate::model::{Data, Exemplar, Metric, Point, Reason, Signal, Snapshot};

/// Writes spans, log records and metrics to one place. Cloning is cheap; clones write in turns, whole lines.
#[derive(Clone)]
pub struct Console {
    writer: Arc<Mutex<dyn Write + Send>>,
    internal: Arc<Internal>,
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Console")
    }
}

impl Console {
    /// Writes to standard output.
    pub fn stdout(internal: Arc<Internal>) -> Self {
        Self::new(io::stdout(), internal)
    }

    /// Writes elsewhere.
    pub fn new(writer: impl Write + Send + 'static, internal: Arc<Internal>) -> Self {
        Self { writer: Arc::new(Mutex::new(writer)), internal }
    }

    pub(super) fn spans(&self, batch: &[SpanData]) -> OTelSdkResult {
        self.write(Signal::Traces, &batch.iter().map(span).collect::<Vec<_>>())
    }

    pub(super) fn logs(&self, batch: &LogBatch<'_>) -> OTelSdkResult {
        self.write(Signal::Logs, &batch.iter().map(|(record, scope)| log(record, scope.name())).collect::<Vec<_>>())
    }

    pub(super) fn metrics(&self, snapshot: &Snapshot) -> OTelSdkResult {
        self.write(Signal::Metrics, &snapshot.metrics().flat_map(metric).collect::<Vec<_>>())
    }

    /// Writes the lines at once. What cannot be written, because nobody reads any more, is counted as lost.
    fn write(&self, signal: Signal, lines: &[String]) -> OTelSdkResult {
        if lines.is_empty() {
            return Ok(());
        }
        let mut text = lines.join("\n");
        text.push('\n');
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let items = lines.len() as u64;
        match writer.write_all(text.as_bytes()).and_then(|()| writer.flush()) {
            Ok(()) => {
                self.internal.delivered(signal, items);
                Ok(())
            }
            Err(error) => {
                self.internal.dropped(signal, Reason::Unreachable, items);
                Err(OTelSdkError::InternalFailure(format!("cannot write to the console: {error}")))
            }
        }
    }
}

impl opentelemetry_sdk::trace::SpanExporter for Console {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.spans(&batch)
    }
}

impl opentelemetry_sdk::logs::LogExporter for Console {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        self.logs(&batch)
    }
}

impl super::MetricExporter for Console {
    fn export<'a>(&'a mut self, snapshot: &'a Snapshot) -> Exported<'a> {
        // Counted already.
        drop(self.metrics(snapshot));
        Box::pin(std::future::ready(()))
    }
}

fn span(span: &SpanData) -> String {
    let (start, end) = (Timestamp::from(span.start_time), Timestamp::from(span.end_time));
    let parent = match span.parent_span_id {
        SpanId::INVALID => String::new(),
        parent => format!(" parent={parent}"),
    };
    let status = match &span.status {
        Status::Unset => String::new(),
        Status::Ok => String::from(" ok"),
        Status::Error { description } => format!(" error={description:?}"),
    };
    let events = match span.events.len() {
        0 => String::new(),
        count => format!(" events={count}"),
    };
    format!(
        "{} span {} {:.3} ms {:?}{status}{} trace={} span={}{parent}{events}",
        Rfc3339(end),
        Bare(&span.name),
        end.since(start).as_secs_f64() * 1e3,
        span.span_kind,
        Braced(&span.attributes),
        span.span_context.trace_id(),
        span.span_context.span_id(),
    )
}

fn log(record: &SdkLogRecord, scope: &str) -> String {
    let time = record.timestamp().or_else(|| record.observed_timestamp()).map_or(Timestamp(0), Timestamp::from);
    let attributes: Vec<String> =
        record.attributes_iter().map(|(key, value)| format!("{key}={}", Any(value))).collect();
    let attributes = if attributes.is_empty() { String::new() } else { format!(" {{{}}}", attributes.join(", ")) };
    let body = record.body().map_or_else(String::new, |body| match body {
        AnyValue::String(text) => Bare(text.as_str()).to_string(),
        other => Any(other).to_string(),
    });
    let context = record.trace_context().map(|context| ids(context.trace_id, context.span_id)).unwrap_or_default();
    let target = record.target().map_or(scope, |target| target.as_ref());
    format!("{} log {} {target}: {body}{attributes}{context}", Rfc3339(time), record.severity_text().unwrap_or("-"))
}

fn metric(metric: &Metric) -> Vec<String> {
    let unit = if metric.unit.is_empty() { String::new() } else { format!(" {}", metric.unit) };
    match &metric.data {
        Data::Gauge(points) | Data::Sum { points, .. } => {
            points.iter().map(|p| point(metric, p, &format!("{}{unit}", Plain(p.value)))).collect()
        }
        Data::Histogram { points, .. } => points
            .iter()
            .map(|p| point(metric, p, &summary(p.value.count, p.value.sum, p.value.min, p.value.max, &unit)))
            .collect(),
        Data::ExponentialHistogram { points, .. } => points
            .iter()
            .map(|p| point(metric, p, &summary(p.value.count, p.value.sum, p.value.min, p.value.max, &unit)))
            .collect(),
    }
}

fn point<T>(metric: &Metric, point: &Point<T>, value: &str) -> String {
    let value = if point.stale { "ended" } else { value };
    let attributes: Vec<KeyValue> = point.attributes.iter().cloned().collect();
    // One link is enough to find a trace; the largest value is the one that a person looks for.
    let link = point.exemplars.last().map(|Exemplar { value, trace_id, span_id, .. }| {
        format!(" exemplar={}{}", Plain(*value), ids(*trace_id, *span_id))
    });
    let link = link.unwrap_or_default();
    format!("{} metric {} {value}{}{link}", Rfc3339(point.time), metric.name, Braced(&attributes))
}

fn summary(count: u64, sum: Option<f64>, min: Option<f64>, max: Option<f64>, unit: &str) -> String {
    let part = |name: &str, value: Option<f64>| value.map(|v| format!(" {name}={v}{unit}")).unwrap_or_default();
    format!("count={count}{}{}{}", part("sum", sum), part("min", min), part("max", max))
}

fn ids(trace: TraceId, span: SpanId) -> String {
    format!(" trace={trace} span={span}")
}
