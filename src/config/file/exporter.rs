//! Exporters, which the three providers share.

use super::section::Settings;
use crate::config::words::{COMPRESSIONS, HISTOGRAM_AGGREGATIONS, Words};
use crate::config::{Draft, Exporter, parse};
use crate::exporters::otlp::{Endpoint, Protocol, TemporalityPreference, Tls};
use crate::model::Signal;
use crate::yaml::{Content, Entry, Fault, Node, Reader, Section};

/// The schema's words differ from the variable's in one underscore.
const TEMPORALITIES: &Words<TemporalityPreference> = &[
    ("cumulative", Some(TemporalityPreference::Cumulative)),
    ("delta", Some(TemporalityPreference::Delta)),
    ("low_memory", Some(TemporalityPreference::LowMemory)),
];

/// `OtlpHttpEncoding` of the schema.
const ENCODINGS: &Words<()> = &[("protobuf", Some(())), ("json", None)];

/// Keys of the OTLP exporters that have no effect: requests are split at limits of our own.
const IGNORED: [&str; 2] = ["max_request_size", "max_response_size"];
/// Keys of a metric exporter besides.
const METRICS: [&str; 2] = ["temporality_preference", "default_histogram_aggregation"];

/// The exporter that `node` describes, its endpoint put into the draft. `None` for one that is not supported, after a
/// warning.
pub(super) fn read<'n>(
    reader: &mut Reader<'n>,
    node: &'n Node,
    signal: Signal,
    draft: &mut Draft,
) -> Result<Option<Exporter>, Fault> {
    let kind = reader.kind(node, "exporter", &["otlp_http", "otlp_grpc", "console"], &["otlp_file/development"])?;
    let Some((kind, node)) = kind else { return Ok(None) };
    let protocol = match kind {
        "otlp_http" => Protocol::HttpProtobuf,
        "otlp_grpc" => Protocol::Grpc,
        _ => {
            let keys: &[&str] = if signal == Signal::Metrics { &METRICS } else { &[] };
            let section = reader.section(node, keys)?;
            metrics(reader, &section, draft)?;
            return Ok(Some(Exporter::Console));
        }
    };
    let mut keys = vec!["endpoint", "tls", "headers", "headers_list", "compression", "timeout"];
    keys.extend(IGNORED);
    if protocol == Protocol::HttpProtobuf {
        keys.push("encoding");
    }
    if signal == Signal::Metrics {
        keys.extend(METRICS);
    }
    let section = reader.section(node, &keys)?;
    section.ignore(reader, &IGNORED);
    section.choice(reader, "encoding", ENCODINGS)?;
    metrics(reader, &section, draft)?;
    let endpoint = endpoint(reader, &section, signal, protocol)?;
    match signal {
        Signal::Traces => draft.otlp.traces = endpoint,
        Signal::Metrics => draft.otlp.metrics = endpoint,
        Signal::Logs => draft.otlp.logs = endpoint,
    }
    Ok(Some(Exporter::Otlp))
}

/// Which of these processors or readers settles what all of them share, such as the schedule: the first that sends over
/// OTLP, else the first that writes to the console. What is wrong with them is said when they are read.
pub(super) fn leading(nodes: &[Node]) -> Option<usize> {
    let leads = |kinds: &[&str]| {
        nodes.iter().position(|node| {
            let exporter = first(node).and_then(|(_, body)| entries(body).iter().find(|entry| entry.key == "exporter"));
            exporter.and_then(|entry| first(&entry.value)).is_some_and(|(kind, _)| kinds.contains(&kind))
        })
    };
    leads(&["otlp_http", "otlp_grpc"]).or_else(|| leads(&["console"]))
}

fn entries(node: &Node) -> &[Entry] {
    match &node.content {
        Content::Mapping(entries) => entries,
        _ => &[],
    }
}

fn first(node: &Node) -> Option<(&str, &Node)> {
    entries(node).first().map(|entry| (entry.key.as_str(), &entry.value))
}

fn metrics<'n>(reader: &mut Reader<'n>, section: &Section<'n>, draft: &mut Draft) -> Result<(), Fault> {
    if let Some(temporality) = section.choice(reader, "temporality_preference", TEMPORALITIES)? {
        draft.otlp.temporality = temporality;
    }
    if let Some(aggregation) = section.choice(reader, "default_histogram_aggregation", HISTOGRAM_AGGREGATIONS)? {
        draft.series.aggregation = aggregation;
    }
    Ok(())
}

fn endpoint<'n>(
    reader: &mut Reader<'n>,
    section: &Section<'n>,
    signal: Signal,
    protocol: Protocol,
) -> Result<Endpoint, Fault> {
    let mut endpoint = Endpoint::default_for(signal, protocol);
    let mut insecure = false;
    if let Some(node) = section.get("tls") {
        let mut keys = vec!["ca_file", "key_file", "cert_file"];
        keys.extend((protocol == Protocol::Grpc).then_some("insecure"));
        let tls = reader.section(node, &keys)?;
        insecure = tls.flag("insecure")?.unwrap_or(false);
        endpoint.tls = Tls {
            certificate: tls.path("ca_file")?,
            client_certificate: tls.path("cert_file")?,
            client_key: tls.path("key_file")?,
        };
        if endpoint.tls.client_certificate.is_some() != endpoint.tls.client_key.is_some() {
            return Err(tls.error(tls.place, "cert_file and key_file belong together; expected both or none"));
        }
    }
    if let Some(url) = section.text("endpoint")? {
        endpoint.url = parse::endpoint(url, protocol, signal, false, insecure)
            .map_err(|expected| section.invalid("endpoint", &parse::endpoint_shown(url), &expected))?;
    }
    endpoint.headers = headers(reader, section)?;
    endpoint.compression = section.choice(reader, "compression", COMPRESSIONS)?.unwrap_or_default();
    endpoint.timeout = section.timeout("timeout")?.unwrap_or(Endpoint::TIMEOUT);
    Ok(endpoint)
}

/// `headers_list`, and over it `headers`. Their values are never shown.
fn headers<'n>(reader: &Reader<'n>, section: &Section<'n>) -> Result<Vec<(String, String)>, Fault> {
    let mut headers = section.secret("headers_list", parse::headers)?.unwrap_or_default();
    for node in section.list("headers")? {
        let pair = reader.section(node, &["name", "value"])?;
        pair.required("name")?;
        if pair.present("value").is_none() {
            return Err(pair.error(pair.place, "value is missing here"));
        }
        let name = pair.text("name")?.unwrap_or_default();
        let header = pair.secret("value", |value| parse::header(name, value))?;
        if let Some((name, value)) = header {
            headers.retain(|(other, _)| *other != name);
            headers.push((name, value));
        }
    }
    Ok(headers)
}
