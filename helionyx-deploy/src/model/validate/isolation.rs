//! Rules between environments: on one host they share nothing. No I/O.

use camino::Utf8PathBuf;

use super::placement::Placement;
use super::{Reader, text};
use crate::model::code;
use crate::model::finding::{Finding, Place, Severity};
use crate::name::{AppName, EnvironmentName, Port};

/// What an environment takes for itself, each with the place that says so.
#[derive(Debug)]
pub struct Claims {
    /// Whose they are: `app/environment`.
    pub owner: (AppName, EnvironmentName),
    port: Option<(Port, Place)>,
    root: Option<(Utf8PathBuf, Place)>,
    data: Option<(Utf8PathBuf, Place)>,
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
    /// What an environment takes, as far as its file is right.
    pub fn new(
        app: &AppName,
        name: &EnvironmentName,
        placement: &Placement,
        reader: &Reader<'_>,
    ) -> Claims {
        let at = |found: &Option<(Utf8PathBuf, super::Span)>| {
            found.as_ref().map(|(path, span)| (path.clone(), reader.place(span)))
        };
        let port = placement.port.as_ref();
        Claims {
            owner: (app.clone(), name.clone()),
            port: port.map(|port| (*port.get_ref(), reader.place(&port.span()))),
            root: at(&placement.root),
            data: at(&placement.data),
        }
    }
}

/// Compares every environment with every other one.
pub fn conflicts(all: &[Claims]) -> Vec<Conflict> {
    let pairs = all.iter().enumerate();
    pairs
        .flat_map(|(index, one)| all[..index].iter().flat_map(|other| between(other, one)))
        .collect()
}

fn between(earlier: &Claims, later: &Claims) -> Vec<Conflict> {
    let root = paths("root", code::SHARED_ROOT, &earlier.root, &later.root);
    let data = paths("data", code::SHARED_DATA, &earlier.data, &later.data);
    // Data below shared roots is shared for that reason: it is said once.
    let data = data.filter(|_| root.is_none() || !(data_in_root(earlier) && data_in_root(later)));
    let crossed = if root.is_some() || data.is_some() {
        None
    } else {
        let path = code::SHARED_PATH;
        paths("data", path, &earlier.root, &later.data)
            .or_else(|| paths("root", path, &earlier.data, &later.root))
    };
    let found = [ports(earlier, later), root, data, crossed].into_iter().flatten();
    let owners = [earlier.owner.clone(), later.owner.clone()];
    found.map(|finding| Conflict { owners: owners.clone(), finding }).collect()
}

fn data_in_root(claims: &Claims) -> bool {
    matches!((&claims.root, &claims.data), (Some((root, _)), Some((data, _))) if data.starts_with(root))
}

fn ports(earlier: &Claims, later: &Claims) -> Option<Finding> {
    let ((port, there), (other, here)) = (earlier.port.as_ref()?, later.port.as_ref()?);
    (port == other).then(|| {
        let message = format!("port {port} is taken at {there}");
        finding(here, code::SHARED_PORT, message, "give every environment a port of its own")
    })
}

fn paths(
    key: &str,
    code: &'static str,
    earlier: &Option<(Utf8PathBuf, Place)>,
    later: &Option<(Utf8PathBuf, Place)>,
) -> Option<Finding> {
    let ((path, there), (other, here)) = (earlier.as_ref()?, later.as_ref()?);
    text::overlap(path, other).then(|| {
        let message = if path == other {
            format!("`{key}` is `{other}`, which is taken at {there}")
        } else {
            format!("`{key}` is `{other}`, which meets `{path}` at {there}")
        };
        finding(here, code, message, "give every environment directories of its own")
    })
}

fn finding(place: &Place, code: &'static str, message: String, hint: &str) -> Finding {
    let (place, severity) = (place.clone(), Severity::Error);
    Finding { place, severity, code, message, hint: hint.to_owned() }
}
