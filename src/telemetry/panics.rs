//! The hook that records a panic and calls the hook before it.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::Cell;
use std::panic::{self, PanicHookInfo};

use tracing::{Level, event};

/// Target of the event.
const TARGET: &str = "panic";

thread_local! {
    /// Whether this thread is recording a panic: a panic within would end the process.
    static RECORDING: Cell<bool> = const { Cell::new(false) };
}

/// Has every panic recorded as an event of level ERROR, and then given to the hook that is set now.
pub(super) fn install() {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !RECORDING.replace(true) {
            record(info);
            RECORDING.set(false);
        }
        previous(info);
    }));
}

/// The event, with the attributes of the semantic conventions for exceptions
/// (<https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-logs/>).
fn record(info: &PanicHookInfo<'_>) {
    let message = message(info);
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let (file, line) = info.location().map_or(("", 0), |location| (location.file(), location.line()));
    // Captured only when RUST_BACKTRACE or RUST_LIB_BACKTRACE asks for it.
    let backtrace = Backtrace::capture();
    let stacktrace = (backtrace.status() == BacktraceStatus::Captured).then(|| tracing::field::display(&backtrace));
    event!(
        target: TARGET,
        Level::ERROR,
        exception.r#type = "panic",
        exception.message = message,
        exception.stacktrace = stacktrace,
        code.file.path = file,
        code.line.number = line,
        thread.name = thread,
        "panic: {message}"
    );
}

fn message<'a>(info: &'a PanicHookInfo<'_>) -> &'a str {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("(not a text)")
}
