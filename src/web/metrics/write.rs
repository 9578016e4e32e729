//! The text formats (<https://prometheus.io/docs/instrumenting/exposition_formats/>,
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>).

use super::family::{Family, Kind, Line};
use super::negotiate::Format;
use crate::model::{Exemplar, Labels};

/// All families, in the order given.
pub(super) fn text(families: &[Family], format: Format) -> String {
    let mut out = String::new();
    for family in families {
        head(&mut out, family, format);
        for one in &family.lines {
            line(&mut out, family, one, format);
        }
    }
    if format == Format::OpenMetrics {
        out.push_str("# EOF\n");
    }
    out
}

fn head(out: &mut String, family: &Family, format: Format) {
    let name = family_name(family, format);
    let kind = match (family.kind, format) {
        (Kind::Counter, _) => "counter",
        (Kind::Histogram, _) => "histogram",
        (Kind::Info, Format::OpenMetrics) => "info",
        (Kind::Gauge, _) | (Kind::Info, Format::Text) => "gauge",
    };
    if !family.help.is_empty() {
        out.extend(["# HELP ", name, " "]);
        escape(out, &family.help, format == Format::OpenMetrics);
        out.push('\n');
    }
    out.extend(["# TYPE ", name, " ", kind, "\n"]);
    // OpenMetrics knows a unit only as the end of the name.
    let named = name.strip_suffix(family.unit.as_str()).is_some_and(|rest| rest.ends_with('_'));
    if format == Format::OpenMetrics && !family.unit.is_empty() && named {
        out.extend(["# UNIT ", name, " ", &family.unit, "\n"]);
    }
}

/// In `OpenMetrics` what a kind adds to its samples is no part of the family's name.
fn family_name(family: &Family, format: Format) -> &str {
    let added = match (family.kind, format) {
        (Kind::Counter, Format::OpenMetrics) => "_total",
        (Kind::Info, Format::OpenMetrics) => "_info",
        _ => "",
    };
    family.name.strip_suffix(added).unwrap_or(&family.name)
}

fn line(out: &mut String, family: &Family, line: &Line, format: Format) {
    out.extend([family.name.as_str(), line.suffix]);
    labels(out, &line.labels, format);
    out.push(' ');
    out.push_str(&number(line.value));
    // Of gauges there are none in OpenMetrics, and of sums and counts neither.
    let may_have = matches!((family.kind, line.suffix), (Kind::Counter, "") | (Kind::Histogram, "_bucket"));
    if let Some(exemplar) = line.exemplar.as_ref().filter(|_| may_have && format == Format::OpenMetrics) {
        link(out, exemplar);
    }
    out.push('\n');
}

fn link(out: &mut String, exemplar: &Exemplar) {
    let (trace, span) = (exemplar.trace_id.to_string(), exemplar.span_id.to_string());
    let value = number(exemplar.value.as_f64());
    let milliseconds = exemplar.time.0 / 1_000_000;
    let time = format!("{}.{:03}", milliseconds / 1_000, milliseconds % 1_000);
    out.extend([" # {trace_id=\"", &trace, "\",span_id=\"", &span, "\"} ", &value, " ", &time]);
}

fn labels(out: &mut String, labels: &Labels, format: Format) {
    if labels.is_empty() {
        return;
    }
    for (at, (name, value)) in labels.iter().enumerate() {
        out.push(if at == 0 { '{' } else { ',' });
        out.extend([&**name, "=\""]);
        escape(out, value, true);
        // OpenMetrics writes bounds as floats.
        let whole = &**name == "le" && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        if whole && format == Format::OpenMetrics {
            out.push_str(".0");
        }
        out.push('"');
    }
    out.push('}');
}

fn escape(out: &mut String, text: &str, quotes: bool) {
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            letter => out.push(letter),
        }
    }
}

fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanId, TraceId};

    use super::*;
    use crate::clock::Timestamp;
    use crate::model::Number;

    fn family(name: &str, kind: Kind, unit: &str, lines: Vec<Line>) -> Family {
        Family { name: name.into(), kind, unit: unit.into(), help: "says \"what\"\nit is \\ not".into(), lines }
    }

    fn families() -> Vec<Family> {
        let line = |suffix, labels: &[(&str, &str)], value| {
            let exemplar = Exemplar {
                time: Timestamp(1_520_879_607_789_000_000),
                value: Number::F64(0.67),
                trace_id: TraceId::from(7),
                span_id: SpanId::from(9),
            };
            Line { suffix, labels: Labels::new(labels.iter().copied()), value, exemplar: Some(exemplar) }
        };
        vec![
            family("calls_total", Kind::Counter, "", vec![line("", &[("op", "a\"b\\c\nd")], 17.0)]),
            family("in_flight", Kind::Gauge, "spans", vec![line("", &[], -0.5)]),
            family(
                "took_seconds",
                Kind::Histogram,
                "seconds",
                vec![
                    line("_bucket", &[("le", "1")], 2.0),
                    line("_bucket", &[("le", "+Inf")], 3.0),
                    line("_sum", &[], f64::NAN),
                    line("_count", &[], 3.0),
                ],
            ),
            family("target_info", Kind::Info, "", vec![line("", &[("host", "x")], 1.0)]),
        ]
    }

    #[test]
    fn openmetrics_has_families_without_suffixes_units_exemplars_and_an_end() {
        let link = "# {trace_id=\"00000000000000000000000000000007\",span_id=\"0000000000000009\"} 0.67 1520879607.789";
        let expected = format!(
            r#"# HELP calls says \"what\"\nit is \\ not
# TYPE calls counter
calls_total{{op="a\"b\\c\nd"}} 17 {link}
# HELP in_flight says \"what\"\nit is \\ not
# TYPE in_flight gauge
in_flight -0.5
# HELP took_seconds says \"what\"\nit is \\ not
# TYPE took_seconds histogram
# UNIT took_seconds seconds
took_seconds_bucket{{le="1.0"}} 2 {link}
took_seconds_bucket{{le="+Inf"}} 3 {link}
took_seconds_sum NaN
took_seconds_count 3
# HELP target says \"what\"\nit is \\ not
# TYPE target info
target_info{{host="x"}} 1
# EOF
"#
        );
        assert_eq!(text(&families(), Format::OpenMetrics), expected);
    }

    #[test]
    fn the_text_format_has_full_names_and_no_exemplars() {
        let expected = r#"# HELP calls_total says "what"\nit is \\ not
# TYPE calls_total counter
calls_total{op="a\"b\\c\nd"} 17
# HELP in_flight says "what"\nit is \\ not
# TYPE in_flight gauge
in_flight -0.5
# HELP took_seconds says "what"\nit is \\ not
# TYPE took_seconds histogram
took_seconds_bucket{le="1"} 2
took_seconds_bucket{le="+Inf"} 3
took_seconds_sum NaN
took_seconds_count 3
# HELP target_info says "what"\nit is \\ not
# TYPE target_info gauge
target_info{host="x"} 1
"#;
        assert_eq!(text(&families(), Format::Text), expected);
    }
}
