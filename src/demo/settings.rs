//! What the demo assumes where the environment says nothing.

use crate::config::{Config, Environment};
use crate::model::Signal;

/// `service.name` unless the environment names another.
const SERVICE: &str = "bellwether-demo";
/// Milliseconds from one collection to the next: a watcher does not want to wait a minute.
const INTERVAL: &str = "1000";
/// The refused queries of the load are part of the show, not news for the console.
const CONSOLE: &str = "warn,search=off";

/// The environment with the demo's defaults. A signal that nobody asked to send anywhere stays in the process.
pub fn with_defaults(mut environment: Environment) -> Environment {
    let set = |environment: &Environment, name: &str| environment.get(name).is_some();
    environment = environment.or("RUST_LOG", CONSOLE);
    if set(&environment, "OTEL_CONFIG_FILE") {
        // The file says it all; variables beside it would only be warned about.
        return environment;
    }
    let everywhere = set(&environment, "OTEL_EXPORTER_OTLP_ENDPOINT");
    for signal in Signal::ALL.map(|signal| signal.name().to_uppercase()) {
        if !everywhere && !set(&environment, &format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")) {
            environment = environment.or(format!("OTEL_{signal}_EXPORTER"), "none");
        }
    }
    let named =
        environment.get("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|attributes| attributes.contains("service.name="));
    if !named {
        environment = environment.or("OTEL_SERVICE_NAME", SERVICE);
    }
    environment.or("OTEL_METRIC_EXPORT_INTERVAL", INTERVAL)
}

/// Whether nothing leaves the process.
pub fn stays_here(config: &Config) -> bool {
    config.disabled || Signal::ALL.iter().all(|signal| config.exporters(*signal).is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Exporter, Overrides};

    fn load(variables: &[(&str, &str)]) -> Config {
        let environment = with_defaults(variables.iter().copied().collect());
        config::load(&environment, Overrides::default()).unwrap()
    }

    #[test]
    fn a_signal_goes_out_only_when_the_environment_says_where() {
        const NONE: &[Exporter] = &[];
        const OTLP: &[Exporter] = &[Exporter::Otlp];
        let endpoint = "http://collector:4318";
        for (variables, expected) in [
            (&[][..], [NONE, NONE, NONE]),
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)], [OTLP, OTLP, OTLP]),
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")], [NONE, NONE, NONE]),
            (&[("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", endpoint)], [NONE, OTLP, NONE]),
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint), ("OTEL_LOGS_EXPORTER", "none")], [OTLP, OTLP, NONE]),
            (&[("OTEL_TRACES_EXPORTER", "otlp")], [OTLP, NONE, NONE]),
        ] {
            let config = load(variables);
            assert_eq!(Signal::ALL.map(|signal| config.exporters(signal)), expected, "{variables:?}");
            assert_eq!(stays_here(&config), expected == [NONE; 3]);
        }
    }

    #[test]
    fn what_the_environment_says_beats_the_defaults_of_the_demo() {
        let (usual, chosen) = (
            load(&[]),
            load(&[("OTEL_SERVICE_NAME", "shop"), ("OTEL_METRIC_EXPORT_INTERVAL", "500"), ("RUST_LOG", "debug")]),
        );
        assert_eq!((usual.series.service_name.as_str(), usual.pipeline.interval.as_millis()), (SERVICE, 1_000));
        assert_eq!((chosen.series.service_name.as_str(), chosen.pipeline.interval.as_millis()), ("shop", 500));
        let named = load(&[("OTEL_RESOURCE_ATTRIBUTES", "service.name=orders")]);
        assert_eq!(named.series.service_name, "orders");
    }

    #[test]
    fn with_a_configuration_file_only_the_console_has_a_default() {
        let environment = with_defaults([("OTEL_CONFIG_FILE", "/otel.yaml")].into_iter().collect());
        assert_eq!(environment.names().collect::<Vec<_>>(), ["OTEL_CONFIG_FILE", "RUST_LOG"]);
    }
}
