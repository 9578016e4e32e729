//! The life of alerts and recordings over a small store.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::file::parse;
use super::*;
use crate::clock::{Clock, Timestamp};
use crate::history::{Selected, Source};
use crate::model::{Labels, Matcher, STALE, Sample, SampleValue, is_stale};

const MINUTE: i64 = 60_000;

/// Samples by series.
#[derive(Debug, Default)]
struct Store(RefCell<BTreeMap<Labels, Vec<Sample>>>);

impl Source for Store {
    fn select(&self, matchers: &[Matcher], after: i64, until: i64) -> Vec<Selected> {
        let fits = |labels: &Labels| matchers.iter().all(|m| m.accepts(labels.get(m.name()).unwrap_or_default()));
        let inside = |sample: &&Sample| after < sample.time && sample.time <= until;
        let store = self.0.borrow();
        let found = store.iter().filter(|(labels, _)| fits(labels)).map(|(labels, samples)| Selected {
            labels: labels.clone(),
            samples: samples.iter().filter(inside).cloned().collect(),
        });
        found.filter(|selected| !selected.samples.is_empty()).collect()
    }
}

impl Sink for Store {
    fn append(&self, labels: &Labels, sample: Sample) -> bool {
        let mut store = self.0.borrow_mut();
        let samples = store.entry(labels.clone()).or_default();
        let newer = samples.last().is_none_or(|last| last.time < sample.time);
        if newer {
            samples.push(sample);
        }
        newer
    }
}

impl Store {
    fn put(&self, name: &str, labels: &[(&str, &str)], time: i64, value: f64) {
        let all = labels.iter().copied().chain([("__name__", name)]);
        assert!(self.append(&Labels::new(all), Sample { time, start: 0, value: SampleValue::Float(value) }));
    }

    /// The samples of the series that prints so.
    fn samples(&self, series: &str) -> Vec<(i64, f64)> {
        let store = self.0.borrow();
        let found = store.iter().find(|(labels, _)| labels.to_string() == series);
        let number = |sample: &Sample| match sample.value {
            SampleValue::Float(number) => (sample.time / MINUTE, number),
            SampleValue::Histogram(_) => (sample.time / MINUTE, f64::INFINITY),
        };
        found.map(|(_, samples)| samples.iter().map(number).collect()).unwrap_or_default()
    }
}

/// Rules over a store, with a clock that stands.
struct World {
    store: Store,
    rules: Rules,
    config: Config,
    clock: Clock,
}

impl World {
    fn new(file: &str) -> Self {
        let (store, config) = (Store::default(), Config { promql: quick(), ..Config::default() });
        Self { store, rules: Rules::new(vec![read(file)]), config, clock: Clock::manual(Timestamp(0)) }
    }

    fn tick(&mut self, minute: i64) -> Vec<crate::model::Alert> {
        let place = Place { source: &self.store, sink: &self.store, config: &self.config, clock: &self.clock };
        self.rules.tick(minute * MINUTE, &place)
    }

    /// `m` at a minute, and the tick; what is told, as `name state`.
    fn step(&mut self, minute: i64, value: f64) -> Vec<&'static str> {
        self.store.put("m", &[("job", "a")], minute * MINUTE, value);
        let told = self.tick(minute);
        told.iter().map(|alert| if alert.resolved_at.is_some() { "resolved" } else { "firing" }).collect()
    }

    fn state(&self) -> &'static str {
        self.rules.groups()[0].rules()[0].alerts().next().map_or("none", |active| active.state.as_str())
    }
}

/// A lookback of one interval, so that a test need not wait.
fn quick() -> crate::promql::Options {
    crate::promql::Options { lookback_ms: MINUTE, ..Default::default() }
}

fn read(text: &str) -> RuleFile {
    let file = parse("r.yml", text, &ReadOptions::default());
    assert_eq!(file.errors, []);
    file
}

/// A group with one alert over `m`.
fn alert(more: &str) -> String {
    format!("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: m > 0\n{more}")
}

#[test]
fn an_alert_is_pending_for_its_time_then_fires_and_is_resolved_when_the_expression_ends() {
    let mut world = World::new(&alert(
        "    for: 2m\n    labels: {severity: '{{ $value }}'}\n    annotations: {text: 'of {{ $labels.job }}'}\n",
    ));
    assert_eq!((world.step(0, 0.0), world.state()), (vec![], "none"));
    assert_eq!((world.step(1, 5.0), world.state()), (vec![], "pending"));
    assert_eq!((world.step(2, 5.0), world.state()), (vec![], "pending"));
    world.store.put("m", &[("job", "a")], 3 * MINUTE, 5.0);
    let told = world.tick(3);
    assert_eq!(told.len(), 1);
    let at = |minute: u64| Timestamp(minute * 60_000_000_000);
    assert_eq!(told[0].labels.to_string(), r#"{alertname="A", job="a", severity="5"}"#);
    assert_eq!(told[0].annotations.to_string(), r#"{text="of a"}"#);
    assert_eq!((told[0].starts_at, told[0].resolved_at, told[0].valid_until), (at(3), None, at(7)));
    assert_eq!((world.step(4, 0.0), world.state()), (vec!["resolved"], "inactive"));
    let series = |state: &str| format!(r#"ALERTS{{alertname="A", alertstate="{state}", job="a", severity="5"}}"#);
    let pending = world.store.samples(&series("pending"));
    assert_eq!(pending[..2], [(1, 1.0), (2, 1.0)]);
    assert!(pending[2].0 == 3 && is_stale(pending[2].1), "the series of the state before ends: {pending:?}");
    assert_eq!(world.store.samples(&series("firing"))[0], (3, 1.0));
    assert_eq!(
        world.store.samples(r#"ALERTS_FOR_STATE{alertname="A", job="a", severity="5"}"#)[..3],
        [(1, 60.0), (2, 60.0), (3, 60.0)]
    );
}

#[test]
fn a_pending_alert_whose_expression_ends_begins_anew() {
    let mut world = World::new(&alert("    for: 2m\n"));
    for (minute, value, state) in [(1, 1.0, "pending"), (2, 0.0, "none"), (3, 1.0, "pending"), (4, 1.0, "pending")] {
        assert_eq!((world.step(minute, value), world.state()), (vec![], state), "{minute}");
    }
    assert_eq!((world.step(5, 1.0), world.state()), (vec!["firing"], "firing"));
}

#[test]
fn an_alert_keeps_firing_for_its_time_and_starts_that_time_anew_when_it_holds_again() {
    let mut world = World::new(&alert("    keep_firing_for: 2m\n"));
    let steps = [(1, 1.0), (2, 0.0), (3, 1.0), (4, 0.0), (5, 0.0), (6, 0.0)];
    let states = ["firing", "firing", "firing", "firing", "firing", "inactive"];
    for ((minute, value), state) in steps.into_iter().zip(states) {
        let told = world.step(minute, value);
        assert_eq!(world.state(), state, "{minute}");
        assert_eq!(told.contains(&"resolved"), minute == 6);
    }
}

#[test]
fn a_firing_alert_is_told_again_after_the_delay_and_a_resolved_one_for_a_quarter_of_an_hour() {
    let mut world = World::new(&alert(""));
    world.config.resend_delay = 2 * MINUTE;
    let told: Vec<usize> = (1..=8).map(|minute| world.step(minute, 1.0).len()).collect();
    assert_eq!(told, [1, 0, 0, 1, 0, 0, 1, 0], "later than two minutes after the last time");
    let told: Vec<Vec<&str>> = (9..=26).map(|minute| world.step(minute, 0.0)).collect();
    let at: Vec<usize> = (0..told.len()).filter(|at| !told[*at].is_empty()).collect();
    assert_eq!(at, [0, 3, 6, 9, 12, 15]);
    assert!(told.concat().iter().all(|told| *told == "resolved"));
    assert_eq!(world.state(), "none", "forgotten after that");
}

#[test]
fn two_series_that_become_one_alert_are_an_error_of_the_rule() {
    let mut world = World::new(&alert("    labels: {job: same}\n"));
    world.store.put("m", &[("job", "b")], MINUTE, 1.0);
    assert!(world.step(1, 1.0).is_empty());
    let rule = &world.rules.groups()[0].rules()[0];
    let why = "vector contains metrics with the same labelset after applying alert labels";
    assert_eq!((rule.health(), rule.failures()), (&Health::Bad(why.to_owned()), 1));
}

#[test]
fn a_rule_that_fails_says_so_and_the_rules_after_it_go_on() {
    let mut world = World::new(
        "groups:\n- name: g\n  limit: 1\n  rules:\n  - {record: both, expr: m}\n  - {record: one, expr: sum(m)}\n  - {record: text, expr: '\"x\"'}\n",
    );
    world.store.put("m", &[("job", "b")], MINUTE, 1.0);
    world.step(1, 1.0);
    let health: Vec<&str> = world.rules.groups()[0].rules().iter().map(|rule| rule.health().as_str()).collect();
    assert_eq!(health, ["err", "ok", "err"]);
    assert_eq!(
        world.rules.groups()[0].rules()[0].health(),
        &Health::Bad("exceeded limit of 1 with 2 series".to_owned())
    );
}

#[test]
fn alerts_beyond_the_limit_of_their_group_are_all_forgotten() {
    let mut world = World::new("groups:\n- name: g\n  limit: 1\n  rules:\n  - {alert: A, expr: m > 0}\n");
    assert_eq!(world.step(1, 1.0), ["firing"]);
    world.store.put("m", &[("job", "b")], 2 * MINUTE, 1.0);
    assert_eq!((world.step(2, 1.0), world.state()), (vec![], "none"));
}

#[test]
fn a_recording_is_read_by_the_rules_after_it_at_the_same_tick_and_ends_when_it_vanishes() {
    let mut world = World::new(
        "groups:\n- name: g\n  rules:\n  - {record: 'job:m:sum', expr: sum by (job) (m), labels: {unit: ms, job: ''}}\n  - {alert: A, expr: 'job:m:sum > 1'}\n",
    );
    assert_eq!(world.step(1, 2.0), ["firing"]);
    world.tick(3);
    let samples = world.store.samples(r#"job:m:sum{unit="ms"}"#);
    assert_eq!(samples[0], (1, 2.0));
    assert!(samples[1].0 == 3 && samples[1].1.to_bits() == STALE.to_bits(), "{samples:?}");
}

#[test]
fn a_query_offset_moves_what_is_read_and_the_time_of_what_is_written() {
    let mut world = World::new("groups:\n- name: g\n  query_offset: 1m\n  rules:\n  - {record: r, expr: m}\n");
    world.step(1, 7.0);
    world.step(2, 8.0);
    assert_eq!(world.store.samples(r#"r{job="a"}"#), [(1, 7.0)]);
}

#[test]
fn groups_tick_at_multiples_of_their_interval_and_count_what_they_missed() {
    let mut world = World::new(
        "groups:\n- {name: fast, interval: 30s, rules: [{record: a, expr: 1}]}\n- {name: slow, interval: 5m, rules: [{record: b, expr: 1}]}\n",
    );
    let ticks = |world: &World| world.rules.groups().iter().map(|g| (g.ticks(), g.missed())).collect::<Vec<_>>();
    let tick_at = |world: &mut World, ms: i64| {
        let place = Place { source: &world.store, sink: &world.store, config: &world.config, clock: &world.clock };
        world.rules.tick(ms, &place);
    };
    for ms in [601_000, 602_000, 629_999] {
        tick_at(&mut world, ms);
    }
    assert_eq!(ticks(&world), [(1, 0), (1, 0)]);
    assert_eq!(world.rules.groups()[0].evaluated_at(), Some(600_000), "the tick, and not when it was noticed");
    tick_at(&mut world, 630_000);
    tick_at(&mut world, 750_500);
    assert_eq!(ticks(&world), [(3, 3), (1, 0)]);
}

#[test]
fn a_bad_file_keeps_the_old_rules_and_says_why() {
    let mut world = World::new(&alert(""));
    world.step(1, 1.0);
    let bad = parse("r.yml", &alert("    frobnicate: 1\n"), &ReadOptions::default());
    let errors = world.rules.reload(vec![bad]).unwrap_err();
    assert!(errors[0].to_string().starts_with("r.yml:6:5: group \"g\", rule 1: key \"frobnicate\" is not known"));
    assert_eq!(world.state(), "firing");
}

#[test]
fn after_a_reload_alerts_go_on_where_they_stood_and_series_of_rules_that_are_gone_end() {
    let mut world = World::new(
        "groups:\n- {name: g, rules: [{alert: A, expr: m > 0}, {record: r, expr: m}]}\n- {name: h, rules: [{record: s, expr: m}]}\n",
    );
    assert_eq!(world.step(1, 1.0), ["firing"]);
    let other =
        "groups:\n- {name: g, rules: [{alert: B, expr: m > 9}, {alert: A, expr: m > 0, annotations: {a: b}}]}\n";
    world.rules.reload(vec![read(other)]).unwrap();
    let alerts = |world: &World| world.rules.groups()[0].rules()[1].alerts().cloned().collect::<Vec<_>>();
    assert_eq!(alerts(&world)[0].fired_at, Some(MINUTE));
    assert!(world.step(2, 1.0).is_empty(), "it was told a minute ago");
    assert_eq!(alerts(&world)[0].annotations.get("a"), Some("b"));
    for gone in [r#"r{job="a"}"#, r#"s{job="a"}"#] {
        let samples = world.store.samples(gone);
        assert!(samples.len() == 2 && is_stale(samples[1].1), "{gone}: {samples:?}");
    }
    let group = std::ptr::from_ref(&world.rules.groups()[0].rules()[0]);
    world.rules.reload(vec![read(&format!("# a remark\n{other}"))]).unwrap();
    assert_eq!(group, std::ptr::from_ref(&world.rules.groups()[0].rules()[0]), "what says the same is kept as it is");
}

/// The world of a process that was killed at a minute and came back at another.
fn restarted(world: &mut World, file: &str, killed: i64, back: i64) -> (World, Restored) {
    let text = world.rules.save(killed * MINUTE, "");
    let mut other = World::new(file);
    let restored = other.rules.restore(&text, back * MINUTE, &other.config).unwrap();
    (other, restored)
}

#[test]
fn a_firing_alert_goes_on_after_a_restart_and_is_not_told_as_resolved_while_the_window_fills() {
    let file = alert("    annotations: {text: \"a 'b' \\\"c\\\" \\n\\t\\\\ ☃\"}\n");
    let mut world = World::new(&file);
    world.step(1, f64::NEG_INFINITY.recip() + 1.0);
    let before: Vec<Active> = world.rules.groups()[0].rules()[0].alerts().cloned().collect();
    let (mut world, restored) = restarted(&mut world, &file, 1, 2);
    assert_eq!(restored, Restored { alerts: 1, ..Restored::default() });
    assert_eq!(world.rules.groups()[0].rules()[0].alerts().cloned().collect::<Vec<_>>(), before);
    assert!(world.tick(2).is_empty(), "no data yet, and told a minute ago");
    assert_eq!(world.state(), "firing");
    assert_eq!((world.step(3, 1.0), world.state()), (vec!["firing"], "firing"));
    assert_eq!((world.step(4, 0.0), world.state()), (vec!["resolved"], "inactive"), "two intervals have passed");
}

#[test]
fn keep_firing_for_goes_on_after_a_restart() {
    let file = alert("    keep_firing_for: 5m\n");
    let mut world = World::new(&file);
    world.step(1, 1.0);
    world.step(2, 0.0);
    let (mut world, _) = restarted(&mut world, &file, 2, 4);
    let states = (4..=7).map(|minute| {
        world.step(minute, 0.0);
        world.state()
    });
    assert_eq!(states.collect::<Vec<_>>(), ["firing", "firing", "firing", "inactive"], "five minutes from the second");
}

#[test]
fn a_pending_alert_waits_for_what_was_left_and_at_least_for_the_grace_period() {
    // (for, pending before the kill, down, minutes from the return until it fires); grace period ten minutes.
    let cases = [(30, 5, 7, 25), (30, 25, 7, 10), (30, 29, 1, 10), (5, 2, 1, 5)];
    for (hold, pending, down, left) in cases {
        let file = alert(&format!("    for: {hold}m\n"));
        let mut world = World::new(&file);
        for minute in 1..=1 + pending {
            world.step(minute, 1.0);
        }
        let back = 1 + pending + down;
        let (mut world, restored) = restarted(&mut world, &file, 1 + pending, back);
        assert_eq!(restored.alerts, usize::from(hold >= 10));
        let fires = (back..back + 60).find(|minute| !world.step(*minute, 1.0).is_empty()).unwrap();
        assert_eq!(fires - back, left, "{hold} {pending} {down}");
    }
}

#[test]
fn a_pending_alert_does_not_fire_before_the_expression_has_confirmed_it_after_a_restart() {
    let file = alert("    for: 10m\n");
    let mut world = World::new(&file);
    for minute in 1..=11 {
        world.store.put("m", &[("job", "a")], minute * MINUTE, 1.0);
    }
    world.tick(1);
    world.tick(10);
    let (mut world, _) = restarted(&mut world, &file, 10, 20);
    let states: Vec<_> = [20, 21, 22]
        .map(|minute| {
            world.tick(minute);
            world.state()
        })
        .into();
    assert_eq!(states, ["pending", "pending", "none"]);
}

#[test]
fn a_state_that_is_too_old_or_of_other_rules_is_dropped() {
    let file = alert("");
    let mut world = World::new(&file);
    world.step(1, 1.0);
    assert_eq!(restarted(&mut world, &file, 1, 62).1, Restored { dropped: 1, ..Restored::default() });
    let other = file.replace("alert: A", "alert: B");
    assert_eq!(restarted(&mut world, &other, 1, 2).1, Restored { dropped: 1, ..Restored::default() });
    let labelled = alert("    labels: {a: b}\n");
    assert_eq!(restarted(&mut world, &labelled, 1, 2).1, Restored { dropped: 1, ..Restored::default() });
}

#[test]
fn the_state_is_written_when_it_changed_and_while_there_are_alerts() {
    let folder = tempfile::tempdir().unwrap();
    let file = StateFile::new(folder.path().join("alerts.json"));
    let store =
        |rules: &mut Rules, now| file.store(rules, now, |due| due.then(|| "\u{2028}'\"told".to_owned())).unwrap();
    let mut world = World::new(&alert("    for: 5m\n"));
    world.step(1, 0.0);
    assert!(!store(&mut world.rules, MINUTE), "there is nothing to find again");
    world.step(2, 1.0);
    assert!(store(&mut world.rules, 2 * MINUTE));
    assert!(!store(&mut world.rules, 2 * MINUTE + 10_000));
    assert!(store(&mut world.rules, 2 * MINUTE + 30_000), "its age is the length of an outage");
    world.step(3, 0.0);
    assert!(store(&mut world.rules, 3 * MINUTE));
    assert!(!store(&mut world.rules, 9 * MINUTE));
    let mut other = World::new(&alert("    for: 5m\n"));
    let beside = "\u{2028}'\"told".to_owned();
    assert_eq!(file.load(&mut other.rules, 4 * MINUTE, &other.config), Ok(Restored { beside, ..Restored::default() }));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_broken_state_file_is_one_warning_and_is_moved_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alerts.json");
    let cases = [
        ("{\"version\":1,\"saved_at\":", "1:1: not YAML"),
        ("", "the file is empty"),
        ("{\"version\":2,\"saved_at\":1,\"rules\":[]}", "version Some(2) is not known; expected 1"),
        ("{\"version\":1,\"saved_at\":1,\"rules\":[{\"file\":\"r.yml\"}]}", "group is missing here"),
    ];
    for (text, why) in cases {
        std::fs::write(&path, text).unwrap();
        let mut world = World::new(&alert(""));
        let warning = StateFile::new(&path).load(&mut world.rules, MINUTE, &world.config).unwrap_err();
        assert!(warning.contains(why) && warning.contains(".broken") && !warning.contains('\n'), "{warning}");
        assert_eq!((path.exists(), folder.path().join("alerts.json.broken").exists()), (false, true));
    }
}

#[test]
fn a_rule_says_when_its_selectors_match_nothing_or_its_window_is_not_covered() {
    let mut world = World::new(
        "groups:\n- name: g\n  rules:\n  - {record: a, expr: 'nothing + m{job=\"b\"} + m'}\n  - {record: b, expr: 'rate(m[10m])'}\n  - {record: c, expr: 'absent(nothing) or rate(m[2m]) or nothing + 1'}\n",
    );
    for minute in 1..=4 {
        world.step(minute, 1.0);
    }
    let place = Place { source: &world.store, sink: &world.store, config: &world.config, clock: &world.clock };
    let said: Vec<Vec<String>> = world.rules.groups()[0]
        .rules()
        .iter()
        .map(|rule| rule.diagnose(4 * MINUTE, &place).iter().map(ToString::to_string).collect())
        .collect();
    let none = Vec::<String>::new();
    assert_eq!(
        said[0],
        [
            "nothing matches nothing: there is no metric of that name yet",
            "m{job=\"b\"} matches nothing: the metric is there, with other labels",
        ]
    );
    assert_eq!(said[1], ["m has data of the last 3m only, and the rule looks back 10m"]);
    assert_eq!(said[2], none);
    assert_eq!(world.rules.longest_window(&world.config), 10 * MINUTE);
}

#[test]
fn a_rule_without_data_is_told_once_after_a_while_and_one_that_fails_at_once() {
    let mut world = World::new(
        "groups:\n- name: g\n  rules:\n  - {record: a, expr: nothing}\n  - {alert: B, expr: 'rate(m[10m]) > 0'}\n  - {alert: C, expr: absent(nothing)}\n  - {record: d, expr: 'm * on () group_left m2'}\n",
    );
    let mut said = Vec::new();
    for minute in 1..=30 {
        for job in ["a", "b"] {
            world.store.put("m2", &[("job", job)], minute * MINUTE, 1.0);
        }
        world.step(minute, 1.0);
        let place = Place { source: &world.store, sink: &world.store, config: &world.config, clock: &world.clock };
        said.extend(world.rules.look(&place).into_iter().map(|line| (minute, line)));
        if minute == 3 {
            let problems: Vec<usize> =
                world.rules.groups()[0].rules().iter().map(|rule| rule.problems().len()).collect();
            assert_eq!(problems, [1, 1, 0, 0], "what is wrong now can be read before it is told");
        }
    }
    let [(1, fails), (5, nothing)] = &said[..] else { panic!("{said:?}") };
    assert!(fails.starts_with("r.yml: group \"g\", \"d\": it cannot be evaluated: "), "{fails}");
    assert_eq!(nothing, "r.yml: group \"g\", \"a\": nothing matches nothing: there is no metric of that name yet");
    let problems: usize = world.rules.groups()[0].rules().iter().map(|rule| rule.problems().len()).sum();
    assert_eq!(problems, 1, "the window of B has filled");
}
