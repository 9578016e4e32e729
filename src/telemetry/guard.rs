//! The end of telemetry: flush on drop, shutdown with a report.

use std::ops::Deref;
use std::time::Duration;

use opentelemetry_sdk::trace::SdkTracerProvider;

use super::assemble::Providers;
use crate::bridge::MeterProvider;
use crate::internal;
use crate::model::Report;
use crate::pipeline::Handle;

/// Keeps telemetry alive. Dropping it flushes, within [`crate::pipeline::Config::shutdown_timeout`] (5 s unless
/// configured), and ends telemetry; what could not be sent is lost, which a line on the console says.
/// [`Guard::shutdown`] returns the account instead.
///
/// It is also a [`Handle`]: `guard.flush(…)`, `guard.snapshot()`, `guard.operations()`.
#[must_use = "telemetry ends when its guard is dropped: bind it to a name for the life of the program, not to `_`"]
#[derive(Debug)]
pub struct Guard {
    handle: Handle,
    providers: Providers,
    shutdown_timeout: Duration,
    /// Whether the drop has nothing left to do.
    ended: bool,
}

impl Guard {
    pub(super) fn new(handle: Handle, providers: Providers, shutdown_timeout: Duration) -> Self {
        Self { handle, providers, shutdown_timeout, ended: false }
    }

    /// Sends everything recorded so far and a last collection, and ends telemetry. It blocks at most `deadline` (and
    /// some ten milliseconds); what has not gone out by then is lost, and the report counts it.
    pub fn shutdown(mut self, deadline: Duration) -> Report {
        self.ended = true;
        self.handle.shutdown(deadline)
    }

    /// [`Guard::shutdown`] for async code, in any runtime.
    pub async fn shutdown_async(mut self, deadline: Duration) -> Report {
        self.ended = true;
        self.handle.shutdown_async(deadline).await
    }

    /// To flush and to look from elsewhere; it does not keep telemetry alive.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Traces for the OpenTelemetry API; `None` when traces are not exported. [`crate::init`] has set it globally.
    pub fn tracer_provider(&self) -> Option<SdkTracerProvider> {
        self.providers.tracer.clone()
    }

    /// Meters for the OpenTelemetry API. [`crate::init`] has set it globally.
    pub fn meter_provider(&self) -> MeterProvider {
        self.providers.meter.clone()
    }

    /// For programs without a shutdown path of their own: on SIGTERM or SIGINT sends what is recorded, within
    /// [`crate::pipeline::Config::shutdown_timeout`], and then lets the signal's default action end the process, with
    /// the status that says so. A signal that is ignored stays ignored.
    ///
    /// Do not use it together with a handler of your own: the process ends after the flush.
    ///
    /// # Errors
    /// When the operating system refuses a thread, a pipe or the handler.
    #[cfg(unix)]
    pub fn flush_on_signal(&self) -> Result<(), crate::Error> {
        super::signals::flush_on_signal(self.handle.clone(), self.shutdown_timeout)
            .map_err(|error| crate::Error::system("handle SIGTERM and SIGINT", error))
    }
}

impl Deref for Guard {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.ended {
            let report = self.handle.shutdown(self.shutdown_timeout);
            // In a forked child the account is the parent's, and the console may be locked for ever.
            if !report.is_complete() && !self.handle.is_left() {
                internal::info(&format!("telemetry ended, and not all of it was delivered: {report}"));
            }
        }
    }
}
