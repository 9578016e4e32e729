//! Figures for people: a table that fits 80 columns.

use super::figures::{Frame, Line, Row};

/// Columns that a line may take.
pub const WIDTH: usize = 79;

/// Share of errors from which on a row is marked.
const MANY_ERRORS: f64 = 0.05;
/// Share of the self time from which on an operation is marked.
const MOST_TIME: f64 = 0.5;

/// What a row shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// The last seconds.
    Recent,
    /// The whole run.
    Total,
}

/// How text is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Letters only.
    Plain,
    /// With colours.
    Colour,
}

impl Style {
    /// Text in a colour (an SGR parameter), where colours are wanted.
    pub fn paint(self, text: &str, colour: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\x1b[{colour}m{text}\x1b[0m"),
        }
    }
}

/// The names of the columns.
pub fn header(style: Style) -> String {
    let names = format!(
        "{:<14}{:<9}{:>6}{:>6}{:>7}{:>7}{:>7}{:>8}{:>6}{:>4}{:>5}",
        "operation", "kind", "rate/s", "err%", "p50 ms", "p95 ms", "p99 ms", "self ms", "self%", "now", "peak"
    );
    style.paint(&names, "1")
}

/// A row for each operation that did something in that time, or is doing it.
pub fn rows(frame: &Frame, span: Span, style: Style) -> Vec<String> {
    let told = |line: &&Line| span == Span::Total || line.recent.calls > 0 || line.in_flight > 0;
    frame.lines.iter().filter(told).map(|line| row(line, span, style)).collect()
}

fn row(line: &Line, span: Span, style: Style) -> String {
    let row: &Row = match span {
        Span::Recent => &line.recent,
        Span::Total => &line.total,
    };
    let [p50, p95, p99] = row.quantiles.map_or([None; 3], |q| [Some(q.p50), Some(q.p95), Some(q.p99)]).map(millis);
    let errors =
        format!("{:>6}", if row.calls == 0 { String::from("-") } else { format!("{:.1}", row.error_ratio() * 100.0) });
    let share =
        format!("{:>6}", row.self_share.map_or_else(|| String::from("-"), |share| format!("{:.0}", share * 100.0)));
    format!(
        "{:<14}{:<9}{:>6}{}{p50:>7}{p95:>7}{p99:>7}{:>8}{}{:>4}{:>5}",
        shortened(&line.name, 13),
        line.kind,
        rate(row.rate),
        if row.error_ratio() >= MANY_ERRORS { style.paint(&errors, "31") } else { errors },
        millis(row.self_ms()),
        if row.self_share >= Some(MOST_TIME) { style.paint(&share, "33") } else { share },
        line.in_flight,
        line.peak,
    )
}

/// Milliseconds in at most six characters, with three digits that mean something.
fn millis(value: Option<f64>) -> String {
    match value {
        None => String::from("-"),
        Some(value) if value < 1.0 => format!("{value:.3}"),
        Some(value) if value < 100.0 => format!("{value:.2}"),
        Some(value) if value < 1_000.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.0}"),
    }
}

fn rate(value: f64) -> String {
    if value < 1_000.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

fn shortened(name: &str, limit: usize) -> String {
    if name.chars().count() <= limit {
        return name.to_owned();
    }
    name.chars().take(limit - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::SpanKind;

    use super::super::figures::{Figures, tests::operation};
    use super::*;
    use crate::clock::Timestamp;

    fn frame() -> Frame {
        let mut figures = Figures::new(Timestamp(1_000_000_000), Vec::new());
        let operations = vec![
            operation("GET", SpanKind::Client, 60, 500.0),
            operation("a_name_that_is_too_long", SpanKind::Internal, 9_999_999, 99_999_999_999.0),
            operation("index", SpanKind::Internal, 0, 0.0),
        ];
        figures.read(Timestamp(2_000_000_000), operations)
    }

    #[test]
    fn every_line_has_the_same_width_and_fits_a_terminal() {
        let mut lines = rows(&frame(), Span::Total, Style::Plain);
        lines.push(header(Style::Plain));
        lines.remove(2);
        assert!(lines.iter().all(|line| line.chars().count() == WIDTH), "{lines:#?}");
    }

    #[test]
    fn a_row_shows_rate_errors_quantiles_and_self_time() {
        let rows = rows(&frame(), Span::Recent, Style::Plain);
        let words: Vec<&str> = rows[0].split_whitespace().collect();
        assert_eq!(words[..4], ["GET", "client", "60.0", "10.0"]);
        assert_eq!(words[7..], ["8.33", "-", "1", "3"]);
        assert_eq!(rows[1].split_whitespace().collect::<Vec<_>>()[3..7], ["-", "-", "-", "-"]);
    }

    #[test]
    fn colours_appear_only_where_they_are_wanted() {
        assert!(!rows(&frame(), Span::Recent, Style::Plain).concat().contains('\x1b'));
        assert!(rows(&frame(), Span::Recent, Style::Colour).concat().contains("\x1b[31m"));
    }
}
