//! Rules between environments: on one host they share nothing. No I/O.

use camino::{Utf8Path, Utf8PathBuf};

use super::placement::Placement;
use super::variables::Claim;
use super::{App, Reader, Span, runtime, text};
use crate::model::finding::{Finding, Place, Severity};
use crate::model::{Kind, code};
use crate::name::{AppName, EnvironmentName, HostName, Port, UserName};

mod values;

/// What an environment takes for itself, each with the place that says so.
#[derive(Debug)]
pub struct Claims {
    /// Whose they are: `app/environment`.
    pub owner: (AppName, EnvironmentName),
    host: Option<HostName>,
    port: Option<(Port, Place)>,
    directories: Vec<Directory>,
    user: Option<(UserName, Place)>,
    /// Whether another environment may run as the same user.
    shares_user: bool,
    units: Vec<(String, Place)>,
    values: Vec<Claim>,
}

/// A directory that an environment takes for itself.
#[derive(Debug)]
struct Directory {
    key: &'static str,
    /// What is said when another environment takes it for the same.
    code: &'static str,
    path: Utf8PathBuf,
    place: Place,
}

/// Two environments that share something.
#[derive(Debug)]
pub struct Conflict {
    /// Who shares it.
    pub owners: [(AppName, EnvironmentName); 2],
    /// What is said about it, at the later one's place.
    pub finding: Finding,
}

impl Claims {
    /// What an environment takes, as far as its files are right.
    pub fn new(
        app: &App,
        name: &EnvironmentName,
        (placement, run, values): (&Placement, &runtime::Draft, Vec<Claim>),
        reader: &Reader<'_>,
    ) -> Claims {
        let directory = |key, code, found: &Option<(Utf8PathBuf, Span)>| {
            let (path, span) = found.as_ref()?;
            Some(Directory { key, code, path: path.clone(), place: reader.place(span) })
        };
        let directories = [
            directory("root", code::SHARED_ROOT, &placement.root),
            directory("data", code::SHARED_DATA, &placement.data),
            directory("backups", code::SHARED_BACKUPS, &placement.backups),
        ];
        let port = placement.port.as_ref();
        let user = run.user.as_ref();
        let units = run.suffix.iter().flat_map(|(suffix, span)| {
            let services = app.services.iter().map(move |service| &service.model.name);
            services.map(move |name| (format!("{name}{suffix}.service"), reader.place(span)))
        });
        Claims {
            owner: (app.name.clone(), name.clone()),
            host: run.host.clone(),
            port: port.map(|port| (*port.get_ref(), reader.place(&port.span()))),
            directories: directories.into_iter().flatten().collect(),
            user: user.map(|(user, span)| (user.clone(), reader.place(span))),
            shares_user: app.shared_user,
            units: units.collect(),
            values,
        }
    }

    /// Whether both may be on one host.
    fn meets(&self, other: &Claims) -> bool {
        self.host.is_none() || other.host.is_none() || self.host == other.host
    }
}

/// Compares every environment with every other one on its host.
pub fn conflicts(all: &[Claims]) -> Vec<Conflict> {
    let pairs = all.iter().enumerate();
    let pairs = pairs.flat_map(|(index, one)| all[..index].iter().map(move |other| (other, one)));
    pairs
        .filter(|(one, other)| one.meets(other))
        .flat_map(|(one, other)| between(one, other))
        .collect()
}

fn between(earlier: &Claims, later: &Claims) -> Vec<Conflict> {
    let mut found = directories(earlier, later);
    let disjoint = found.is_empty();
    found.extend(values::ports(earlier, later));
    found.extend(users(earlier, later));
    found.extend(units(earlier, later));
    found.extend(values::texts(earlier, later));
    // Values lie below these directories: what follows from theirs is said once.
    if disjoint {
        found.extend(values::paths(earlier, later));
    }
    let owners = [earlier.owner.clone(), later.owner.clone()];
    found.into_iter().map(|finding| Conflict { owners: owners.clone(), finding }).collect()
}

/// Directories of one kind that meet; where there are none, directories of different kinds.
fn directories(earlier: &Claims, later: &Claims) -> Vec<Finding> {
    let pairs = || {
        let each = earlier.directories.iter();
        each.flat_map(|one| later.directories.iter().map(move |other| (one, other)))
            .filter(|(one, other)| text::overlap(&one.path, &other.path))
    };
    let same: Vec<_> = pairs().filter(|(one, other)| one.key == other.key).collect();
    let roots = same.iter().any(|(one, _)| one.key == "root");
    // Data below shared roots is shared for that reason: it is said once.
    let said = |one: &Directory, other: &Directory| {
        let below = |claims: &Claims, path: &Utf8Path| {
            claims.directories.iter().any(|root| root.key == "root" && path.starts_with(&root.path))
        };
        roots && one.key != "root" && below(earlier, &one.path) && below(later, &other.path)
    };
    let same = same.into_iter().filter(|(one, other)| !said(one, other));
    let same: Vec<_> = same.map(|(one, other)| shared(one, other, other.code)).collect();
    if !same.is_empty() {
        return same;
    }
    pairs().map(|(one, other)| shared(one, other, code::SHARED_PATH)).take(1).collect()
}

fn shared(one: &Directory, other: &Directory, code: &'static str) -> Finding {
    let (key, path, there) = (other.key, &other.path, &one.place);
    let message = match one.path == *path {
        true => format!("`{key}` is `{path}`, which is taken at {there}"),
        false => format!("`{key}` is `{path}`, which meets `{}` at {there}", one.path),
    };
    finding(&other.place, code, message, "give every environment directories of its own")
}

fn users(earlier: &Claims, later: &Claims) -> Option<Finding> {
    let ((user, there), (other, here)) = (earlier.user.as_ref()?, later.user.as_ref()?);
    if user != other || earlier.shares_user && later.shares_user {
        return None;
    }
    let message = format!("the user `{user}` is taken at {there}");
    let hint =
        "give every environment a user of its own, or write `shared_user = true` in app.toml";
    Some(finding(here, code::SHARED_USER, message, hint))
}

fn units(earlier: &Claims, later: &Claims) -> Vec<Finding> {
    let clash = |(unit, here): &(String, Place)| {
        let (_, there) = earlier.units.iter().find(|(other, _)| other == unit)?;
        let message = format!("the unit `{unit}` is taken at {there}");
        let hint =
            "write a `unit_suffix` of its own for every environment, e.g. \"-{environment}\"";
        Some(finding(here, code::SHARED_UNIT, message, hint))
    };
    later.units.iter().filter_map(clash).collect()
}

fn finding(place: &Place, code: &'static str, message: String, hint: &str) -> Finding {
    let (place, severity) = (place.clone(), Severity::Error);
    Finding { place, severity, code, message, hint: hint.to_owned() }
}
