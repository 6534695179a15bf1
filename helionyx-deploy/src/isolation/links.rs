//! Directories and state that symbolic links make one. Reads the host.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use super::{Directory, Look, Shared, code};
use crate::host::{Host, HostError};
use crate::layout::Layout;
use crate::model::at_risk;
use crate::model::finding::Place;
use crate::state::Node;

/// So many symbolic links are followed: what the kernel does.
const MOST_LINKS: usize = 40;
/// What to do about a link.
const HINT: &str = "remove the symbolic link, or write another directory";

/// Where a path really lies; what is not there yet lies where it would be made.
pub(crate) fn resolve(host: &dyn Host, path: &Utf8Path) -> Result<Utf8PathBuf, HostError> {
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

/// What is apart by its name, and not in fact. What lies below directories that are one is so for
/// that reason.
pub(super) fn between(earlier: &Look<'_>, later: &Look<'_>) -> Vec<Shared> {
    let pairs = earlier.directories.iter();
    let pairs = pairs.flat_map(|one| later.directories.iter().map(move |other| (one, other)));
    let mut pairs: Vec<_> = pairs.filter(|(one, other)| is_linked(one, other)).collect();
    pairs.sort_by_key(|(one, other)| one.key != other.key);
    let mut kept: Vec<(&Directory, &Directory)> = Vec::new();
    for (one, other) in pairs {
        if !kept.iter().any(|kept| explains(*kept, (one, other))) {
            kept.push((one, other));
        }
    }
    let owners = || vec![earlier.environment.id(), later.environment.id()];
    let said = kept.into_iter().map(|(one, other)| {
        let message = format!(
            "`{}` of {} is the same place as `{}` of {} at {}: {}",
            other.key,
            later.environment.id(),
            one.key,
            earlier.environment.id(),
            one.named,
            other.real
        );
        Shared::new(owners(), Place::file(other.named.as_str()), code::LINKED, message, HINT)
    });
    said.collect()
}

/// What of one environment a link lays where it is not safe: backups into the data that they are of,
/// data and state where releases and caches are removed.
pub(super) fn own(look: &Look<'_>) -> Vec<Shared> {
    let id = look.environment.id();
    let of = |key: &str| look.directories.iter().find(|directory| directory.key == key);
    let mut found: Vec<(&Directory, String)> = Vec::new();
    let both = of("data").zip(of("backups")).filter(|(data, backups)| is_linked(data, backups));
    found.extend(both.map(|(data, backups)| {
        (backups, format!("is the same place as its `data` at {}", data.named))
    }));
    found.extend(of("root").map(|root| at_risk_in(root, look)).unwrap_or_default());
    let said = found.into_iter().map(|(directory, what)| {
        let message = format!("`{}` of {id} {what}: {}", directory.key, directory.real);
        let place = Place::file(directory.named.as_str());
        Shared::new(vec![id.clone()], place, code::LINKED, message, HINT)
    });
    said.collect()
}

/// What lies below its own root where that is not for data, and does not by its name: that was said
/// of the model.
fn at_risk_in<'l>(root: &Directory, look: &'l Look<'_>) -> Vec<(&'l Directory, String)> {
    let complaint = |root: &Utf8Path, path: &Utf8Path| {
        at_risk(&Layout { root: root.to_owned(), data: root.to_owned() }, path)
    };
    let mut found: Vec<(&Directory, String)> = Vec::new();
    for directory in look.directories.iter().filter(|directory| directory.key != "root") {
        let Some(what) = complaint(&root.real, &directory.real) else { continue };
        let was_said = complaint(&root.named, &directory.named).is_some()
            || found.iter().any(|(said, _)| directory.real.starts_with(&said.real));
        if !was_said {
            found.push((directory, what));
        }
    }
    found
}

fn is_linked(one: &Directory, other: &Directory) -> bool {
    overlap(&one.real, &other.real) && !overlap(&one.named, &other.named)
}

fn overlap(one: &Utf8Path, other: &Utf8Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

/// Whether two directories meet because two others do, which lie around them or in them.
fn explains(kept: (&Directory, &Directory), pair: (&Directory, &Directory)) -> bool {
    let within = |inner: &Directory, outer: &Directory| inner.real.starts_with(&outer.real);
    within(pair.0, kept.0) && within(pair.1, kept.1)
        || within(kept.0, pair.0) && within(kept.1, pair.1)
}
