//! The samples of a test, as Prometheus' own store would give them back.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::history::{Selected, Source};
use crate::model::{Labels, Matcher, Sample, SampleValue};
use crate::promql::histogram::TestNotation;
use crate::rules::Sink;

/// Series in memory, without a limit of their own: a test file writes them out.
#[derive(Debug, Default)]
pub(super) struct Store {
    series: RefCell<BTreeMap<Labels, Vec<Sample>>>,
}

/// Every sample, as promtool dumps them: value and time in milliseconds.
impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (labels, samples) in &*self.series.borrow() {
            writeln!(f, "{labels} =>")?;
            for sample in samples {
                match &sample.value {
                    SampleValue::Float(value) => writeln!(f, "{value} @[{}]", sample.time)?,
                    SampleValue::Histogram(value) => writeln!(f, "{} @[{}]", TestNotation(value), sample.time)?,
                }
            }
        }
        Ok(())
    }
}

impl Source for Store {
    fn select(&self, matchers: &[Matcher], after: i64, until: i64) -> Vec<Selected> {
        let series = self.series.borrow();
        let accepted = |labels: &Labels| {
            matchers.iter().all(|matcher| matcher.accepts(labels.get(matcher.name()).unwrap_or_default()))
        };
        let cut = |(labels, samples): (&Labels, &Vec<Sample>)| {
            let begin = samples.partition_point(|sample| sample.time <= after);
            let end = samples.partition_point(|sample| sample.time <= until);
            let samples = samples.get(begin..end).filter(|samples| !samples.is_empty())?.to_vec();
            Some(Selected { labels: labels.clone(), samples })
        };
        series.iter().filter(|(labels, _)| accepted(labels)).filter_map(cut).collect()
    }
}

impl Sink for Store {
    fn append(&self, labels: &Labels, mut sample: Sample) -> bool {
        let mut series = self.series.borrow_mut();
        let samples = series.entry(labels.clone()).or_default();
        if let SampleValue::Histogram(histogram) = &mut sample.value {
            let previous = samples.last().and_then(|sample| match &sample.value {
                SampleValue::Histogram(histogram) => Some(&**histogram),
                SampleValue::Float(_) => None,
            });
            let hint = histogram.hint_after(previous);
            Arc::make_mut(histogram).reset_hint = hint;
        }
        match samples.last() {
            // A sample that is there already is taken once more.
            Some(last) if last.time == sample.time => *last == sample,
            Some(last) if last.time > sample.time => false,
            _ => {
                samples.push(sample);
                true
            }
        }
    }
}
