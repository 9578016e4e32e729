//! A configuration as comparable text, so that a test can say what changed and be sure that nothing else did.

use std::collections::BTreeMap;

use bellwether::config::Config;
use bellwether::exporters::otlp::Endpoint;
use bellwether::layer::Limits;
use bellwether::model::Signal;
use bellwether::pipeline::Batch;
use opentelemetry::Value;
use tracing_core::Level;

pub(crate) type Facts = BTreeMap<String, String>;

/// Every setting as text.
pub(crate) fn facts(config: &Config) -> Facts {
    let mut facts = Facts::new();
    let mut put = |key: &str, value: String| drop(facts.insert(key.to_owned(), value));
    put("disabled", config.disabled.to_string());
    put("propagators", format!("{:?}", config.propagators));
    for signal in Signal::ALL {
        put(&format!("exporters.{signal}"), format!("{:?}", config.exporters(signal)));
    }
    put("console_filter", config.console_filter.clone());
    for (key, value) in &config.resource {
        let key = key.as_str();
        if key != "service.instance.id" && !key.starts_with("telemetry.") {
            let text = matches!(value, Value::String(_));
            put(&format!("resource.{key}"), if text { format!("{:?}", value.as_str()) } else { value.to_string() });
        }
    }
    put("resource.schema_url", config.resource.schema_url().unwrap_or_default().to_owned());
    let layer = &config.layer;
    put("layer.traces", layer.traces.to_string());
    put("layer.metrics", layer.metrics.to_string());
    put("layer.logs", layer.logs.to_string());
    for (target, level) in [
        ("search::index", Level::DEBUG),
        ("search::index", Level::INFO),
        ("search::index", Level::WARN),
        ("noisy::module", Level::ERROR),
        ("tower_http::trace", Level::INFO),
        ("h2::proto", Level::ERROR),
        ("hyper::client", Level::ERROR),
        ("bellwether::telemetry", Level::ERROR),
        ("bellwether_shop", Level::INFO),
    ] {
        put(&format!("filter.{target}.{level}"), layer.filter.would_enable(target, &level).to_string());
    }
    put("dimensions", layer.dimensions.join(","));
    put("dimensions_by_span", format!("{:?}", layer.dimensions_by_span.iter().collect::<BTreeMap<_, _>>()));
    put("dimension_length", layer.dimension_length.to_string());
    put("details", format!("{:?}", layer.details));
    put("sampler", format!("{:?}", layer.sampler));
    limit_facts(&layer.limits, &mut put);
    let series = &config.series;
    put("service_name", series.service_name.clone());
    put("aggregation", format!("{:?}", series.aggregation));
    put("system", format!("{:?}", config.system));
    put("families", format!("{:?}", series.families));
    put("duration_bounds", format!("{:?}", series.duration_bounds));
    put("max_size", series.max_size.to_string());
    put("cardinality_limit", series.cardinality_limit.to_string());
    put("instrument_limit", series.instrument_limit.to_string());
    put("idle_timeout", format!("{:?}", series.idle_timeout));
    for declared in &config.instruments {
        put(&format!("instrument.{}", declared.name), format!("{declared:?}"));
    }
    put("exemplar_filter", format!("{:?}", series.exemplar_filter));
    put("interval", format!("{:?}", config.pipeline.interval));
    put("export_timeout", format!("{:?}", config.pipeline.export_timeout));
    put("shutdown_timeout", format!("{:?}", config.pipeline.shutdown_timeout));
    other_facts(config, &mut put);
    endpoint_facts("traces", &config.otlp.traces, &mut put);
    endpoint_facts("metrics", &config.otlp.metrics, &mut put);
    endpoint_facts("logs", &config.otlp.logs, &mut put);
    batch_facts("spans", &config.pipeline.spans, &mut put);
    batch_facts("log_records", &config.pipeline.logs, &mut put);
    facts
}

fn limit_facts(limits: &Limits, put: &mut dyn FnMut(&str, String)) {
    put("limits.span_attributes", limits.span_attributes.to_string());
    put("limits.span_value_length", format!("{:?}", limits.span_value_length));
    put("limits.span_events", limits.span_events.to_string());
    put("limits.span_links", limits.span_links.to_string());
    put("limits.event_attributes", limits.event_attributes.to_string());
    put("limits.link_attributes", limits.link_attributes.to_string());
    put("limits.log_attributes", limits.log_attributes.to_string());
    put("limits.log_value_length", format!("{:?}", limits.log_value_length));
}

fn other_facts(config: &Config, put: &mut dyn FnMut(&str, String)) {
    put("temporality", format!("{:?}", config.otlp.temporality));
    put("retry", format!("{:?}", config.otlp.retry));
    #[cfg(feature = "rules")]
    put("alerts", config.alerts.as_ref().map_or_else(String::new, |alerts| format!("{alerts:?}")));
    #[cfg(feature = "web")]
    put("web", config.web.as_ref().map_or_else(String::new, |web| format!("{web:?}")));
}

fn endpoint_facts(signal: &str, endpoint: &Endpoint, put: &mut dyn FnMut(&str, String)) {
    put(&format!("{signal}.url"), endpoint.url.clone());
    put(&format!("{signal}.protocol"), format!("{:?}", endpoint.protocol));
    put(&format!("{signal}.headers"), format!("{:?}", endpoint.headers));
    put(&format!("{signal}.compression"), format!("{:?}", endpoint.compression));
    put(&format!("{signal}.timeout"), format!("{:?}", endpoint.timeout));
    let path = |path: &Option<std::path::PathBuf>| path.as_deref().map_or("", |path| path.to_str().unwrap()).to_owned();
    put(&format!("{signal}.certificate"), path(&endpoint.tls.certificate));
    put(&format!("{signal}.client_certificate"), path(&endpoint.tls.client_certificate));
    put(&format!("{signal}.client_key"), path(&endpoint.tls.client_key));
}

fn batch_facts(queue: &str, batch: &Batch, put: &mut dyn FnMut(&str, String)) {
    put(&format!("{queue}.delay"), format!("{:?}", batch.schedule_delay));
    put(&format!("{queue}.timeout"), format!("{:?}", batch.export_timeout));
    put(&format!("{queue}.queue"), batch.max_queue_size.to_string());
    put(&format!("{queue}.batch"), batch.max_export_batch_size.to_string());
}

/// What a result shows: the settings that differ from `defaults`, the warnings, or the error.
pub(crate) fn outcome(result: Result<Config, bellwether::Error>, defaults: &Facts) -> Vec<String> {
    let config = match result {
        Ok(config) => config,
        Err(error) => {
            assert!(error.is_configuration(), "{error}");
            return vec![format!("error: {error}")];
        }
    };
    let now = facts(&config);
    let changed = now.iter().filter(|(key, value)| defaults.get(*key) != Some(value));
    let mut outcome: Vec<String> = changed.map(|(key, value)| format!("{key}={value}")).collect();
    outcome.extend(defaults.keys().filter(|key| !now.contains_key(*key)).map(|key| format!("no {key}")));
    outcome.extend(config.warnings.iter().map(|warning| format!("warning: {warning}")));
    outcome.sort();
    outcome
}
