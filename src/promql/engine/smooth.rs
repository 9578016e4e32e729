//! Values between samples: `smoothed` selectors, and the edges of `anchored` and `smoothed` ranges.

use std::sync::Arc;

use super::matrix::{Cell, Grid, Matrix};
use super::over::{Cutter, Shape};
use super::{EvalError, Evaluator};
use crate::model::{NativeHistogram, ResetHint, SampleValue};
use crate::promql::ast::{Edges, Span};
use crate::promql::functions::{Point, Window};
use crate::promql::notes::{Combining, Note};
use crate::promql::plan::Selector;

impl Evaluator<'_> {
    /// The value at each step, interpolated between the samples around it; without one after it, the one before.
    pub(super) fn smooth(&mut self, selector: &Selector, grid: Grid) -> Result<Matrix, EvalError> {
        // A range without length, smoothed, reaches the lookback to both sides.
        let lookback = self.options.lookback_ms;
        let shape = Shape { when: selector.when, range: 0, edges: Edges::Smoothed, lookback };
        let mut matrix = Matrix::new(grid.count, 0);
        self.selected_series(selector, shape, grid, false, &mut |evaluator, series, points| {
            evaluator.room(matrix.series.len() + 1, grid, selector.span)?;
            let mut cutter = Cutter::new(&series.labels, points, shape);
            for time in grid.times() {
                let cell = cutter.window(time).and_then(|window| evaluator.between(&window, selector.span));
                matrix.cells.push(cell);
            }
            matrix.close_row(|| series.clone());
            evaluator.check(matrix.series.len())
        })?;
        Ok(matrix)
    }

    fn between(&mut self, window: &Window<'_>, span: Span) -> Cell {
        let metric = || window.metric().into();
        if window.histograms.is_empty() {
            let (before, after) = around(window.floats, window.end)?;
            let value = after.map_or(before.value, |after| interpolate(before, after, window.end));
            return Some(SampleValue::Float(value));
        }
        if !window.floats.is_empty() {
            self.annotations.add(Note::MixedFloatsHistograms(metric()), span);
            return None;
        }
        let (before, after) = around(window.histograms, window.end)?;
        if before.time == window.end {
            return Some(SampleValue::Histogram(Arc::clone(&before.value)));
        }
        let Some(after) = after else {
            let carried = NativeHistogram { reset_hint: ResetHint::Unknown, ..(*before.value).clone() };
            return Some(SampleValue::Histogram(Arc::new(carried)));
        };
        if before.value.has_custom_buckets() != after.value.has_custom_buckets() {
            self.annotations.add(Note::MixedExponentialCustom(metric()), span);
            return None;
        }
        self.between_histograms(before, after, window.end, span)
    }

    fn between_histograms(
        &mut self,
        before: &Point<Arc<NativeHistogram>>,
        after: &Point<Arc<NativeHistogram>>,
        time: i64,
        span: Span,
    ) -> Cell {
        let share = (time - before.time) as f64 / (after.time - before.time) as f64;
        let gauge = |point: &Point<Arc<NativeHistogram>>| point.value.reset_hint == ResetHint::Gauge;
        let mut result = (*after.value).clone();
        if !(gauge(before) && gauge(after)) && after.value.detect_reset(&before.value) {
            // It began again from zero.
            result.scale(share);
            return Some(SampleValue::Histogram(Arc::new(result)));
        }
        if result.sub(&before.value).ok()?.bounds {
            self.annotations.add(Note::ReconciledBuckets(Combining::Subtraction), span);
        }
        result.scale(share);
        if result.add(&before.value).ok()?.bounds {
            self.annotations.add(Note::ReconciledBuckets(Combining::Addition), span);
        }
        Some(SampleValue::Histogram(Arc::new(result)))
    }
}

/// The last point not after the time, and the first point after it unless the last one is of that very time.
fn around<T>(points: &[Point<T>], time: i64) -> Option<(&Point<T>, Option<&Point<T>>)> {
    let after = points.partition_point(|point| point.time <= time);
    let before = points.get(after.checked_sub(1)?)?;
    Some((before, points.get(after).filter(|_| before.time != time)))
}

fn interpolate(before: &Point<f64>, after: &Point<f64>, time: i64) -> f64 {
    let share = (time - before.time) as f64;
    before.value + (after.value - before.value) * share / (after.time - before.time) as f64
}

/// The floats of an `anchored` or `smoothed` range with a sample at each of its edges; none when all lie before it.
pub(super) fn extended(window: &Window<'_>) -> Vec<(i64, f64)> {
    let (floats, start, end) = (window.floats, window.start, window.end);
    let smoothed = window.edges == Edges::Smoothed;
    let Some(newest) = floats.len().checked_sub(1) else { return Vec::new() };
    let first = floats[..newest].partition_point(|point| point.time <= start).saturating_sub(1);
    let last = if smoothed { floats[..newest].partition_point(|point| point.time < end) } else { newest };
    if floats[last].time <= start {
        return Vec::new();
    }
    let left = match floats.get(first + 1) {
        Some(after) if smoothed && floats[first].time < start => interpolate(&floats[first], after, start),
        _ => floats[first].value,
    };
    let right = if smoothed && last > 0 && floats[last].time > end {
        interpolate(&floats[last - 1], &floats[last], end)
    } else {
        floats[last].value
    };
    let inside = floats.iter().filter(|point| point.time > start && point.time < end);
    let mut all = vec![(start, left)];
    all.extend(inside.map(|point| (point.time, point.value)));
    all.push((end, right));
    all
}
