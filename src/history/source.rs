//! What is asked of a place that holds samples.

use std::sync::Arc;

use crate::model::{Exemplar, Labels, Matcher, NativeHistogram, Sample, SampleValue, is_stale};

/// A place that holds samples, by series.
///
/// Only [`Source::select`] has to be written; the others show the same series one after another, in less time where a
/// place can do so. What they show is lent until `each` returns.
pub trait Source {
    /// Every series that all matchers accept, in the order of their labels, with its samples later than `after` and not
    /// later than `until` (milliseconds since the Unix epoch), oldest first, staleness markers included. A series
    /// without such a sample is left out.
    fn select(&self, matchers: &[Matcher], after: i64, until: i64) -> Vec<Selected>;

    /// Shows the same series and samples without allocating for each: the way to read thousands of series into something
    /// small.
    fn visit(&self, matchers: &[Matcher], after: i64, until: i64, each: &mut dyn FnMut(&Labels, &[Sample])) {
        for Selected { labels, samples } in self.select(matchers, after, until) {
            each(&labels, &samples);
        }
    }

    /// Shows the same series with their newest sample alone, be it a staleness marker: what a selector reads at one time.
    fn visit_newest(&self, matchers: &[Matcher], after: i64, until: i64, each: &mut dyn FnMut(&Labels, &Sample)) {
        self.visit(matchers, after, until, &mut |labels, samples| {
            if let Some(newest) = samples.last() {
                each(labels, newest);
            }
        });
    }

    /// Shows the same series with the time of their oldest sample and, if there is another, the time from it to the next:
    /// from when on there is data.
    fn visit_oldest(
        &self,
        matchers: &[Matcher],
        after: i64,
        until: i64,
        each: &mut dyn FnMut(&Labels, i64, Option<i64>),
    ) {
        self.visit(matchers, after, until, &mut |labels, samples| {
            if let Some(oldest) = samples.first() {
                each(labels, oldest.time, samples.get(1).map(|second| second.time - oldest.time));
            }
        });
    }

    /// Shows the same series with their samples by kind and without staleness markers: what a function of a range reads.
    /// A series that has nothing else is left out.
    fn visit_points(&self, matchers: &[Matcher], after: i64, until: i64, each: &mut dyn FnMut(&Labels, &mut Points)) {
        let mut points = Points::default();
        self.visit(matchers, after, until, &mut |labels, samples| {
            points.clear();
            points.extend(samples.iter().cloned());
            if !points.is_empty() {
                each(labels, &mut points);
            }
        });
    }

    /// The exemplars of every series that all matchers accept, made later than `after` and not later than `until`
    /// (milliseconds since the Unix epoch), oldest first. A series without one is left out. Default: there are none.
    fn exemplars(&self, _matchers: &[Matcher], _after: i64, _until: i64) -> Vec<(Labels, Vec<Exemplar>)> {
        Vec::new()
    }

    /// Whether whoever asks waits no longer: an evaluation then ends without a result.
    fn is_over(&self) -> bool {
        false
    }
}

/// A series with its samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected {
    /// Its identity, the metric's name included.
    pub labels: Labels,
    /// Its samples, oldest first.
    pub samples: Vec<Sample>,
}

/// A sample of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Point<T> {
    /// Milliseconds since the Unix epoch.
    pub time: i64,
    /// When counting began, milliseconds since the Unix epoch; `0` when it is not known.
    pub start: i64,
    /// What was read.
    pub value: T,
}

/// The samples of one series by kind, each oldest first, without staleness markers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Points {
    /// Its floats.
    pub floats: Vec<Point<f64>>,
    /// Its histograms.
    pub histograms: Vec<Point<Arc<NativeHistogram>>>,
}

impl Points {
    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.floats.is_empty() && self.histograms.is_empty()
    }

    /// Takes all samples out, and keeps the room for others.
    pub fn clear(&mut self) {
        self.floats.clear();
        self.histograms.clear();
    }

    /// Takes it as unknown when counting began.
    pub fn forget_starts(&mut self) {
        self.floats.iter_mut().for_each(|point| point.start = 0);
        self.histograms.iter_mut().for_each(|point| point.start = 0);
    }

    /// Adds a sample that is later than the others, unless it is a staleness marker.
    pub fn push(&mut self, Sample { time, start, value }: Sample) {
        match value {
            SampleValue::Float(value) if !is_stale(value) => self.floats.push(Point { time, start, value }),
            SampleValue::Histogram(value) if !is_stale(value.sum) => {
                self.histograms.push(Point { time, start, value });
            }
            SampleValue::Float(_) | SampleValue::Histogram(_) => {}
        }
    }
}

impl Extend<Sample> for Points {
    fn extend<I: IntoIterator<Item = Sample>>(&mut self, samples: I) {
        samples.into_iter().for_each(|sample| self.push(sample));
    }
}
