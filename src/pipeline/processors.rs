//! Where the SDK hands over finished spans and log records: its processor traits over our queues.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::{Context, InstrumentationScope};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{LogProcessor, SdkLogRecord};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::control::Control;
use super::queue::Queue;

/// A log record and who wrote it. Boxed, as it has several hundred bytes.
pub type LogItem = Box<(SdkLogRecord, InstrumentationScope)>;

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
///
/// A shutdown of the logger provider does not end the pipeline: the guard does.
pub struct LogQueue {
    queue: Queue<LogItem>,
    control: Arc<Control>,
}

impl SpanQueue {
    pub(super) fn new(queue: Queue<SpanData>, control: Arc<Control>) -> Self {
        Self { queue, control }
    }
}

impl LogQueue {
    pub(super) fn new(queue: Queue<LogItem>, control: Arc<Control>) -> Self {
        Self { queue, control }
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

impl LogProcessor for LogQueue {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        self.queue.push(Box::new((record.clone(), scope.clone())));
    }

    fn force_flush(&self) -> OTelSdkResult {
        force_flush(&self.control)
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
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
