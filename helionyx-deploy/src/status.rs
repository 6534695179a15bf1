//! How the services of environments are doing: [`ask`] looks through `host`, [`status`] draws it from
//! a [`HostState`].

use std::collections::BTreeMap;

use serde::Serialize;

use crate::hint;
use crate::hint::Hint;
use crate::host::{Host, HostError};
use crate::model::Environment;
use crate::name::{AppName, CommitId, EnvironmentName, Port, PortName, ReleaseId, ServiceName};
use crate::observe::observe_all;
use crate::plan::runtime::rules;
use crate::release::{Manifest, Service};
use crate::state::{Answering, Condition, Current, HostState, Instance, ServiceState};
pub use crate::state::{RunState, StatusFinding};
use crate::time::Timestamp;

/// How one service of an environment is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The app.
    pub app: AppName,
    /// The environment.
    pub environment: EnvironmentName,
    /// What runs its services.
    pub supervisor: crate::model::Supervisor,
    /// The unit that runs it, or the service's name in the embedded runtime.
    pub unit: String,
    /// Whether it runs.
    pub state: RunState,
    /// Whether it starts with the machine.
    pub enabled: bool,
    /// The release that `current` names.
    pub release: Option<ReleaseId>,
    /// Its commit, where its source has commits.
    pub commit: Option<CommitId>,
    /// Its source in words.
    pub source: Option<String>,
    /// The release that the process really runs from.
    pub running_release: Option<ReleaseId>,
    /// Whether its first probe passes; none when there is none or it does not run.
    pub healthy: Option<bool>,
    /// Whether all its probes pass.
    pub ready: Option<bool>,
    /// The port that it listens on.
    pub port: Option<Port>,
    /// The ports that it listens on by their names, where it has several.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ports: BTreeMap<PortName, Port>,
    /// Its main process.
    pub pid: Option<u32>,
    /// When that began.
    pub since: Option<Timestamp>,
    /// How often its supervisor has started it again by itself.
    pub restarts: u32,
    /// The memory of all its processes.
    pub memory_bytes: u64,
    /// What is not as it should be.
    pub findings: Vec<StatusFinding>,
}

impl Status {
    /// Whether all is as it should be: it runs, from `current`, and answers.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.state == RunState::Running && self.findings.is_empty() && self.ready != Some(false)
    }
}

/// How the services of environments are doing, in the order of the environments: all are looked at at
/// once.
#[must_use]
pub fn ask(host: &dyn Host, environments: &[&Environment]) -> Vec<Result<Vec<Status>, HostError>> {
    let found = environments.iter().zip(observe_all(host, environments));
    found.map(|(environment, found)| Ok(status(environment, &found?))).collect()
}

/// How the services of an environment are doing: one entry for each that it should have, and for
/// each that runs all the same.
#[must_use]
pub fn status(environment: &Environment, found: &HostState) -> Vec<Status> {
    let release = found.current.release();
    let manifest = release.and_then(|id| found.manifest(id));
    let deployed = manifest.iter().flat_map(|m| m.services.iter().map(|s| s.name.clone()));
    let modelled = environment.services.iter().map(|service| service.name.clone());
    let mut names: Vec<ServiceName> = match manifest {
        Some(_) => deployed.collect(),
        None => modelled.collect(),
    };
    let others: Vec<_> = found.services.keys().filter(|n| !names.contains(n)).cloned().collect();
    names.extend(others);
    names.into_iter().map(|name| of_service(environment, found, manifest, name)).collect()
}

fn of_service(
    environment: &Environment,
    found: &HostState,
    manifest: Option<&Manifest>,
    name: ServiceName,
) -> Status {
    let none = ServiceState::default();
    let service = found.services.get(&name).unwrap_or(&none);
    let main = service.main();
    let deployed = manifest.and_then(|m| m.services.iter().find(|service| service.name == name));
    let view = rules(environment).view(found, &name, deployed);
    let (healthy, ready) = match &service.health {
        Answering::NotAsked => (None, None),
        Answering::Passing => (Some(true), Some(true)),
        Answering::Failing { alive, .. } => (Some(*alive), Some(false)),
    };
    let memory = service.instances.iter().map(|instance| instance.process.memory_bytes);
    Status {
        app: environment.app.clone(),
        environment: environment.name.clone(),
        supervisor: environment.runtime.supervisor(),
        unit: view.unit,
        state: view.state,
        enabled: view.enabled,
        release: found.current.release().cloned(),
        commit: manifest.and_then(|manifest| manifest.source.commit().cloned()),
        source: manifest.map(|manifest| manifest.source.to_string()),
        running_release: main.and_then(|instance| instance.release.clone()),
        healthy,
        ready,
        port: deployed.map_or(environment.port, |service| service.port),
        ports: deployed.map(|service| service.ports.clone()).unwrap_or_default(),
        pid: main.map(|instance| instance.process.key.pid),
        since: main.map(|instance| instance.process.since),
        restarts: view.restarts,
        memory_bytes: memory.sum(),
        findings: {
            let mut all = view.findings;
            let rest = findings(environment, found, (service, deployed), &name);
            // Why a unit is down says that it is.
            let is_said = all.iter().any(|one| one.code == "unit-failed");
            all.extend(rest.into_iter().filter(|one| !(is_said && one.code == "stopped")));
            all
        },
    }
}

fn findings(
    environment: &Environment,
    found: &HostState,
    (service, deployed): (&ServiceState, Option<&Service>),
    name: &ServiceName,
) -> Vec<StatusFinding> {
    let id = environment.id();
    let mut findings = Vec::new();
    let mut add = |code, message: String, hint: Hint| {
        findings.push(StatusFinding { code, message, hint });
    };
    let current = found.current.release();
    let path = environment.layout.current();
    match &found.current {
        Current::Missing | Current::Release(_) => {}
        what @ Current::Dangling(_) => {
            add("dangling-current", format!("{path} {what}"), deploy(&id));
        }
        what => {
            let hint = hint!("look at it, then ", hint::aside(path.as_str()), " and deploy again");
            add("foreign-current", format!("{path} {what}"), hint);
        }
    }
    if found.unfinished {
        let message = "an operation is running, or was interrupted";
        let hint = hint!("wait for it, or ").and(hint::run("recover", &id));
        add("unfinished", message.to_owned(), hint);
    }
    if let Some((release, state)) = current.and_then(|id| found.releases.get_key_value(id)) {
        if let Condition::Damaged(what) = &state.condition {
            add("damaged-release", format!("release {release} is damaged: {what}"), deploy(&id));
        } else if !state.is_verified() && !found.unfinished {
            add("unverified", format!("release {release} was never verified"), deploy(&id));
        }
    }
    if current.is_some()
        && rules(environment).guard(found).is_some_and(|guard| !guard.found.is_ready())
    {
        let message = "nothing would recover the environment if an operation were interrupted";
        add("no-recovery", message.to_owned(), hint::run("setup", &id));
    }
    for Instance { process, release, .. } in &service.instances {
        if release.as_ref() != current {
            let from = release.as_ref().map_or("no known release".to_owned(), ToString::to_string);
            let message =
                format!("{} of {name} runs from {from}, not from current", process.describe());
            add("stale-process", message, hint::run("restart", &id));
        }
    }
    if let Answering::Failing { reason, .. } = &service.health {
        add("unhealthy", reason.clone(), hint::look_and_restart(&id));
    }
    if service.main().is_none() && current.is_some() {
        let ports = deployed.into_iter().flat_map(Service::all_ports).chain(environment.port);
        match holder(found, ports) {
            Some(holder) => {
                let message = format!("{name} does not run, or cannot be seen: {holder}");
                add("port-held", message, "look who that is, and as which user".into());
            }
            None => {
                add("stopped", format!("{name} does not run"), hint::run("start", &id));
            }
        }
    }
    findings
}

/// Who holds one of the ports of a service without being a service of the environment.
fn holder(found: &HostState, ports: impl Iterator<Item = Port>) -> Option<String> {
    let is_ours = |holder: &Instance| holder.service.is_some();
    let mut held = ports.filter_map(|port| {
        let mut listeners = found.listeners.get(&port)?.iter();
        let stranger = listeners.find(|listener| !listener.is_held_by(is_ours))?;
        Some(format!("port {port} is held by {}", stranger.describe()))
    });
    held.next()
}

fn deploy(id: &str) -> Hint {
    hint::run("deploy", id)
}
