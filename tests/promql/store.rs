//! Samples as Prometheus' own store would give them back: in the window that rules read, and in a plain map beside it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bellwether::history::{Config, History, Matcher, Selected, Source};
use bellwether::internal::Internal;
use bellwether::model::{Labels, Sample, SampleValue};
use bellwether::promql::notation::SequenceValue;

use super::classic;
use super::script::Load;

pub(crate) struct Store {
    plain: Plain,
    window: History,
}

/// Sees nothing of how the window keeps samples.
#[derive(Default)]
struct Plain {
    series: BTreeMap<Labels, Vec<Sample>>,
}

impl Source for Plain {
    fn select(&self, matchers: &[Matcher], after: i64, until: i64) -> Vec<Selected> {
        let chosen = self.series.iter().filter(|(labels, _)| matchers.iter().all(|matcher| matcher.matches(labels)));
        let cut = |(labels, samples): (&Labels, &Vec<Sample>)| {
            let begin = samples.partition_point(|sample| sample.time <= after);
            let end = samples.partition_point(|sample| sample.time <= until);
            let samples = samples.get(begin..end).filter(|samples| !samples.is_empty())?.to_vec();
            Some(Selected { labels: labels.clone(), samples })
        };
        chosen.filter_map(cut).collect()
    }
}

impl Store {
    pub(crate) fn new() -> Self {
        // The scripts have samples years apart.
        let forever = Duration::from_secs(1_000 * 365 * 86_400);
        let config = Config { retention: forever, max_retention: forever, ..Config::default() };
        Self { plain: Plain::default(), window: History::new(config, Arc::new(Internal::default())) }
    }

    /// Where to look, by name.
    pub(crate) fn sources(&self) -> [(&'static str, &dyn Source); 2] {
        [("the window", &self.window), ("a plain map", &self.plain)]
    }

    pub(crate) fn load(&mut self, load: &Load) -> Result<(), String> {
        for series in &load.series {
            let times = (0..).map(|at| at * load.step);
            for ((time, value), start) in times.zip(&series.values).zip(&series.starts) {
                let value = match value {
                    SequenceValue::Omitted => continue,
                    SequenceValue::Float(value) => SampleValue::Float(*value),
                    SequenceValue::Histogram { value, .. } => SampleValue::Histogram(Arc::clone(value)),
                };
                let start = start.map_or(0, |offset| time + offset);
                self.append(&series.labels, Sample { time, start, value })?;
            }
        }
        if load.with_native {
            for (labels, samples) in classic::converted(load)? {
                for (time, histogram) in samples {
                    let value = SampleValue::Histogram(Arc::new(histogram));
                    self.append(&labels, Sample { time, start: 0, value })?;
                }
            }
        }
        Ok(())
    }

    fn append(&mut self, labels: &Labels, mut sample: Sample) -> Result<(), String> {
        let samples = self.plain.series.entry(labels.clone()).or_default();
        if let SampleValue::Histogram(histogram) = &mut sample.value {
            let previous = samples.last().and_then(|sample| match &sample.value {
                SampleValue::Histogram(histogram) => Some(&**histogram),
                SampleValue::Float(_) => None,
            });
            let hint = histogram.hint_after(previous);
            Arc::make_mut(histogram).reset_hint = hint;
        }
        if samples.last().is_some_and(|last| last.time >= sample.time) {
            // As a store does when the sample is there already.
            return if samples.contains(&sample) { Ok(()) } else { Err(format!("{labels}: out of order")) };
        }
        samples.push(sample.clone());
        if self.window.append(labels, sample) { Ok(()) } else { Err(format!("{labels}: refused by the window")) }
    }
}
