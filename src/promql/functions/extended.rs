//! `rate`, `increase` and `delta` over ranges that are `anchored` or `smoothed`: nothing is extrapolated, because the
//! samples just outside the range are known too.

use std::sync::Arc;

use super::rate::{Change, add, sub};
use super::{Context, Point, Window};
use crate::model::{NativeHistogram, ResetHint};
use crate::promql::ast::Edges;
use crate::promql::notes::Note;

type HistogramPoint = Point<Arc<NativeHistogram>>;

/// The samples at the edges of a range.
#[derive(Debug, Clone, Copy)]
struct Boundary {
    /// The last sample at or before the beginning, or the first one.
    first: usize,
    /// The last sample; with smoothing the first one at or after the end, when there is one.
    last: usize,
    smoothed: bool,
}

impl Boundary {
    /// `None` when nothing lies in the range.
    fn of<T>(points: &[Point<T>], window: &Window<'_>) -> Option<Self> {
        let smoothed = window.edges == Edges::Smoothed;
        let (inner, newest) = (points.get(..points.len().checked_sub(1)?)?, points.last()?);
        let first = inner.partition_point(|point| point.time <= window.start).saturating_sub(1);
        let last = if smoothed { inner.partition_point(|point| point.time < window.end) } else { inner.len() };
        let last_time = inner.get(last).unwrap_or(newest).time;
        let first_time = inner.get(first).unwrap_or(newest).time;
        let outside = last_time <= window.start || smoothed && first_time > window.end;
        (!outside).then_some(Self { first, last, smoothed })
    }

    /// The samples that the value at the beginning lies between, when it has to be interpolated.
    fn at_start<'a, T>(&self, points: &'a [Point<T>], start: i64) -> Option<(&'a Point<T>, &'a Point<T>)> {
        let (before, after) = (points.get(self.first)?, points.get(self.first + 1)?);
        (self.smoothed && before.time < start).then_some((before, after))
    }

    /// The same for the end.
    fn at_end<'a, T>(&self, points: &'a [Point<T>], end: i64) -> Option<(&'a Point<T>, &'a Point<T>)> {
        let (before, after) = (points.get(self.last.checked_sub(1)?)?, points.get(self.last)?);
        (self.smoothed && after.time > end).then_some((before, after))
    }
}

pub(super) fn floats(window: &Window<'_>, asked: Change) -> Option<f64> {
    let points = window.floats;
    let boundary = Boundary::of(points, window)?;
    let (first, last) = (points.get(boundary.first)?, points.get(boundary.last)?);
    let between = |(before, after), time| interpolate(before, after, time, asked.counter);
    let left = boundary.at_start(points, window.start).map_or(first.value, |pair| between(pair, window.start));
    let right = boundary.at_end(points, window.end).map_or(last.value, |pair| between(pair, window.end));
    let mut change = right - left;
    if asked.counter {
        // A reset at an edge is part of the value that was interpolated there.
        let from = boundary.first + usize::from(first.time <= window.start);
        let to = boundary.last + usize::from(last.time < window.end);
        let inside = points.get(from..to).unwrap_or_default().iter().map(|point| point.value);
        let mut reached = left;
        for value in inside.chain([right]) {
            if value < reached {
                change += reached;
            }
            reached = value;
        }
    }
    Some(if asked.per_second { change / window.seconds() } else { change })
}

/// The value at a time between two samples; a counter that fell between them began at zero.
fn interpolate(before: &Point<f64>, after: &Point<f64>, time: i64, counter: bool) -> f64 {
    let from = if counter && after.value < before.value { 0.0 } else { before.value };
    from + (after.value - from) * (time - before.time) as f64 / (after.time - before.time) as f64
}

pub(super) fn histograms(window: &Window<'_>, cx: &mut Context<'_>, asked: Change) -> Option<NativeHistogram> {
    let points = window.histograms;
    let boundary = Boundary::of(points, window)?;
    let (first, last) = (points.get(boundary.first)?, points.get(boundary.last)?);
    check(points.get(boundary.first..=boundary.last)?, window, cx, asked)?;
    let left = match boundary.at_start(points, window.start) {
        Some(pair) => interpolate_histograms(pair, window.start, asked, window, cx)?,
        None => NativeHistogram::clone(&first.value),
    };
    let right = match boundary.at_end(points, window.end) {
        Some(pair) => interpolate_histograms(pair, window.end, asked, window, cx)?,
        None => NativeHistogram::clone(&last.value),
    };
    let is_gauge = |h: &NativeHistogram| h.reset_hint == ResetHint::Gauge;
    if !asked.counter && [&left, &right].into_iter().any(|h| !is_gauge(h)) {
        cx.note(0, Note::NotGauge(window.metric().into()));
    }
    let mut change = right.clone();
    sub(&mut change, &left, window, cx)?;
    if asked.counter {
        add_lost_in_resets(&mut change, boundary, [&left, &right], window, cx)?;
    }
    if asked.per_second {
        change.divide(window.seconds());
    }
    change.reset_hint = ResetHint::Gauge;
    change.compact(0);
    Some(change)
}

/// Whether histograms can be brought together; remarks those that are gauges where a counter is asked for.
fn check(points: &[HistogramPoint], window: &Window<'_>, cx: &mut Context<'_>, asked: Change) -> Option<()> {
    let custom = points.first()?.value.has_custom_buckets();
    for point in points {
        if point.value.has_custom_buckets() != custom {
            cx.note(0, Note::MixedExponentialCustom(window.metric().into()));
            return None;
        }
        if asked.counter && point.value.reset_hint == ResetHint::Gauge {
            cx.note(0, Note::NotCounter(window.metric().into()));
        }
    }
    Some(())
}

fn interpolate_histograms(
    (before, after): (&HistogramPoint, &HistogramPoint),
    time: i64,
    asked: Change,
    window: &Window<'_>,
    cx: &mut Context<'_>,
) -> Option<NativeHistogram> {
    if time == before.time {
        return Some(NativeHistogram::clone(&before.value));
    }
    let mut between = NativeHistogram::clone(&after.value);
    if time == after.time {
        return Some(between);
    }
    let share = (time - before.time) as f64 / (after.time - before.time) as f64;
    if asked.counter && after.value.detect_reset(&before.value) {
        between.scale(share);
        return Some(between);
    }
    sub(&mut between, &before.value, window, cx)?;
    between.scale(share);
    add(&mut between, &before.value, window, cx)?;
    Some(between)
}

/// Adds what the counter had reached before each of its resets.
fn add_lost_in_resets(
    change: &mut NativeHistogram,
    boundary: Boundary,
    [left, right]: [&NativeHistogram; 2],
    window: &Window<'_>,
    cx: &mut Context<'_>,
) -> Option<()> {
    let points = window.histograms;
    // The first sample is in `left` already; the last one, or what was interpolated from it, is `right`.
    let (mut from, mut reached) = (boundary.first + 1, left);
    if let Some((before, after)) = boundary.at_start(points, window.start)
        && after.value.detect_reset(&before.value)
    {
        // `left` was interpolated over this reset.
        reached = &after.value;
        from += 1;
    }
    if from > boundary.last {
        return Some(());
    }
    let mut lost: Option<NativeHistogram> = None;
    let inside = points.get(from..boundary.last).unwrap_or_default().iter().map(|point| &*point.value);
    for now in inside.chain([right]) {
        if now.detect_reset(reached) {
            match &mut lost {
                Some(lost) => add(lost, reached, window, cx)?,
                None => lost = Some(reached.clone()),
            }
        }
        reached = now;
    }
    lost.map_or(Some(()), |lost| add(change, &lost, window, cx))
}
