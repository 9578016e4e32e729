//! `meter_provider`

use super::exporter;
use super::section::Settings;
use crate::config::words::EXEMPLAR_FILTERS;
use crate::config::{Draft, Exporter};
use crate::model::Signal;
use crate::pipeline;
use crate::yaml::{Fault, Node, Reader};

/// `meter_provider`
pub(super) fn read<'n>(reader: &mut Reader<'n>, node: &'n Node, draft: &mut Draft) -> Result<(), Fault> {
    let section = reader.section(node, &["readers", "views", "exemplar_filter", "meter_configurator/development"])?;
    section.ignore(reader, &["views", "meter_configurator/development"]);
    if let Some(filter) = section.choice(reader, "exemplar_filter", EXEMPLAR_FILTERS)? {
        draft.series.exemplar_filter = filter;
    }
    section.required("readers")?;
    let nodes = section.list("readers")?;
    let leading = exporter::leading(nodes);
    for (at, node) in nodes.iter().enumerate() {
        let Some((_, periodic_reader)) = reader.kind(node, "metric reader", &["periodic"], &["pull"])? else {
            continue;
        };
        let mut scratch = Draft::default();
        let target = if leading == Some(at) { &mut *draft } else { &mut scratch };
        match periodic(reader, periodic_reader, target)? {
            Some(exporter) if draft.metrics_exporters.contains(&exporter) => {
                reader.warn(node.place, "metrics have one exporter of a kind; this further one is ignored");
            }
            found => draft.metrics_exporters.extend(found),
        }
    }
    Ok(())
}

fn periodic<'n>(reader: &mut Reader<'n>, node: &'n Node, draft: &mut Draft) -> Result<Option<Exporter>, Fault> {
    let keys =
        ["interval", "timeout", "exporter", "producers", "cardinality_limits", "max_export_batch_size/development"];
    let section = reader.section(node, &keys)?;
    section.ignore(reader, &["producers", "max_export_batch_size/development"]);
    let default = pipeline::Config::default();
    draft.pipeline.interval = section.duration("interval")?.unwrap_or(default.interval);
    draft.pipeline.export_timeout = section.timeout("timeout")?.unwrap_or(default.export_timeout);
    if let Some(node) = section.get("cardinality_limits") {
        cardinality_limits(reader, node, draft)?;
    }
    exporter::read(reader, section.required("exporter")?, Signal::Metrics, draft)
}

fn cardinality_limits<'n>(reader: &mut Reader<'n>, node: &'n Node, draft: &mut Draft) -> Result<(), Fault> {
    const KINDS: [&str; 7] = [
        "counter",
        "gauge",
        "histogram",
        "observable_counter",
        "observable_gauge",
        "observable_up_down_counter",
        "up_down_counter",
    ];
    let section = reader.section(node, &[["default"].as_slice(), &KINDS].concat())?;
    if let Some(limit) = section.count("default", 1)? {
        draft.series.cardinality_limit = limit;
    }
    for kind in KINDS {
        let limit = section.count(kind, 1)?;
        if let (Some(limit), Some(node)) = (limit, section.get(kind))
            && limit != draft.series.cardinality_limit
        {
            reader.warn(node.place, format_args!("{kind}: all instruments share the limit `default`; this is ignored"));
        }
    }
    Ok(())
}
