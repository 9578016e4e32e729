//! `web` of `distribution: bellwether:`: the HTTP API. Without an address, or with an empty one, there is none.

use std::time::Duration;

use super::section::Settings;
use crate::config::Draft;
use crate::web::Web;
use crate::yaml::{Fault, Node, Reader};

pub(super) fn read<'n>(reader: &Reader<'n>, node: &'n Node, draft: &mut Draft) -> Result<(), Fault> {
    let section = reader.section(node, &["address", "timeout", "max_samples", "max_connections"])?;
    let timeout = section.count("timeout", 1)?.map_or(Web::TIMEOUT, |number| Duration::from_millis(number as u64));
    let max_samples = section.count("max_samples", 1)?.unwrap_or(Web::MAX_SAMPLES);
    let max_connections = section.count("max_connections", 1)?.unwrap_or(Web::MAX_CONNECTIONS);
    let web = section.parsed("address", |address| {
        let web = Web::at(address).given_by("web: address");
        if web.address().is_ok() { Ok(web) } else { Err(Web::EXPECTED.into()) }
    })?;
    draft.web = web.map(|web| web.timeout(timeout).max_samples(max_samples).max_connections(max_connections));
    Ok(())
}
