//! Aggregations of one series over a range: `avg_over_time` and its kin.

use std::sync::Arc;

use super::{Context, Window, quantile};
use crate::model::{NativeHistogram, ResetHint, SampleValue};
use crate::promql::histogram::{HistogramMean, HistogramSum, Incompatible, Reconciled};
use crate::promql::kahan::Kahan;
use crate::promql::notes::{Combining, Note};

type Result = Option<SampleValue>;

#[expect(clippy::unnecessary_wraps, reason = "one type for all functions")]
pub(super) fn count(window: &Window<'_>, _: &[f64], _: &mut Context<'_>) -> Result {
    Some(SampleValue::Float(window.len() as f64))
}

#[expect(clippy::unnecessary_wraps, reason = "one type for all functions")]
pub(super) fn present(_: &Window<'_>, _: &[f64], _: &mut Context<'_>) -> Result {
    Some(SampleValue::Float(1.0))
}

pub(super) fn sum(window: &Window<'_>, _: &[f64], cx: &mut Context<'_>) -> Result {
    if !of_one_kind(window, cx) {
        return None;
    }
    if let [first, rest @ ..] = window.histograms {
        let mut sum = HistogramSum::new(&first.value);
        let sums = rest.iter().map(|point| sum.add(&point.value)).collect();
        return combined(window, cx, sums).map(|()| SampleValue::Histogram(Arc::new(sum.finish())));
    }
    Some(SampleValue::Float(values(window).collect::<Kahan>().value()))
}

pub(super) fn avg(window: &Window<'_>, _: &[f64], cx: &mut Context<'_>) -> Result {
    if !of_one_kind(window, cx) {
        return None;
    }
    if let [first, rest @ ..] = window.histograms {
        let mut mean = HistogramMean::new(&first.value);
        let sums = rest.iter().map(|point| mean.add(&point.value)).collect();
        return combined(window, cx, sums).map(|()| SampleValue::Histogram(Arc::new(mean.finish())));
    }
    mean(values(window)).map(SampleValue::Float)
}

/// The sum divided by the number, or a running mean from where the sum would become infinite.
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut running = false;
    let (mut mean, mut number) = (Kahan::default(), 0.0);
    for value in values {
        number += 1.0;
        if !running {
            let mut sum = mean;
            sum += value;
            if number == 1.0 || !sum.sum.is_infinite() {
                mean = if number == 1.0 { Kahan::of(value) } else { sum };
                continue;
            }
            running = true;
            mean = mean.divided(number - 1.0);
        }
        mean = mean.scaled((number - 1.0) / number);
        mean += value / number;
    }
    if !running {
        mean = mean.divided(number);
    }
    (number > 0.0).then(|| mean.value())
}

/// Remarks what was lost in adding histograms up; `None` when they cannot be brought together.
fn combined(
    window: &Window<'_>,
    cx: &mut Context<'_>,
    sums: std::result::Result<Vec<Reconciled>, Incompatible>,
) -> Option<()> {
    let Ok(sums) = sums else {
        cx.note(0, Note::MixedExponentialCustom(window.metric().into()));
        return None;
    };
    let has = |hint| window.histograms.iter().any(|point| point.value.reset_hint == hint);
    if has(ResetHint::CounterReset) && has(ResetHint::NotCounterReset) {
        cx.note(0, Note::ResetCollision(Combining::Aggregation));
    }
    if sums.iter().any(|reconciled| reconciled.bounds) {
        cx.note(0, Note::ReconciledBuckets(Combining::Aggregation));
    }
    Some(())
}

fn of_one_kind(window: &Window<'_>, cx: &mut Context<'_>) -> bool {
    let mixed = !window.floats.is_empty() && !window.histograms.is_empty();
    if mixed {
        cx.note(0, Note::MixedFloatsHistograms(window.metric().into()));
    }
    !mixed
}

pub(super) fn first(window: &Window<'_>, _: &[f64], _: &mut Context<'_>) -> Result {
    match (window.floats.first(), window.histograms.first()) {
        (Some(float), Some(histogram)) if float.time >= histogram.time => Some(shared(&histogram.value)),
        (Some(float), _) => Some(SampleValue::Float(float.value)),
        (None, histogram) => histogram.map(|histogram| shared(&histogram.value)),
    }
}

pub(super) fn last(window: &Window<'_>, _: &[f64], _: &mut Context<'_>) -> Result {
    match (window.floats.last(), window.histograms.last()) {
        (Some(float), Some(histogram)) if float.time <= histogram.time => Some(shared(&histogram.value)),
        (Some(float), _) => Some(SampleValue::Float(float.value)),
        (None, histogram) => histogram.map(|histogram| shared(&histogram.value)),
    }
}

fn shared(histogram: &Arc<NativeHistogram>) -> SampleValue {
    SampleValue::Histogram(Arc::clone(histogram))
}

pub(super) fn time_of_first(window: &Window<'_>, _: &[f64], _: &mut Context<'_>) -> Result {
    let times = [window.floats.first().map(|point| point.time), window.histograms.first().map(|point| point.time)];
    times.into_iter().flatten().min().map(seconds)
}

pub(super) fn time_of_last(window: &Window<'_>, _: &[f64], _: &mut Context<'_>) -> Result {
    let times = [window.floats.last().map(|point| point.time), window.histograms.last().map(|point| point.time)];
    times.into_iter().flatten().max().map(seconds)
}

fn seconds(milliseconds: i64) -> SampleValue {
    SampleValue::Float(milliseconds as f64 / 1_000.0)
}

pub(super) fn max(window: &Window<'_>, _: &[f64], cx: &mut Context<'_>) -> Result {
    extreme(window, cx, |value, best| value > best).map(|(_, value)| SampleValue::Float(value))
}

pub(super) fn min(window: &Window<'_>, _: &[f64], cx: &mut Context<'_>) -> Result {
    extreme(window, cx, |value, best| value < best).map(|(_, value)| SampleValue::Float(value))
}

pub(super) fn time_of_max(window: &Window<'_>, _: &[f64], cx: &mut Context<'_>) -> Result {
    extreme(window, cx, |value, best| value >= best).map(|(time, _)| seconds(time))
}

pub(super) fn time_of_min(window: &Window<'_>, _: &[f64], cx: &mut Context<'_>) -> Result {
    extreme(window, cx, |value, best| value <= best).map(|(time, _)| seconds(time))
}

/// The time and value that no other is better than; `NaN` is worse than anything.
fn extreme(window: &Window<'_>, cx: &mut Context<'_>, better: impl Fn(f64, f64) -> bool) -> Option<(i64, f64)> {
    let points = floats_of(window, cx)?.iter().map(|point| (point.time, point.value));
    points.reduce(|best, point| if better(point.1, best.1) || best.1.is_nan() { point } else { best })
}

pub(super) fn stdvar(window: &Window<'_>, _: &[f64], cx: &mut Context<'_>) -> Result {
    variance(window, cx).map(SampleValue::Float)
}

pub(super) fn stddev(window: &Window<'_>, _: &[f64], cx: &mut Context<'_>) -> Result {
    variance(window, cx).map(|variance| SampleValue::Float(variance.sqrt()))
}

/// Welford's algorithm, compensated.
fn variance(window: &Window<'_>, cx: &mut Context<'_>) -> Option<f64> {
    floats_of(window, cx)?;
    let (mut number, mut mean, mut squares) = (0.0, Kahan::default(), Kahan::default());
    for value in values(window) {
        number += 1.0;
        let delta = value - mean.value();
        mean += delta / number;
        squares += delta * (value - mean.value());
    }
    Some(squares.value() / number)
}

pub(super) fn quantile_of(window: &Window<'_>, scalars: &[f64], cx: &mut Context<'_>) -> Result {
    let q = *scalars.first()?;
    if window.floats.is_empty() {
        return None;
    }
    if !(0.0..=1.0).contains(&q) {
        cx.note(0, Note::InvalidQuantile(q));
    }
    floats_of(window, cx)?;
    Some(SampleValue::Float(quantile(q, &mut values(window).collect::<Vec<_>>())))
}

/// The median of the distances from the median.
pub(super) fn mad(window: &Window<'_>, _: &[f64], cx: &mut Context<'_>) -> Result {
    floats_of(window, cx)?;
    let mut values: Vec<f64> = values(window).collect();
    if values.iter().any(|value| value.is_nan()) {
        return Some(SampleValue::Float(f64::NAN));
    }
    let median = quantile(0.5, &mut values);
    for value in &mut values {
        *value = (*value - median).abs();
    }
    Some(SampleValue::Float(quantile(0.5, &mut values)))
}

/// The floats, unless there is none; histograms beside them are ignored, and that is remarked.
fn floats_of<'a>(window: &Window<'a>, cx: &mut Context<'_>) -> Option<&'a [super::Point<f64>]> {
    if window.floats.is_empty() {
        return None;
    }
    super::ignore_histograms(window, cx);
    Some(window.floats)
}

fn values<'a>(window: &Window<'a>) -> impl Iterator<Item = f64> + use<'a> {
    window.floats.iter().map(|point| point.value)
}
