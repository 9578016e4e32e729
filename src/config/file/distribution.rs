//! `distribution: bellwether:`: what OpenTelemetry's schema has no place for.

use std::time::Duration;

use super::section::Settings;
use super::{alerts, instruments, web};
use crate::config::{Draft, parse};
use crate::exporters::otlp::Retry;
use crate::families::Families;
use crate::layer::SpanDetails;
use crate::yaml::{Content, Fault, Node, Reader, Section};

pub(super) const KEYS: [&str; 17] = [
    "alerts",
    "filter",
    "console_filter",
    "dimensions",
    "dimensions_by_span",
    "dimension_length",
    "duration_boundaries",
    "families",
    "histogram_max_size",
    "idle_timeout",
    "instrument_limit",
    "instruments",
    "shutdown_timeout",
    "span_details",
    "system",
    "retry",
    "web",
];

pub(super) fn read<'n>(reader: &Reader<'n>, node: &'n Node, draft: &mut Draft) -> Result<(), Fault> {
    let section = reader.section(node, &KEYS)?;
    draft.console_filter = section.parsed("console_filter", parse::console_filter)?;
    layer(reader, &section, draft)?;
    let series = &mut draft.series;
    if let Some(bounds) = section.ascending("duration_boundaries")? {
        series.duration_bounds = bounds;
    }
    series.families = families(&section)?.unwrap_or(series.families);
    series.max_size = section.count("histogram_max_size", 2)?.unwrap_or(series.max_size);
    series.instrument_limit = section.count("instrument_limit", 1)?.unwrap_or(series.instrument_limit);
    series.idle_timeout = section.timeout("idle_timeout")?.unwrap_or(series.idle_timeout);
    draft.instruments = instruments::read(reader, &section)?;
    if let Some(node) = section.get("alerts") {
        alerts::read(reader, node, draft)?;
    }
    if let Some(node) = section.get("web") {
        web::read(reader, node, draft)?;
    }
    let shutdown = section.timeout("shutdown_timeout")?;
    draft.pipeline.shutdown_timeout = shutdown.unwrap_or(draft.pipeline.shutdown_timeout);
    if let Some(node) = section.get("system") {
        let readings = reader.section(node, &["process", "runtime"])?;
        draft.system.process = readings.flag("process")?.unwrap_or(draft.system.process);
        draft.system.runtime = readings.flag("runtime")?.unwrap_or(draft.system.runtime);
    }
    if let Some(node) = section.get("retry") {
        draft.otlp.retry = retry(reader, node)?;
    }
    Ok(())
}

/// A list of words, or a text of them as the variable has it.
fn families(section: &Section<'_>) -> Result<Option<Families>, Fault> {
    if !matches!(section.get("families").map(|node| &node.content), Some(Content::Sequence(_))) {
        return section.parsed("families", parse::families);
    }
    let Some(words) = section.texts("families")? else { return Ok(None) };
    let families = parse::families_of(words.iter().map(String::as_str));
    families.map(Some).map_err(|expected| section.invalid("families", &words.join(", "), &expected))
}

fn layer<'n>(reader: &Reader<'n>, section: &Section<'n>, draft: &mut Draft) -> Result<(), Fault> {
    let layer = &mut draft.layer;
    if let Some(filter) = section.parsed("filter", parse::filter)? {
        layer.filter = filter;
    }
    if let Some(dimensions) = section.texts("dimensions")? {
        layer.dimensions = dimensions;
    }
    if let Some(node) = section.get("dimensions_by_span") {
        let spans = reader.any_section(node, "a mapping of span names to lists of fields")?;
        for entry in spans.entries {
            let fields = spans.texts(&entry.key)?.unwrap_or_default();
            layer.dimensions_by_span.insert(entry.key.clone(), fields);
        }
    }
    layer.dimension_length = section.count("dimension_length", 1)?.unwrap_or(layer.dimension_length);
    if let Some(node) = section.get("span_details") {
        let details = reader.section(node, &["location", "threads", "target", "inactivity"])?;
        layer.details = SpanDetails {
            location: details.flag("location")?.unwrap_or(false),
            threads: details.flag("threads")?.unwrap_or(false),
            target: details.flag("target")?.unwrap_or(false),
            inactivity: details.flag("inactivity")?.unwrap_or(false),
        };
    }
    Ok(())
}

fn retry<'n>(reader: &Reader<'n>, node: &'n Node) -> Result<Retry, Fault> {
    const MULTIPLIER: &str = "a number from 1 to 10";
    let section = reader.section(node, &["initial", "max", "multiplier", "total"])?;
    let default = Retry::default();
    let time = |key: &str, default: Duration| Ok::<_, Fault>(section.duration(key)?.unwrap_or(default));
    let multiplier = section.number("multiplier", MULTIPLIER)?.unwrap_or(default.multiplier);
    if !(1.0..=10.0).contains(&multiplier) {
        return Err(section.invalid("multiplier", &multiplier.to_string(), MULTIPLIER));
    }
    Ok(Retry {
        initial: time("initial", default.initial)?,
        max: time("max", default.max)?,
        multiplier,
        total: time("total", default.total)?,
    })
}
