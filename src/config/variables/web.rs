//! The HTTP API.

use super::Variables;
use crate::Error;
use crate::config::Draft;
use crate::web::Web;

const NAME: &str = "BELLWETHER_WEB";

pub(super) fn read(variables: &Variables<'_>, draft: &mut Draft) -> Result<(), Error> {
    let Some(address) = variables.text(NAME) else { return Ok(()) };
    let web = Web::at(address).given_by(NAME);
    web.address()?;
    draft.web = Some(web);
    Ok(())
}
