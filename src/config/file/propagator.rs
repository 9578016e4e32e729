//! `propagator`: how context travels between services.

use crate::config::Propagator;
use crate::config::words::{self, PROPAGATORS};
use crate::yaml::{Fault, Node, Reader};

/// The propagators of `composite`, then those of `composite_list`, each once.
pub(super) fn read<'n>(reader: &mut Reader<'n>, node: &'n Node) -> Result<Vec<Propagator>, Fault> {
    let section = reader.section(node, &["composite", "composite_list"])?;
    let mut found: Vec<Option<Propagator>> = Vec::new();
    for node in section.list("composite")? {
        let kind = reader.kind(
            node,
            "propagator",
            &["tracecontext", "baggage"],
            &["b3", "b3multi", "jaeger", "xray", "ottrace"],
        )?;
        found.extend(kind.and_then(|(word, _)| words::find(word, PROPAGATORS).ok()));
    }
    let list = section.text("composite_list")?.unwrap_or_default();
    for word in list.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        match words::find(word, PROPAGATORS) {
            Ok(propagator) => found.push(propagator),
            Err(unfit) if unfit.known => {
                let place = section.get("composite_list").map_or(section.place, |node| node.place);
                let message =
                    format!("propagator {word:?} is not supported and has no effect; expected {}", unfit.expected);
                reader.warn(place, message);
            }
            Err(unfit) => return Err(section.invalid("composite_list", word, &unfit.expected)),
        }
    }
    let mut propagators = Vec::new();
    for propagator in found.into_iter().flatten() {
        if !propagators.contains(&propagator) {
            propagators.push(propagator);
        }
    }
    Ok(propagators)
}
