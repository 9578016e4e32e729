//! Without the feature `web` there is no HTTP API, and who asks for it is told.

use super::Variables;
use crate::Error;
use crate::config::Draft;

pub(super) fn read(variables: &Variables<'_>, _: &mut Draft) -> Result<(), Error> {
    match variables.text("BELLWETHER_WEB") {
        Some(address) => {
            Err(Error::invalid("BELLWETHER_WEB", address, "none: bellwether was built without its feature `web`"))
        }
        None => Ok(()),
    }
}
