//! Looks at a host: fills a [`HostState`]. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::health::{self, Seen};
use crate::host::{Host, HostError, both};
use crate::isolation::links;
use crate::journal::{self, Tip};
use crate::layout::{FILE_LIST, Layout, MANIFEST};
use crate::model::Environment;
use crate::name::{Port, ReleaseId, ServiceName};
use crate::plan::{Site, desired};
use crate::release::{FORMAT, FileRecord, FileRecords, Manifest, Service, Verification, look_of};
use crate::state::{
    Condition, Current, HostState, Listener, Node, Process, ReleaseState, ServiceState,
};

mod prerequisites;
mod recovery;
mod starts;
mod units;

pub use prerequisites::prerequisites;
pub(crate) use recovery::tool_origin;
pub(crate) use starts::read_environment_file;
pub(crate) use units::{ask, ended_well, file as unit_file, overridden};

/// The largest manifest that is read, in bytes.
pub(crate) const MANIFEST_LIMIT: u64 = 256 * 1024 * 1024;
/// How many files are looked at in releases that are not in use, the newest first.
const LOOK_BUDGET: usize = 1000;
/// The largest record of a proof that is read, in bytes.
const RECORD_LIMIT: u64 = 64 * 1024;

/// What is on a host for one environment.
///
/// # Errors
/// When something cannot be looked at. What is merely wrong is not an error but part of the state.
pub fn observe(host: &dyn Host, environment: &Environment) -> Result<HostState, HostError> {
    observe_within(host, environment, LOOK_BUDGET)
}

/// The same, with a look at every file of every release: for who asks what can be gone back to.
///
/// # Errors
/// As [`observe`].
pub fn observe_whole(host: &dyn Host, environment: &Environment) -> Result<HostState, HostError> {
    observe_within(host, environment, usize::MAX)
}

fn observe_within(
    host: &dyn Host,
    environment: &Environment,
    budget: usize,
) -> Result<HostState, HostError> {
    let layout = &environment.layout;
    let (nodes, above) = (nodes(host, environment)?, above(host, environment)?);
    let mut state = HostState { nodes, above, ..HostState::default() };
    if matches!(state.nodes.get(&layout.releases()), Some(Node::Directory { .. })) {
        releases(host, layout, &mut state)?;
    }
    state.current = current(host, layout, &state)?;
    // Files are many, systemd takes its time, and so do services that are asked how they are.
    let (alive, (conditions, asked)) = both(
        host,
        || look_at_processes(host, environment, &state),
        || {
            both(
                host,
                || look_at_releases(host, layout, budget, &state),
                || units::ask_systemd(host, environment, &state),
            )
        },
    );
    for (id, condition) in conditions? {
        state.releases.entry(id).and_modify(|release| release.condition = condition);
    }
    state.ids = ids(host, layout, &state)?;
    let tip = journal::tip(host, layout)?;
    state.unfinished = tip.as_ref().is_some_and(Tip::is_open);
    state.journal = tip.as_ref().and_then(Tip::anchor);
    if let Some(asked) = asked? {
        units::look(host, environment, asked, &mut state)?;
    }
    let Alive { processes, services, listeners } = alive?;
    assign_to_releases(&processes, layout, &mut state);
    (state.services, state.listeners) = (services, listeners);
    starts::look(host, environment, &mut state)?;
    Ok(state)
}

fn nodes(
    host: &dyn Host,
    environment: &Environment,
) -> Result<BTreeMap<Utf8PathBuf, Node>, HostError> {
    let directories = desired::directories(environment).into_iter().map(|needed| needed.path);
    let layout = &environment.layout;
    let secrets = environment.has_secrets().then(|| layout.secrets());
    let made = [layout.mirror(), layout.evidence(), layout.model()];
    directories
        .chain(secrets)
        .chain(made)
        .map(|path| Ok((path.clone(), host.node(&path)?)))
        .collect()
}

/// The directories above those that root makes, by name and in fact.
fn above(
    host: &dyn Host,
    environment: &Environment,
) -> Result<BTreeMap<Utf8PathBuf, Node>, HostError> {
    let mut all = BTreeSet::new();
    if environment.units().is_some() {
        let layout = &environment.layout;
        for path in [&layout.root, &layout.data, &environment.backups] {
            let named = path.parent().unwrap_or(path);
            for place in [named.to_owned(), links::resolve(host, named)?] {
                all.extend(place.ancestors().map(Utf8Path::to_owned));
            }
        }
    }
    all.into_iter().map(|path| Ok((path.clone(), host.node(&path)?))).collect()
}

fn releases(host: &dyn Host, layout: &Layout, state: &mut HostState) -> Result<(), HostError> {
    let mut marked = BTreeSet::new();
    let mut found = BTreeSet::new();
    for name in host.list(&layout.releases())? {
        if let Some(id) = Layout::marked_unfinished(&name) {
            // What is no file is no mark of ours: it marks nothing, and stays.
            match host.node(&layout.unfinished(&id))? {
                Node::File { .. } => drop(marked.insert(id)),
                _ => drop(state.strangers.insert(name)),
            }
        } else if let Ok(id) = name.parse::<ReleaseId>() {
            found.insert(id);
        } else {
            state.strangers.insert(name);
        }
    }
    for id in found.union(&marked) {
        let release = match marked.contains(id) {
            true => ReleaseState {
                condition: Condition::Unfinished,
                manifest: None,
                verification: None,
                pids: BTreeSet::new(),
            },
            false => release(host, layout, id)?,
        };
        state.releases.insert(id.clone(), release);
    }
    Ok(())
}

/// What the files of releases look like: all of the one in use, of the others, the newest first, as
/// many as the budget allows.
fn look_at_releases(
    host: &dyn Host,
    layout: &Layout,
    mut budget: usize,
    state: &HostState,
) -> Result<Vec<(ReleaseId, Condition)>, HostError> {
    let current = state.current.release();
    let manifests = state.releases.iter().rev().filter_map(|(id, release)| {
        let manifest = release.manifest.as_ref()?;
        (release.condition == Condition::Complete).then_some((id, manifest))
    });
    let look = |(id, manifest): (&ReleaseId, &Arc<Manifest>)| {
        let mut all = usize::MAX;
        let budget = if current == Some(id) { &mut all } else { &mut budget };
        Ok((id.clone(), look_at_files(host, layout, manifest, budget)?))
    };
    manifests.map(look).collect()
}

/// A release by its own records, without a look at its files.
fn release(host: &dyn Host, layout: &Layout, id: &ReleaseId) -> Result<ReleaseState, HostError> {
    let (condition, manifest) = match read_manifest(host, layout, id)? {
        Err(condition) => (condition, None),
        Ok(manifest) => (Condition::Complete, Some(Arc::new(manifest))),
    };
    let path = layout.verification(id);
    let verification = match host.node(&path)? {
        Node::File { .. } => serde_json::from_slice(&host.read(&path, RECORD_LIMIT)?).ok(),
        _ => None,
    };
    let verification = verification.filter(|record: &Verification| record.release == *id);
    let condition = match condition {
        // A record of its proof says that it is ours.
        Condition::Foreign if verification.is_some() => {
            Condition::Damaged("release.json is missing".to_owned())
        }
        condition => condition,
    };
    Ok(ReleaseState { condition, manifest, verification, pids: BTreeSet::new() })
}

/// The manifest of a release, or what its absence means.
fn read_manifest(
    host: &dyn Host,
    layout: &Layout,
    id: &ReleaseId,
) -> Result<Result<Manifest, Condition>, HostError> {
    let damaged = |what: &str| Ok(Err(Condition::Damaged(what.to_owned())));
    let path = layout.manifest(id);
    if !matches!(host.node(&layout.release(id))?, Node::Directory { .. }) {
        return Ok(Err(Condition::Foreign));
    }
    if !matches!(host.node(&path)?, Node::File { .. }) {
        return Ok(Err(Condition::Foreign));
    }
    match serde_json::from_slice::<Manifest>(&host.read(&path, MANIFEST_LIMIT)?) {
        Ok(manifest) if manifest.id != *id => damaged("its manifest is that of another release"),
        Ok(manifest) if manifest.format != FORMAT => damaged("its manifest has an unknown format"),
        Ok(manifest) => Ok(Ok(manifest)),
        Err(_) => damaged("its manifest is not readable"),
    }
}

/// The files of a release; none where their list is not the one that the manifest names.
pub(crate) fn files_of(
    host: &dyn Host,
    layout: &Layout,
    manifest: &Manifest,
) -> Result<Option<FileRecords>, HostError> {
    let path = layout.file_list(&manifest.id);
    match host.node(&path)? {
        Node::File { .. } => Ok(manifest.files.read(&host.read(&path, MANIFEST_LIMIT)?)),
        _ => Ok(None),
    }
}

/// A cheap look at the files of a release, where the budget allows it: there, of their length, not
/// touched since. What it does not see, the check before a switch does.
fn look_at_files(
    host: &dyn Host,
    layout: &Layout,
    manifest: &Manifest,
    budget: &mut usize,
) -> Result<Condition, HostError> {
    if manifest.files.count > *budget {
        return Ok(Condition::Complete);
    }
    *budget -= manifest.files.count;
    let mut nodes = host.nodes(&layout.release(&manifest.id))?;
    nodes.remove(MANIFEST);
    if look_of(&nodes) == manifest.files.look {
        return Ok(Condition::Complete);
    }
    // What differs is told; what somebody has only added is no damage.
    let Some(files) = files_of(host, layout, manifest)? else {
        return Ok(Condition::Damaged(format!("{FILE_LIST} was changed")));
    };
    for (path, record) in &files {
        let found = nodes.get(path).unwrap_or(&Node::Missing);
        let same = match (record, found) {
            (
                FileRecord::File { size, modified_ns, .. },
                Node::File { size: s, modified_ns: m, .. },
            ) => size == s && modified_ns == m,
            (FileRecord::Link { target }, Node::Link { target: found }) => target == found,
            _ => false,
        };
        if !same {
            let what = if *found == Node::Missing { "is missing" } else { "was changed" };
            return Ok(Condition::Damaged(format!("{path} {what}")));
        }
    }
    Ok(Condition::Complete)
}

fn current(host: &dyn Host, layout: &Layout, state: &HostState) -> Result<Current, HostError> {
    let target = match host.node(&layout.current())? {
        Node::Missing => return Ok(Current::Missing),
        Node::Link { target } => target,
        other => return Ok(Current::NotALink(other)),
    };
    let absolute = layout.root.join(&target);
    let id = absolute.strip_prefix(layout.releases()).ok();
    let id = id.and_then(|name| name.as_str().parse::<ReleaseId>().ok());
    Ok(match id {
        None => Current::Foreign(target),
        Some(id) if state.releases.contains_key(&id) => Current::Release(id),
        Some(_) => Current::Dangling(target),
    })
}

fn ids(
    host: &dyn Host,
    layout: &Layout,
    state: &HostState,
) -> Result<BTreeSet<ReleaseId>, HostError> {
    let records = host.list(&layout.verified())?;
    let verified = records.iter().filter_map(|name| name.strip_suffix(".json")?.parse().ok());
    let pointed = match &state.current {
        Current::Dangling(target) => target.file_name().and_then(|name| name.parse().ok()),
        _ => None,
    };
    Ok(state.releases.keys().cloned().chain(verified).chain(pointed).collect())
}

fn assign_to_releases(processes: &[Process], layout: &Layout, state: &mut HostState) {
    for process in processes {
        for id in process.uses(&layout.releases()) {
            if let Some(release) = state.releases.get_mut(&id) {
                release.pids.insert(process.key.pid);
            }
        }
    }
}

/// What runs for an environment, who listens on its ports, and how its services are.
struct Alive {
    processes: Vec<Process>,
    services: BTreeMap<ServiceName, ServiceState>,
    listeners: BTreeMap<Port, Vec<Listener>>,
}

/// Looks at what runs. Of the state it needs the releases, by their records, and which is in use.
fn look_at_processes(
    host: &dyn Host,
    environment: &Environment,
    state: &HostState,
) -> Result<Alive, HostError> {
    let layout = &environment.layout;
    let processes = host.processes(&layout.root)?;
    let mut services: BTreeMap<ServiceName, ServiceState> = BTreeMap::new();
    for process in &processes {
        if let Some(name) = process.service(layout) {
            services.entry(name).or_default().processes.push(process.clone());
        }
    }
    for service in services.values_mut() {
        health::main_first(&mut service.processes);
    }
    let deployed = all_services(state).filter_map(|service| service.port);
    let ports: BTreeSet<Port> = deployed.chain(environment.port).collect();
    let listeners = ports.into_iter().map(|port| Ok((port, host.listeners(port)?)));
    let listeners = listeners.collect::<Result<_, HostError>>()?;
    let mut alive = Alive { processes, services, listeners };
    look_at_health(host, environment, state, &mut alive);
    Ok(alive)
}

fn look_at_health(
    host: &dyn Host,
    environment: &Environment,
    state: &HostState,
    alive: &mut Alive,
) {
    let Some(release) = state.current.release() else { return };
    let site = Site::of(environment);
    for service in current_services(state) {
        let Some(found) = alive.services.get_mut(&service.name) else { continue };
        let listeners = service.port.and_then(|port| alive.listeners.get(&port));
        let seen = Seen {
            processes: found.processes.clone(),
            listeners: listeners.cloned().unwrap_or_default(),
        };
        found.health = health::look(host, &site, &service, release, &seen);
    }
}

/// The services of all releases whose manifest can be read.
fn all_services(state: &HostState) -> impl Iterator<Item = &Service> {
    let manifests = state.releases.values().filter_map(|release| release.manifest.as_ref());
    manifests.flat_map(|manifest| &manifest.services)
}

/// The services of the release that `current` names.
fn current_services(state: &HostState) -> Vec<Service> {
    let release = state.current.release().and_then(|id| state.releases.get(id));
    let manifest = release.and_then(|release| release.manifest.as_ref());
    manifest.map(|manifest| manifest.services.clone()).unwrap_or_default()
}
