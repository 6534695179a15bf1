//! Looks at what services would be started with: programs and environment files, without keeping a
//! value.

use std::collections::BTreeSet;

use camino::Utf8Path;

use crate::host::{Host, HostError};
use crate::model::{Environment, Kind};
use crate::name::VariableName;
use crate::release::Service;
use crate::render::env_file;
use crate::state::{HostState, Node};
use crate::supervise::read_environment_file;

/// Looks at what services of any release here would be started with: programs, and environment
/// files, whose values are forgotten at once.
pub(super) fn look(
    host: &dyn Host,
    environment: &Environment,
    state: &mut HostState,
) -> Result<(), HostError> {
    let services: Vec<Service> = state.services_of_releases().cloned().collect();
    let mut files: BTreeSet<_> =
        services.iter().flat_map(|service| service.environment_files.clone()).collect();
    let secrets = environment.layout.secrets();
    // One that is still missing is made by a deploy; for what runs already it must be there.
    if environment.has_secrets() && host.node(&secrets)? != Node::Missing {
        files.insert(secrets);
    }
    state.missing_secrets = missing_secrets(host, environment)?;
    for path in files {
        if let Err(problem) = may_be_trusted(host, &path) {
            state.start_problems.insert(path, problem);
        }
    }
    let programs = services.iter().filter_map(|service| service.exec.first());
    for program in programs.map(Utf8Path::new).collect::<BTreeSet<_>>() {
        if host.node(program)? == Node::Missing {
            state.start_problems.insert(program.to_owned(), "there is no such program".to_owned());
        }
    }
    Ok(())
}

/// The secrets that have no value and must have one. Where the file cannot be read, that is said
/// instead.
fn missing_secrets(
    host: &dyn Host,
    environment: &Environment,
) -> Result<BTreeSet<VariableName>, HostError> {
    let needed = environment.variables.iter();
    let needed = needed.filter(|(_, known)| known.kind == Kind::Secret && known.is_required);
    let needed: BTreeSet<VariableName> = needed.map(|(name, _)| name.clone()).collect();
    let path = environment.layout.secrets();
    if needed.is_empty() || host.node(&path)? == Node::Missing {
        return Ok(needed);
    }
    let Ok(values) = read_environment_file(host, &path) else { return Ok(BTreeSet::new()) };
    let is_there = |name: &VariableName| {
        let value = values.get(name).map(|value| value.expose().trim());
        value.is_some_and(|value| !value.is_empty() && !env_file::is_placeholder(value))
    };
    Ok(needed.into_iter().filter(|name| !is_there(name)).collect())
}

/// An environment file that others than its owner may write is theirs, not his: it says as whom and
/// with what the service runs. Looked at before something new is begun, never on the way back.
fn may_be_trusted(host: &dyn Host, path: &Utf8Path) -> Result<(), String> {
    read_environment_file(host, path)?;
    match host.node(path) {
        Ok(Node::File { mode, .. }) if mode & 0o022 != 0 => {
            Err(format!("others may write it (mode {mode:04o}): run `chmod 600 {path}`"))
        }
        _ => Ok(()),
    }
}
