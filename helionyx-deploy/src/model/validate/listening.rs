//! Rules for the port that is asked, and the one that is listened on. No I/O.

use super::placement::Placement;
use super::variables::Claim;
use super::{App, Reader};
use crate::model::{Kind, code};
use crate::template::{Placeholder, Template};

/// Warns of a port of its own that no probe asks, where nothing says that the service knows the
/// environment's.
pub fn asked(app: &App, claims: &[Claim], place: &Placement, reader: &mut Reader<'_>) {
    let mut probed = app.services.iter().filter(|service| service.model.listens_on_the_port());
    let (Some(service), Some(port)) = (probed.next(), &place.port) else { return };
    let port = port.get_ref().to_string();
    let is_port = |claim: &&Claim| claim.kind == Kind::Port;
    let mut words = service.model.exec.iter().flat_map(Template::placeholders);
    let is_told = words.any(|used| used == Placeholder::Port)
        || claims.iter().filter(is_port).any(|claim| claim.value == port);
    if is_told {
        return;
    }
    for claim in claims.iter().filter(is_port).filter(|claim| claim.is_distinct) {
        let (name, value) = (&claim.name, &claim.value);
        let message = format!("`{name}` is {value}, and the probes ask port {port}");
        let hint = format!("write `{name} = \"{{port}}\"` where the service listens on it");
        reader.warning_at(&claim.place, code::OTHER_PORT, message, hint.into());
    }
}
