//! Everything but the OTLP exporter.

use opentelemetry::KeyValue;

use super::Variables;
use crate::Error;
use crate::config::words::{EXEMPLAR_FILTERS, PROPAGATORS};
use crate::config::{Draft, level, parse};
use crate::layer::Sampler;
use crate::names;
use crate::pipeline::Batch;

pub(super) fn read(variables: &mut Variables<'_>, draft: &mut Draft) -> Result<(), Error> {
    draft.disabled = variables.flag("OTEL_SDK_DISABLED").unwrap_or(false);
    draft.log_level = variables.choice("OTEL_LOG_LEVEL", &level::WORDS.map(|(word, level)| (word, Some(level))));
    draft.layer.filter = match variables.parsed("BELLWETHER_FILTER", parse::filter)? {
        Some(filter) => filter,
        None => crate::layer::Config::default_filter(),
    };
    resource(variables, draft)?;
    propagators(variables, draft);
    exporters(variables, draft);
    sampler(variables, draft)?;
    batch(variables, "OTEL_BSP", &mut draft.pipeline.spans)?;
    batch(variables, "OTEL_BLRP", &mut draft.pipeline.logs)?;
    limits(variables, draft)?;
    metrics(variables, draft)
}

fn resource(variables: &Variables<'_>, draft: &mut Draft) -> Result<(), Error> {
    let attributes = variables.parsed("OTEL_RESOURCE_ATTRIBUTES", parse::attributes)?.unwrap_or_default();
    draft.resource.extend(attributes.into_iter().map(|(key, value)| KeyValue::new(key, value)));
    let service = variables.text("OTEL_SERVICE_NAME");
    draft.resource.extend(service.map(|name| KeyValue::new(names::SERVICE_NAME, name.to_owned())));
    Ok(())
}

fn propagators(variables: &mut Variables<'_>, draft: &mut Draft) {
    if let Some(chosen) = variables.choices("OTEL_PROPAGATORS", PROPAGATORS) {
        draft.propagators = chosen.into_iter().flatten().collect();
    }
}

fn exporters(variables: &mut Variables<'_>, draft: &mut Draft) {
    let traces = variables.exporters("OTEL_TRACES_EXPORTER", &["zipkin", "logging", "otlp/stdout"]);
    let metrics = variables.exporters("OTEL_METRICS_EXPORTER", &["prometheus", "logging", "otlp/stdout"]);
    let logs = variables.exporters("OTEL_LOGS_EXPORTER", &["logging", "otlp/stdout"]);
    set(&mut draft.traces_exporters, traces);
    set(&mut draft.metrics_exporters, metrics);
    set(&mut draft.logs_exporters, logs);
}

fn sampler(variables: &mut Variables<'_>, draft: &mut Draft) -> Result<(), Error> {
    const NAME: &str = "OTEL_TRACES_SAMPLER";
    const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
    #[derive(Clone, Copy)]
    enum Root {
        On,
        Off,
        Ratio,
    }
    let known = [
        ("always_on", Some((Root::On, false))),
        ("always_off", Some((Root::Off, false))),
        ("traceidratio", Some((Root::Ratio, false))),
        ("parentbased_always_on", Some((Root::On, true))),
        ("parentbased_always_off", Some((Root::Off, true))),
        ("parentbased_traceidratio", Some((Root::Ratio, true))),
        ("jaeger_remote", None),
        ("parentbased_jaeger_remote", None),
        ("xray", None),
    ];
    let Some((root, parent_based)) = variables.choice(NAME, &known) else {
        if variables.text(ARGUMENT).is_some() && variables.text(NAME).is_none() {
            variables.warnings.push(format!("{ARGUMENT} is ignored: it counts only together with {NAME}"));
        }
        return Ok(());
    };
    let root = match root {
        Root::On => Sampler::AlwaysOn,
        Root::Off => Sampler::AlwaysOff,
        Root::Ratio => Sampler::TraceIdRatio(variables.parsed(ARGUMENT, parse::ratio)?.unwrap_or(1.0)),
    };
    draft.layer.sampler = if parent_based { Sampler::ParentBased(Box::new(root)) } else { root };
    Ok(())
}

fn batch(variables: &Variables<'_>, prefix: &str, batch: &mut Batch) -> Result<(), Error> {
    let name = |suffix: &str| format!("{prefix}_{suffix}");
    set(&mut batch.schedule_delay, variables.duration(&name("SCHEDULE_DELAY"))?);
    set(&mut batch.export_timeout, variables.timeout(&name("EXPORT_TIMEOUT"))?);
    set(&mut batch.max_queue_size, variables.count(&name("MAX_QUEUE_SIZE"), 1)?);
    let size = name("MAX_EXPORT_BATCH_SIZE");
    match variables.count(&size, 1)? {
        Some(items) if items > batch.max_queue_size => {
            let expected = format!("at most {} ({})", name("MAX_QUEUE_SIZE"), batch.max_queue_size);
            return Err(Error::invalid(size, items.to_string(), expected));
        }
        items => set(&mut batch.max_export_batch_size, items),
    }
    // A queue that was made smaller than the default batch is no mistake.
    batch.max_export_batch_size = batch.max_export_batch_size.min(batch.max_queue_size);
    Ok(())
}

fn limits(variables: &Variables<'_>, draft: &mut Draft) -> Result<(), Error> {
    let limits = &mut draft.layer.limits;
    let count = |name: &str| variables.count(name, 0);
    let all = count("OTEL_ATTRIBUTE_COUNT_LIMIT")?;
    set(&mut limits.span_attributes, count("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT")?.or(all));
    set(&mut limits.log_attributes, count("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT")?.or(all));
    set(&mut limits.span_events, count("OTEL_SPAN_EVENT_COUNT_LIMIT")?);
    set(&mut limits.span_links, count("OTEL_SPAN_LINK_COUNT_LIMIT")?);
    set(&mut limits.event_attributes, count("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT")?);
    set(&mut limits.link_attributes, count("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT")?);
    let all = count("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT")?;
    limits.span_value_length = count("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT")?.or(all);
    limits.log_value_length = count("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT")?.or(all);
    Ok(())
}

fn metrics(variables: &mut Variables<'_>, draft: &mut Draft) -> Result<(), Error> {
    set(&mut draft.pipeline.interval, variables.duration("OTEL_METRIC_EXPORT_INTERVAL")?);
    set(&mut draft.pipeline.export_timeout, variables.timeout("OTEL_METRIC_EXPORT_TIMEOUT")?);
    set(&mut draft.series.families, variables.parsed("BELLWETHER_FAMILIES", parse::families)?);
    set(&mut draft.series.exemplar_filter, variables.choice("OTEL_METRICS_EXEMPLAR_FILTER", EXEMPLAR_FILTERS));
    Ok(())
}

fn set<T>(setting: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *setting = value;
    }
}
