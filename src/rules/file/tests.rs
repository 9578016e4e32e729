use super::*;

fn read(text: &str) -> RuleFile {
    parse("r.yml", text, &ReadOptions::default())
}

/// `line:column: about: message` of each error.
fn errors(text: &str) -> Vec<String> {
    let shown = |error: &Finding| {
        let Place { line, column } = error.fault.place;
        let colon = if error.about.is_empty() { "" } else { ": " };
        format!("{line}:{column}: {}{colon}{}", error.about, error.fault.message)
    };
    read(text).errors.iter().map(shown).collect()
}

#[test]
fn a_rule_file_of_prometheus_is_read_with_aliases_and_merged_keys() {
    let file = read(
        r#"
groups:
  - name: first
    interval: 30s
    query_offset: 5s
    limit: 10
    labels: {team: search, severity: info}
    rules:
      - &high
        alert: HighErrors
        expr: &expr |
          sum without(instance) (rate(errors_total[5m]))
          /
          sum without(instance) (rate(requests_total[5m]))
        for: 5m
        keep_firing_for: 1m
        labels:
          severity: critical
        annotations:
          description: "it's {{ $labels.service }}"
      - record: ratio
        expr: *expr
        labels: {code: 500}
      - <<: *high
        alert: HighErrors2
  - name: empty
"#,
    );
    assert_eq!(file.errors, []);
    assert_eq!((file.groups.len(), file.rules(), file.groups[1].rules.len()), (2, 3, 0));
    let group = &file.groups[0];
    assert_eq!((group.interval, group.query_offset, group.limit), (Some(30_000), Some(5_000), 10));
    let labels = |at: usize| -> Vec<(&str, &str)> {
        group.rules[at].labels.iter().map(|(name, value)| (name.as_str(), value.source())).collect()
    };
    let high = &group.rules[0];
    assert_eq!(
        (high.kind, high.name.as_str(), high.hold, high.keep_firing),
        (Kind::Alert, "HighErrors", 300_000, 60_000)
    );
    assert_eq!(labels(0), [("severity", "critical"), ("team", "search")], "a rule's own label counts");
    assert_eq!(high.annotations[0].1.source(), "it's {{ $labels.service }}");
    assert_eq!(
        (group.rules[1].kind, labels(1)),
        (Kind::Record, vec![("code", "500"), ("severity", "info"), ("team", "search")])
    );
    assert_eq!((group.rules[2].name.as_str(), group.rules[2].hold), ("HighErrors2", 300_000));
}

/// A file, and `line:column: about: message` of each of its errors.
const MISTAKES: [(&str, &[&str]); 21] = [
    ("", &[]),
    ("# nothing\n", &[]),
    ("groups:\n", &[]),
    ("group: []\n", &[r#"1:1: key "group" is not known (did you mean "groups"?); expected groups"#]),
    ("groups: {}\n", &["1:9: groups: expected a list"]),
    ("groups: [3]\n", &["1:10: expected a group with a name and rules"]),
    ("groups:\n- rules: []\n", &["2:3: the group's name is missing"]),
    ("groups:\n- name: a\n- name: a\n", &[r#"3:3: group "a": group "a" is there already, in line 2"#]),
    (
        "groups:\n- name: a\n  interval: 5\n  limit: some\n  query_offset: -1m\n",
        &[
            r#"3:13: group "a": interval: "5" is not valid; expected a duration such as 30s, 5m or 1h30m"#,
            r#"4:10: group "a": limit: expected a whole number"#,
            r#"5:17: group "a": query_offset: "-1m" is not valid; expected a duration such as 30s, 5m or 1h30m"#,
        ],
    ),
    (
        "groups:\n- name: a\n  rules:\n  - expr: 1\n",
        &[r#"4:5: group "a", rule 1: expected one of record and alert here"#],
    ),
    (
        "groups:\n- name: a\n  rules:\n  - {record: b, alert: c, expr: 1}\n",
        &[r#"4:5: group "a", rule 1: expected only one of record and alert here, not both"#],
    ),
    ("groups:\n- name: a\n  rules:\n  - record: b\n", &[r#"4:5: group "a", rule 1, "b": expr is missing here"#]),
    (
        "groups:\n- name: a\n  rules:\n  - record: b\n    expr: ''\n",
        &[r#"5:11: group "a", rule 1, "b": expr is empty; expected a query"#],
    ),
    (
        "groups:\n- name: a\n  rules:\n  - record: b\n    expr: 'rate(hi)'\n",
        &[
            r#"5:17: group "a", rule 1, "b": expr: expected type range vector in call to function "rate", got instant vector"#,
        ],
    ),
    (
        "groups:\n- name: a\n  rules:\n  - record: b\n    expr: |\n      sum(\n        up) by (job) +\n",
        &[r#"8:1: group "a", rule 1, "b": expr: unexpected end of input"#],
    ),
    (
        "groups:\n- name: a\n  rules:\n  - record: b{c='d'}\n    expr: 1\n    for: 1m\n    annotations: {e: f}\n",
        &[
            r#"4:13: group "a", rule 1, "b{c='d'}": "b{c='d'}" has braces; expected a name (labels go under labels:, queries into expr)"#,
            r#"6:5: group "a", rule 1, "b{c='d'}": for is for alerts only; expected none in a recording"#,
            r#"7:5: group "a", rule 1, "b{c='d'}": annotations is for alerts only; expected none in a recording"#,
        ],
    ),
    (
        "groups:\n- name: a\n  labels: {__name__: x}\n",
        &[r#"3:12: group "a": label "__name__": expected a name that is not empty and not __name__"#],
    ),
    (
        "groups:\n- name: a\n  rules:\n  - alert: b\n    expr: up == 0\n    annotations:\n      text: \"Instance {{ $label.x }}\"\n",
        &[r#"7:26: group "a", rule 1, "b": annotation "text": undefined variable "$label" (did you mean "$labels"?)"#],
    ),
    (
        "groups:\n- name: a\n  rules:\n  - alert: b\n    expr: up == 0\n    labels: {text: '{{ humanise 1 }}'}\n",
        &[r#"6:24: group "a", rule 1, "b": label "text": function "humanise" not defined (did you mean "humanize"?)"#],
    ),
    (
        "groups:\n- name: a\n  rules:\n  - alert: b\n    expr: up == 0\n    annotation: {a: b}\n    labels: [c]\n",
        &[
            r#"6:5: group "a", rule 1: key "annotation" is not known (did you mean "annotations"?); expected record, alert, expr, for, keep_firing_for, labels, annotations"#,
            r#"7:13: group "a", rule 1, "b": labels: expected a mapping of names to texts"#,
        ],
    ),
    ("groups: [\n", &["1:9: not YAML: unclosed bracket '['"]),
];

#[test]
fn each_mistake_is_found_at_its_place_with_what_was_expected() {
    let found = MISTAKES.map(|(text, _)| (text, errors(text)));
    let expected = MISTAKES.map(|(text, errors)| (text, errors.iter().map(|error| String::from(*error)).collect()));
    let different: Vec<_> = found.iter().zip(&expected).filter(|(found, expected)| found != expected).collect();
    assert!(different.is_empty(), "{different:#?}");
}

#[test]
fn a_group_with_a_mistake_leaves_the_others_in_place() {
    let file =
        read("groups:\n- {name: a, rules: [{record: b, expr: '1 +'}]}\n- {name: c, rules: [{record: d, expr: 1}]}\n");
    assert_eq!(file.errors.len(), 1);
    assert_eq!(file.groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["c"]);
}

#[test]
fn a_caret_stands_below_the_place_inside_of_a_block() {
    let file = read("groups:\n- name: a\n  rules:\n  - alert: b\n    expr: |\n      sum(up) /\n      rate(up)\n");
    let shown = file.errors[0].to_string();
    let expected = "r.yml:7:12: group \"a\", rule 1, \"b\": expr: expected type range vector in call to function \"rate\", \
                    got instant vector\n   7 |       rate(up)\n     |            ^";
    assert_eq!(shown, expected);
}

#[test]
fn keys_that_are_not_known_are_passed_over_when_asked() {
    let options = ReadOptions { ignore_unknown_fields: true, ..ReadOptions::default() };
    let file = parse("r.yml", "groups: [{name: a, owner: b, rules: []}]\nother: 1\n", &options);
    assert_eq!((file.errors.len(), file.groups.len()), (0, 1));
}

#[test]
fn the_same_rule_twice_is_a_remark_and_no_error() {
    let file = read(
        "groups:\n- name: a\n  rules:\n  - {record: b, expr: 1}\n  - {record: b, expr: 2, labels: {c: d}}\n\
         - name: e\n  labels: {c: d}\n  rules:\n  - {record: b, expr: 3}\n",
    );
    assert_eq!(file.errors, []);
    let lints: Vec<_> = file.lints.iter().map(|lint| lint.fault.to_string()).collect();
    let expected =
        "r.yml:9:5: \"b\" is there already with the same labels, in line 5; the later one overwrites the earlier";
    assert_eq!(lints, [expected]);
}

#[test]
fn a_file_of_nothing_but_mistakes_keeps_only_some_of_them() {
    let text = format!("groups:\n{}", "- rulez: 1\n".repeat(5_000));
    assert_eq!(read(&text).errors.len(), 100);
}
