//! What a Collector wrote: OTLP requests as JSON, one a line.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde_json::Value;

use crate::Result;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::struct_field_names, reason = "the specification's names")]
pub(crate) struct Span {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) parent_id: Option<String>,
    pub(crate) service: String,
    pub(crate) name: String,
}

/// What a span says besides.
#[derive(Debug)]
pub(crate) struct Details {
    /// 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    pub(crate) kind: u64,
    pub(crate) failed: bool,
    pub(crate) attributes: BTreeMap<String, String>,
}

#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) trace_id: Option<String>,
    pub(crate) span_id: Option<String>,
    /// Whether the flags say that the trace was sampled.
    pub(crate) sampled: bool,
}

#[derive(Debug)]
pub(crate) struct Exemplar {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
}

/// A data point of a sum, or the count of a histogram's point.
#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) metric: String,
    /// Sorted by key.
    pub(crate) attributes: BTreeMap<String, String>,
    /// Unix nanoseconds.
    pub(crate) time: u64,
    pub(crate) value: u64,
    pub(crate) exemplars: Vec<Exemplar>,
}

/// Everything of all requests.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) spans: Vec<Span>,
    /// One a span, in their order.
    pub(crate) details: Vec<Details>,
    pub(crate) logs: Vec<Log>,
    pub(crate) points: Vec<Point>,
}

impl Received {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let mut received = Self::default();
        for line in std::fs::read_to_string(path)?.lines() {
            received.take(&serde_json::from_str(line)?)?;
        }
        Ok(received)
    }

    fn take(&mut self, request: &Value) -> Result<()> {
        for resource in list(request, "resourceSpans") {
            let service = attributes_of(&resource["resource"])?.remove("service.name").unwrap_or_default();
            for span in list(resource, "scopeSpans").iter().flat_map(|scope| list(scope, "spans")) {
                self.spans.push(Span {
                    trace_id: text(&span["traceId"])?,
                    span_id: text(&span["spanId"])?,
                    parent_id: optional(&span["parentSpanId"]),
                    service: service.clone(),
                    name: text(&span["name"])?,
                });
                self.details.push(Details {
                    kind: span["kind"].as_u64().unwrap_or(0),
                    failed: span["status"]["code"].as_u64() == Some(2),
                    attributes: attributes_of(span)?,
                });
            }
        }
        for log in items(request, ["resourceLogs", "scopeLogs", "logRecords"]) {
            let flags = log["flags"].as_u64().unwrap_or(0);
            let (trace_id, span_id) = (optional(&log["traceId"]), optional(&log["spanId"]));
            self.logs.push(Log { trace_id, span_id, sampled: flags & 1 == 1 });
        }
        for metric in items(request, ["resourceMetrics", "scopeMetrics", "metrics"]) {
            for kind in ["sum", "histogram", "exponentialHistogram"] {
                for point in list(&metric[kind], "dataPoints") {
                    self.points.extend(point_of(text(&metric["name"])?, point)?);
                }
            }
        }
        Ok(())
    }

    /// The newest value of each series of a metric. The points must be cumulative.
    pub(crate) fn newest(&self, metric: &str) -> BTreeMap<&BTreeMap<String, String>, u64> {
        let mut newest: BTreeMap<_, (u64, u64)> = BTreeMap::new();
        for point in self.points.iter().filter(|point| point.metric == metric) {
            let series = newest.entry(&point.attributes).or_default();
            *series = (*series).max((point.time, point.value));
        }
        newest.into_iter().map(|(attributes, (_, value))| (attributes, value)).collect()
    }

    /// The newest value of each series of a metric, summed by an attribute. The points must be cumulative.
    pub(crate) fn totals(&self, metric: &str, by: &str) -> BTreeMap<String, u64> {
        self.totals_by(metric, [by]).into_iter().map(|([value], total)| (value, total)).collect()
    }

    /// The same by several attributes.
    pub(crate) fn totals_by<const N: usize>(&self, metric: &str, by: [&str; N]) -> BTreeMap<[String; N], u64> {
        let mut totals = BTreeMap::new();
        for (attributes, value) in self.newest(metric) {
            let values = by.map(|key| attributes.get(key).cloned().unwrap_or_default());
            *totals.entry(values).or_insert(0) += value;
        }
        totals.retain(|_, total| *total > 0);
        totals
    }

    pub(crate) fn spans_by_name(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for span in &self.spans {
            *counts.entry(span.name.clone()).or_insert(0) += 1;
        }
        counts
    }

    /// Trace and span id of every span.
    pub(crate) fn span_ids(&self) -> HashSet<(&str, &str)> {
        self.spans.iter().map(|span| (span.trace_id.as_str(), span.span_id.as_str())).collect()
    }

    /// Spans whose parent is in no request, though it says that it has one.
    pub(crate) fn orphans(&self) -> Vec<&Span> {
        let known = self.span_ids();
        let orphan = |span: &&Span| {
            span.parent_id.as_deref().is_some_and(|parent| !known.contains(&(span.trace_id.as_str(), parent)))
        };
        self.spans.iter().filter(orphan).collect()
    }

    pub(crate) fn exemplars(&self) -> impl Iterator<Item = &Exemplar> {
        self.points.iter().flat_map(|point| &point.exemplars)
    }
}

/// `None` for a point that only says that its series has ended.
fn point_of(metric: String, point: &Value) -> Result<Option<Point>> {
    if point["flags"].as_u64().unwrap_or(0) & 1 == 1 {
        return Ok(None);
    }
    let attributes = attributes_of(point)?;
    let value = ["asInt", "count"].iter().find_map(|key| number(&point[key]));
    let exemplars = list(point, "exemplars")
        .iter()
        .map(|exemplar| Ok(Exemplar { trace_id: text(&exemplar["traceId"])?, span_id: text(&exemplar["spanId"])? }))
        .collect::<Result<_>>()?;
    let time = number(&point["timeUnixNano"]).unwrap_or(0);
    Ok(Some(Point { metric, attributes, time, value: value.unwrap_or(0), exemplars }))
}

fn attributes_of(of: &Value) -> Result<BTreeMap<String, String>> {
    let mut attributes = BTreeMap::new();
    for attribute in list(of, "attributes") {
        // {"stringValue": "x"}: the one value of the object, as text.
        let value = attribute["value"].as_object().and_then(|value| value.values().next());
        let value = value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        attributes.insert(text(&attribute["key"])?, value.unwrap_or_default());
    }
    Ok(attributes)
}

/// The things three levels down, over all of each level.
fn items<'a>(request: &'a Value, [resources, scopes, things]: [&'static str; 3]) -> impl Iterator<Item = &'a Value> {
    list(request, resources)
        .iter()
        .flat_map(move |resource| list(resource, scopes))
        .flat_map(move |scope| list(scope, things))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[][..], Vec::as_slice)
}

pub(crate) fn text(value: &Value) -> Result<String> {
    Ok(value.as_str().ok_or_else(|| format!("{value} is not a string"))?.to_owned())
}

fn optional(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// OTLP's JSON writes 64-bit integers as strings.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}
