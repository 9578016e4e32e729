//! Requests as rows of items, so that one that is too large can be halved.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};

/// Spans, log records or data points, in order, with what they share.
pub(super) trait Batch: Sized {
    /// How many items.
    fn items(&self) -> usize;

    /// Takes out what stands behind the first `keep` items; both parts keep what the items share.
    fn split_off(&mut self, keep: usize) -> Self;
}

fn split_groups<G: Batch>(groups: &mut Vec<G>, keep: usize) -> Vec<G> {
    let mut before = 0;
    for at in 0..groups.len() {
        let here = groups[at].items();
        if before + here <= keep {
            before += here;
            continue;
        }
        if before == keep {
            return groups.split_off(at);
        }
        let mut behind = vec![groups[at].split_off(keep - before)];
        behind.extend(groups.drain(at + 1..));
        return behind;
    }
    Vec::new()
}

/// A message with one list, either of other groups or of the items themselves.
macro_rules! batch {
    ($message:ty, groups $list:ident) => {
        batch!($message, $list, |list: &[_]| list.iter().map(Batch::items).sum(), split_groups);
    };
    ($message:ty, items $list:ident) => {
        batch!($message, $list, <[_]>::len, Vec::split_off);
    };
    ($message:ty, $list:ident, $count:expr, $split:expr) => {
        impl Batch for $message {
            fn items(&self) -> usize {
                $count(&self.$list)
            }

            fn split_off(&mut self, keep: usize) -> Self {
                let behind = $split(&mut self.$list, keep);
                // What the items share is cloned while the list that would be cloned with it is out of the way.
                let before = std::mem::take(&mut self.$list);
                let mut rest = self.clone();
                rest.$list = behind;
                self.$list = before;
                rest
            }
        }
    };
}

batch!(ExportTraceServiceRequest, groups resource_spans);
batch!(ResourceSpans, groups scope_spans);
batch!(ScopeSpans, items spans);
batch!(ExportLogsServiceRequest, groups resource_logs);
batch!(ResourceLogs, groups scope_logs);
batch!(ScopeLogs, items log_records);
batch!(ExportMetricsServiceRequest, groups resource_metrics);
batch!(ResourceMetrics, groups scope_metrics);
batch!(ScopeMetrics, groups metrics);

impl Batch for Metric {
    fn items(&self) -> usize {
        match &self.data {
            Some(Data::Gauge(gauge)) => gauge.data_points.len(),
            Some(Data::Sum(sum)) => sum.data_points.len(),
            Some(Data::Histogram(histogram)) => histogram.data_points.len(),
            Some(Data::ExponentialHistogram(histogram)) => histogram.data_points.len(),
            Some(Data::Summary(summary)) => summary.data_points.len(),
            None => 0,
        }
    }

    fn split_off(&mut self, keep: usize) -> Self {
        /// The list taken out, and the same kind of data around it.
        macro_rules! behind {
            ($kind:ident, $data:ident) => {{
                let behind = $data.data_points.split_off(keep);
                let before = std::mem::replace(&mut $data.data_points, behind);
                let rest = Data::$kind($data.clone());
                $data.data_points = before;
                rest
            }};
        }
        let behind = self.data.as_mut().map(|data| match data {
            Data::Gauge(gauge) => behind!(Gauge, gauge),
            Data::Sum(sum) => behind!(Sum, sum),
            Data::Histogram(histogram) => behind!(Histogram, histogram),
            Data::ExponentialHistogram(histogram) => behind!(ExponentialHistogram, histogram),
            Data::Summary(summary) => behind!(Summary, summary),
        });
        let before = std::mem::replace(&mut self.data, behind);
        let rest = self.clone();
        self.data = before;
        rest
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::metrics::v1::{NumberDataPoint, Sum};
    use opentelemetry_proto::tonic::trace::v1::Span;

    use super::*;

    fn spans(groups: &[&[u64]]) -> ExportTraceServiceRequest {
        let scope = |ids: &[u64]| ScopeSpans {
            schema_url: String::from("scope"),
            spans: ids.iter().map(|id| Span { start_time_unix_nano: *id, ..Span::default() }).collect(),
            ..ScopeSpans::default()
        };
        let scope_spans = groups.iter().map(|ids| scope(ids)).collect();
        let resource = ResourceSpans { scope_spans, schema_url: String::from("resource"), ..ResourceSpans::default() };
        ExportTraceServiceRequest { resource_spans: vec![resource] }
    }

    #[test]
    fn a_request_is_cut_anywhere_in_order_and_both_parts_keep_resource_and_scope() {
        let whole: [&[u64]; 3] = [&[1, 2], &[3], &[4, 5, 6]];
        for (keep, before, behind) in [
            (1, vec![&[1_u64][..]], vec![&[2_u64][..], &[3], &[4, 5, 6]]),
            (2, vec![&[1, 2]], vec![&[3], &[4, 5, 6]]),
            (3, vec![&[1, 2], &[3]], vec![&[4, 5, 6]]),
            (5, vec![&[1, 2], &[3], &[4, 5]], vec![&[6]]),
        ] {
            let mut first = spans(&whole);
            let second = first.split_off(keep);
            assert_eq!((first.items(), second.items()), (keep, 6 - keep));
            assert_eq!((first, second), (spans(&before), spans(&behind)), "{keep}");
        }
    }

    #[test]
    fn a_metric_is_cut_between_its_points_and_both_parts_keep_its_kind() {
        let metric = |values: &[u64]| {
            let data_points =
                values.iter().map(|at| NumberDataPoint { time_unix_nano: *at, ..NumberDataPoint::default() }).collect();
            let sum = Sum { data_points, aggregation_temporality: 2, is_monotonic: true };
            Metric { name: String::from("m"), data: Some(Data::Sum(sum)), ..Metric::default() }
        };
        let mut first = metric(&[1, 2, 3]);
        assert_eq!(first.split_off(1), metric(&[2, 3]));
        assert_eq!(first, metric(&[1]));
    }
}
