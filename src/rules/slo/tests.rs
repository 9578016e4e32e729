use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::history::{Selected, Source};
use crate::model::{Matcher, SampleValue};
use crate::promql::{self, Value};
use crate::rules::file::{ReadOptions, parse};
use crate::rules::{Kind, RuleFile, RuleSpec};

/// After the example of sloth's own introduction.
const EXAMPLE: &str = r#"version: "prometheus/v1"
service: "myservice"
labels:
  owner: "myteam"
slos:
  - name: "requests-availability"
    objective: 99.9
    description: "Availability of the service"
    sli:
      events:
        error_query: sum(rate(http_requests_total{job="myservice",code=~"(5..|429)"}[{{.window}}]))
        total_query: sum(rate(http_requests_total{job="myservice"}[{{ .window }}]))
    alerting:
      name: MyServiceHighErrorRate
      labels:
        category: "availability"
      annotations:
        summary: "High error rate on 'myservice' requests responses"
      page_alert:
        labels:
          severity: emergency
      ticket_alert:
        disable: false
"#;

#[test]
fn an_objective_becomes_recordings_and_one_alert_for_each_pair_of_windows() {
    let file = parse("slo", &generate(&[("s.yml", EXAMPLE)], Options::default()).unwrap(), &ReadOptions::default());
    assert_eq!((file.errors, file.lints), (vec![], vec![]));
    let names: Vec<(&str, usize)> = file.groups.iter().map(|group| (group.name.as_str(), group.rules.len())).collect();
    let id = "myservice-requests-availability";
    let recordings = format!("sloth-slo-sli-recordings-{id}");
    let (about, alerts) = (format!("sloth-slo-meta-recordings-{id}"), format!("sloth-slo-alerts-{id}"));
    assert_eq!(names, [(recordings.as_str(), 7), (about.as_str(), 5), (alerts.as_str(), 4)]);
    let labels = |at: usize| {
        let labels = file.groups[2].rules[at].labels.iter();
        labels.map(|(name, value)| format!("{name}={}", value.source())).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(labels(0), "category=availability severity=emergency sloth_severity=page sloth_windows=5m-1h");
    assert_eq!(labels(3), "category=availability severity=warning sloth_severity=ticket sloth_windows=6h-3d");
    let selector = format!("{{sloth_id=\"{id}\",sloth_service=\"myservice\",sloth_slo=\"requests-availability\"}}");
    assert_eq!(
        file.groups[2].rules[0].expr.to_string(),
        format!(
            "max without (sloth_window) (slo:sli_error:ratio_rate5m{selector} > (14.4 * 0.001)) \
             and max without (sloth_window) (slo:sli_error:ratio_rate1h{selector} > (14.4 * 0.001))"
        )
    );
    assert_eq!(
        file.groups[0].rules[1].expr.to_string(),
        "(sum(rate(http_requests_total{code=~\"(5..|429)\",job=\"myservice\"}[30m]))) \
         / (sum(rate(http_requests_total{job=\"myservice\"}[30m])))"
    );
}

#[test]
fn a_mistake_of_an_objective_is_found_at_its_place() {
    let cases = [
        ("objective: 99.9", "objective: 100", "7:16: objective: \"100\" is not valid; expected a percentage above 0"),
        ("slos:", "sloes:", "5:1: key \"sloes\" is not known (did you mean \"slos\"?)"),
        (
            "prometheus/v1",
            "sloth.slok.dev/v1",
            "1:10: version: \"sloth.slok.dev/v1\" is not valid; expected prometheus/v1",
        ),
        ("{{ .window }}", "{{ .Window }}", "12:68: total_query: expected {{.window}}"),
        ("[{{ .window }}]))", "[{{ .window }}]", "12:82: total_query: unclosed left parenthesis"),
        (
            "sum(rate(http_requests_total{job=\"myservice\"}",
            "sum(rates(http_requests_total{job=\"myservice\"}",
            "12:26: total_query: unknown function",
        ),
        (
            "[{{ .window }}]))",
            "[5m]))",
            "12:22: total_query: the query has no {{.window}}; expected it where a window stands",
        ),
        (
            "version:",
            "apiVersion:",
            "1:1: an object of Kubernetes; expected its spec alone, with version: prometheus/v1",
        ),
        ("slos:", "slo_plugins: {chain: []}\nslos:", "5:14: slo_plugins: sloth's plugins do not run here"),
        ("events:", "plugin:", "10:7: indicator \"plugin\" is not known; expected events, raw"),
    ];
    let mut different = Vec::new();
    for (from, to, expected) in cases {
        let error =
            generate(&[("s.yml", &EXAMPLE.replacen(from, to, 1))], Options::default()).unwrap_err()[0].to_string();
        if !error.starts_with(&format!("s.yml:{expected}")) {
            different.push(format!("{error}\n  expected {expected}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(generate(&[("s.yml", "")], Options::default()).unwrap_err()[0].to_string().contains("the file is empty"));
}

/// No series at all.
#[derive(Debug)]
struct Nothing;

impl Source for Nothing {
    fn select(&self, _: &[Matcher], _: i64, _: i64) -> Vec<Selected> {
        Vec::new()
    }
}

fn data(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/slo");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

fn labels(rule: &RuleSpec, without: &[&str]) -> BTreeMap<String, String> {
    let labels = rule.labels.iter().filter(|(name, _)| !without.contains(&name.as_str()));
    labels.map(|(name, value)| (name.clone(), value.source().to_owned())).collect()
}

/// An expression with its numbers in eleven digits; of one without series the value.
fn rounded(expr: &str) -> String {
    let expr = promql::parse(expr).unwrap();
    if expr.selectors().is_empty() {
        let answer = promql::instant(&Nothing, &expr, 0, &promql::Options::default()).unwrap();
        let Value::Vector(series) = answer.value else { panic!("{expr}") };
        let SampleValue::Float(value) = series[0].value else { panic!("{expr}") };
        return format!("{value:.11}");
    }
    let number = regex::Regex::new(r"\b\d+\.\d+\b").unwrap();
    let round = |found: &regex::Captures<'_>| format!("{:.11}", found[0].parse::<f64>().unwrap());
    number.replace_all(&expr.to_string(), round).into_owned()
}

#[test]
fn rules_are_those_that_sloth_makes_of_the_same_objectives() {
    for name in ["checkout", "ratio", "silent", "two-services"] {
        let ours = generate(&[(name, &data(&format!("{name}.yml")))], Options { period: true }).unwrap();
        let read = |text: &str| -> RuleFile {
            let file = parse(name, text, &ReadOptions::default());
            assert_eq!(file.errors, [], "{name}");
            file
        };
        // Of several documents sloth makes several.
        let theirs = data(&format!("{name}.rules.yml"));
        let theirs: Vec<_> = theirs.split("\n---\n").flat_map(|document| read(document).groups).collect();
        let ours = read(&ours).groups;
        assert_eq!(ours.len(), theirs.len(), "{name}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours.name, theirs.name);
            same(&ours.rules, &theirs.rules);
        }
    }
}

/// Compares the rules of a group; who made them differs.
fn same(ours: &[RuleSpec], theirs: &[RuleSpec]) {
    const MADE: [&str; 3] = ["sloth_mode", "sloth_version", "sloth_windows"];
    let mut ours = ours.iter();
    for theirs in theirs {
        let mine = ours.next().unwrap();
        let joined = if mine.kind == Kind::Alert {
            let other = ours.next().unwrap();
            assert_eq!(labels(mine, &MADE), labels(other, &MADE));
            format!("({}) or ({})", mine.expr, other.expr)
        } else {
            mine.expr.to_string()
        };
        assert_eq!((mine.kind, &mine.name), (theirs.kind, &theirs.name));
        assert_eq!(rounded(&joined), rounded(&theirs.expr.to_string()), "{}", mine.name);
        assert_eq!(labels(mine, &MADE), labels(theirs, &MADE), "{}", mine.name);
        let annotations = |rule: &RuleSpec| {
            rule.annotations.iter().map(|(name, text)| (name.clone(), text.source().to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(annotations(mine), annotations(theirs), "{}", mine.name);
    }
    assert_eq!(ours.count(), 0);
}

#[test]
fn what_the_period_asks_for_is_left_out_unless_wanted() {
    let usual = generate(&[("s.yml", EXAMPLE)], Options::default()).unwrap();
    assert!(!usual.contains("30d") && !usual.contains("period_burn_rate"));
}

#[test]
fn an_objective_that_is_there_twice_is_a_mistake_in_whatever_files() {
    let findings = generate(&[("a.yml", EXAMPLE), ("b.yml", EXAMPLE)], Options::default()).unwrap_err();
    let findings: Vec<String> = findings.iter().map(|finding| finding.fault.to_string()).collect();
    assert_eq!(findings, ["b.yml:6:5: the objective \"myservice-requests-availability\" is there already"]);
}
