//! The variables that are read, one row each: what a warning may suggest and what the manual lists.

/// A variable that bellwether reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// For example `OTEL_SERVICE_NAME`.
    pub name: &'static str,
    /// What holds while it is not set.
    pub default: &'static str,
    /// What it does, for a person.
    pub effect: &'static str,
}

const fn row(name: &'static str, default: &'static str, effect: &'static str) -> Variable {
    Variable { name, default, effect }
}

/// Every variable that has an effect, in the order of the manual.
pub const VARIABLES: &[Variable] = &[
    row("OTEL_SDK_DISABLED", "`false`", "`true`: no telemetry; context is still propagated"),
    row("OTEL_SERVICE_NAME", "`unknown_service:<program>`", "`service.name` of the resource"),
    row(
        "OTEL_RESOURCE_ATTRIBUTES",
        "",
        "`key=value,…`, percent-encoded; a `service.name` here yields to `OTEL_SERVICE_NAME`",
    ),
    row("OTEL_LOG_LEVEL", "`info`", "how much bellwether says about itself on the console: `none` to `trace`"),
    row("OTEL_PROPAGATORS", "`tracecontext,baggage`", "list of `tracecontext`, `baggage`, `none`"),
    row(
        "OTEL_TRACES_EXPORTER",
        "`otlp`",
        "`otlp`, `console`, both (`otlp,console`) or `none`; with `none` no traces are made",
    ),
    row(
        "OTEL_METRICS_EXPORTER",
        "`otlp`",
        "`otlp`, `console`, both (`otlp,console`) or `none`; with `none` metrics are kept but do not go out",
    ),
    row(
        "OTEL_LOGS_EXPORTER",
        "`otlp`",
        "`otlp`, `console`, both (`otlp,console`) or `none`; with `none` no log records are made",
    ),
    row(
        "OTEL_TRACES_SAMPLER",
        "`parentbased_always_on`",
        "`always_on`, `always_off`, `traceidratio`, or one of these as `parentbased_…`",
    ),
    row("OTEL_TRACES_SAMPLER_ARG", "`1`", "the share of traces for the `traceidratio` samplers, 0 to 1"),
    row("OTEL_BSP_SCHEDULE_DELAY", "`5000`", "milliseconds that spans wait for a batch to fill"),
    row("OTEL_BSP_EXPORT_TIMEOUT", "`30000`", "milliseconds that one export of spans may take"),
    row("OTEL_BSP_MAX_QUEUE_SIZE", "`2048`", "spans that may wait; more are dropped and counted"),
    row("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "`512`", "spans in a batch, at most the queue's size"),
    row("OTEL_BLRP_SCHEDULE_DELAY", "`1000`", "milliseconds that log records wait for a batch to fill"),
    row("OTEL_BLRP_EXPORT_TIMEOUT", "`30000`", "milliseconds that one export of log records may take"),
    row("OTEL_BLRP_MAX_QUEUE_SIZE", "`2048`", "log records that may wait; more are dropped and counted"),
    row("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "`512`", "log records in a batch, at most the queue's size"),
    row("OTEL_METRIC_EXPORT_INTERVAL", "`60000`", "milliseconds from one export of metrics to the next"),
    row("OTEL_METRIC_EXPORT_TIMEOUT", "`30000`", "milliseconds that one export of metrics may take"),
    row("OTEL_METRICS_EXEMPLAR_FILTER", "`trace_based`", "`trace_based`, `always_on` or `always_off`"),
    row("OTEL_ATTRIBUTE_COUNT_LIMIT", "`128`", "attributes of a span or log record"),
    row("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "no limit", "characters of an attribute's value in spans and log records"),
    row("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "`128`", "attributes of a span"),
    row("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "no limit", "characters of an attribute's value in spans"),
    row("OTEL_SPAN_EVENT_COUNT_LIMIT", "`128`", "events of a span"),
    row("OTEL_SPAN_LINK_COUNT_LIMIT", "`128`", "links of a span"),
    row("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "`128`", "attributes of a span's event"),
    row("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "`128`", "attributes of a span's link"),
    row("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "`128`", "attributes of a log record"),
    row("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "no limit", "characters of an attribute's value in log records"),
    row("OTEL_EXPORTER_OTLP_ENDPOINT", OTLP_ENDPOINT, "where to send; HTTP adds `/v1/traces` and so on to it"),
    row("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", GENERAL, URL_EFFECT),
    row("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", GENERAL, URL_EFFECT),
    row("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", GENERAL, URL_EFFECT),
    row("OTEL_EXPORTER_OTLP_PROTOCOL", "`http/protobuf`", "`http/protobuf` or `grpc`"),
    row("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", GENERAL, "the same for traces"),
    row("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", GENERAL, "the same for metrics"),
    row("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", GENERAL, "the same for logs"),
    row("OTEL_EXPORTER_OTLP_INSECURE", "`false`", "`true`: no TLS for a gRPC endpoint without a scheme"),
    row("OTEL_EXPORTER_OTLP_TRACES_INSECURE", GENERAL, "the same for traces"),
    row("OTEL_EXPORTER_OTLP_METRICS_INSECURE", GENERAL, "the same for metrics"),
    row("OTEL_EXPORTER_OTLP_LOGS_INSECURE", GENERAL, "the same for logs"),
    row("OTEL_EXPORTER_OTLP_HEADERS", "", "`name=value,…` of every request, values percent-encoded; never shown"),
    row("OTEL_EXPORTER_OTLP_TRACES_HEADERS", GENERAL, "the same for traces, instead of the general ones"),
    row("OTEL_EXPORTER_OTLP_METRICS_HEADERS", GENERAL, "the same for metrics, instead of the general ones"),
    row("OTEL_EXPORTER_OTLP_LOGS_HEADERS", GENERAL, "the same for logs, instead of the general ones"),
    row("OTEL_EXPORTER_OTLP_COMPRESSION", "`none`", "`none` or `gzip`"),
    row("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", GENERAL, "the same for traces"),
    row("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", GENERAL, "the same for metrics"),
    row("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", GENERAL, "the same for logs"),
    row("OTEL_EXPORTER_OTLP_TIMEOUT", "`10000`", "milliseconds that one export may take, retries included"),
    row("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", GENERAL, "the same for traces"),
    row("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", GENERAL, "the same for metrics"),
    row("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", GENERAL, "the same for logs"),
    row("OTEL_EXPORTER_OTLP_CERTIFICATE", "the system's", "file of certificates to trust, PEM"),
    row("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", GENERAL, "the same for traces"),
    row("OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE", GENERAL, "the same for metrics"),
    row("OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE", GENERAL, "the same for logs"),
    row("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "", "file of the client's own certificate, PEM"),
    row("OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", GENERAL, "the same for traces"),
    row("OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE", GENERAL, "the same for metrics"),
    row("OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE", GENERAL, "the same for logs"),
    row("OTEL_EXPORTER_OTLP_CLIENT_KEY", "", "file of that certificate's key, PEM"),
    row("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", GENERAL, "the same for traces"),
    row("OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY", GENERAL, "the same for metrics"),
    row("OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY", GENERAL, "the same for logs"),
    row("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "`cumulative`", "`cumulative`, `delta` or `lowmemory`"),
    row(
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        "`explicit_bucket_histogram`",
        "`explicit_bucket_histogram` or `base2_exponential_bucket_histogram`",
    ),
    row(
        "OTEL_CONFIG_FILE",
        "",
        "the configuration file; the other `OTEL_*` variables then count only where it names them",
    ),
    row("OTEL_EXPERIMENTAL_CONFIG_FILE", "", "the older name of `OTEL_CONFIG_FILE`"),
    row("BELLWETHER_FILTER", "`info`", "which spans and events become telemetry, in the form of `RUST_LOG`"),
    row(
        "BELLWETHER_FAMILIES",
        "`collector`",
        "under which names the metrics of spans go out: list of `collector`, `tempo`, `service_graph`, `semconv`, or `none`",
    ),
    row(
        "BELLWETHER_ALERTS",
        "`false`; `true` with `BELLWETHER_RULE_FILES`",
        "`true`: alert rules are evaluated in the process",
    ),
    row("BELLWETHER_RULE_FILES", "", "list of Prometheus rule files, or of patterns such as `/etc/search/rules/*.yml`"),
    row("BELLWETHER_DEFAULT_RULES", "`true`", "`false`: without the rules that bellwether brings"),
    row("BELLWETHER_ROUTING_FILE", "", "who is told about alerts, in the form of `alertmanager.yml`"),
    row("BELLWETHER_ALERTMANAGERS", "", "list of Alertmanagers that get every alert, such as `http://localhost:9093`"),
    row("BELLWETHER_ALERT_STATE_FILE", "", "where the state of alerts survives a restart"),
    row("BELLWETHER_TRACE_LINK", "", "links of alerts to traces, such as `https://jaeger.example/trace/{trace_id}`"),
    row(
        "BELLWETHER_WEB",
        "",
        "where Prometheus' HTTP API is answered, such as `127.0.0.1:9464`, with the feature `web`",
    ),
    row("RUST_LOG", "`info`", "what the console shows, and nothing else"),
];

const GENERAL: &str = "the general one";
const OTLP_ENDPOINT: &str = "`http://localhost:4318`, with gRPC `http://localhost:4317`";
const URL_EFFECT: &str = "the whole URL for this signal, taken as it is";

/// Variables of the specification that have no effect here, with the reason that a warning gives.
pub(in crate::config) const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("OTEL_ENTITIES", "entities are not supported; name the resource with OTEL_RESOURCE_ATTRIBUTES"),
    ("OTEL_EXPORTER_OTLP_SPAN_INSECURE", "it is obsolete; use OTEL_EXPORTER_OTLP_TRACES_INSECURE"),
    ("OTEL_EXPORTER_OTLP_METRIC_INSECURE", "it is obsolete; use OTEL_EXPORTER_OTLP_METRICS_INSECURE"),
    ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", "there is no Zipkin exporter"),
    ("OTEL_EXPORTER_ZIPKIN_TIMEOUT", "there is no Zipkin exporter"),
    ("OTEL_EXPORTER_ZIPKIN_PROTOCOL", "there is no Zipkin exporter"),
    ("OTEL_EXPORTER_PROMETHEUS_HOST", "there is no Prometheus exporter"),
    ("OTEL_EXPORTER_PROMETHEUS_PORT", "there is no Prometheus exporter"),
];

/// The name of [`VARIABLES`] that `name` is probably a slip of.
pub(in crate::config) fn intended(name: &str) -> Option<&'static str> {
    crate::nearest::nearest(name, VARIABLES.iter().map(|variable| variable.name))
}
