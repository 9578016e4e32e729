//! What is written is what is read, in order, once.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::Resource;

use super::random::Random;
use crate::clock::Timestamp;
use crate::history::{Config, History, MatchOp, Matcher, Selected, Source};
use crate::internal::{Counter, Internal};
use crate::model::{Attributes, Data, Labels, Metric, Number, Point, Sample, SampleValue, ScopeMetrics, Snapshot};

fn history(config: Config) -> (History, Arc<Internal>) {
    let internal = Arc::new(Internal::default());
    (History::new(config, Arc::clone(&internal)), internal)
}

fn float(time: i64, value: f64) -> Sample {
    Sample { time, start: 0, value: SampleValue::Float(value) }
}

fn matcher(name: &str, op: MatchOp, value: &str) -> Matcher {
    Matcher::new(name, op, value).unwrap()
}

fn shown(selected: &[Selected]) -> Vec<(String, Vec<i64>)> {
    selected.iter().map(|s| (s.labels.to_string(), s.samples.iter().map(|sample| sample.time).collect())).collect()
}

#[test]
fn a_select_finds_series_by_any_matcher_in_the_order_of_labels_and_cuts_at_both_ends() {
    let (history, _) = history(Config::default());
    for time in [1_000, 2_000, 3_000] {
        for (name, zone) in [("up", "b"), ("up", "a"), ("down", "a")] {
            assert!(history.append(&Labels::new([("__name__", name), ("zone", zone)]), float(time, 1.0)));
        }
    }
    let select = |matchers: &[Matcher], after, until| shown(&history.select(matchers, after, until));
    let up = matcher("__name__", MatchOp::Equal, "up");
    let both = [(r#"up{zone="a"}"#.to_owned(), vec![2_000]), (r#"up{zone="b"}"#.to_owned(), vec![2_000])];
    assert_eq!(select(std::slice::from_ref(&up), 1_000, 2_000), both);
    let a = matcher("zone", MatchOp::Matches, "a|c");
    let all = vec![1_000, 2_000, 3_000];
    let of_a = [(r#"down{zone="a"}"#.to_owned(), all.clone()), (r#"up{zone="a"}"#.to_owned(), all)];
    assert_eq!(select(std::slice::from_ref(&a), i64::MIN, i64::MAX), of_a);
    assert_eq!(select(&[up.clone(), matcher("__name__", MatchOp::NotEqual, "up")], i64::MIN, i64::MAX), []);
    assert_eq!(select(&[up, matcher("zone", MatchOp::Equal, "")], i64::MIN, i64::MAX), []);
    assert_eq!(select(&[a], 3_000, i64::MAX), []);
}

#[test]
fn late_and_contradicting_samples_are_refused_and_counted_and_a_repeated_one_is_not() {
    let (history, internal) = history(Config::default());
    let labels = Labels::new([("__name__", "up")]);
    let taken = [(2_000, 1.0), (2_000, 1.0), (2_000, 0.0), (1_000, 1.0), (3_000, 1.0)]
        .map(|(time, value)| history.append(&labels, float(time, value)));
    assert_eq!(taken, [true, true, false, false, true]);
    assert_eq!(internal.counted(Counter::SampleDuplicate), 1);
    assert_eq!(internal.counted(Counter::SampleOutOfOrder), 1);
    assert_eq!(shown(&history.select(&[], i64::MIN, i64::MAX)), [("up".to_owned(), vec![2_000, 3_000])]);
}

#[test]
fn a_series_beyond_the_limit_is_refused_and_counted_and_the_others_go_on() {
    let (history, internal) = history(Config { max_series: 1, ..Config::default() });
    let [first, second] = ["a", "b"].map(|name| Labels::new([("__name__", name)]));
    assert!(history.append(&first, float(1, 1.0)));
    assert!(!history.append(&second, float(1, 1.0)));
    assert!(history.append(&first, float(2, 1.0)));
    assert_eq!(internal.counted(Counter::HistorySeriesRefused), 1);
}

#[test]
fn samples_are_kept_as_long_as_rules_look_back_within_the_settings() {
    let hour = 3_600;
    let cases = [(hour, hour), (60, hour), (2 * hour, 2 * hour), (100 * hour, 3 * hour)];
    for (longest, kept) in cases {
        let (history, _) = history(Config { max_retention: Duration::from_secs(3 * hour), ..Config::default() });
        history.set_retention(Duration::from_secs(longest));
        let ended = Labels::new([("__name__", "ended")]);
        history.append(&ended, float(1, 1.0));
        for minutes in 0..10 * 60 {
            history.ingest(&up(minutes * 60));
        }
        let all = history.select(&[], i64::MIN, i64::MAX);
        let [only] = &all[..] else { panic!("{all:?}") };
        let minutes = only.samples.len() as u64;
        assert!((kept / 60..=kept / 60 * 9 / 8 + 33).contains(&minutes), "{longest}: {minutes} minutes");
    }
}

/// A snapshot with one series.
fn up(seconds: u64) -> Snapshot {
    let time = Timestamp(seconds * 1_000_000_000);
    let point = Point {
        attributes: Attributes::default(),
        start_time: time,
        time,
        value: Number::I64(1),
        exemplars: Vec::new(),
        stale: false,
    };
    let metric = Metric { name: "up".into(), unit: "".into(), description: "".into(), data: Data::Gauge(vec![point]) };
    let scopes = vec![ScopeMetrics { scope: InstrumentationScope::default(), metrics: vec![metric] }];
    Snapshot { time, resource: Resource::builder_empty().build(), scopes }
}

#[test]
fn the_oldest_samples_make_room_when_bytes_run_out_and_are_counted() {
    let limit = 200_000;
    let (history, internal) = history(Config { max_bytes: limit, ..Config::default() });
    let labels: Vec<Labels> =
        (0..100).map(|at: i32| Labels::new([("__name__", "noise".to_owned()), ("at", at.to_string())])).collect();
    let mut random = Random(1);
    for time in 1..=300 {
        for labels in &labels {
            assert!(history.append(labels, float(time * 10_000, random.unit())));
        }
    }
    let all = history.select(&[], i64::MIN, i64::MAX);
    assert_eq!(all.len(), 100);
    let kept: usize = all.iter().map(|selected| selected.samples.len()).sum();
    assert_eq!(internal.counted(Counter::HistoryEvicted) + kept as u64, 300 * 100);
    // Noise needs nearly all its bits, and a hundred series need their own bytes.
    assert!(kept * 6 < limit && kept * 40 > limit, "{kept} samples");
    assert!(history.usage().bytes <= limit, "{:?}", history.usage());
    assert!(history.since().is_some_and(|since| all.iter().all(|selected| selected.samples[0].time <= since + 10_000)));
    assert!(all.iter().all(|selected| selected.samples.last().is_some_and(|last| last.time == 3_000_000)));
}

#[test]
fn readers_see_whole_series_while_somebody_writes() {
    let (history, _) = history(Config::default());
    let labels: Vec<Labels> =
        (0..50).map(|at: i32| Labels::new([("__name__", "up".to_owned()), ("at", at.to_string())])).collect();
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut newest = 0;
                    while newest < 500 {
                        history.visit(&[matcher("__name__", MatchOp::Equal, "up")], 0, i64::MAX, &mut |_, samples| {
                            // Each sample says its own time.
                            for (at, sample) in (1..).zip(samples) {
                                assert_eq!((sample.time, &sample.value), (at, &SampleValue::Float(at as f64)));
                            }
                            newest = newest.max(samples.len());
                        });
                        std::thread::yield_now();
                    }
                })
            })
            .collect();
        for time in 1..=500 {
            for labels in &labels {
                assert!(history.append(labels, float(time, time as f64)));
            }
        }
        for reader in readers {
            reader.join().unwrap();
        }
    });
}

#[test]
fn a_series_that_ended_leaves_with_its_last_sample_and_makes_room_for_another() {
    let (history, internal) = history(Config { max_series: 2, ..Config::default() });
    assert!(history.append(&Labels::new([("__name__", "old")]), float(1_000, 1.0)));
    for seconds in (0..2 * 3_600).step_by(60) {
        history.ingest(&up(seconds));
    }
    assert!(history.append(&Labels::new([("__name__", "new")]), float(7_200_000, 1.0)));
    assert_eq!(internal.counted(Counter::HistorySeriesRefused), 0);
    let names: Vec<String> =
        shown(&history.select(&[], i64::MIN, i64::MAX)).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["new", "up"]);
}

#[test]
fn series_are_listed_when_they_have_a_sample_in_the_time_asked_for() {
    let (history, _) = history(Config::default());
    for time in [1_000, 2_000] {
        history.append(&Labels::new([("__name__", "early")]), float(time, 1.0));
        history.append(&Labels::new([("__name__", "late")]), float(time + 1_000, 1.0));
    }
    let listed =
        |after, until| -> Vec<String> { history.series(&[], after, until).iter().map(Labels::to_string).collect() };
    assert_eq!(listed(0, 10_000), ["early", "late"]);
    assert_eq!(listed(2_000, 10_000), ["late"]);
    assert_eq!(listed(0, 1_000), ["early"]);
    assert_eq!(listed(3_000, 10_000), Vec::<String>::new());
    assert_eq!((history.usage().series, history.since()), (2, Some(1_000)));
}
