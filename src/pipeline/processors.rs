//! Where finished spans and log records are handed over: the SDK's and the layer's traits over our queues.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::control::Control;
use super::queue::Queue;
use crate::layer::{LogSink, Written};

/// How long a `force_flush` of an SDK provider waits: the SDK's own default for a shutdown.
const FORCE_FLUSH: Duration = Duration::from_secs(5);

/// Queues sampled spans for the pipeline.
///
/// A shutdown of the tracer provider does not end the pipeline: the guard does.
pub struct SpanQueue {
    queue: Queue<SpanData>,
    control: Arc<Control>,
}

/// Queues log records for the pipeline.
pub struct LogQueue {
    queue: Queue<Written>,
}

impl SpanQueue {
    pub(super) fn new(queue: Queue<SpanData>, control: Arc<Control>) -> Self {
        Self { queue, control }
    }
}

impl LogQueue {
    pub(super) fn new(queue: Queue<Written>) -> Self {
        Self { queue }
    }

    /// The same queue for another who puts records in.
    #[cfg(feature = "rules")]
    pub(super) fn another(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

impl SpanProcessor for SpanQueue {
    fn on_start(&self, _span: &mut Span, _cx: &Context) {}

    fn on_end(&self, span: SpanData) {
        // A span that is recorded but not sampled must not leave the process.
        if span.span_context.is_sampled() {
            self.queue.push(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        force_flush(&self.control)
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl LogSink for LogQueue {
    fn put(&self, written: Written) {
        self.queue.push(written);
    }
}

fn force_flush(control: &Control) -> OTelSdkResult {
    if control.flush(FORCE_FLUSH) { Ok(()) } else { Err(OTelSdkError::Timeout(FORCE_FLUSH)) }
}

impl fmt::Debug for SpanQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanQueue").field("waiting", &self.queue.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for LogQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogQueue").field("waiting", &self.queue.len()).finish_non_exhaustive()
    }
}
