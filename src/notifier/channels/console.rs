//! Alerts as lines for a terminal; for programs that own one.

use std::fmt;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use super::Record;
use super::text::printable;
use crate::model::Alert;
use crate::notifier::Severity;

/// Writes a line for each alert that begins or ends.
pub(crate) struct Console {
    out: Mutex<Box<dyn Write + Send>>,
    colours: bool,
}

impl Console {
    pub(crate) fn new(out: Box<dyn Write + Send>, colours: bool) -> Self {
        Self { out: Mutex::new(out), colours }
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console").field("colours", &self.colours).finish_non_exhaustive()
    }
}

impl Record for Console {
    fn name(&self) -> &'static str {
        "standard error"
    }

    fn record(&self, alert: &Alert, firing: bool) {
        let (word, colour) = match (firing, Severity::of(alert)) {
            (false, _) => ("RESOLVED", "32"),
            (true, Severity::Info) => ("FIRING", "34"),
            (true, Severity::Warning) => ("FIRING", "33"),
            (true, Severity::Critical | Severity::Emergency) => ("FIRING", "31"),
        };
        let name = printable(alert.labels.get("alertname").unwrap_or("alert"));
        let labels = printable(&alert.labels.filtered(|name| name != "alertname").to_string());
        let summary = printable(alert.annotations.get("summary").unwrap_or_default());
        let (begin, end) = if self.colours { (format!("\x1b[{colour}m"), "\x1b[0m") } else { (String::new(), "") };
        let trace = alert.trace_urls().next().or_else(|| alert.trace_ids.first().map(ToString::to_string));
        let trace = trace.map(|trace| format!(" (trace {})", printable(&trace))).unwrap_or_default();
        let line = format!("{begin}{word:<8}{end} {name} {labels} {summary}{trace}");
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // A terminal that went away has no place to be told so.
        drop(writeln!(out, "{}", line.trim_end()).and_then(|()| out.flush()));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use super::*;
    use crate::model::Labels;
    use crate::notifier::fixtures::alert;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_says_what_began_and_what_ended_and_no_label_moves_the_cursor() {
        let out = Shared::default();
        let console = Console::new(Box::new(out.clone()), false);
        let slow = alert(&[("alertname", "Slow"), ("op", "a\u{1b}[2J")], 1, None);
        let slow = Alert { annotations: Labels::new([("summary", "p95 is high\u{7}")]), ..slow };
        console.record(&slow, true);
        console.record(&slow, false);
        let text = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("FIRING   Slow {op=\"a"), "{text}");
        assert!(lines[1].starts_with("RESOLVED Slow"), "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'), "{text:?}");
    }
}
