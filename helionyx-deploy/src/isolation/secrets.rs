//! Secrets that must be distinct, compared by digests under a key of the moment. Reads the host.

use super::{Look, Shared, code};
use crate::digest::Digest;
use crate::host::{Host, HostError};
use crate::model::finding::Place;
use crate::model::{Environment, Kind};
use crate::render::env_file::{Systemd, grammar, is_placeholder};
use crate::state::Node;

/// The largest environment file that is read, in bytes.
const FILE_LIMIT: u64 = 1024 * 1024;

/// A secret that was seen, but not what it is.
pub(super) struct Seen {
    name: String,
    digest: Digest,
    place: Place,
}

/// The secrets of an environment that must be distinct, as far as they are filled in.
pub(super) fn seen(
    host: &dyn Host,
    environment: &Environment,
    key: &[u8; 32],
) -> Result<Vec<Seen>, HostError> {
    let path = environment.layout.secrets();
    let is_distinct = |name: &str| {
        let mut variables = environment.variables.iter();
        variables.any(|(known, variable)| {
            known.as_str() == name && variable.kind == Kind::Secret && variable.is_distinct
        })
    };
    if !environment.variables.values().any(|one| one.is_distinct && one.kind == Kind::Secret)
        || !matches!(host.node(&path)?, Node::File { .. })
    {
        return Ok(Vec::new());
    }
    let bytes = host.read(&path, FILE_LIMIT)?;
    let read = grammar::read(&bytes, Systemd::V257);
    let mut seen: Vec<Seen> = Vec::new();
    for assignment in &read.assignments {
        let grammar::Key::Name(name) = &assignment.key else { continue };
        let Some(value) = assignment.value.as_ref().filter(|_| is_distinct(name)) else { continue };
        // Of a variable that stands twice, the last value counts.
        seen.retain(|earlier| earlier.name != *name);
        if value.expose().trim().is_empty() || is_placeholder(value.expose()) {
            continue;
        }
        let line = bytes[..assignment.at].iter().filter(|byte| **byte == b'\n').count() + 1;
        let place = Place { file: path.to_string(), line, column: 1 };
        seen.push(Seen { name: name.clone(), digest: value.digest(key), place });
    }
    Ok(seen)
}

/// Secrets of one app that are the same in both.
pub(super) fn between(earlier: &Look<'_>, later: &Look<'_>) -> Vec<Shared> {
    if earlier.environment.app != later.environment.app {
        return Vec::new();
    }
    let clash = |secret: &Seen| {
        let same = |other: &&Seen| other.name == secret.name && other.digest == secret.digest;
        let other = earlier.secrets.iter().find(same)?;
        let message = format!("{}: the same value as at {}", secret.name, other.place);
        let hint = "give every environment a value of its own: the variable is `distinct`";
        let owners = vec![earlier.environment.id(), later.environment.id()];
        let place = secret.place.clone();
        Some(Shared::new(owners, place, code::SHARED_SECRET, message, hint))
    };
    later.secrets.iter().filter_map(clash).collect()
}
