//! What is asked of a place that holds samples.

use crate::model::{Exemplar, Labels, Matcher, Sample};

/// A place that holds samples, by series.
pub trait Source {
    /// Every series that all matchers accept, in the order of their labels, with its samples later than `after` and not
    /// later than `until` (milliseconds since the Unix epoch), oldest first, staleness markers included. A series
    /// without such a sample is left out.
    fn select(&self, matchers: &[Matcher], after: i64, until: i64) -> Vec<Selected>;

    /// Shows the same series and samples one after another, without allocating for each: the way to read thousands of
    /// series into something small, such as a rate. What is shown is lent until `each` returns.
    fn visit(&self, matchers: &[Matcher], after: i64, until: i64, each: &mut dyn FnMut(&Labels, &[Sample])) {
        for Selected { labels, samples } in self.select(matchers, after, until) {
            each(&labels, &samples);
        }
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
