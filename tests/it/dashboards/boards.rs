//! What the dashboards show. Names of metrics come from `names`, as Prometheus' OTLP receiver writes them.

use bellwether::history::{NamedAs, prometheus_name};
use bellwether::names::{self, Name};

use super::grafana::{Board, Kind, Panel, Query, Row, query};

pub(super) fn all() -> [Board; 4] {
    [operations(), service_graph(), alerts(), runtime()]
}

fn counter(name: &Name) -> String {
    prometheus_name(name, NamedAs::Counter)
}

fn gauge(name: &Name) -> String {
    prometheus_name(name, NamedAs::Gauge)
}

fn histogram(name: &Name) -> String {
    prometheus_name(name, NamedAs::Other)
}

/// Labels of the chosen services and operations.
const CHOSEN: &str = r#"job=~"$job", span_name=~"$operation""#;
/// Those of a service.
const SERVICE: &str = r#"job=~"$job""#;

/// Change a second of a counter, summed by labels.
fn rate(by: &str, metric: &str, labels: &str) -> String {
    format!("sum{} (rate({metric}{{{labels}}}[$__rate_interval]))", grouping(by))
}

fn grouping(by: &str) -> String {
    if by.is_empty() { String::new() } else { format!(" by ({by})") }
}

/// A quantile of a histogram with explicit buckets, or with exponential ones where those were chosen.
fn quantile(quantile: f64, by: &str, metric: &str, labels: &str) -> String {
    let comma = if by.is_empty() { "" } else { ", " };
    let explicit = rate(&format!("{by}{comma}le"), &format!("{metric}_bucket"), labels);
    let exponential = rate(by, metric, labels);
    format!("histogram_quantile({quantile}, {explicit}) or histogram_quantile({quantile}, {exponential})")
}

/// What the board of operations speaks of.
struct Operations {
    calls: String,
    duration: String,
    self_time: String,
    in_flight: String,
    peak: String,
}

impl Operations {
    fn named() -> Self {
        Self {
            calls: counter(&names::CALLS),
            duration: histogram(&names::DURATION),
            self_time: counter(&names::SELF_TIME),
            in_flight: gauge(&names::IN_FLIGHT),
            peak: gauge(&names::IN_FLIGHT_PEAK),
        }
    }

    fn rate(&self, by: &str) -> String {
        rate(by, &self.calls, CHOSEN)
    }

    /// Without an error there is no series of errors: then the ratio is zero, and not absent.
    fn error_ratio(&self, by: &str) -> String {
        let failed = rate(by, &self.calls, &format!(r#"{CHOSEN}, status_code="{}""#, names::STATUS_CODE_ERROR));
        let all = self.rate(by);
        format!("({failed} or {all} * 0) / ({all} > 0)")
    }

    fn quantile(&self, value: f64, by: &str) -> String {
        quantile(value, by, &self.duration, CHOSEN)
    }

    fn now(&self) -> Row {
        let stat = |title, description, unit, expr: String| {
            Panel::new(Kind::Stat, title, description, unit, 6, [query(expr, "")])
        };
        Row {
            title: "Now",
            panels: vec![
                stat("Calls", "Calls a second", "reqps", self.rate("")),
                stat("Errors", "Share of the calls that failed", "percentunit", self.error_ratio("")),
                stat("95th percentile", "Of the duration of all calls", "ms", self.quantile(0.95, "")),
                stat("In flight", "Calls that are open now", "short", format!("sum({}{{{CHOSEN}}})", self.in_flight)),
            ],
        }
    }

    fn rate_errors_duration(&self) -> Row {
        let lines = |title, description, unit, queries: Vec<Query>| {
            Panel::new(Kind::TimeSeries, title, description, unit, 12, queries)
        };
        let percentile = |value, legend| query(self.quantile(value, ""), legend);
        let of_buckets = format!("sum by (le) (increase({}_bucket{{{CHOSEN}}}[$__rate_interval]))", self.duration);
        let by = "span_name";
        Row {
            title: "Rate, errors, duration",
            panels: vec![
                lines("Rate", "Calls a second, by operation", "reqps", vec![query(self.rate(by), "{{span_name}}")]),
                lines(
                    "Error ratio",
                    "Share of the calls that failed, by operation",
                    "percentunit",
                    vec![query(self.error_ratio(by), "{{span_name}}")],
                ),
                lines(
                    "Duration",
                    "Percentiles over all calls; a dot is a call whose trace it opens",
                    "ms",
                    vec![percentile(0.5, "p50"), percentile(0.95, "p95").with_exemplars(), percentile(0.99, "p99")],
                ),
                lines(
                    "95th percentile by operation",
                    "Over the last minutes",
                    "ms",
                    vec![query(self.quantile(0.95, by), "{{span_name}}")],
                ),
                Panel::new(
                    Kind::Heatmap,
                    "Durations",
                    "How many calls took how long; exponential histograms have no such buckets",
                    "short",
                    24,
                    [query(of_buckets, "{{le}}").with_exemplars()],
                ),
            ],
        }
    }

    fn where_time_goes(&self) -> Row {
        let open = |metric: &str| format!("sum by (span_name) ({metric}{{{CHOSEN}}})");
        let by = "job, span_name, span_kind";
        Row {
            title: "Where the time goes",
            panels: vec![
                Panel::new(
                    Kind::Stacked,
                    "Self time",
                    "Milliseconds a second that no child span covers, by operation: what to make faster first",
                    "ms",
                    12,
                    [query(rate("span_name", &self.self_time, CHOSEN), "{{span_name}}")],
                ),
                Panel::new(
                    Kind::TimeSeries,
                    "In flight",
                    "Calls that are open, and the most that were open at once",
                    "short",
                    12,
                    [query(open(&self.in_flight), "{{span_name}}"), query(open(&self.peak), "{{span_name}} peak")],
                ),
                Panel::new(
                    Kind::Table,
                    "Operations",
                    "Over the last minutes",
                    "short",
                    24,
                    [
                        query(self.rate(by), "calls/s"),
                        query(self.error_ratio(by), "error ratio"),
                        query(self.quantile(0.5, by), "p50 ms"),
                        query(self.quantile(0.95, by), "p95 ms"),
                        query(self.quantile(0.99, by), "p99 ms"),
                    ],
                ),
            ],
        }
    }
}

fn operations() -> Board {
    let metrics = Operations::named();
    Board {
        uid: "bellwether-operations",
        title: "Operations",
        description: "Rate, errors and duration of every operation, whatever the sampler left out",
        rows: vec![metrics.now(), metrics.rate_errors_duration(), metrics.where_time_goes()],
        of: metrics.calls,
    }
}

/// Who calls whom. Nodes are named by `client` and `server`, which are not services of the board's choice alone.
fn service_graph() -> Board {
    let (requests, failed) = (counter(&names::GRAPH_REQUESTS), counter(&names::GRAPH_FAILED));
    let (served, made) = (histogram(&names::GRAPH_SERVER), histogram(&names::GRAPH_CLIENT));
    let edge = "client, server";
    let all = rate(edge, &requests, SERVICE);
    let ratio = format!("({} or {all} * 0) / ({all} > 0)", rate(edge, &failed, SERVICE));
    let node =
        |label: &str| format!(r#"label_replace({}, "id", "$1", "{label}", "(.*)")"#, rate(label, &requests, SERVICE));
    let nodes = format!(
        r#"label_replace(sum by (id) ({} or {} * 0), "title", "$1", "id", "(.*)")"#,
        node("server"),
        node("client"),
    );
    let edges = format!(
        r#"label_replace(label_replace(label_join({all}, "id", " -> ", "client", "server"), "source", "$1", "client", "(.*)"), "target", "$1", "server", "(.*)")"#
    );
    let lines = |title, description, unit, expr: String| {
        Panel::new(
            Kind::TimeSeries,
            title,
            description,
            unit,
            12,
            [query(expr, "{{client}} -> {{server}}").with_exemplars()],
        )
    };
    Board {
        uid: "bellwether-service-graph",
        title: "Service graph",
        description: "Who calls whom: the family of metrics `service_graph`",
        of: counter(&names::CALLS),
        rows: vec![
            Row {
                title: "Graph",
                panels: vec![Panel::new(
                    Kind::NodeGraph,
                    "Calls a second",
                    "Of a node: those that it serves; of an edge: those from one to the other",
                    "reqps",
                    24,
                    [query(nodes, "mainstat"), query(edges, "mainstat")],
                )],
            },
            Row {
                title: "Edges",
                panels: vec![
                    lines("Rate", "Calls a second", "reqps", all),
                    lines("Error ratio", "Share of the calls that failed", "percentunit", ratio),
                    lines(
                        "95th percentile where served",
                        "As the server measured it",
                        "s",
                        quantile(0.95, edge, &served, SERVICE),
                    ),
                    lines(
                        "95th percentile where made",
                        "As the client measured it",
                        "s",
                        quantile(0.95, edge, &made, SERVICE),
                    ),
                ],
            },
        ],
    }
}

fn alerts() -> Board {
    let firing = format!(
        r#"max by (alertname, job, span_name) (ALERTS{{alertstate="firing", {SERVICE}}} or ALERTS{{alertstate="firing", job=""}})"#
    );
    Board {
        uid: "bellwether-alerts",
        title: "Drift and alerts",
        description: "What is pending or firing, how far series have left their baseline, and the thresholds of the rules",
        of: counter(&names::CALLS),
        rows: vec![
            drift(),
            Row {
                title: "Alerts",
                panels: vec![
                    Panel::new(
                        Kind::StateTimeline,
                        "Firing",
                        "When each alert was firing",
                        "short",
                        24,
                        [query(firing, "{{alertname}} {{job}} {{span_name}}")],
                    ),
                    Panel::new(
                        Kind::Table,
                        "Now",
                        "Alerts that are pending or firing",
                        "short",
                        12,
                        [query("ALERTS", "value")],
                    ),
                    Panel::new(
                        Kind::Table,
                        "Thresholds",
                        "With which the rules of bellwether compare",
                        "short",
                        12,
                        [query("max by (of) (bellwether_threshold)", "threshold")],
                    ),
                ],
            },
        ],
    }
}

/// Scores that detectors write; from 1 on a series is worth a look.
fn drift() -> Row {
    let score = |title, description, name: &Name| {
        let all = format!("max by (job, span_name) ({}{{{SERVICE}}})", gauge(name));
        lines(title, description, "short", 12, vec![query(all, "{{job}} {{span_name}}")])
    };
    Row {
        title: "Drift",
        panels: vec![
            score(
                "Drift",
                "Distance of each series from its baseline, where a detector watches it",
                &names::DRIFT_SCORE,
            ),
            score("Anomaly", "How unusual each series is now, where a detector watches it", &names::ANOMALY_SCORE),
        ],
    }
}

fn runtime() -> Board {
    Board {
        uid: "bellwether-runtime",
        title: "Runtime",
        description: "The process, its tokio runtime and caches, and what became of its telemetry",
        of: counter(&names::CALLS),
        rows: vec![process(), tokio(), telemetry()],
    }
}

/// A panel of a third of the width, or half of it.
fn lines(title: &'static str, description: &'static str, unit: &'static str, width: u64, queries: Vec<Query>) -> Panel {
    Panel::new(Kind::TimeSeries, title, description, unit, width, queries)
}

/// A gauge of each process of the chosen services.
fn of_process(name: &Name) -> String {
    format!("{}{{{SERVICE}}}", gauge(name))
}

fn process() -> Row {
    let cpu = rate("job, instance, cpu_mode", &counter(&names::CPU_TIME), SERVICE);
    let switches = rate("job, process_context_switch_type", &counter(&names::CONTEXT_SWITCHES), SERVICE);
    // Containers have a limit of memory, most machines have none.
    let limit = format!("{} or {} * 0", of_process(&names::MEMORY_LIMIT), of_process(&names::MEMORY_USAGE));
    Row {
        title: "Process",
        panels: vec![
            Panel::new(
                Kind::Stacked,
                "Processor",
                "Processors in use",
                "short",
                8,
                [query(cpu, "{{job}} {{cpu_mode}}")],
            ),
            lines(
                "Memory",
                "Physical memory; its limit is zero where there is none",
                "bytes",
                8,
                vec![query(of_process(&names::MEMORY_USAGE), "{{job}}"), query(limit, "{{job}} limit")],
            ),
            lines("Threads", "Threads of the process", "short", 8, vec![query(of_process(&names::THREADS), "{{job}}")]),
            lines(
                "File descriptors",
                "Open, and how many may be",
                "short",
                8,
                vec![
                    query(of_process(&names::FILE_DESCRIPTORS), "{{job}}"),
                    query(of_process(&names::FILE_DESCRIPTOR_LIMIT), "{{job}} limit"),
                ],
            ),
            lines(
                "Context switches",
                "A second",
                "short",
                8,
                vec![query(switches, "{{job}} {{process_context_switch_type}}")],
            ),
            lines("Uptime", "Age of the process", "s", 8, vec![query(of_process(&names::UPTIME), "{{job}}")]),
        ],
    }
}

fn tokio() -> Row {
    let lookups = counter(&names::CACHE_LOOKUPS);
    let hits = rate("job, cache_name", &lookups, &format!(r#"{SERVICE}, cache_result="hit""#));
    let all = rate("job, cache_name", &lookups, SERVICE);
    Row {
        title: "Tokio and caches",
        panels: vec![
            lines(
                "Tasks",
                "Of the runtime, alive",
                "short",
                8,
                vec![query(of_process(&names::TOKIO_TASKS), "{{job}}")],
            ),
            lines(
                "Queue",
                "Tasks that wait in the global queue",
                "short",
                8,
                vec![query(of_process(&names::TOKIO_QUEUE), "{{job}}")],
            ),
            lines(
                "Cache hit ratio",
                "Share of the lookups that were answered, by cache",
                "percentunit",
                8,
                vec![query(format!("({hits} or {all} * 0) / ({all} > 0)"), "{{job}} {{cache_name}}")],
            ),
        ],
    }
}

fn telemetry() -> Row {
    let signals = [
        ("spans", &names::EXPORTED_SPANS),
        ("points", &names::EXPORTED_POINTS),
        ("log records", &names::EXPORTED_LOGS),
    ];
    let exported = |labels: &str, otherwise: &str| {
        let each = |(legend, name)| {
            query(format!("{}{otherwise}", rate("", &counter(name), &format!("{SERVICE}{labels}"))), legend)
        };
        signals.map(each).into()
    };
    let events = format!(
        "sum by (event) (increase({}{{{SERVICE}}}[$__rate_interval])) or vector(0)",
        counter(&names::INTERNAL_EVENTS)
    );
    Row {
        title: "Telemetry",
        panels: vec![
            lines("Exported", "A second", "short", 8, exported("", "")),
            lines(
                "Lost",
                "A second; the attribute `error.type` says why",
                "short",
                8,
                exported(r#", error_type!="""#, " or vector(0)"),
            ),
            lines("Refused, trimmed or approximated", "By what happened", "short", 8, vec![query(events, "{{event}}")]),
        ],
    }
}
