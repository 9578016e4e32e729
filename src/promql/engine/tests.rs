//! What Prometheus' own scripts, in `tests/promql`, do not touch: they run with other options than a server has.

use super::*;
use crate::model::Matcher;
use crate::promql::notation::{SequenceValue, parse_series};
use crate::promql::{Experiments, Severity, parse, parse_with};

/// Series in the notation of Prometheus' tests, a value a minute from time 0.
struct Notes(Vec<Selected>);

impl Notes {
    fn new(series: &[&str]) -> Self {
        let mut all: Vec<Selected> = series.iter().map(|text| selected(text)).collect();
        all.sort_by(|a, b| a.labels.cmp(&b.labels));
        Self(all)
    }
}

fn selected(text: &str) -> Selected {
    let series = parse_series(text).unwrap();
    let sample = |(time, value)| {
        let value = match value {
            SequenceValue::Omitted => return None,
            SequenceValue::Float(value) => SampleValue::Float(value),
            SequenceValue::Histogram { value, .. } => SampleValue::Histogram(value),
        };
        Some(Sample { time, start: 0, value })
    };
    let times = (0..).step_by(60_000);
    Selected { labels: series.labels, samples: times.zip(series.values).filter_map(sample).collect() }
}

impl Source for Notes {
    fn select(&self, matchers: &[Matcher], after: i64, until: i64) -> Vec<Selected> {
        let chosen = self.0.iter().filter(|series| matchers.iter().all(|matcher| matcher.matches(&series.labels)));
        let cut = |series: &Selected| {
            let within = |sample: &&Sample| sample.time > after && sample.time <= until;
            let samples: Vec<Sample> = series.samples.iter().filter(within).cloned().collect();
            (!samples.is_empty()).then(|| Selected { labels: series.labels.clone(), samples })
        };
        chosen.filter_map(cut).collect()
    }
}

const REQUESTS: [&str; 3] =
    [r#"requests_total{job="a"} 0+60x10"#, r#"requests_total{job="b"} 0+120x10"#, r#"errors_total{job="a"} 0+6x10"#];

/// The answer at five minutes as text, a line a series; an error begins with `error:`.
fn at_five(series: &[&str], query: &str, options: &Options) -> String {
    let expr = parse_with(query, Experiments::ALL).unwrap();
    match instant(&Notes::new(series), &expr, 300_000, options) {
        Err(error) => format!("error: {error}"),
        Ok(answer) => shown(&answer.value),
    }
}

fn shown(value: &Value) -> String {
    let number = |value: &SampleValue| match value {
        SampleValue::Float(value) => value.to_string(),
        SampleValue::Histogram(histogram) => histogram.to_string(),
    };
    match value {
        Value::Scalar(value) => value.to_string(),
        Value::String(text) => text.clone(),
        Value::Vector(vector) => {
            let lines: Vec<String> =
                vector.iter().map(|instant| format!("{} {}", instant.labels, number(&instant.value))).collect();
            lines.join("\n")
        }
        Value::Matrix(matrix) => {
            let line = |series: &Selected| {
                let values = series.samples.iter().map(|sample| format!("{}@{}", number(&sample.value), sample.time));
                format!("{} {}", series.labels, values.collect::<Vec<_>>().join(" "))
            };
            matrix.iter().map(line).collect::<Vec<_>>().join("\n")
        }
    }
}

#[test]
fn with_the_options_of_a_server_names_go_where_they_stop_being_true() {
    let cases = [
        ("rate(requests_total[5m])", "{job=\"a\"} 1\n{job=\"b\"} 2"),
        ("last_over_time(requests_total[5m])", "requests_total{job=\"a\"} 300\nrequests_total{job=\"b\"} 600"),
        ("-errors_total", "{job=\"a\"} -30"),
        ("abs(errors_total)", "{job=\"a\"} 30"),
        ("errors_total / 2", "{job=\"a\"} 15"),
        ("errors_total > 2", "errors_total{job=\"a\"} 30"),
        ("errors_total > bool 2", "{job=\"a\"} 1"),
        ("errors_total > bool requests_total", "{job=\"a\"} 0"),
        ("errors_total / requests_total", "{job=\"a\"} 0.1"),
        ("timestamp(errors_total)", "{job=\"a\"} 300"),
        ("sum by (__name__) (abs(requests_total))", "{} 900"),
        ("label_replace(abs(errors_total), \"__name__\", \"now\", \"\", \"\")", "now{job=\"a\"} 30"),
        ("-{job=\"a\"}", "error: vector cannot contain metrics with the same labelset"),
        ("rate({job=\"a\"}[5m])", "error: vector cannot contain metrics with the same labelset"),
    ];
    for (query, expected) in cases {
        assert_eq!(at_five(&REQUESTS, query, &Options::default()), expected, "{query}");
    }
}

#[test]
fn a_query_may_hold_only_so_many_samples() {
    let options = |max_samples| Options { max_samples, ..Options::default() };
    let too_many = "error: query processing would load too many samples into memory in query execution";
    let cases = [
        ("requests_total", 2, true),
        ("requests_total", 1, false),
        ("requests_total + requests_total", 6, true),
        ("requests_total + requests_total", 5, false),
        ("sum(requests_total)", 3, true),
        ("count_over_time(requests_total[5m])", 6, true),
        ("count_over_time(requests_total[5m])", 4, false),
        // Whoever asks for a subquery of a million steps is refused before they are laid out.
        ("max_over_time(requests_total[1000000m:1s])", 1_000, false),
    ];
    for (query, most, passes) in cases {
        let answer = at_five(&REQUESTS, query, &options(most));
        assert_eq!(answer != too_many, passes, "{query} with {most}: {answer}");
    }
}

#[test]
fn what_cannot_be_asked_over_a_range_is_an_error_with_its_place() {
    let source = Notes::new(&REQUESTS);
    let ask =
        |query: &str, start, end, step| range(&source, &parse(query).unwrap(), start, end, step, &Options::default());
    let cases = [
        (
            "requests_total[5m]",
            0,
            60_000,
            1_000,
            "invalid expression type \"range vector\" for range query, must be Scalar or instant Vector",
        ),
        (
            "\"text\"",
            0,
            60_000,
            1_000,
            "invalid expression type \"string\" for range query, must be Scalar or instant Vector",
        ),
        ("1", 0, 60_000, 0, "zero or negative query resolution step widths are not accepted"),
        ("1", 60_000, 0, 1_000, "end timestamp must not be before start time"),
        ("1", 0, i64::MAX, 1, "query processing would load too many samples into memory in query execution"),
    ];
    for (query, start, end, step, expected) in cases {
        let error = ask(query, start, end, step).unwrap_err();
        assert_eq!(error.message, expected);
        assert_eq!((error.span.start, error.span.end), (0, query.len()), "{query}");
    }
}

#[test]
fn a_range_has_a_value_for_each_step_not_past_its_end() {
    let source = Notes::new(&["gauge 1 2 stale _ _ _ _ _ 9", "late _ _ _ 4"]);
    let ask = |query: &str| {
        let answer = range(&source, &parse(query).unwrap(), 0, 290_000, 60_000, &Options::default()).unwrap();
        shown(&answer.value)
    };
    assert_eq!(ask("gauge"), "gauge 1@0 2@60000");
    assert_eq!(ask("late"), "late 4@180000 4@240000");
    assert_eq!(ask("1 + 1"), "{} 2@0 2@60000 2@120000 2@180000 2@240000");
    assert_eq!(ask("gauge or late"), "gauge 1@0 2@60000\nlate 4@180000 4@240000");
    assert_eq!(ask("gauge @ 60"), "gauge 2@0 2@60000 2@120000 2@180000 2@240000");
    assert_eq!(ask("absent(gauge)"), "{} 1@120000 1@180000 1@240000");
}

#[test]
fn annotations_name_line_and_column_once_for_all_series() {
    let query = "sum(\n  rate(gauge[5m])\n)";
    let source = Notes::new(&[r#"gauge{a="1"} 1 2 3"#, r#"gauge{a="2"} 1 2 3"#]);
    let answer = instant(&source, &parse(query).unwrap(), 120_000, &Options::default()).unwrap();
    let texts: Vec<String> = answer.annotations.iter().map(|annotation| annotation.text(query)).collect();
    let expected = "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \
                    \"gauge\" (2:8)";
    assert_eq!(texts, [expected]);
    assert!(answer.annotations.iter().all(|annotation| annotation.severity() == Severity::Info));
}

#[test]
fn with_types_as_labels_a_counter_is_told_by_its_type() {
    let series = [r#"a{__type__="counter"} 0+1x5"#, r#"b_total{__type__="gauge"} 0+1x5"#];
    let options = Options { type_and_unit: true, ..Options::default() };
    let query = r#"rate({__name__=~"a|b_total"}[5m])"#;
    let answer = instant(&Notes::new(&series), &parse(query).unwrap(), 300_000, &options);
    // Both become the same series; that is found after the remark.
    assert_eq!(answer.unwrap_err().message, "vector cannot contain metrics with the same labelset");
    let answer = instant(&Notes::new(&series[1..]), &parse(query).unwrap(), 300_000, &options).unwrap();
    let texts: Vec<String> = answer.annotations.iter().map(crate::promql::Annotation::message).collect();
    let expected = "metric might not be a counter, __type__ label is not set to \"counter\" or \"histogram\", got \
                    \"gauge\": \"b_total\"";
    assert_eq!(texts, [expected]);
}

#[test]
fn as_deep_as_the_parser_takes_it_an_expression_is_evaluated_on_a_small_stack() {
    let source = Notes::new(&["a 1 2 3"]);
    let depth = crate::promql::MAX_DEPTH - 1;
    let nested = crate::promql::parser::MAX_NESTING - 1;
    let deep = [
        format!("{}1", "1 + ".repeat(depth)),
        format!("a{}", " + a".repeat(depth)),
        format!("a{}", " or a".repeat(depth)),
        format!("{}a", "-".repeat(nested)),
        format!("{}a{}", "abs(".repeat(nested), ")".repeat(nested)),
        format!("{}a{}", "sum(".repeat(nested), ")".repeat(nested)),
        format!("{}a{}", "(".repeat(nested), ")".repeat(nested)),
        format!("{}a{}", "max_over_time(".repeat(nested / 2), "[1m:1m])".repeat(nested / 2)),
    ];
    for query in deep {
        let expr = parse(&query).unwrap();
        let answer = instant(&source, &expr, 60_000, &Options::default());
        assert!(answer.is_ok(), "{query}: {answer:?}");
    }
}

#[test]
fn extreme_times_are_no_overflow() {
    let source = Notes::new(&REQUESTS);
    for query in
        ["rate(requests_total[5m] offset 1y)", "max_over_time(requests_total[1y:1h] offset -10y)", "requests_total @ 0"]
    {
        for at in [i64::MIN, i64::MAX, 0] {
            let answer = instant(&source, &parse(query).unwrap(), at, &Options::default());
            assert!(answer.is_ok(), "{query} at {at}: {answer:?}");
        }
    }
}

#[test]
fn many_allowed_samples_allow_no_gigabytes_of_empty_cells() {
    const MEBIBYTE: usize = 1 << 20;
    let source = Notes(Vec::new());
    let laid_out = |max_samples: usize, series: usize| {
        let options = Options { max_samples, ..Options::default() };
        Evaluator::new(&source, &options).room(series, Grid::new(0, 999, 1), Span::default()).is_ok()
    };
    let bytes = |series: usize| series * 1_000 * size_of::<Cell>() / MEBIBYTE;
    assert!(laid_out(5_000_000, 8_000) && !laid_out(5_000_000, 9_000) && bytes(9_000) < 256);
    assert!(laid_out(500_000, 8_000) && laid_out(1_000, 16) && !laid_out(1_000, 17));
    assert!(laid_out(20_000_000, 20_000), "as many as samples are allowed");
}
