//! Looks at a host: fills a [`HostState`]. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use crate::health::{self, Seen};
use crate::host::{Host, HostError, both, each};
use crate::isolation::links;
use crate::journal::{self, Tip};
use crate::layout::Layout;
use crate::model::Environment;
use crate::name::{Port, ReleaseId, ServiceName};
use crate::plan::desired;
use crate::plan::runtime::rules;
use crate::release::Service;
use crate::state::{
    Account, Condition, Current, HostState, Instance, Listener, Node, ServiceState, main_first,
};
use crate::supervise::{Answer, ask_all, modelled};

mod prerequisites;
mod releases;
mod starts;

pub use prerequisites::prerequisites;
pub(crate) use releases::files_of;

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

/// The same for several environments, in their order. Their supervisors are asked together.
pub fn observe_all(
    host: &dyn Host,
    environments: &[&Environment],
) -> Vec<Result<HostState, HostError>> {
    let recorded = each(host, environments, &|environment| recorded(host, environment));
    let begun: Vec<_> = environments.iter().copied().zip(&recorded).collect();
    let known = begun.iter().filter_map(|(one, recorded)| Some((*one, recorded.as_ref().ok()?)));
    let known: Vec<(&Environment, &HostState)> = known.collect();
    let (looks, answers) = both(
        host,
        || each(host, &known, &|(one, recorded)| look(host, one, LOOK_BUDGET, recorded)),
        || ask_all(host, &known),
    );
    let mut seen = looks.into_iter().zip(answers);
    let environments = environments.iter().zip(recorded);
    let completed = environments.map(|(environment, recorded)| {
        let recorded = recorded?;
        let Some((look, answer)) = seen.next() else { return observe(host, environment) };
        completed(host, environment, recorded, look?, &answer?)
    });
    completed.collect()
}

fn observe_within(
    host: &dyn Host,
    environment: &Environment,
    budget: usize,
) -> Result<HostState, HostError> {
    let recorded = recorded(host, environment)?;
    // Files are many, a supervisor takes its time, and so do services that are asked how they are.
    let (look, answer) = both(
        host,
        || look(host, environment, budget, &recorded),
        || modelled(host, environment).ask(&recorded),
    );
    completed(host, environment, recorded, look?, &answer?)
}

/// What files say of an environment, before anybody is asked.
fn recorded(host: &dyn Host, environment: &Environment) -> Result<HostState, HostError> {
    let layout = &environment.layout;
    let (nodes, above) = (nodes(host, environment)?, above(host, environment)?);
    let mut state = HostState { nodes, above, ..HostState::default() };
    if matches!(state.nodes.get(&layout.releases()), Some(Node::Directory { .. })) {
        releases::read(host, layout, &mut state)?;
    }
    state.current = current(host, layout, &state)?;
    Ok(state)
}

/// What was seen of an environment besides what its supervisor says.
struct Look {
    alive: Alive,
    conditions: Vec<(ReleaseId, Condition)>,
    account: Option<Account>,
}

/// Looks at what runs, at the files of releases and at the account. Of the state it needs what is
/// recorded.
fn look(
    host: &dyn Host,
    environment: &Environment,
    budget: usize,
    recorded: &HostState,
) -> Result<Look, HostError> {
    let (alive, (conditions, account)) = both(
        host,
        || look_at_processes(host, environment, recorded),
        || {
            let conditions = releases::look(host, &environment.layout, budget, recorded);
            (conditions, modelled(host, environment).account())
        },
    );
    Ok(Look { alive: alive?, conditions: conditions?, account: account? })
}

/// Puts together what was seen, and looks at what only that leads to.
fn completed(
    host: &dyn Host,
    environment: &Environment,
    recorded: HostState,
    look: Look,
    answer: &Answer,
) -> Result<HostState, HostError> {
    let layout = &environment.layout;
    let Look { alive: Alive { instances, services, listeners }, conditions, account } = look;
    let mut state = recorded;
    for (id, condition) in conditions {
        state.releases.entry(id).and_modify(|release| release.condition = condition);
    }
    state.ids = ids(host, layout, &state)?;
    let tip = journal::tip(host, layout)?;
    state.unfinished = tip.as_ref().is_some_and(Tip::is_open);
    state.journal = tip.as_ref().and_then(Tip::anchor);
    state.supervisor = modelled(host, environment).state(&state, answer, account)?;
    assign_to_releases(&instances, layout, &mut state);
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
    if rules(environment).user().is_some() {
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

fn assign_to_releases(instances: &[Instance], layout: &Layout, state: &mut HostState) {
    for instance in instances {
        for id in instance.process.uses(&layout.releases()) {
            if let Some(release) = state.releases.get_mut(&id) {
                release.pids.insert(instance.process.key.pid);
            }
        }
    }
}

/// What runs for an environment, who listens on its ports, and how its services are.
struct Alive {
    instances: Vec<Instance>,
    services: BTreeMap<ServiceName, ServiceState>,
    listeners: BTreeMap<Port, Vec<Listener<Instance>>>,
}

/// Looks at what runs. Of the state it needs the releases, by their records, and which is in use.
fn look_at_processes(
    host: &dyn Host,
    environment: &Environment,
    recorded: &HostState,
) -> Result<Alive, HostError> {
    let supervisor = modelled(host, environment);
    let instances = supervisor.instances()?;
    let mut services: BTreeMap<ServiceName, ServiceState> = BTreeMap::new();
    for instance in &instances {
        if let Some(name) = &instance.service {
            services.entry(name.clone()).or_default().instances.push(instance.clone());
        }
    }
    services.values_mut().for_each(|service| main_first(&mut service.instances));
    let deployed = recorded.services_of_releases().flat_map(Service::all_ports);
    let ports: BTreeSet<Port> = deployed.chain(environment.all_ports()).collect();
    let listeners = ports.into_iter();
    let listeners = listeners.map(|port| Ok((port, supervisor.listeners(port)?)));
    let listeners = listeners.collect::<Result<_, HostError>>()?;
    let mut alive = Alive { instances, services, listeners };
    look_at_health(host, environment, recorded, &mut alive);
    Ok(alive)
}

fn look_at_health(
    host: &dyn Host,
    environment: &Environment,
    recorded: &HostState,
    alive: &mut Alive,
) {
    let Some(release) = recorded.current.release() else { return };
    let services = recorded.manifest(release).map(|manifest| &manifest.services);
    for service in services.into_iter().flatten() {
        let Some(found) = alive.services.get_mut(&service.name) else { continue };
        let listeners = service.all_ports();
        let listeners =
            listeners.map(|port| (port, alive.listeners.get(&port).cloned().unwrap_or_default()));
        let seen = Seen { instances: found.instances.clone(), listeners: listeners.collect() };
        found.health = health::look(host, environment, service, release, &seen);
    }
}
