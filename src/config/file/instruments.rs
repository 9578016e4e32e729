//! `instruments` of `distribution: bellwether:`: units, descriptions and buckets of what events and code record.

use super::section::Settings;
use crate::series::Declared;
use crate::yaml::{Fault, Node, Reader, Section};

const KINDS: [&str; 4] = ["counter", "up_down_counter", "gauge", "histogram"];

/// The declarations of a list, each of another name.
pub(super) fn read<'n>(reader: &Reader<'n>, section: &Section<'n>) -> Result<Vec<Declared>, Fault> {
    let mut all: Vec<Declared> = Vec::new();
    for node in section.list("instruments")? {
        let declared = instrument(reader, node)?;
        if all.iter().any(|known| known.is_named_like(&declared)) {
            return Err(reader.error(node.place, format!("{} is declared twice", declared.name)));
        }
        all.push(declared);
    }
    Ok(all)
}

fn instrument<'n>(reader: &Reader<'n>, node: &'n Node) -> Result<Declared, Fault> {
    let entry = reader.one(node, "instrument", &KINDS)?;
    let is_histogram = entry.key == "histogram";
    let mut keys = vec!["name", "unit", "description"];
    keys.extend(is_histogram.then_some("boundaries"));
    let section = reader.section(&entry.value, &keys)?;
    section.required("name")?;
    let text = |key: &str| Ok::<_, Fault>(section.text(key)?.unwrap_or_default());
    let (name, unit, description) = (text("name")?, text("unit")?, text("description")?);
    Ok(match entry.key.as_str() {
        "counter" => Declared::counter(name, unit, description),
        "up_down_counter" => Declared::up_down_counter(name, unit, description),
        "gauge" => Declared::gauge(name, unit, description),
        _ => {
            let boundaries = section.ascending("boundaries")?.unwrap_or_default();
            let declared = Declared::histogram(name, unit, description).with_boundaries(&boundaries);
            declared.check().map_err(|error| reader.error(entry.place, error.to_string()))?;
            declared
        }
    })
}
