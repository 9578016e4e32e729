//! Without the feature `rules` there are no alerts, and who asks for some is told.

use crate::config::Draft;
use crate::yaml::{Fault, Node, Reader};

pub(super) fn read<'n>(reader: &Reader<'n>, node: &'n Node, _: &mut Draft) -> Result<(), Fault> {
    Err(reader.error(node.place, "alerts: bellwether was built without its feature `rules`"))
}
