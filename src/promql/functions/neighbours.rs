//! Functions of samples and those next to them: `irate`, `idelta`, `resets`, `changes`.

use std::sync::Arc;

use super::rate::sub;
use super::start::is_reset;
use super::{Context, Point, Window};
use crate::model::{NativeHistogram, ResetHint, SampleValue};
use crate::promql::ast::Edges;
use crate::promql::notes::Note;

pub(super) fn irate(window: &Window<'_>, _: &[f64], cx: &mut Context<'_>) -> Option<SampleValue> {
    last_change(window, cx, true)
}

pub(super) fn idelta(window: &Window<'_>, _: &[f64], cx: &mut Context<'_>) -> Option<SampleValue> {
    last_change(window, cx, false)
}

pub(super) fn resets(window: &Window<'_>, _: &[f64], _: &mut Context<'_>) -> Option<SampleValue> {
    let pairs = pairs(window)?;
    let resets = pairs.filter(|(before, now)| match (before, now) {
        (Any::Float(before), Any::Float(now)) => now.value < before.value || is_reset(before, now),
        (Any::Histogram(before), Any::Histogram(now)) => is_reset(before, now) || now.value.detect_reset(&before.value),
        _ => true,
    });
    Some(SampleValue::Float(resets.count() as f64))
}

pub(super) fn changes(window: &Window<'_>, _: &[f64], _: &mut Context<'_>) -> Option<SampleValue> {
    let pairs = pairs(window)?;
    let changes = pairs.filter(|(before, now)| match (before, now) {
        (Any::Float(before), Any::Float(now)) => {
            before.value != now.value && !(before.value.is_nan() && now.value.is_nan())
        }
        (Any::Histogram(before), Any::Histogram(now)) => !now.value.equals(&before.value),
        _ => true,
    });
    Some(SampleValue::Float(changes.count() as f64))
}

/// A sample of either kind.
#[derive(Debug, Clone, Copy)]
enum Any<'a> {
    Float(&'a Point<f64>),
    Histogram(&'a Point<Arc<NativeHistogram>>),
}

impl Any<'_> {
    fn time(&self) -> i64 {
        match self {
            Self::Float(point) => point.time,
            Self::Histogram(point) => point.time,
        }
    }
}

/// Samples of both kinds in the order of their times.
fn in_order<'a>(window: &Window<'a>) -> impl Iterator<Item = Any<'a>> + Clone {
    let mut floats = window.floats.iter().map(Any::Float).peekable();
    let mut histograms = window.histograms.iter().map(Any::Histogram).peekable();
    std::iter::from_fn(move || match (floats.peek(), histograms.peek()) {
        (Some(float), Some(histogram)) if histogram.time() < float.time() => histograms.next(),
        (None, _) => histograms.next(),
        _ => floats.next(),
    })
}

/// Neighbours in the range. An anchored one begins with the last sample at or before its beginning, and is nothing
/// without a sample after that.
fn pairs<'a>(window: &Window<'a>) -> Option<impl Iterator<Item = (Any<'a>, Any<'a>)>> {
    let all = in_order(window);
    let mut skipped = 0;
    if window.edges == Edges::Anchored {
        let before = all.clone().take_while(|sample| sample.time() <= window.start).count();
        if before == window.len() {
            return None;
        }
        skipped = before.saturating_sub(1);
    }
    let all = all.skip(skipped);
    Some(all.clone().zip(all.skip(1)))
}

/// The change between the last two samples, a second for counters.
fn last_change(window: &Window<'_>, cx: &mut Context<'_>, counter: bool) -> Option<SampleValue> {
    let [before, now] = last_two(window)?;
    if now.time() == before.time() {
        return None;
    }
    let seconds = (now.time() - before.time()) as f64 / 1_000.0;
    match (before, now) {
        (Any::Float(before), Any::Float(now)) => {
            let reset = counter && (now.value < before.value || is_reset(before, now));
            let change = if reset { now.value } else { now.value - before.value };
            Some(SampleValue::Float(if counter { change / seconds } else { change }))
        }
        (Any::Histogram(before), Any::Histogram(now)) => {
            let mut change = histogram_change(before, now, window, cx, counter)?;
            if counter {
                change.divide(seconds);
            }
            Some(SampleValue::Histogram(Arc::new(change)))
        }
        _ => {
            cx.note(0, Note::MixedFloatsHistograms(window.metric().into()));
            None
        }
    }
}

fn histogram_change(
    before: &Point<Arc<NativeHistogram>>,
    now: &Point<Arc<NativeHistogram>>,
    window: &Window<'_>,
    cx: &mut Context<'_>,
    counter: bool,
) -> Option<NativeHistogram> {
    let gauges = [before, now].map(|point| point.value.reset_hint == ResetHint::Gauge);
    if counter && gauges.contains(&true) {
        cx.note(0, Note::NotCounter(window.metric().into()));
    }
    if !counter && gauges.contains(&false) {
        cx.note(0, Note::NotGauge(window.metric().into()));
    }
    let mut change = NativeHistogram::clone(&now.value);
    if !(counter && (is_reset(before, now) || now.value.detect_reset(&before.value))) {
        sub(&mut change, &before.value, window, cx)?;
    }
    change.reset_hint = ResetHint::Gauge;
    change.compact(0);
    Some(change)
}

fn last_two<'a>(window: &Window<'a>) -> Option<[Any<'a>; 2]> {
    let newest = |at: usize, window: &Window<'a>| {
        let float = window.floats.iter().rev().nth(at).map(Any::Float);
        let histogram = window.histograms.iter().rev().nth(at).map(Any::Histogram);
        [float, histogram]
    };
    let mut candidates: Vec<Any<'a>> = newest(0, window).into_iter().chain(newest(1, window)).flatten().collect();
    candidates.sort_by_key(Any::time);
    let [.., before, now] = candidates.as_slice() else { return None };
    Some([*before, *now])
}
