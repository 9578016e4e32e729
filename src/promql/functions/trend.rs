//! Where a series is going: `deriv`, `predict_linear`, `double_exponential_smoothing`.

use super::{Context, Point, Window, ignore_histograms};
use crate::model::SampleValue;
use crate::promql::kahan::Kahan;

pub(super) fn deriv(window: &Window<'_>, _: &[f64], cx: &mut Context<'_>) -> Option<SampleValue> {
    let points = at_least_two(window, cx)?;
    // Times near those of the samples lose the least to rounding.
    let (slope, _) = regression(points, points.first()?.time);
    Some(SampleValue::Float(slope))
}

pub(super) fn predict_linear(window: &Window<'_>, scalars: &[f64], cx: &mut Context<'_>) -> Option<SampleValue> {
    let ahead = scalars.first()?;
    let (slope, now) = regression(at_least_two(window, cx)?, cx.time);
    Some(SampleValue::Float(slope * ahead + now))
}

/// Holt's linear method (<https://en.wikipedia.org/wiki/Exponential_smoothing#Double_exponential_smoothing_(Holt_linear)>)
/// with a smoothing and a trend factor, both between 0 and 1.
pub(super) fn smooth(window: &Window<'_>, scalars: &[f64], cx: &mut Context<'_>) -> Option<SampleValue> {
    let [level_factor, trend_factor] = *scalars else { return None };
    for (name, short, factor) in [("smoothing", "sf", level_factor), ("trend", "tf", trend_factor)] {
        // Prometheus lets `NaN` pass.
        if factor <= 0.0 || factor >= 1.0 {
            cx.fail(format!("invalid {name} factor. Expected: 0 < {short} < 1, got: {}", fixed(factor)));
            return None;
        }
    }
    let points = at_least_two(window, cx)?;
    let [first, second, ..] = points else { return None };
    let (mut before, mut level, mut trend) = (0.0, first.value, second.value - first.value);
    for (at, point) in points.iter().skip(1).enumerate() {
        if at > 0 {
            trend = trend_factor * (level - before) + (1.0 - trend_factor) * trend;
        }
        before = level;
        level = level_factor * point.value + (1.0 - level_factor) * (level + trend);
    }
    Some(SampleValue::Float(level))
}

/// A number as Go's `%f` writes it.
fn fixed(value: f64) -> String {
    if value.is_finite() { format!("{value:.6}") } else { crate::promql::text::general(value, None) }
}

/// Histograms beside any float are ignored, and that is remarked.
fn at_least_two<'a>(window: &Window<'a>, cx: &mut Context<'_>) -> Option<&'a [Point<f64>]> {
    if !window.floats.is_empty() {
        ignore_histograms(window, cx);
    }
    (window.floats.len() >= 2).then_some(window.floats)
}

/// Slope, a second, and value at a time, of the line that fits best by least squares.
fn regression(points: &[Point<f64>], at: i64) -> (f64, f64) {
    let first = points.first().map_or(f64::NAN, |point| point.value);
    if points.iter().all(|point| point.value == first) {
        return if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) };
    }
    let [mut x, mut y, mut xy, mut xx] = [Kahan::default(); 4];
    for point in points {
        let seconds = (point.time - at) as f64 / 1_000.0;
        x += seconds;
        y += point.value;
        xy += seconds * point.value;
        xx += seconds * seconds;
    }
    let number = points.len() as f64;
    let [x, y, xy, xx] = [x, y, xy, xx].map(Kahan::value);
    let slope = (xy - x * y / number) / (xx - x * x / number);
    (slope, y / number - slope * x / number)
}
