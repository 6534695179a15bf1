//! Looks at a host: fills a [`HostState`]. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use crate::health::{self, Seen};
use crate::host::{Host, HostError, both, each};
use crate::isolation::links;
use crate::journal::{self, Tip};
use crate::layout::Layout;
use crate::model::Environment;
use crate::name::{Port, ReleaseId, ServiceName, UnitName};
use crate::plan::{Site, desired};
use crate::release::Service;
use crate::state::unit::Shown;
use crate::state::{Account, Condition, Current, HostState, Listener, Node, Process, ServiceState};

mod prerequisites;
mod recovery;
mod releases;
mod starts;
mod units;

pub use prerequisites::prerequisites;
pub(crate) use recovery::tool_origin;
pub(crate) use releases::{MANIFEST_LIMIT, files_of};
pub(crate) use starts::read_environment_file;
use units::Names;
pub(crate) use units::{ask, ended_well, file as unit_file, overridden};

/// How many files are looked at in releases that are not in use, the newest first.
const LOOK_BUDGET: usize = 1000;

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

/// The same for several environments, in their order. systemd is asked once for all.
pub fn observe_all(
    host: &dyn Host,
    environments: &[&Environment],
) -> Vec<Result<HostState, HostError>> {
    let recorded = each(host, environments, &|environment| recorded(host, environment));
    let begun: Vec<_> = environments.iter().copied().zip(recorded).collect();
    let names = begun.iter().filter_map(|(_, begun)| begun.as_ref().ok()?.1.as_ref());
    let names: Vec<&Names> = names.collect();
    let (looks, shown) = both(
        host,
        || {
            each(host, &begun, &|(environment, begun)| {
                let (state, _) = begun.as_ref().ok()?;
                Some(look(host, environment, LOOK_BUDGET, state))
            })
        },
        || units::ask_systemd(host, &names),
    );
    // What systemd refuses to say of all, it may say of some.
    let shown: Vec<_> = match shown {
        Ok(shown) => begun.iter().map(|_| Ok(shown.clone())).collect(),
        Err(_) => each(host, &begun, &|(_, begun)| {
            let names = begun.as_ref().ok().and_then(|(_, names)| names.as_ref());
            units::ask_systemd(host, &Vec::from_iter(names))
        }),
    };
    let ended = begun.into_iter().zip(looks).zip(shown);
    let ended = ended.map(|(((environment, begun), look), shown)| {
        let (state, names) = begun?;
        let Some(look) = look else { return observe(host, environment) };
        completed(host, environment, (state, names), look?, &shown?)
    });
    ended.collect()
}

fn observe_within(
    host: &dyn Host,
    environment: &Environment,
    budget: usize,
) -> Result<HostState, HostError> {
    let (state, names) = recorded(host, environment)?;
    // Files are many, systemd takes its time, and so do services that are asked how they are.
    let (look, shown) = both(
        host,
        || look(host, environment, budget, &state),
        || units::ask_systemd(host, &Vec::from_iter(&names)),
    );
    completed(host, environment, (state, names), look?, &shown?)
}

/// What is recorded of an environment, and the names of its units, if it has some.
fn recorded(
    host: &dyn Host,
    environment: &Environment,
) -> Result<(HostState, Option<Names>), HostError> {
    let layout = &environment.layout;
    let (nodes, above) = (nodes(host, environment)?, above(host, environment)?);
    let mut state = HostState { nodes, above, ..HostState::default() };
    if matches!(state.nodes.get(&layout.releases()), Some(Node::Directory { .. })) {
        releases::read(host, layout, &mut state)?;
    }
    state.current = current(host, layout, &state)?;
    let names = Names::of(environment, &state);
    Ok((state, names))
}

/// What was seen of an environment besides what systemd says.
struct Look {
    alive: Alive,
    conditions: Vec<(ReleaseId, Condition)>,
    user: Option<Account>,
}

/// Looks at what runs, at the files of releases and at the user. Of the state it needs what is
/// recorded.
fn look(
    host: &dyn Host,
    environment: &Environment,
    budget: usize,
    state: &HostState,
) -> Result<Look, HostError> {
    let (alive, (conditions, user)) = both(
        host,
        || look_at_processes(host, environment, state),
        || {
            let conditions = releases::look(host, &environment.layout, budget, state);
            (conditions, units::user(host, environment))
        },
    );
    Ok(Look { alive: alive?, conditions: conditions?, user: user? })
}

/// Puts together what was seen, and looks at what only that leads to.
fn completed(
    host: &dyn Host,
    environment: &Environment,
    (mut state, names): (HostState, Option<Names>),
    look: Look,
    shown: &BTreeMap<UnitName, Shown>,
) -> Result<HostState, HostError> {
    let layout = &environment.layout;
    let Look { alive: Alive { processes, services, listeners }, conditions, user } = look;
    for (id, condition) in conditions {
        state.releases.entry(id).and_modify(|release| release.condition = condition);
    }
    state.ids = ids(host, layout, &state)?;
    let tip = journal::tip(host, layout)?;
    state.unfinished = tip.as_ref().is_some_and(Tip::is_open);
    state.journal = tip.as_ref().and_then(Tip::anchor);
    if let Some(names) = names {
        units::look(host, environment, names, shown, &mut state)?;
    }
    state.user = user;
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
