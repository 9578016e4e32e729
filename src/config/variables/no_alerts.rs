//! Without the feature `rules` there are no alerts, and who asks for some is told.

use super::Variables;
use crate::Error;
use crate::config::Draft;

pub(super) fn read(variables: &mut Variables<'_>, _: &mut Draft) -> Result<(), Error> {
    let none = "none: bellwether was built without its feature `rules`";
    if variables.flag("BELLWETHER_ALERTS") == Some(true) {
        return Err(Error::invalid("BELLWETHER_ALERTS", "true", none));
    }
    match variables.text("BELLWETHER_RULE_FILES") {
        Some(files) => Err(Error::invalid("BELLWETHER_RULE_FILES", files, none)),
        None => Ok(()),
    }
}
