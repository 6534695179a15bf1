//! Rules between the values of environments' variables. No I/O.

use camino::Utf8Path;

use super::{Claim, Claims, Finding, Kind, Meeting, Place, code, finding, text};
use crate::name::Port;

/// Ports that both take: with `port`, or with a value that must be distinct.
pub fn ports(all: &[Claims], earlier: &Claims, later: &Claims) -> Vec<Finding> {
    let (there, here) = (ports_of(earlier), ports_of(later));
    let pairs = there.iter().flat_map(|one| here.iter().map(move |other| (one, other)));
    let equal = pairs.filter(|((one, _), (other, _))| one == other);
    let hint = "give every environment a port of its own";
    let taken = |((port, there), (_, here)): (&(Port, Place), &(Port, Place))| {
        let message = match there == here {
            true => {
                let has = |claims: &Claims| ports_of(claims).contains(&(*port, here.clone()));
                format!("port {port} is that of {}", owners(all, has))
            }
            false => format!("port {port} is taken at {there}"),
        };
        finding(here, code::SHARED_PORT, message, hint)
    };
    equal.map(taken).collect()
}

/// Every port once: `{port}` as a value is the port itself.
fn ports_of(claims: &Claims) -> Vec<(Port, Place)> {
    let mut ports: Vec<(Port, Place)> = claims.ports.clone();
    for claim in distinct(claims, |kind| *kind == Kind::Port) {
        let port = claim.value.parse::<i64>().ok().and_then(|port| Port::try_from(port).ok());
        let new = port.filter(|port| ports.iter().all(|(known, _)| known != port));
        ports.extend(new.map(|port| (port, claim.place.clone())));
    }
    ports
}

/// Values of one variable of one app that must be distinct, and are equal.
pub fn texts(all: &[Claims], earlier: &Claims, later: &Claims) -> Vec<Finding> {
    if earlier.owner.0 != later.owner.0 {
        return Vec::new();
    }
    let others = |kind: &Kind| !matches!(kind, Kind::Port | Kind::Path);
    let clash = |claim: &Claim| {
        let same = |other: &&Claim| other.name == claim.name && other.value == claim.value;
        let other = distinct(earlier, others).find(same)?;
        Some(taken(all, claim, other))
    };
    distinct(later, others).filter_map(clash).collect()
}

/// Paths among the values: none leads into a directory of another environment, and those that must
/// be distinct do not meet. What meets because directories do was said of these.
pub fn paths(
    all: &[Claims],
    earlier: &Claims,
    later: &Claims,
    meetings: &[Meeting<'_>],
) -> Vec<Finding> {
    let said = |one: &Utf8Path, other: &Utf8Path| {
        meetings.iter().any(|meeting| meeting.explains(one, other))
    };
    let into_later = earlier.values.iter().filter_map(|claim| {
        let found = foreign(claim, later, |path, directory| said(path, directory))?;
        Some((claim, found))
    });
    let into_earlier = later.values.iter().filter_map(|claim| {
        let found = foreign(claim, earlier, |path, directory| said(directory, path))?;
        Some((claim, found))
    });
    let strays: Vec<_> = into_later.chain(into_earlier).collect();
    let is_stray = |claim: &Claim| strays.iter().any(|(stray, _)| std::ptr::eq(*stray, claim));
    let is_path = |kind: &Kind| *kind == Kind::Path;
    let clash = |claim: &Claim| {
        let meets = |other: &&Claim| {
            let (one, other) = (Utf8Path::new(&other.value), Utf8Path::new(&claim.value));
            text::overlap(one, other) && !said(one, other)
        };
        let mut others = distinct(earlier, is_path).filter(|other| !is_stray(other));
        Some(taken(all, claim, others.find(meets)?))
    };
    let same = distinct(later, is_path).filter(|claim| !is_stray(claim)).filter_map(clash);
    let same: Vec<_> = same.collect();
    strays.into_iter().map(|(_, found)| found).chain(same).collect()
}

fn distinct(claims: &Claims, of: impl Fn(&Kind) -> bool) -> impl Iterator<Item = &Claim> {
    claims.values.iter().filter(move |claim| claim.is_distinct && of(&claim.kind))
}

/// Says that two lines give the same value; a value of a model is no secret.
fn taken(all: &[Claims], claim: &Claim, other: &Claim) -> Finding {
    let (name, value, there) = (&claim.name, &claim.value, &other.place);
    if claim.place == *there {
        let has = |claims: &Claims| {
            let same = |one: &Claim| one.place == claim.place && one.value == claim.value;
            claims.values.iter().any(same)
        };
        let message = format!("`{name}` is `{value}` in {}", owners(all, has));
        let hint = "remove the value here, and give every environment one of its own: the \
                    variable is `distinct`";
        return finding(&claim.place, code::SHARED_VALUE, message, hint);
    }
    let message = match *value == other.value {
        true => format!("`{name}` is `{value}`, which is taken at {there}"),
        false => format!("`{name}` is `{value}`, which meets `{}` at {there}", other.value),
    };
    let hint = "give every environment a value of its own: the variable is `distinct`";
    finding(&claim.place, code::SHARED_VALUE, message, hint)
}

/// The environments of which this holds.
fn owners(all: &[Claims], has: impl Fn(&Claims) -> bool) -> String {
    let names = all.iter().filter(|claims| has(claims)).map(|claims| &claims.owner);
    names.map(|(app, name)| format!("{app}/{name}")).collect::<Vec<_>>().join(", ")
}

/// A path that leads into what belongs to another environment, if that was not `said` already.
fn foreign(
    claim: &Claim,
    other: &Claims,
    said: impl Fn(&Utf8Path, &Utf8Path) -> bool,
) -> Option<Finding> {
    if claim.kind != Kind::Path {
        return None;
    }
    let path = Utf8Path::new(&claim.value);
    let inside = |into: &Utf8Path| path.starts_with(into) && !said(path, into);
    let into = other.directories.iter().find(|directory| inside(&directory.path))?;
    let (name, value, (app, environment)) = (&claim.name, &claim.value, &other.owner);
    let message = format!(
        "`{name}` is `{value}`, which lies in `{}` of {app}/{environment} at {}",
        into.key, into.place
    );
    let hint = "write a path of its own, e.g. below \"{data}\"";
    Some(finding(&claim.place, code::FOREIGN_PATH, message, hint))
}
