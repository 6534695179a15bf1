//! What environments share on a host that their models cannot know: directories through symbolic
//! links, and secrets. Reads the host, changes nothing, and shows no value.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use crate::digest::Digest;
use crate::host::{Host, HostError};
use crate::model::finding::Place;
use crate::model::{Environment, Finding, Kind, Severity};
use crate::render::env_file::{Systemd, grammar, is_placeholder};
use crate::state::Node;

mod code {
    crate::model::code::codes! {
        LINKED = "linked-path": "Directories of two environments that symbolic links make one.";
        SHARED_SECRET = "shared-secret": "Two environments with the same value of a secret that must be distinct.";
    }
}

/// Every code of this module with its meaning.
pub const CODES: &[(&str, &str)] = code::ALL;

/// The largest environment file that is read, in bytes.
const FILE_LIMIT: u64 = 1024 * 1024;
/// So many symbolic links are followed: what the kernel does.
const MOST_LINKS: usize = 40;

/// What these environments share on this host, with the environments that do.
///
/// # Errors
/// A file or directory that cannot be looked at.
pub fn shared(host: &dyn Host, all: &[&Environment]) -> Result<Vec<Shared>, HostError> {
    let mut found = Vec::new();
    let key = host.key()?;
    let looked: Result<Vec<Look>, HostError> =
        all.iter().map(|environment| Look::at(host, environment, &key)).collect();
    let looked = looked?;
    for (index, later) in looked.iter().enumerate() {
        for earlier in &looked[..index] {
            found.extend(linked(earlier, later));
            found.extend(secrets(earlier, later));
        }
    }
    Ok(found)
}

/// Something that two environments share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// Their names, `app/environment`.
    pub owners: [String; 2],
    /// What it is.
    pub finding: Finding,
}

/// What was seen of an environment.
struct Look<'a> {
    environment: &'a Environment,
    directories: Vec<Directory>,
    secrets: Vec<Seen>,
}

/// A directory as it is named, and where it really lies.
struct Directory {
    key: &'static str,
    named: Utf8PathBuf,
    real: Utf8PathBuf,
}

/// A secret that was seen, but not what it is.
struct Seen {
    name: String,
    digest: Digest,
    place: Place,
}

impl<'a> Look<'a> {
    fn at(
        host: &dyn Host,
        environment: &'a Environment,
        key: &[u8; 32],
    ) -> Result<Look<'a>, HostError> {
        let layout = &environment.layout;
        let directories =
            [("root", &layout.root), ("data", &layout.data), ("backups", &environment.backups)];
        let real = directories.into_iter().map(|(key, named)| {
            Ok(Directory { key, named: named.clone(), real: resolve(host, named)? })
        });
        let directories = real.collect::<Result<_, HostError>>()?;
        Ok(Look { environment, directories, secrets: seen(host, environment, key)? })
    }
}

/// Where a path really lies; what is not there yet lies where it would be made.
fn resolve(host: &dyn Host, path: &Utf8Path) -> Result<Utf8PathBuf, HostError> {
    let mut open: Vec<String> = parts(path);
    let mut real = Utf8PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = open.pop() {
        if part == ".." {
            real.pop();
            continue;
        }
        let next = real.join(&part);
        let Node::Link { target } = host.node(&next)? else {
            real = next;
            continue;
        };
        links += 1;
        if links > MOST_LINKS {
            let why = "it leads through too many symbolic links";
            return Err(HostError::refused("follow", path, why));
        }
        if target.is_absolute() {
            real = Utf8PathBuf::from("/");
        }
        open.extend(parts(&target));
    }
    Ok(real)
}

/// The parts of a path, the last one first.
fn parts(path: &Utf8Path) -> Vec<String> {
    let named = |part: &Utf8Component<'_>| {
        matches!(part, Utf8Component::Normal(_) | Utf8Component::ParentDir)
    };
    path.components().filter(named).map(|part| part.to_string()).rev().collect()
}

/// Directories that are apart by their names, and not in fact.
fn linked(earlier: &Look<'_>, later: &Look<'_>) -> Option<Shared> {
    let overlap =
        |one: &Utf8Path, other: &Utf8Path| one.starts_with(other) || other.starts_with(one);
    let pairs = earlier.directories.iter();
    let mut pairs = pairs.flat_map(|one| later.directories.iter().map(move |other| (one, other)));
    let (one, other) = pairs.find(|(one, other)| {
        overlap(&one.real, &other.real) && !overlap(&one.named, &other.named)
    })?;
    let message = format!(
        "`{}` of {} is the same place as `{}` of {} at {}: {}",
        other.key,
        later.environment.id(),
        one.key,
        earlier.environment.id(),
        one.named,
        other.real
    );
    let hint = "remove the symbolic link, or write another directory";
    Some(Shared::new(
        earlier,
        later,
        Place::file(other.named.as_str()),
        code::LINKED,
        message,
        hint,
    ))
}

/// The secrets of an environment that must be distinct, as far as they are filled in.
fn seen(
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
    if !environment.variables.values().any(|variable| variable.is_distinct)
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
fn secrets(earlier: &Look<'_>, later: &Look<'_>) -> Vec<Shared> {
    if earlier.environment.app != later.environment.app {
        return Vec::new();
    }
    let clash = |secret: &Seen| {
        let same = |other: &&Seen| other.name == secret.name && other.digest == secret.digest;
        let other = earlier.secrets.iter().find(same)?;
        let message = format!("{}: the same value as at {}", secret.name, other.place);
        let hint = "give every environment a value of its own: the variable is `distinct`";
        let place = secret.place.clone();
        Some(Shared::new(earlier, later, place, code::SHARED_SECRET, message, hint))
    };
    later.secrets.iter().filter_map(clash).collect()
}

impl Shared {
    fn new(
        earlier: &Look<'_>,
        later: &Look<'_>,
        place: Place,
        code: &'static str,
        message: String,
        hint: &str,
    ) -> Shared {
        let (severity, hint) = (Severity::Error, hint.to_owned());
        let owners = [earlier.environment.id(), later.environment.id()];
        Shared { owners, finding: Finding { place, severity, code, message, hint } }
    }
}

#[cfg(test)]
mod tests;
