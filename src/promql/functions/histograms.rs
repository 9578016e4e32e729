//! Functions of histograms, native and classic.

use std::collections::HashMap;
use std::sync::Arc;

use super::classic::{self, Cumulative};
use super::{Arguments, Body, Context, Element};
use crate::model::{Labels, NativeHistogram, SampleValue};
use crate::promql::histogram::NanNote;
use crate::promql::notes::{Monotonicity, Note};
use crate::promql::text::general;

/// The label of a classic histogram's bucket that holds its upper bound.
const BOUND: &str = "le";

/// The body of a function of histograms.
pub(super) fn body(name: &str) -> Option<Body> {
    Some(match name {
        "histogram_avg" => Body::Each(|value, _| histogram(value).map(|h| h.sum / h.count)),
        "histogram_count" => Body::Each(|value, _| histogram(value).map(|h| h.count)),
        "histogram_fraction" => Body::Instant(fraction),
        "histogram_quantile" => Body::Instant(quantile),
        "histogram_quantiles" => Body::Instant(quantiles),
        "histogram_stddev" => Body::Each(|value, _| histogram(value).map(|h| h.variance().sqrt())),
        "histogram_stdvar" => Body::Each(|value, _| histogram(value).map(NativeHistogram::variance)),
        "histogram_sum" => Body::Each(|value, _| histogram(value).map(|h| h.sum)),
        _ => return None,
    })
}

fn histogram(value: &SampleValue) -> Option<&NativeHistogram> {
    match value {
        SampleValue::Float(_) => None,
        SampleValue::Histogram(histogram) => Some(histogram),
    }
}

fn fraction(arguments: &mut Arguments<'_>, cx: &mut Context<'_>) -> Vec<Element> {
    let [lower, upper] = *arguments.scalars else { return Vec::new() };
    let mut found = Found::of(std::mem::take(&mut arguments.vector), 2, cx);
    let mut out = Vec::with_capacity(found.len());
    for (labels, histogram) in &found.native {
        let (value, has_nan) = histogram.fraction(lower, upper);
        if has_nan {
            cx.note(2, Note::FractionNan(metric(labels, cx).into()));
        }
        out.push(element(labels, value));
    }
    for (labels, buckets) in &mut found.classic {
        out.push(element(labels, classic::fraction(lower, upper, buckets)));
    }
    out
}

fn quantile(arguments: &mut Arguments<'_>, cx: &mut Context<'_>) -> Vec<Element> {
    let Some(&q) = arguments.scalars.first() else { return Vec::new() };
    check(q, 0, cx);
    let mut found = Found::of(std::mem::take(&mut arguments.vector), 1, cx);
    let mut out = Vec::with_capacity(found.len());
    found.quantiles(q, Places { nan: 1, vector: 1 }, cx, |labels, value| out.push(element(labels, value)));
    out
}

fn quantiles(arguments: &mut Arguments<'_>, cx: &mut Context<'_>) -> Vec<Element> {
    let Some(name) = arguments.texts.first() else { return Vec::new() };
    // The vector and the label's name stand before the quantiles.
    arguments.scalars.iter().enumerate().for_each(|(at, q)| check(*q, at + 2, cx));
    let mut found = Found::of(std::mem::take(&mut arguments.vector), 0, cx);
    let mut out = Vec::with_capacity(found.len() * arguments.scalars.len());
    for &q in arguments.scalars {
        let text: Arc<str> = open_metrics(q).into();
        found.quantiles(q, Places { nan: 0, vector: 0 }, cx, |labels, value| {
            let all = labels.iter().map(|(name, value)| (Arc::clone(name), Arc::clone(value)));
            let labels = Labels::new(all.chain([(Arc::clone(name), Arc::clone(&text))]));
            out.push(element(&labels, value));
        });
    }
    out
}

fn check(q: f64, index: usize, cx: &mut Context<'_>) {
    if !(0.0..=1.0).contains(&q) {
        cx.note(index, Note::InvalidQuantile(q));
    }
}

fn element(labels: &Labels, value: f64) -> Element {
    Element { labels: labels.clone(), drop_name: true, value: SampleValue::Float(value) }
}

/// The metric's name as annotations show it: only while names are still there.
fn metric<'a>(labels: &'a Labels, cx: &Context<'_>) -> &'a str {
    if cx.delayed_names { labels.metric_name().unwrap_or_default() } else { "" }
}

/// A number as `OpenMetrics` writes it: with a point or an exponent.
fn open_metrics(value: f64) -> String {
    let text = general(value, None);
    if value.is_finite() && !text.contains(['.', 'e']) { text + ".0" } else { text }
}

/// Arguments that annotations about quantiles point to.
#[derive(Clone, Copy)]
struct Places {
    /// For observations that are not numbers.
    nan: usize,
    /// For buckets that are not cumulative.
    vector: usize,
}

/// The histograms in a vector.
struct Found {
    native: Vec<(Labels, Arc<NativeHistogram>)>,
    /// Classic ones by their labels without `le`, in the order in which they came up.
    classic: Vec<(Labels, Vec<Cumulative>)>,
}

impl Found {
    /// Where a series is both a classic and a native histogram, it is neither; `index` is the vector's place among the
    /// arguments.
    fn of(vector: Vec<Element>, index: usize, cx: &mut Context<'_>) -> Self {
        let (mut native, mut classic) = (Vec::new(), Vec::<(Labels, Vec<Cumulative>)>::new());
        let mut places = HashMap::<Labels, usize>::new();
        for Element { labels, value, .. } in vector {
            let count = match value {
                SampleValue::Histogram(histogram) => {
                    native.push((labels, histogram));
                    continue;
                }
                SampleValue::Float(count) => count,
            };
            let bound = labels.get(BOUND).unwrap_or_default();
            let Ok(upper) = bound.parse() else {
                cx.note(index, Note::BadBucketLabel { metric: metric(&labels, cx).into(), label: bound.into() });
                continue;
            };
            let all = labels.iter().filter(|(name, _)| ***name != *BOUND);
            let labels = Labels::new(all.map(|(name, value)| (Arc::clone(name), Arc::clone(value))));
            let place = *places.entry(labels).or_insert_with_key(|labels| {
                classic.push((labels.clone(), Vec::new()));
                classic.len() - 1
            });
            if let Some((_, buckets)) = classic.get_mut(place) {
                buckets.push(Cumulative { upper, count });
            }
        }
        native.retain(|(labels, _)| {
            let Some(buckets) = places.get(labels).and_then(|place| classic.get_mut(*place)) else { return true };
            cx.note(index, Note::MixedClassicNative(metric(labels, cx).into()));
            buckets.1.clear();
            false
        });
        classic.retain(|(_, buckets)| !buckets.is_empty());
        Self { native, classic }
    }

    fn len(&self) -> usize {
        self.native.len() + self.classic.len()
    }

    /// Calls `each` with the quantile of each histogram.
    fn quantiles(&mut self, q: f64, at: Places, cx: &mut Context<'_>, mut each: impl FnMut(&Labels, f64)) {
        for (labels, histogram) in &self.native {
            let (value, note) = histogram.quantile(q);
            match note {
                Some(NanNote::Result) => cx.note(at.nan, Note::QuantileNan(metric(labels, cx).into())),
                Some(NanNote::Skewed) => cx.note(at.nan, Note::QuantileNanSkew(metric(labels, cx).into())),
                None => {}
            }
            each(labels, value);
        }
        for (labels, buckets) in &mut self.classic {
            let (value, raised) = classic::quantile(q, buckets);
            if let Some(classic::Raised { lowest, highest, difference }) = raised {
                let extent = Monotonicity::new(cx.time, lowest, highest, difference);
                cx.note(at.vector, Note::ForcedMonotonicity { metric: metric(labels, cx).into(), extent });
            }
            each(labels, value);
        }
    }
}
