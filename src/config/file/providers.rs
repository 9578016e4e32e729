//! `tracer_provider`, `logger_provider` and the limits they share.

use super::exporter;
use super::section::Settings;
use crate::config::{Draft, Exporter};
use crate::layer::Sampler;
use crate::model::Signal;
use crate::pipeline::Batch;
use crate::yaml::{Fault, Node, Reader, Section};

/// A depth limit is accepted and has no effect: `tracing` has no nested values.
const LIMITS: [&str; 3] = ["attribute_count_limit", "attribute_value_length_limit", "attribute_value_depth_limit"];

/// `attribute_limits`: for all signals, before those of a provider.
pub(super) fn attribute_limits<'n>(reader: &Reader<'n>, node: &'n Node, draft: &mut Draft) -> Result<(), Fault> {
    let section = reader.section(node, &LIMITS)?;
    section.count("attribute_value_depth_limit", 1)?;
    let limits = &mut draft.layer.limits;
    if let Some(limit) = section.count("attribute_count_limit", 0)? {
        limits.span_attributes = limit;
        limits.log_attributes = limit;
    }
    limits.span_value_length = section.count("attribute_value_length_limit", 0)?;
    limits.log_value_length = limits.span_value_length;
    Ok(())
}

/// `tracer_provider`
pub(super) fn traces<'n>(reader: &mut Reader<'n>, node: &'n Node, draft: &mut Draft) -> Result<(), Fault> {
    let section = reader
        .section(node, &["processors", "limits", "sampler", "id_generator", "tracer_configurator/development"])?;
    section.ignore(reader, &["tracer_configurator/development"]);
    if let Some(node) = section.get("id_generator") {
        reader.kind(node, "id generator", &["random"], &[])?;
    }
    if let Some(node) = section.get("limits") {
        span_limits(reader, node, draft)?;
    }
    if let Some(node) = section.get("sampler") {
        draft.layer.sampler = sampler(reader, node)?;
    }
    let (batch, exporters) = processors(reader, &section, Signal::Traces, &[], draft)?;
    draft.pipeline.spans = batch;
    draft.traces_exporters = exporters;
    Ok(())
}

/// `logger_provider`
pub(super) fn logs<'n>(reader: &mut Reader<'n>, node: &'n Node, draft: &mut Draft) -> Result<(), Fault> {
    let section = reader.section(node, &["processors", "limits", "logger_configurator/development"])?;
    section.ignore(reader, &["logger_configurator/development"]);
    if let Some(node) = section.get("limits") {
        let section = reader.section(node, &LIMITS)?;
        let limits = &mut draft.layer.limits;
        limits.log_attributes = section.count("attribute_count_limit", 0)?.unwrap_or(limits.log_attributes);
        limits.log_value_length = section.count("attribute_value_length_limit", 0)?.or(limits.log_value_length);
        section.count("attribute_value_depth_limit", 1)?;
    }
    let unsupported = ["event_to_span_event_bridge/development"];
    let (batch, exporters) = processors(reader, &section, Signal::Logs, &unsupported, draft)?;
    draft.pipeline.logs = batch;
    draft.logs_exporters = exporters;
    Ok(())
}

fn span_limits<'n>(reader: &Reader<'n>, node: &'n Node, draft: &mut Draft) -> Result<(), Fault> {
    const OWN: [&str; 4] =
        ["event_count_limit", "link_count_limit", "event_attribute_count_limit", "link_attribute_count_limit"];
    let section = reader.section(node, &[LIMITS.as_slice(), &OWN].concat())?;
    let limits = &mut draft.layer.limits;
    section.count("attribute_value_depth_limit", 1)?;
    limits.span_value_length = section.count("attribute_value_length_limit", 0)?.or(limits.span_value_length);
    let count = |key: &str, default: usize| Ok::<_, Fault>(section.count(key, 0)?.unwrap_or(default));
    limits.span_attributes = count("attribute_count_limit", limits.span_attributes)?;
    limits.span_events = count("event_count_limit", limits.span_events)?;
    limits.span_links = count("link_count_limit", limits.span_links)?;
    limits.event_attributes = count("event_attribute_count_limit", limits.event_attributes)?;
    limits.link_attributes = count("link_attribute_count_limit", limits.link_attributes)?;
    Ok(())
}

/// The exporters, one of a kind, and how spans or log records are queued for them; a warning for each further one.
fn processors<'n>(
    reader: &mut Reader<'n>,
    section: &Section<'n>,
    signal: Signal,
    unsupported: &[&str],
    draft: &mut Draft,
) -> Result<(Batch, Vec<Exporter>), Fault> {
    let default = if signal == Signal::Logs { Batch::LOGS } else { Batch::SPANS };
    section.required("processors")?;
    let nodes = section.list("processors")?;
    let leading = exporter::leading(nodes);
    let (mut queue, mut exporters) = (default, Vec::new());
    for (at, node) in nodes.iter().enumerate() {
        let Some((kind, processor)) = reader.kind(node, "processor", &["batch", "simple"], unsupported)? else {
            continue;
        };
        let leads = leading == Some(at);
        let mut scratch = Draft::default();
        let target = if leads { &mut *draft } else { &mut scratch };
        let found = match kind {
            "batch" => batch(reader, processor, signal, default, target)?,
            _ => simple(reader, processor, signal, default, target)?,
        };
        match found {
            Some((_, exporter)) if exporters.contains(&exporter) => {
                reader.warn(
                    node.place,
                    format_args!("{signal} have one exporter of a kind; this further one is ignored"),
                );
            }
            Some((batch, exporter)) => {
                queue = if leads { batch } else { queue };
                exporters.push(exporter);
            }
            None => {}
        }
    }
    Ok((queue, exporters))
}

fn batch<'n>(
    reader: &mut Reader<'n>,
    node: &'n Node,
    signal: Signal,
    default: Batch,
    draft: &mut Draft,
) -> Result<Option<(Batch, Exporter)>, Fault> {
    let keys = ["schedule_delay", "export_timeout", "max_queue_size", "max_export_batch_size", "exporter"];
    let section = reader.section(node, &keys)?;
    let max_queue_size = section.count("max_queue_size", 1)?.unwrap_or(default.max_queue_size);
    let size = section.count("max_export_batch_size", 1)?;
    if let Some(size) = size.filter(|size| *size > max_queue_size) {
        let expected = format!("at most max_queue_size ({max_queue_size})");
        return Err(section.invalid("max_export_batch_size", &size.to_string(), &expected));
    }
    let batch = Batch {
        schedule_delay: section.duration("schedule_delay")?.unwrap_or(default.schedule_delay),
        export_timeout: section.timeout("export_timeout")?.unwrap_or(default.export_timeout),
        max_queue_size,
        max_export_batch_size: size.unwrap_or(default.max_export_batch_size).min(max_queue_size),
    };
    let exporter = exporter::read(reader, section.required("exporter")?, signal, draft)?;
    Ok(exporter.map(|exporter| (batch, exporter)))
}

/// Exporting in the caller's thread would block the host, so a simple processor is a batch that does not wait.
fn simple<'n>(
    reader: &mut Reader<'n>,
    node: &'n Node,
    signal: Signal,
    default: Batch,
    draft: &mut Draft,
) -> Result<Option<(Batch, Exporter)>, Fault> {
    let section = reader.section(node, &["exporter"])?;
    let exporter = exporter::read(reader, section.required("exporter")?, signal, draft)?;
    let batch = Batch { schedule_delay: std::time::Duration::from_millis(1), ..default };
    Ok(exporter.map(|exporter| (batch, exporter)))
}

/// An unsupported sampler is an error: with another in its place the bill for traces would be a surprise.
fn sampler<'n>(reader: &Reader<'n>, node: &'n Node) -> Result<Sampler, Fault> {
    const KINDS: [&str; 4] = ["always_on", "always_off", "trace_id_ratio_based", "parent_based"];
    const UNSUPPORTED: [&str; 4] =
        ["always_record", "composite/development", "jaeger_remote/development", "probability/development"];
    let entry = reader.one(node, "sampler", &[KINDS, UNSUPPORTED].concat())?;
    let (kind, inner) = (entry.key.as_str(), &entry.value);
    if UNSUPPORTED.contains(&kind) {
        let message = format!("sampler {kind:?} is not supported; expected {}", KINDS.join(", "));
        return Err(reader.error(entry.place, message));
    }
    match kind {
        "always_on" | "always_off" => {
            reader.section(inner, &[])?;
            Ok(if kind == "always_on" { Sampler::AlwaysOn } else { Sampler::AlwaysOff })
        }
        "trace_id_ratio_based" => {
            const EXPECTED: &str = "a number from 0 to 1";
            let section = reader.section(inner, &["ratio"])?;
            let ratio = section.number("ratio", EXPECTED)?.unwrap_or(1.0);
            if !(0.0..=1.0).contains(&ratio) {
                return Err(section.invalid("ratio", &ratio.to_string(), EXPECTED));
            }
            Ok(Sampler::TraceIdRatio(ratio))
        }
        _ => parent_based(reader, inner),
    }
}

fn parent_based<'n>(reader: &Reader<'n>, node: &'n Node) -> Result<Sampler, Fault> {
    // A child is sampled as its parent was; the schema could ask for more, the gate cannot.
    const CHILDREN: [(&str, &str, Sampler); 4] = [
        ("remote_parent_sampled", "always_on", Sampler::AlwaysOn),
        ("remote_parent_not_sampled", "always_off", Sampler::AlwaysOff),
        ("local_parent_sampled", "always_on", Sampler::AlwaysOn),
        ("local_parent_not_sampled", "always_off", Sampler::AlwaysOff),
    ];
    let mut keys = vec!["root"];
    keys.extend(CHILDREN.iter().map(|(key, ..)| *key));
    let section = reader.section(node, &keys)?;
    for (key, word, only) in &CHILDREN {
        if let Some(node) = section.get(key)
            && sampler(reader, node)? != *only
        {
            return Err(section.error(node.place, format!("{key}: only {word} is supported")));
        }
    }
    let root = match section.get("root") {
        Some(node) => sampler(reader, node)?,
        None => Sampler::AlwaysOn,
    };
    Ok(Sampler::ParentBased(Box::new(root)))
}
