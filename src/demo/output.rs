//! Where figures and notes go: a table that is redrawn in place, plain lines, or JSON.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::figures::Frame;
use super::table::{self, Span, Style};
use super::{alerts, json};
use crate::model::Report;
use crate::rules::Active;

/// Frames between two headers where nothing can be redrawn.
const HEADER_EVERY: usize = 10;

/// Lets a narrow terminal cut the lines of a table, which would otherwise take more rows than are drawn over.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

/// What the whole run came to.
#[derive(Debug)]
pub struct Outcome {
    /// The figures when everything had ended.
    pub last: Frame,
    /// Whether the fault had begun.
    pub fault: bool,
    /// Requests that were due and left out because too many were under way.
    pub left_out: u64,
}

/// An output that several hold: the demo, and the console that writes its lines above the table. Clones share it.
#[derive(Debug)]
pub struct Shared<W>(Arc<Mutex<Output<W>>>);

impl<W: Write> Shared<W> {
    /// Shares an output.
    pub fn new(output: Output<W>) -> Self {
        Self(Arc::new(Mutex::new(output)))
    }

    /// The output, for one picture or one line.
    pub fn lock(&self) -> MutexGuard<'_, Output<W>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W> Clone for Shared<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// A line of the console; `tracing_subscriber` writes each with one call.
impl<W: Write> Write for Shared<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.lock().note(String::from_utf8_lossy(line).trim_end())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes what the demo has to say.
#[derive(Debug)]
pub enum Output<W> {
    /// A table in place.
    Terminal {
        /// The terminal.
        out: W,
        /// Whether it wants colours.
        style: Style,
        /// Lines of the table that is on the screen.
        drawn: usize,
    },
    /// One table after the other.
    Lines {
        /// A file or a pipe.
        out: W,
        /// Tables so far.
        frames: usize,
    },
    /// One object a line; notes go to `notes`.
    Json {
        /// Objects.
        out: W,
        /// Lines for people.
        notes: W,
    },
}

impl<W: Write> Output<W> {
    /// A line for people, above the table.
    ///
    /// # Errors
    /// The reader has gone.
    pub fn note(&mut self, line: &str) -> io::Result<()> {
        match self {
            Self::Terminal { out, drawn, .. } => {
                let text = format!("{}{line}\n", erase(*drawn));
                *drawn = 0;
                send(out, &text)
            }
            Self::Lines { out, .. } => send(out, &format!("{line}\n")),
            Self::Json { notes, .. } => send(notes, &format!("{line}\n")),
        }
    }

    /// The figures of the last seconds.
    ///
    /// # Errors
    /// The reader has gone.
    pub fn frame(&mut self, frame: &Frame, fault: bool, alerts: &[Active]) -> io::Result<()> {
        let title = title(frame, fault, alerts);
        match self {
            Self::Terminal { out, style, drawn } => {
                let lines = [vec![title, table::header(*style)], table::rows(frame, Span::Recent, *style)].concat();
                let text = format!("{}{NO_WRAP}{}{WRAP}\n", erase(*drawn), lines.join("\n"));
                *drawn = lines.len();
                send(out, &text)
            }
            Self::Lines { out, frames } => {
                let mut lines = vec![title];
                if frames.is_multiple_of(HEADER_EVERY) {
                    lines.push(table::header(Style::Plain));
                }
                *frames += 1;
                lines.extend(table::rows(frame, Span::Recent, Style::Plain));
                send(out, &format!("{}\n", lines.join("\n")))
            }
            Self::Json { out, .. } => object(out, &json::frame(frame, fault, alerts)),
        }
    }

    /// The figures of the whole run, and what became of the telemetry.
    ///
    /// # Errors
    /// The reader has gone.
    pub fn last(&mut self, outcome: &Outcome, report: &Report) -> io::Result<()> {
        let Outcome { last, fault, left_out } = outcome;
        let (out, style, drawn) = match self {
            Self::Json { out, .. } => return object(out, &json::last(last, *fault, *left_out, report)),
            Self::Terminal { out, style, drawn } => (out, *style, std::mem::take(drawn)),
            Self::Lines { out, .. } => (out, Style::Plain, 0),
        };
        let mut lines = vec![format!("The whole run, {:.1} s:", last.elapsed.as_secs_f64()), table::header(style)];
        lines.extend(table::rows(last, Span::Total, style));
        if *left_out > 0 {
            lines.push(format!("{left_out} requests were left out because too many were under way."));
        }
        lines.push(if *report == Report::default() {
            String::from("Telemetry: nothing left this process.")
        } else {
            format!("Telemetry: {report}")
        });
        send(out, &format!("{}{}\n", erase(drawn), lines.join("\n")))
    }
}

fn title(frame: &Frame, fault: bool, alerts: &[Active]) -> String {
    let fault = if fault { ", rerank is slow" } else { "" };
    let alert = |alert: &Active| format!(", {} {}", alerts::name(&alert.labels), alert.state.as_str());
    let alerts: String = alerts.iter().map(alert).collect();
    format!(
        "-- {:.0} s, figures of the last {:.0} s{fault}{alerts} --",
        frame.elapsed.as_secs_f64(),
        frame.window.as_secs_f64()
    )
}

/// Moves to the first of the lines drawn before and clears from there to the end of the screen.
fn erase(drawn: usize) -> String {
    if drawn == 0 { String::new() } else { format!("\x1b[{drawn}A\r\x1b[J") }
}

fn object(out: &mut impl Write, object: &Value) -> io::Result<()> {
    send(out, &format!("{object}\n"))
}

/// One write a picture, so that a terminal does not show half of it.
fn send(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::SpanKind;

    use super::super::figures::{Figures, tests::operation};
    use super::*;
    use crate::clock::Timestamp;

    fn frame() -> Frame {
        let mut figures = Figures::new(Timestamp(1_000_000_000), Vec::new());
        figures.read(Timestamp(2_000_000_000), vec![operation("rerank", SpanKind::Internal, 60, 6.0)])
    }

    fn written(mut output: Output<Vec<u8>>, write: impl FnOnce(&mut Output<Vec<u8>>)) -> String {
        write(&mut output);
        let (Output::Terminal { out, .. } | Output::Lines { out, .. } | Output::Json { out, .. }) = output;
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_terminal_sees_one_table_that_is_drawn_over_and_notes_above_it() {
        let terminal = Output::Terminal { out: Vec::new(), style: Style::Plain, drawn: 0 };
        let text = written(terminal, |output| {
            output.frame(&frame(), false, &[]).unwrap();
            output.note("rerank gets slow").unwrap();
            output.frame(&frame(), true, &[]).unwrap();
            output.frame(&frame(), true, &[]).unwrap();
        });
        assert_eq!(text.matches("\x1b[3A\r\x1b[J").count(), 2, "before the note, and before the last table");
        let note = text.find("rerank gets slow").unwrap();
        assert!(text[..note].ends_with("\x1b[J"));
    }

    #[test]
    fn without_a_terminal_nothing_is_drawn_over_and_the_header_comes_back() {
        let text = written(Output::Lines { out: Vec::new(), frames: 0 }, |output| {
            for _ in 0..=HEADER_EVERY {
                output.frame(&frame(), false, &[]).unwrap();
            }
        });
        assert!(!text.contains('\x1b'));
        assert_eq!((text.matches("operation").count(), text.matches("-- ").count()), (2, HEADER_EVERY + 1));
    }

    #[test]
    fn json_is_one_object_a_line_and_only_the_last_one_says_so() {
        let outcome = Outcome { last: frame(), fault: true, left_out: 0 };
        let text = written(Output::Json { out: Vec::new(), notes: Vec::new() }, |output| {
            output.note("for people").unwrap();
            output.frame(&frame(), false, &[]).unwrap();
            output.last(&outcome, &Report::default()).unwrap();
        });
        let last: Vec<bool> =
            text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["final"].as_bool().unwrap()).collect();
        assert_eq!(last, [false, true]);
    }
}
