//! Unit files that are checked in for an app, drop-ins too: each is looked at, whatever the others
//! are. Reads them; changes nothing.

use camino::{Utf8Path, Utf8PathBuf};
use systemd_unit_file::{Code, Facts, Options, Policy, Version, lint, questions};

use crate::event::chain;
use crate::host::Host;
use crate::layout::TOOLS_DIR;
use crate::model::finding::Place;
use crate::model::{Environment, Finding, Severity};
use crate::plan::runtime::rules;
use crate::state::Node;

use super::here::Here;

/// The largest unit file that is read, in bytes: systemd reads no longer line.
const LIMIT: u64 = 1024 * 1024;
const TYPES: [&str; 5] = [".service", ".socket", ".timer", ".path", ".target"];

/// What is wrong with one unit file; nothing is asked of a host that is not here.
pub(super) fn one(
    host: &dyn Host,
    (path, shown): (&Utf8Path, &str),
    (version, policy): (Version, Policy),
    here: Option<&Here<'_>>,
) -> Vec<Finding> {
    let bytes = match host.read(path, LIMIT) {
        Ok(bytes) => bytes,
        Err(error) => return vec![unreadable(shown, &error)],
    };
    let facts = here
        .map_or_else(Facts::default, |here| here.facts(path, &questions(shown, &bytes, version)));
    // What recovers an environment does what its deployer did.
    let may_be_root = vec![TOOLS_DIR.into()];
    let options = Options { version, facts, policy, may_be_root };
    lint(shown, &bytes, &options).into_iter().map(Finding::from).collect()
}

fn unreadable(shown: &str, error: &crate::host::HostError) -> Finding {
    Finding {
        place: Place::file(shown),
        severity: Severity::Error,
        code: Code::Unreadable.name(),
        message: chain(error),
        hint: "put a regular file of at most 1 MiB there that you may read, or remove it".into(),
    }
}

/// What is wrong with the unit files that are checked in for an app, for one version of systemd.
/// `residents` are its environments that run on this machine: their units ask it.
pub(in crate::cli) fn checked_in(
    host: &dyn Host,
    (directory, shown): (&Utf8Path, &Utf8Path),
    version: Version,
    residents: &[&Environment],
) -> Vec<Finding> {
    let names = match list(host, directory) {
        Ok(names) => names,
        Err(error) => return vec![unreadable(shown.as_str(), &error)],
    };
    let mut findings = Vec::new();
    for name in names {
        let path = directory.join(&name);
        let owner = residents.iter().find(|resident| owns(resident, &name));
        let here = owner.map(|resident| Here {
            host,
            beside: vec![directory.to_owned()],
            made_later: vec![resident.layout.root.clone(), resident.layout.data.clone()],
            user: rules(resident).user().cloned(),
        });
        let shown = shown.join(&name);
        let rules = (version, Policy::Deployed);
        findings.extend(one(host, (&path, shown.as_str()), rules, here.as_ref()));
    }
    findings
}

/// The names of all units in a directory, and of the drop-ins below it.
fn list(host: &dyn Host, directory: &Utf8Path) -> Result<Vec<Utf8PathBuf>, crate::host::HostError> {
    let mut found = Vec::new();
    for name in host.list(directory)? {
        let of_a_unit = |name: &str| TYPES.iter().any(|unit_type| name.ends_with(unit_type));
        if of_a_unit(&name) {
            found.push(Utf8PathBuf::from(name));
            continue;
        }
        let is_drop_in = name.strip_suffix(".d").is_some_and(of_a_unit);
        let inner = directory.join(&name);
        if !is_drop_in || !matches!(host.node(&inner)?, Node::Directory { .. }) {
            continue;
        }
        let files = host.list(&inner)?.into_iter().filter(|file| file.ends_with(".conf"));
        found.extend(files.map(|file| Utf8Path::new(&name).join(file)));
    }
    Ok(found)
}

/// Whether a unit, or a drop-in of it, is one of this environment's.
fn owns(environment: &Environment, name: &Utf8Path) -> bool {
    let first = name.components().next().map(|first| first.as_str()).unwrap_or_default();
    let unit = first.strip_suffix(".d").unwrap_or(first);
    let rules = rules(environment);
    let mut services = environment.services.iter();
    services.any(|service| rules.unit(&service.name).is_some_and(|known| known.as_str() == unit))
}
