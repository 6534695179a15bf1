//! Rules between the values of environments' variables. No I/O.

use camino::Utf8Path;

use super::{Claim, Claims, Finding, Kind, Place, code, finding, text};
use crate::name::Port;

/// Ports that both take: with `port`, or with a value that must be distinct.
pub fn ports(earlier: &Claims, later: &Claims) -> Vec<Finding> {
    let (there, here) = (ports_of(earlier), ports_of(later));
    let pairs = there.iter().flat_map(|one| here.iter().map(move |other| (one, other)));
    let equal = pairs.filter(|((one, _), (other, _))| one == other);
    equal.map(|((port, there), (_, here))| taken_port(*port, there, here)).collect()
}

/// Every port once: `{port}` as a value is the port itself.
fn ports_of(claims: &Claims) -> Vec<(Port, Place)> {
    let mut ports: Vec<(Port, Place)> = claims.port.iter().cloned().collect();
    for claim in distinct(claims, |kind| *kind == Kind::Port) {
        let port = claim.value.parse::<i64>().ok().and_then(|port| Port::try_from(port).ok());
        let new = port.filter(|port| ports.iter().all(|(known, _)| known != port));
        ports.extend(new.map(|port| (port, claim.place.clone())));
    }
    ports
}

fn taken_port(port: Port, there: &Place, here: &Place) -> Finding {
    let message = format!("port {port} is taken at {there}");
    finding(here, code::SHARED_PORT, message, "give every environment a port of its own")
}

/// Values of one variable of one app that must be distinct, and are equal.
pub fn texts(earlier: &Claims, later: &Claims) -> Vec<Finding> {
    if earlier.owner.0 != later.owner.0 {
        return Vec::new();
    }
    let others = |kind: &Kind| !matches!(kind, Kind::Port | Kind::Path);
    let clash = |claim: &Claim| {
        let same = |other: &&Claim| other.name == claim.name && other.value == claim.value;
        let other = distinct(earlier, others).find(same)?;
        Some(taken(claim, other))
    };
    distinct(later, others).filter_map(clash).collect()
}

/// Paths among the values: those that must be distinct do not meet, and none leads into a directory
/// of another environment.
pub fn paths(earlier: &Claims, later: &Claims) -> Vec<Finding> {
    let is_path = |kind: &Kind| *kind == Kind::Path;
    let mut found = Vec::new();
    for claim in distinct(later, is_path) {
        let meets = |other: &&Claim| {
            text::overlap(Utf8Path::new(&claim.value), Utf8Path::new(&other.value))
        };
        let other = distinct(earlier, is_path).find(meets);
        found.extend(other.map(|other| taken(claim, other)));
    }
    for (claims, other) in [(earlier, later), (later, earlier)] {
        found.extend(claims.values.iter().filter_map(|claim| foreign(claim, other)));
    }
    found
}

fn distinct(claims: &Claims, of: impl Fn(&Kind) -> bool) -> impl Iterator<Item = &Claim> {
    claims.values.iter().filter(move |claim| claim.is_distinct && of(&claim.kind))
}

/// Says that two lines give the same value; a value of a model is no secret.
fn taken(claim: &Claim, other: &Claim) -> Finding {
    let (name, value, there) = (&claim.name, &claim.value, &other.place);
    let message = match *value == other.value {
        true => format!("`{name}` is `{value}`, which is taken at {there}"),
        false => format!("`{name}` is `{value}`, which meets `{}` at {there}", other.value),
    };
    let hint = "give every environment a value of its own: the variable is `distinct`";
    finding(&claim.place, code::SHARED_VALUE, message, hint)
}

/// A path that leads into what belongs to another environment.
fn foreign(claim: &Claim, other: &Claims) -> Option<Finding> {
    if claim.kind != Kind::Path {
        return None;
    }
    let inside = |path: &Utf8Path| Utf8Path::new(&claim.value).starts_with(path);
    let into = other.directories.iter().find(|directory| inside(&directory.path))?;
    let (name, value, (app, environment)) = (&claim.name, &claim.value, &other.owner);
    let message = format!(
        "`{name}` is `{value}`, which lies in `{}` of {app}/{environment} at {}",
        into.key, into.place
    );
    let hint = "write a path of its own, e.g. below \"{data}\"";
    Some(finding(&claim.place, code::FOREIGN_PATH, message, hint))
}
