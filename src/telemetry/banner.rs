//! The line that says what goes where.

use opentelemetry::Key;

use crate::config::{Config, Exporter};
use crate::exporters::otlp::{Endpoint, Protocol};
use crate::layer::Sampler;
use crate::model::Signal;
use crate::names;

/// For example `traces (parentbased_always_on), metrics and logs -> http://localhost:4318 (http/protobuf); metrics every
/// 60 s; alerts by 21 rules of 2 files every 10 s -> the log; service "search"`. `rules` is the part about alerts, if there
/// are rules. Never a header, never a query.
pub(crate) fn banner(config: &Config, own: &[Signal], rules: Option<&str>) -> String {
    let service = config.resource.get(&Key::from_static_str(names::SERVICE_NAME));
    let service = service.map(|name| name.to_string()).unwrap_or_default();
    if config.disabled {
        return format!("telemetry is disabled (OTEL_SDK_DISABLED); service {service:?}");
    }
    // Signals with one destination stand together, in the order of their first.
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for signal in Signal::ALL {
        let to = destination(config, signal, own.contains(&signal));
        let label = label(config, signal);
        match groups.iter_mut().find(|(known, _)| *known == to) {
            Some((_, labels)) => labels.push(label),
            None => groups.push((to, vec![label])),
        }
    }
    let mut parts: Vec<String> = groups.iter().map(|(to, labels)| format!("{} -> {to}", list(labels))).collect();
    parts.push(format!("metrics every {:?}", config.pipeline.interval));
    parts.extend(rules.map(str::to_owned));
    parts.push(format!("service {service:?}"));
    parts.join("; ")
}

fn label(config: &Config, signal: Signal) -> String {
    match signal {
        Signal::Traces => format!("traces ({})", sampler(&config.layer.sampler)),
        Signal::Metrics | Signal::Logs => signal.to_string(),
    }
}

fn destination(config: &Config, signal: Signal, own: bool) -> String {
    if own {
        return String::from("an exporter of the program's own");
    }
    let place = |exporter: &Exporter| match exporter {
        Exporter::Otlp => endpoint(config.otlp.endpoint(signal), signal),
        Exporter::Console => String::from("standard output"),
    };
    match config.exporters(signal) {
        [] => String::from("nowhere"),
        exporters => list(&exporters.iter().map(place).collect::<Vec<_>>()),
    }
}

fn endpoint(endpoint: &Endpoint, signal: Signal) -> String {
    // A query may hold a key.
    let url = endpoint.url.split('?').next().unwrap_or_default();
    match endpoint.protocol {
        Protocol::Grpc => format!("{url} (grpc)"),
        Protocol::HttpProtobuf => {
            let base = url.strip_suffix(&format!("/v1/{signal}")).unwrap_or(url);
            format!("{base} (http/protobuf)")
        }
    }
}

/// In the words of `OTEL_TRACES_SAMPLER`.
fn sampler(sampler: &Sampler) -> String {
    match sampler {
        Sampler::AlwaysOn => String::from("always_on"),
        Sampler::AlwaysOff => String::from("always_off"),
        Sampler::TraceIdRatio(ratio) => format!("traceidratio {ratio}"),
        Sampler::ParentBased(root) => format!("parentbased_{}", self::sampler(root)),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Overrides, load};

    #[test]
    fn the_line_groups_signals_by_destination_and_shows_no_secret() {
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a [Signal], &'a str);
        let cases: [Case<'_>; 5] = [
            (
                &[],
                &[],
                "traces (parentbased_always_on), metrics and logs -> http://localhost:4318 (http/protobuf); \
                 metrics every 60s; service \"search\"",
            ),
            (
                &[
                    ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
                    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317"),
                    ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=secret"),
                    ("OTEL_TRACES_SAMPLER", "traceidratio"),
                    ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
                    ("OTEL_METRIC_EXPORT_INTERVAL", "500"),
                ],
                &[Signal::Logs],
                "traces (traceidratio 0.25) and metrics -> http://collector:4317 (grpc); \
                 logs -> an exporter of the program's own; metrics every 500ms; service \"search\"",
            ),
            (
                &[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t:4318/v1/traces?key=secret")],
                &[],
                "traces (parentbased_always_on) -> http://t:4318 (http/protobuf); \
                 metrics and logs -> http://localhost:4318 (http/protobuf); metrics every 60s; service \"search\"",
            ),
            (
                &[("OTEL_LOGS_EXPORTER", "console,otlp"), ("OTEL_METRICS_EXPORTER", "none")],
                &[],
                "traces (parentbased_always_on) -> http://localhost:4318 (http/protobuf); metrics -> nowhere; \
                 logs -> standard output and http://localhost:4318 (http/protobuf); metrics every 60s; service \"search\"",
            ),
            (&[("OTEL_SDK_DISABLED", "true")], &[], "telemetry is disabled (OTEL_SDK_DISABLED); service \"search\""),
        ];
        for (variables, own, expected) in cases {
            let environment = variables.iter().copied().chain([("OTEL_SERVICE_NAME", "search")]).collect();
            let environment: Environment = environment;
            let config = load(&environment, Overrides::default()).unwrap();
            assert_eq!(banner(&config, own, None), expected, "{variables:?}");
        }
    }
}
