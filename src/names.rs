//! Every metric and attribute name that is written or read, with its unit and description.
//!
//! Names are those of the OpenTelemetry semantic conventions or of the Collector's span-metrics connector where one
//! exists (<https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/connector/spanmetricsconnector>);
//! our own begin with `bellwether.`.

use opentelemetry::trace::SpanKind;

/// A metric's name, unit (UCUM) and description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// For example `traces.span.metrics.calls`.
    pub name: &'static str,
    /// For example `ms`, `{span}`; empty for a bare count.
    pub unit: &'static str,
    /// For a person.
    pub description: &'static str,
}

const fn metric(name: &'static str, unit: &'static str, description: &'static str) -> Name {
    Name { name, unit, description }
}

/// Instrumentation scope of our own metrics.
pub const SCOPE: &str = "bellwether";

/// Calls of an operation, by status.
pub const CALLS: Name = metric("traces.span.metrics.calls", "", "Number of spans that ended");
/// Duration of an operation.
pub const DURATION: Name = metric("traces.span.metrics.duration", "ms", "Time from the span's start to its end");
/// Time of an operation that no child span covers.
pub const SELF_TIME: Name =
    metric("bellwether.span.self_time", "ms", "Time of the spans that none of their children covered");
/// Spans of an operation that are open now.
pub const IN_FLIGHT: Name = metric("bellwether.span.in_flight", "{span}", "Spans that are open");
/// The most spans of an operation that were open at once since the last collection.
pub const IN_FLIGHT_PEAK: Name =
    metric("bellwether.span.in_flight.peak", "{span}", "Most spans open at once since the last collection");

/// Calls of an operation as Tempo counts them.
pub const TEMPO_CALLS: Name = metric("traces_spanmetrics_calls_total", "", "Number of spans that ended");
/// Duration of an operation as Tempo has it: in seconds, without a unit, which would become part of the name.
pub const TEMPO_LATENCY: Name =
    metric("traces_spanmetrics_latency", "", "Time from the span's start to its end, in seconds");
/// The resource's attributes, as Tempo tells of them.
pub const TEMPO_TARGET_INFO: Name = metric("traces_target_info", "", "Attributes of the resource");

/// Calls from one node of the service graph to another.
pub const GRAPH_REQUESTS: Name = metric("traces_service_graph_request_total", "", "Calls between two nodes");
/// Those of them that failed.
pub const GRAPH_FAILED: Name =
    metric("traces_service_graph_request_failed_total", "", "Calls between two nodes that failed");
/// How long they took where they were served.
pub const GRAPH_SERVER: Name =
    metric("traces_service_graph_request_server_seconds", "s", "Time of a call as its server measured it");
/// How long they took where they were made.
pub const GRAPH_CLIENT: Name =
    metric("traces_service_graph_request_client_seconds", "s", "Time of a call as its client measured it");

/// Requests that an HTTP server answered.
pub const HTTP_SERVER_DURATION: Name = metric("http.server.request.duration", "s", "Duration of HTTP server requests");
/// Requests that an HTTP client made.
pub const HTTP_CLIENT_DURATION: Name = metric("http.client.request.duration", "s", "Duration of HTTP client requests");
/// Calls that an RPC server answered.
pub const RPC_SERVER_DURATION: Name =
    metric("rpc.server.call.duration", "s", "Duration of incoming remote procedure calls");
/// Calls that an RPC client made.
pub const RPC_CLIENT_DURATION: Name =
    metric("rpc.client.call.duration", "s", "Duration of outgoing remote procedure calls");
/// Operations of a database's client.
pub const DB_CLIENT_DURATION: Name =
    metric("db.client.operation.duration", "s", "Duration of database client operations");
/// Operations of a messaging system's client, but the processing of messages.
pub const MESSAGING_CLIENT_DURATION: Name = metric(
    "messaging.client.operation.duration",
    "s",
    "Duration of messaging operations initiated by a producer or consumer",
);
/// Processing of messages.
pub const MESSAGING_PROCESS_DURATION: Name =
    metric("messaging.process.duration", "s", "Duration of processing messages");
/// Messages that went to the broker.
pub const MESSAGING_SENT: Name =
    metric("messaging.client.sent.messages", "{message}", "Messages that a producer attempted to send");
/// Messages that came from the broker.
pub const MESSAGING_CONSUMED: Name =
    metric("messaging.client.consumed.messages", "{message}", "Messages that were delivered to the application");
/// Operations of generative AI.
pub const GEN_AI_DURATION: Name =
    metric("gen_ai.client.operation.duration", "s", "Duration of generative AI operations");
/// Tokens that they took, by [`GEN_AI_TOKEN_TYPE`].
pub const GEN_AI_TOKENS: Name =
    metric("gen_ai.client.token.usage", "{token}", "Number of input and output tokens used");
/// Attribute of [`GEN_AI_TOKENS`]: `input` or `output`.
pub const GEN_AI_TOKEN_TYPE: &str = "gen_ai.token.type";

/// Spans given to the exporter, with `error.type` when they were lost.
pub const EXPORTED_SPANS: Name =
    metric("otel.sdk.exporter.span.exported", "{span}", "Spans whose export ended, by `error.type` when lost");
/// Data points given to the exporter, with `error.type` when they were lost.
pub const EXPORTED_POINTS: Name = metric(
    "otel.sdk.exporter.metric_data_point.exported",
    "{data_point}",
    "Data points whose export ended, by `error.type` when lost",
);
/// Log records given to the exporter, with `error.type` when they were lost.
pub const EXPORTED_LOGS: Name = metric(
    "otel.sdk.exporter.log.exported",
    "{log_record}",
    "Log records whose export ended, by `error.type` when lost",
);
/// What was refused, trimmed or approximated, by `event`.
pub const INTERNAL_EVENTS: Name =
    metric("bellwether.internal.events", "{event}", "What bellwether refused, trimmed or approximated");

/// Event name of a log record about an alert.
pub const ALERT_EVENT: &str = "bellwether.alert";
/// Attribute of such a record: the alert's name.
pub const ALERT_NAME: &str = "bellwether.alert.name";
/// Attribute of such a record: `firing` or `resolved`.
pub const ALERT_STATUS: &str = "bellwether.alert.status";
/// Attribute of such a record: the value of the rule's expression.
pub const ALERT_VALUE: &str = "bellwether.alert.value";
/// Attributes of such a record: the alert's labels follow this name.
pub const ALERT_LABEL: &str = "bellwether.alert.label";
/// Attributes of such a record: the alert's annotations follow this name.
pub const ALERT_ANNOTATION: &str = "bellwether.alert.annotation";
/// Attribute of such a record: a trace of the series that fired.
pub const ALERT_TRACE: &str = "bellwether.alert.trace_id";
/// Attribute of such a record: where that trace is found.
pub const ALERT_TRACE_URL: &str = "bellwether.alert.trace_url";

/// Lookups in a cache, with [`CACHE_NAME`] and [`CACHE_RESULT`]. Ours: there is no convention for caches in a process.
pub const CACHE_LOOKUPS: Name = metric("cache.lookups", "{lookup}", "Lookups in a cache, by name and result");
/// Processor time of the process, by [`CPU_MODE`].
pub const CPU_TIME: Name = metric("process.cpu.time", "s", "Processor time that the process has used, by mode");
/// Share of the processors that the process uses, 0 to 1.
pub const CPU_UTILIZATION: Name =
    metric("process.cpu.utilization", "1", "Share of the processors that the process uses");
/// Physical memory of the process.
pub const MEMORY_USAGE: Name = metric("process.memory.usage", "By", "Physical memory that the process uses");
/// Virtual memory of the process.
pub const MEMORY_VIRTUAL: Name =
    metric("process.memory.virtual", "By", "Virtual memory that the process has committed");
/// Memory that the process may use; there only when its control group has a limit. Ours, after `jvm.memory.limit`.
pub const MEMORY_LIMIT: Name = metric("process.memory.limit", "By", "Memory that the process may use");
/// Threads of the process.
pub const THREADS: Name = metric("process.thread.count", "{thread}", "Threads of the process");
/// Open file descriptors.
pub const FILE_DESCRIPTORS: Name =
    metric("process.unix.file_descriptor.count", "{file_descriptor}", "File descriptors that are open");
/// The soft limit of [`FILE_DESCRIPTORS`]. Ours.
pub const FILE_DESCRIPTOR_LIMIT: Name =
    metric("process.unix.file_descriptor.limit", "{file_descriptor}", "File descriptors that may be open");
/// Context switches of the process, by [`CONTEXT_SWITCH_TYPE`].
pub const CONTEXT_SWITCHES: Name =
    metric("process.context_switches", "{context_switch}", "Context switches of the process, by type");
/// Age of the process.
pub const UPTIME: Name = metric("process.uptime", "s", "Time that the process has been running");
/// Attribute of [`CPU_TIME`]: `user` or `system`.
pub const CPU_MODE: &str = "cpu.mode";
/// Attribute of [`CONTEXT_SWITCHES`]: `voluntary` or `involuntary`.
pub const CONTEXT_SWITCH_TYPE: &str = "process.context_switch.type";

/// Workers of the host's tokio runtime. Of tokio there are no conventions; these are ours.
pub const TOKIO_WORKERS: Name = metric("tokio.runtime.worker.count", "{worker}", "Worker threads of the tokio runtime");
/// Tasks of the host's tokio runtime that have not ended.
pub const TOKIO_TASKS: Name = metric("tokio.runtime.task.count", "{task}", "Tasks of the tokio runtime that are alive");
/// Tasks that wait in the global queue of the host's tokio runtime.
pub const TOKIO_QUEUE: Name =
    metric("tokio.runtime.queue.length", "{task}", "Tasks that wait in the runtime's global queue");
/// How far a series has drifted from its baseline; from 1 on it is worth a look.
pub const DRIFT_SCORE: Name = metric("bellwether.drift.score", "", "Distance of a series from its baseline");
/// How unusual the newest value of a series is; from 1 on it is worth a look.
pub const ANOMALY_SCORE: Name = metric("bellwether.anomaly.score", "", "How unusual a series is now");

/// Attribute of [`CACHE_LOOKUPS`]: which cache.
pub const CACHE_NAME: &str = "cache.name";
/// Attribute of [`CACHE_LOOKUPS`]: `hit` or `miss`.
pub const CACHE_RESULT: &str = "cache.result";

/// Attribute: the service.
pub const SERVICE_NAME: &str = "service.name";
/// Attribute: the operation.
pub const SPAN_NAME: &str = "span.name";
/// Attribute: `SPAN_KIND_INTERNAL` and so on.
pub const SPAN_KIND: &str = "span.kind";
/// Attribute: `STATUS_CODE_UNSET`, `STATUS_CODE_OK` or `STATUS_CODE_ERROR`.
pub const STATUS_CODE: &str = "status.code";
/// Value of [`STATUS_CODE`] of an operation that failed.
pub const STATUS_CODE_ERROR: &str = "STATUS_CODE_ERROR";
/// Attribute: what class of error ended the operation.
pub const ERROR_TYPE: &str = "error.type";
/// Attribute: the status code of a response, such as 200.
pub const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
/// Attribute: the method of a remote procedure call, such as `shop.Prices/Get`.
pub const RPC_METHOD: &str = "rpc.method";
/// Attribute: the method that was called, where [`RPC_METHOD`] is `_OTHER`.
pub const RPC_METHOD_ORIGINAL: &str = "rpc.method_original";
/// Attribute: the status of a remote procedure call by name, such as `NOT_FOUND`.
pub const RPC_STATUS_CODE: &str = "rpc.response.status_code";
/// Attribute: `true` on the series that takes what exceeds the cardinality limit.
pub const OVERFLOW: &str = "otel.metric.overflow";
/// Attribute of [`INTERNAL_EVENTS`].
pub const EVENT: &str = "event";

/// Span fields that become metric attributes unless the configuration says otherwise: bounded by convention.
pub const DEFAULT_DIMENSIONS: [&str; 12] = [
    "http.request.method",
    HTTP_RESPONSE_STATUS_CODE,
    "http.route",
    "rpc.system.name",
    RPC_METHOD,
    RPC_STATUS_CODE,
    // Names of the conventions before 1.38, which most instrumentations still write.
    "rpc.system",
    "rpc.service",
    "rpc.grpc.response.status_code",
    "db.system.name",
    "db.operation.name",
    ERROR_TYPE,
];

/// Attribute of the resource: one running process of a service.
pub const SERVICE_INSTANCE_ID: &str = "service.instance.id";
/// Attribute of the resource: this crate, as a distribution of OpenTelemetry.
pub const DISTRO_NAME: &str = "telemetry.distro.name";
/// Attribute of the resource: its version.
pub const DISTRO_VERSION: &str = "telemetry.distro.version";

/// Value of [`SPAN_KIND`], as the enumeration of OTLP spells it.
pub const fn span_kind(kind: &SpanKind) -> &'static str {
    match kind {
        SpanKind::Internal => "SPAN_KIND_INTERNAL",
        SpanKind::Server => "SPAN_KIND_SERVER",
        SpanKind::Client => "SPAN_KIND_CLIENT",
        SpanKind::Producer => "SPAN_KIND_PRODUCER",
        SpanKind::Consumer => "SPAN_KIND_CONSUMER",
    }
}
