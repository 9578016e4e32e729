//! `rate`, `increase` and `delta`: how much a series changed over a range, extrapolated to its edges.

use std::sync::Arc;

use super::extended;
use super::start::{is_reset, overlaps};
use super::{Context, Point, Window};
use crate::model::{NativeHistogram, ResetHint, SampleValue};
use crate::promql::ast::Edges;
use crate::promql::notes::{Combining, Note};

/// So many times the usual distance between samples may be missing at an edge before the series is taken to end there.
const MISSING: f64 = 1.1;

/// What is asked of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    /// Whether the series is a counter, so that a fall is a reset.
    pub(super) counter: bool,
    /// Whether the change is wanted a second.
    pub(super) per_second: bool,
}

pub(super) fn rate(window: &Window<'_>, _: &[f64], cx: &mut Context<'_>) -> Option<SampleValue> {
    change(window, cx, Change { counter: true, per_second: true })
}

pub(super) fn increase(window: &Window<'_>, _: &[f64], cx: &mut Context<'_>) -> Option<SampleValue> {
    change(window, cx, Change { counter: true, per_second: false })
}

pub(super) fn delta(window: &Window<'_>, _: &[f64], cx: &mut Context<'_>) -> Option<SampleValue> {
    change(window, cx, Change { counter: false, per_second: false })
}

fn change(window: &Window<'_>, cx: &mut Context<'_>, asked: Change) -> Option<SampleValue> {
    match (window.floats, window.histograms, window.edges) {
        ([], [], _) => None,
        (_, [], Edges::Inside) => floats(window, cx, asked).map(SampleValue::Float),
        (_, [], _) => extended::floats(window, asked).map(SampleValue::Float),
        ([], _, Edges::Inside) => histograms(window, cx, asked).map(|h| SampleValue::Histogram(Arc::new(h))),
        ([], _, _) => extended::histograms(window, cx, asked).map(|h| SampleValue::Histogram(Arc::new(h))),
        _ => {
            cx.note(0, Note::MixedFloatsHistograms(window.metric().into()));
            None
        }
    }
}

fn floats(window: &Window<'_>, cx: &mut Context<'_>, asked: Change) -> Option<f64> {
    let (first, last) = (window.floats.first()?, window.floats.last()?);
    let mut change = last.value - first.value;
    if asked.counter {
        change += lost_in_resets(window, cx);
    }
    let extent = Extent::of(window.floats, first.value, change)?;
    let Extrapolation { factor, from_zero } = extent.extrapolate(window, asked)?;
    Some((if from_zero { change + first.value } else { change }) * factor)
}

/// What a counter had reached before each of its resets.
fn lost_in_resets(window: &Window<'_>, cx: &mut Context<'_>) -> f64 {
    let (mut lost, mut overlap) = (0.0, false);
    for (before, now) in window.floats.iter().zip(window.floats.iter().skip(1)) {
        let mut reset = now.value < before.value;
        if now.start != 0 {
            reset |= is_reset(before, now);
            overlap |= overlaps(before, now);
        }
        if reset {
            lost += before.value;
        }
    }
    if overlap {
        cx.note(0, Note::StartOverlap(window.metric().into(), 1));
    }
    lost
}

fn histograms(window: &Window<'_>, cx: &mut Context<'_>, asked: Change) -> Option<NativeHistogram> {
    let first = window.histograms.first()?;
    let change = match window.histograms {
        [_] => None,
        points => Some(histogram_change(points, window, cx, asked)?),
    };
    let extent = Extent::of(window.histograms, first.value.count, change.as_ref().map_or(0.0, |change| change.count))?;
    let Extrapolation { factor, from_zero } = extent.extrapolate(window, asked)?;
    let mut change = match change {
        Some(mut change) if from_zero => {
            add(&mut change, &first.value, window, cx)?;
            change
        }
        Some(change) => change,
        None => NativeHistogram::clone(&first.value),
    };
    change.scale(factor);
    Some(change)
}

/// The last histogram less the first one, and what was lost in resets; `None` when they cannot be brought together.
fn histogram_change(
    points: &[Point<Arc<NativeHistogram>>],
    window: &Window<'_>,
    cx: &mut Context<'_>,
    asked: Change,
) -> Option<NativeHistogram> {
    let [first, inner @ .., last] = points else { return None };
    let second = inner.first().unwrap_or(last);
    let is_gauge = |point: &Point<Arc<NativeHistogram>>| point.value.reset_hint == ResetHint::Gauge;
    let reset_at_once = asked.counter && (is_reset(first, second) || second.value.detect_reset(&first.value));
    // The layout of a first histogram that a reset follows does not matter: it counts as empty.
    let empty = NativeHistogram {
        schema: second.value.schema,
        custom_values: Arc::clone(&second.value.custom_values),
        ..NativeHistogram::default()
    };
    let start: &NativeHistogram = if reset_at_once { &empty } else { &first.value };
    // What lies between matters only for finding resets.
    let relevant = if asked.counter { inner } else { &[] };
    let custom = start.has_custom_buckets();
    if relevant.iter().chain([last]).any(|point| point.value.has_custom_buckets() != custom) {
        cx.note(0, Note::MixedExponentialCustom(window.metric().into()));
        return None;
    }
    if asked.counter && points.iter().any(is_gauge) {
        cx.note(0, Note::NotCounter(window.metric().into()));
    }
    if !asked.counter && [first, last].into_iter().any(|point| !is_gauge(point)) {
        cx.note(0, Note::NotGauge(window.metric().into()));
    }
    let schemas = relevant.iter().chain([last]).map(|point| point.value.schema);
    let mut change = NativeHistogram::clone(&last.value);
    change.coarsen(schemas.min().map_or(start.schema, |schema| schema.min(start.schema)));
    sub(&mut change, start, window, cx)?;
    if asked.counter {
        add_lost_in_resets(&mut change, points, start, window, cx)?;
    }
    change.reset_hint = ResetHint::Gauge;
    change.compact(0);
    Some(change)
}

fn add_lost_in_resets(
    change: &mut NativeHistogram,
    points: &[Point<Arc<NativeHistogram>>],
    start: &NativeHistogram,
    window: &Window<'_>,
    cx: &mut Context<'_>,
) -> Option<()> {
    let pairs = || points.iter().zip(points.iter().skip(1));
    if pairs().any(|(before, now)| overlaps(before, now)) {
        cx.note(0, Note::StartOverlap(window.metric().into(), 1));
    }
    let mut reached = start;
    for (before, now) in pairs() {
        if is_reset(before, now) || now.value.detect_reset(reached) {
            add(change, reached, window, cx)?;
        }
        reached = &now.value;
    }
    Some(())
}

/// Adds a histogram, remarking what was lost in doing so. Counter resets are the caller's matter, so that hints that
/// contradict each other are not remarked.
pub(super) fn add(
    sum: &mut NativeHistogram,
    other: &NativeHistogram,
    window: &Window<'_>,
    cx: &mut Context<'_>,
) -> Option<()> {
    let reconciled = sum.add(other);
    noted(reconciled, Combining::Addition, window, cx)
}

/// Subtracts one, in the same way.
pub(super) fn sub(
    difference: &mut NativeHistogram,
    other: &NativeHistogram,
    window: &Window<'_>,
    cx: &mut Context<'_>,
) -> Option<()> {
    let reconciled = difference.sub(other);
    noted(reconciled, Combining::Subtraction, window, cx)
}

fn noted(
    reconciled: Result<crate::promql::histogram::Reconciled, crate::promql::histogram::Incompatible>,
    combining: Combining,
    window: &Window<'_>,
    cx: &mut Context<'_>,
) -> Option<()> {
    match reconciled {
        Ok(reconciled) if reconciled.bounds => cx.note(0, Note::ReconciledBuckets(combining)),
        Ok(_) => {}
        Err(_) => {
            cx.note(0, Note::MixedExponentialCustom(window.metric().into()));
            return None;
        }
    }
    Some(())
}

/// What extrapolation needs to know of the samples.
struct Extent {
    /// Times of the first and of the last sample.
    first: i64,
    last: i64,
    /// Start time of the first sample.
    start: i64,
    /// Distances between samples.
    steps: usize,
    /// Value, or count, of the first sample, and how much it grew.
    level: f64,
    growth: f64,
}

struct Extrapolation {
    /// What the change has to be multiplied by.
    factor: f64,
    /// Whether the series began inside the range, at zero, so that its first value is part of the change.
    from_zero: bool,
}

impl Extent {
    fn of<T>(points: &[Point<T>], level: f64, growth: f64) -> Option<Self> {
        let (first, last) = (points.first()?, points.last()?);
        Some(Self { first: first.time, last: last.time, start: first.start, steps: points.len() - 1, level, growth })
    }

    /// When samples reach close enough to an edge of the range, the change is extrapolated up to it; else by half the
    /// usual distance between them, where the series is taken to have begun or ended. A counter is not extrapolated to
    /// below zero. `None` for a single sample whose beginning is not known.
    fn extrapolate(&self, window: &Window<'_>, asked: Change) -> Option<Extrapolation> {
        let seconds = |from: i64, to: i64| (to - from) as f64 / 1_000.0;
        let mut sampled = seconds(self.first, self.last);
        let usual = if self.steps > 0 { sampled / self.steps as f64 } else { 0.0 };
        let reach = |gap: f64| if gap >= usual * MISSING { usual / 2.0 } else { gap };
        let begins_inside = self.start != 0 && self.start > window.start && self.start < self.first;
        let from_zero = asked.counter && begins_inside;
        let mut before = 0.0;
        if from_zero {
            sampled = seconds(self.start, self.last);
        } else if self.steps == 0 {
            return None;
        } else {
            before = reach(seconds(window.start, self.first));
            if asked.counter && self.growth > 0.0 && self.level >= 0.0 {
                before = before.min(sampled * (self.level / self.growth));
            }
        }
        let after = reach(seconds(self.last, window.end));
        let mut factor = if sampled == 0.0 { 1.0 } else { (sampled + before + after) / sampled };
        if asked.per_second {
            factor /= window.seconds();
        }
        Some(Extrapolation { factor, from_zero })
    }
}
