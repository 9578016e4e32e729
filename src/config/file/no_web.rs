//! Without the feature `web` there is no HTTP API, and who asks for it is told.

use crate::config::Draft;
use crate::yaml::{Fault, Node, Reader};

pub(super) fn read<'n>(reader: &Reader<'n>, node: &'n Node, _: &mut Draft) -> Result<(), Fault> {
    let section = reader.section(node, &["address", "timeout", "max_samples", "max_connections"])?;
    match section.get("address") {
        Some(node) => Err(reader.error(node.place, "web: bellwether was built without its feature `web`")),
        None => Ok(()),
    }
}
