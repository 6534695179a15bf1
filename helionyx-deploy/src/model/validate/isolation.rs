//! Rules between environments: on one host they share nothing. No I/O.

use camino::Utf8PathBuf;

use super::placement::Placement;
use super::variables::Claim;
use super::{App, Reader, Span, runtime, text};
use crate::model::finding::{Finding, Place, Severity};
use crate::model::{Kind, code};
use crate::name::{AppName, EnvironmentName, HostName, Port, UserName};

mod directories;
mod values;

use directories::Meeting;

/// What an environment takes for itself, each with the place that says so.
#[derive(Debug)]
pub struct Claims {
    /// Whose they are: `app/environment`.
    pub owner: (AppName, EnvironmentName),
    host: Option<HostName>,
    ports: Vec<(Port, Place)>,
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
        let ports = placement.port.iter().chain(placement.ports.values());
        let user = run.user.as_ref();
        let units = run.suffix.iter().flat_map(|(suffix, span)| {
            let services = app.services.iter().map(move |service| &service.model.name);
            services.map(move |name| (format!("{name}{suffix}.service"), reader.place(span)))
        });
        Claims {
            owner: (app.name.clone(), name.clone()),
            host: run.host.clone(),
            ports: ports.map(|port| (*port.get_ref(), reader.place(&port.span()))).collect(),
            directories: directories.into_iter().flatten().collect(),
            user: user.map(|(user, span)| (user.clone(), reader.place(span))),
            shares_user: app.shared_user,
            units: units.collect(),
            values,
        }
    }

    /// Whether both may be on one host.
    fn meets(&self, other: &Claims) -> bool {
        match (&self.host, &other.host) {
            (Some(one), Some(other)) => one.is_same(other.as_str()),
            _ => true,
        }
    }
}

/// Compares every environment with every other one on its host.
pub fn conflicts(all: &[Claims]) -> Vec<Conflict> {
    let pairs = all.iter().enumerate();
    let pairs = pairs.flat_map(|(index, one)| all[..index].iter().map(move |other| (other, one)));
    pairs
        .filter(|(one, other)| one.meets(other))
        .flat_map(|(one, other)| between(all, one, other))
        .collect()
}

fn between(all: &[Claims], earlier: &Claims, later: &Claims) -> Vec<Conflict> {
    let meetings = directories::meetings(earlier, later);
    let mut found: Vec<Finding> = meetings.iter().map(Meeting::finding).collect();
    found.extend(values::ports(all, earlier, later));
    found.extend(users(earlier, later));
    found.extend(units(earlier, later));
    found.extend(values::texts(all, earlier, later));
    found.extend(values::paths(all, earlier, later, &meetings));
    let owners = [earlier.owner.clone(), later.owner.clone()];
    found.into_iter().map(|finding| Conflict { owners: owners.clone(), finding }).collect()
}

/// Where two disagree, the place to say so and the place to point to: the later one, or the one that
/// somebody wrote where the other follows from names alone.
fn blamed<'p>(earlier: &'p Place, later: &'p Place) -> (&'p Place, &'p Place) {
    let is_written = |place: &Place| place.line > 0;
    if is_written(earlier) && !is_written(later) { (earlier, later) } else { (later, earlier) }
}

fn users(earlier: &Claims, later: &Claims) -> Option<Finding> {
    let ((user, there), (other, here)) = (earlier.user.as_ref()?, later.user.as_ref()?);
    let (here, there) = blamed(there, here);
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
        let (here, there) = blamed(there, here);
        let message = format!("the unit `{unit}` is taken at {there}");
        let hint = match earlier.owner.0 == later.owner.0 {
            true => {
                "write a `unit_suffix` of its own for every environment, e.g. \"-{environment}\""
            }
            // The default has no app in it.
            false => {
                "name the service otherwise, or write `unit_suffix = \"-{app}-{environment}\"`"
            }
        };
        Some(finding(here, code::SHARED_UNIT, message, hint))
    };
    later.units.iter().filter_map(clash).collect()
}

fn finding(place: &Place, code: &'static str, message: String, hint: &str) -> Finding {
    let (place, severity) = (place.clone(), Severity::Error);
    Finding { place, severity, code, message, hint: hint.into() }
}
