//! Annotation templates: the text, or the failure, that promtool gives (head of `promql_templates.tsv`).

use std::collections::BTreeMap;

use bellwether::history::{Selected, Source};
use bellwether::model::{Labels, Matcher, Sample, SampleValue};
use bellwether::promql::{self, Value};
use bellwether::template::{Context, Data, Found, Template};

use crate::text;

/// Cases that do not pass yet. The list may only shrink.
const OPEN: [&str; 0] = [];

/// The series that the cases are evaluated over.
struct Series(Vec<Selected>);

impl Source for Series {
    fn select(&self, matchers: &[Matcher], after: i64, until: i64) -> Vec<Selected> {
        let fits = |labels: &Labels| matchers.iter().all(|m| m.accepts(labels.get(m.name()).unwrap_or_default()));
        let cut = |series: &Selected| Selected {
            samples: series.samples.iter().filter(|s| after < s.time && s.time <= until).cloned().collect(),
            labels: series.labels.clone(),
        };
        self.0
            .iter()
            .filter(|series| fits(&series.labels))
            .map(cut)
            .filter(|series| !series.samples.is_empty())
            .collect()
    }
}

fn series(labels: &[(&str, &str)], value: f64) -> Selected {
    let samples = [0, 60_000].map(|time| Sample { time, start: 0, value: SampleValue::Float(value) });
    Selected { labels: Labels::new(labels.iter().copied()), samples: samples.into() }
}

/// Labels as PromQL reads them.
fn labels(text: &str) -> Labels {
    let query = format!("m{{{text}}}");
    let promql::Expr::Vector(selector) = promql::parse(&query).expect("labels of a case") else { panic!("{query}") };
    Labels::new(selector.matchers.iter().map(|matcher| (matcher.name().to_owned(), matcher.value().to_owned())))
}

fn unescaped(field: &str) -> String {
    let mut text = String::new();
    let mut letters = field.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\\') {
            (_, true) => match letters.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some(other) => text.push(other),
                None => panic!("{field:?} ends within an escape"),
            },
            (letter, false) => text.push(letter),
        }
    }
    text
}

fn query(source: &Series, text: &str) -> Result<Vec<Found>, String> {
    let expr = promql::parse(text).map_err(|error| error.to_string())?;
    let answer =
        promql::instant(source, &expr, 60_000, &promql::Options::default()).map_err(|error| error.to_string())?;
    match answer.value {
        Value::Scalar(number) => Ok(vec![(Labels::default(), SampleValue::Float(number))]),
        Value::Vector(vector) => Ok(vector.into_iter().map(|series| (series.labels, series.value)).collect()),
        _ => Err("rule result is not a vector or scalar".to_owned()),
    }
}

/// `text`, `error` or `rejected`, and the text or the reason.
fn outcome(case: &[String]) -> (&'static str, String) {
    let [_, _, template, own, value, ..] = case else { panic!("{case:?}") };
    let template = match Template::parse(template) {
        Ok(template) => template,
        Err(error) => return ("rejected", error.message),
    };
    let (labels, value) = (labels(own), value.parse().expect("a value"));
    let source = Series(vec![
        series(&[("__name__", "errors"), ("code", "404")], 7.0),
        series(&[("__name__", "errors"), ("code", "500")], 12.0),
        Selected { labels: labels.clone(), ..series(&[], value) },
        series(&[("__name__", "ratio")], 0.0375),
        series(&[("__name__", "up"), ("instance", "a:9090"), ("job", "api")], 1.0),
        series(&[("__name__", "up"), ("instance", "b:9090"), ("job", "api")], 0.0),
        series(&[("__name__", "up"), ("instance", "c:9090"), ("job", "db")], 2.0),
    ]);
    let external = Labels::new([("cluster", "c1"), ("region", "eu-1")]);
    let ask = |text: &str| query(&source, text);
    let context = Context {
        at: 60_000,
        external_labels: Some(&external),
        external_url: "https://prom.example.org:9090/base",
        query: Some(&ask),
    };
    match template.expand(&Data { labels: &labels, value: &SampleValue::Float(value) }, &context) {
        Ok(text) => ("text", text),
        Err(why) => ("error", why),
    }
}

#[test]
fn every_template_gives_what_promtool_gives() {
    let text = text("promql_templates.tsv");
    let rows = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    let cases: Vec<Vec<String>> = rows.map(|row| row.split('\t').map(unescaped).collect()).collect();
    assert!(cases.len() >= 320, "{} cases only", cases.len());
    let mut failed = BTreeMap::new();
    for case in &cases {
        let (result, found) = outcome(case);
        // Of failures the words are Go's; that it fails is what counts.
        let same = result == case[5] && (result != "text" || found == case[6]);
        if !same {
            failed.insert(
                case[0].as_str(),
                format!("{:?}: {result} {found:?}, expected {} {:?}", case[2], case[5], case[6]),
            );
        }
    }
    println!("{} of {} templates as in promtool", cases.len() - failed.len(), cases.len());
    let unexpected: Vec<_> = failed.iter().filter(|(id, _)| !OPEN.contains(id)).collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
    let passing: Vec<_> = OPEN.iter().filter(|id| !failed.contains_key(**id)).collect();
    assert!(passing.is_empty(), "these pass; take them off the list: {passing:?}");
}
