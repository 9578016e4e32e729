//! Whatever a window does to show less than all samples in less time, it shows what [`Source`] does by itself.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use super::blocks::{bits, histogram, value};
use super::random::Random;
use crate::history::{Config, History, MatchOp, Matcher, Point, Points, Selected, Source};
use crate::internal::Internal;
use crate::model::{Labels, Sample, SampleValue};

/// A window of which only what has to be written is there, so that the rest is [`Source`]'s own.
struct Plain<'a>(&'a History);

impl Source for Plain<'_> {
    fn select(&self, matchers: &[Matcher], after: i64, until: i64) -> Vec<Selected> {
        self.0.select(matchers, after, until)
    }
}

const BEGIN: i64 = 1_000_000;
const TICK: i64 = 10_000;

/// A window with samples.
struct Filled {
    history: History,
    /// When a sample was taken, as often as one was.
    times: Vec<i64>,
}

/// Whether a series' next sample is a histogram.
#[derive(Clone, Copy)]
enum Kind {
    Floats,
    Histograms,
    /// One kind for a while, then the other.
    Turns(bool),
    /// Any of both.
    Either,
}

impl Kind {
    fn is_histogram(&mut self, random: &mut Random) -> bool {
        match self {
            Self::Floats => false,
            Self::Histograms => true,
            Self::Turns(histograms) => {
                *histograms ^= random.below(25) == 0;
                *histograms
            }
            Self::Either => random.below(2) == 0,
        }
    }
}

/// Several series of several metrics, some in step and some not, with pauses, ends, new starts, and samples that come
/// twice, late or in contradiction. Every other window is too short for all of them.
fn filled(seed: u64) -> Filled {
    let mut random = Random(seed);
    let retention = Duration::from_secs(if seed.is_multiple_of(2) { 1 << 30 } else { 600 });
    let config = Config { retention, max_retention: retention, ..Config::default() };
    let history = History::new(config, Arc::new(Internal::default()));
    let kinds = [Kind::Floats, Kind::Histograms, Kind::Turns(false), Kind::Either];
    let mut series: Vec<(Labels, Kind, f64)> = Vec::new();
    for name in ["calls", "load", ""] {
        for zone in ["a", "b", "c", ""].into_iter().take(1 + random.index(4)) {
            let labels = Labels::new([("__name__", name), ("zone", zone), ("of", "test")]);
            series.push((labels, kinds[random.index(kinds.len())], 1.0));
        }
    }
    let (mut time, mut start, mut times) = (BEGIN, 0, Vec::new());
    for _ in 0..30 + random.below(230) {
        time += match random.below(60) {
            0 => TICK * (2 + random.time(60)),
            1..5 => TICK + random.time(9),
            _ => TICK,
        };
        if random.below(70) == 0 {
            start = time - random.time(TICK);
        }
        for (labels, kind, last) in &mut series {
            if random.below(15) == 0 {
                continue;
            }
            *last = value(&mut random, *last);
            let float = SampleValue::Float(*last);
            let value = if kind.is_histogram(&mut random) { histogram(&mut random) } else { float };
            let late = if random.below(12) == 0 { random.time(3 * TICK) } else { 0 };
            let sample = Sample { time: time - late, start, value };
            if history.append(labels, sample.clone()) {
                times.push(sample.time);
            }
            match random.below(6) {
                0 => assert!(history.append(labels, sample.clone()) || late > 0),
                1 => assert!(!history.append(labels, Sample { value: SampleValue::Float(0.5), ..sample })),
                _ => {}
            }
        }
    }
    Filled { history, times }
}

fn matchers() -> Vec<Vec<Matcher>> {
    let matcher = |(name, op, value)| Matcher::new(name, op, value).unwrap();
    let all: [&[(&str, MatchOp, &str)]; 12] = [
        &[],
        &[("__name__", MatchOp::Equal, "calls")],
        &[("__name__", MatchOp::Equal, "")],
        &[("__name__", MatchOp::Equal, "none")],
        &[("__name__", MatchOp::NotEqual, "calls")],
        &[("__name__", MatchOp::Matches, "calls|load")],
        &[("__name__", MatchOp::Equal, "load"), ("__name__", MatchOp::NotMatches, "l.*")],
        &[("__name__", MatchOp::Equal, "load"), ("zone", MatchOp::Equal, "a")],
        &[("zone", MatchOp::Equal, "")],
        &[("zone", MatchOp::NotMatches, "a|b")],
        &[("of", MatchOp::NotEqual, ""), ("zone", MatchOp::NotEqual, "c")],
        &[("none", MatchOp::NotEqual, "")],
    ];
    all.into_iter().map(|matchers| matchers.iter().copied().map(matcher).collect()).collect()
}

/// Everything, nothing, wrong way round, and any two times in or near the data, mostly with a sample at them or a
/// millisecond beside.
fn ranges(filled: &Filled, random: &mut Random) -> Vec<(i64, i64)> {
    let last = filled.times.iter().copied().max().unwrap_or(BEGIN);
    let mut any = || match random.below(4) {
        0 => BEGIN - TICK + random.time(last - BEGIN + 3 * TICK),
        _ => filled.times[random.index(filled.times.len())] + random.time(3) - 1,
    };
    let mut ranges = vec![(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (last, i64::MAX), (last - 1, last), (last, last)];
    for _ in 0..12 {
        let (one, other) = (any(), any());
        ranges.extend([(one.min(other), one.max(other)), (one, last), (one - 6 * TICK, one), (i64::MIN, one)]);
        ranges.extend([(one, one - 1), (one - 1, one), (one - TICK, one)]);
    }
    ranges
}

/// What each way to read shows, in a form that is equal only if every bit is.
#[derive(Debug, PartialEq, Eq, Default)]
struct Shown {
    all: Vec<(Labels, Vec<Bits>)>,
    newest: Vec<(Labels, Vec<Bits>)>,
    oldest: Vec<(Labels, i64, Option<i64>)>,
    points: Vec<(Labels, Vec<Bits>, Vec<Bits>)>,
}

type Bits = (i64, i64, String);

fn shown(source: &dyn Source, matchers: &[Matcher], after: i64, until: i64) -> Shown {
    let mut shown = Shown::default();
    source.visit(matchers, after, until, &mut |labels, samples| shown.all.push((labels.clone(), bits(samples))));
    source.visit_newest(matchers, after, until, &mut |labels, sample| {
        shown.newest.push((labels.clone(), bits(std::slice::from_ref(sample))));
    });
    source.visit_oldest(matchers, after, until, &mut |labels, oldest, step| {
        shown.oldest.push((labels.clone(), oldest, step));
    });
    source.visit_points(matchers, after, until, &mut |labels, Points { floats, histograms }| {
        let (floats, histograms) = (samples(floats, SampleValue::Float), samples(histograms, SampleValue::Histogram));
        shown.points.push((labels.clone(), bits(&floats), bits(&histograms)));
    });
    shown
}

fn samples<T: Clone + Debug>(points: &[Point<T>], value: impl Fn(T) -> SampleValue) -> Vec<Sample> {
    let sample = |point: &Point<T>| Sample { time: point.time, start: point.start, value: value(point.value.clone()) };
    points.iter().map(sample).collect()
}

#[test]
fn each_faster_way_to_read_shows_what_reading_everything_shows() {
    let (matchers, mut compared) = (matchers(), 0);
    for seed in 0..24 {
        let (filled, mut random) = (filled(seed), Random(seed));
        for (after, until) in ranges(&filled, &mut random) {
            let others = random.index(matchers.len());
            for matchers in [&matchers[0], &matchers[others]] {
                let expected = shown(&Plain(&filled.history), matchers, after, until);
                let got = shown(&filled.history, matchers, after, until);
                assert_eq!(got, expected, "seed {seed}: {matchers:?} in ({after}, {until}]");
                compared += expected.points.len();
            }
        }
    }
    assert!(compared > 10_000, "{compared} series only");
}

#[test]
fn what_is_selected_takes_the_room_that_it_needs() {
    for seed in 0..10 {
        let filled = filled(seed);
        for (after, until) in ranges(&filled, &mut Random(seed)) {
            for Selected { labels, samples } in filled.history.select(&[], after, until) {
                assert_eq!(samples.capacity(), samples.len(), "{labels} in ({after}, {until}]");
            }
        }
    }
}
