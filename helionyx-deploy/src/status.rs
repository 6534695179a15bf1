//! How an environment is doing, drawn from a [`HostState`]. No I/O.

use serde::Serialize;

use crate::model::Environment;
use crate::name::{AppName, CommitId, EnvironmentName, Port, ReleaseId, ServiceName};
use crate::release::Manifest;
use crate::state::{Answering, Condition, Current, HostState, Process, ServiceState, UnitState};
use crate::time::Timestamp;

mod units;

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

/// Whether a service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// It runs.
    Running,
    /// It was deployed and does not run.
    Stopped,
    /// It is being started, or waits to be started again.
    Starting,
    /// It ended with an error, and systemd does not start it again.
    Failed,
    /// Nothing was ever deployed.
    NotInstalled,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatusFinding {
    /// A stable name for its kind, e.g. `stale-process`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl Status {
    /// Whether all is as it should be: it runs, from `current`, and answers.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.state == RunState::Running && self.findings.is_empty() && self.ready != Some(false)
    }
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
    let releases = environment.layout.releases();
    let deployed = manifest.and_then(|m| m.services.iter().find(|service| service.name == name));
    let unit = environment.unit(&name).and_then(|unit| found.units.get(&unit));
    let (healthy, ready) = match &service.health {
        Answering::NotAsked => (None, None),
        Answering::Passing => (Some(true), Some(true)),
        Answering::Failing { alive, .. } => (Some(*alive), Some(false)),
    };
    Status {
        app: environment.app.clone(),
        environment: environment.name.clone(),
        supervisor: environment.runtime.supervisor(),
        state: run_state(unit, main.is_some(), found.current.release().is_some()),
        enabled: unit.is_some_and(|unit| unit.shown.file_state == "enabled"),
        release: found.current.release().cloned(),
        commit: manifest.and_then(|manifest| manifest.source.commit().cloned()),
        source: manifest.map(|manifest| manifest.source.to_string()),
        running_release: main.and_then(|process| process.release(&releases)),
        healthy,
        ready,
        port: deployed.and_then(|service| service.port).or(environment.port),
        pid: main.map(|process| process.key.pid),
        since: main.map(|process| process.since),
        restarts: unit.map_or(0, |unit| unit.shown.restarts),
        memory_bytes: service.processes.iter().map(|process| process.memory_bytes).sum(),
        findings: {
            let wanted = deployed.and_then(|service| service.unit.as_ref());
            let mut all = units::findings(environment, wanted, unit);
            let rest = findings(environment, found, service, &name);
            // Why a unit is down says that it is.
            let is_said = all.iter().any(|one| one.code == "unit-failed");
            all.extend(rest.into_iter().filter(|one| !(is_said && one.code == "stopped")));
            all
        },
        unit: environment.unit(&name).map_or_else(|| name.to_string(), |unit| unit.to_string()),
    }
}

fn findings(
    environment: &Environment,
    found: &HostState,
    service: &ServiceState,
    name: &ServiceName,
) -> Vec<StatusFinding> {
    let id = environment.id();
    let mut findings = Vec::new();
    let mut add = |code, message: String, hint: String| {
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
            let hint = format!("look what it is, then `mv {path} {path}.aside` and deploy again");
            add("foreign-current", format!("{path} {what}"), hint);
        }
    }
    if found.unfinished {
        let message = "an operation has begun and not ended: it is at work, or was cut short";
        add("unfinished", message.to_owned(), format!("wait for it, or run `recover --env {id}`"));
    }
    if let Some((release, state)) = current.and_then(|id| found.releases.get_key_value(id)) {
        if let Condition::Damaged(what) = &state.condition {
            add("damaged-release", format!("release {release} is damaged: {what}"), deploy(&id));
        } else if !state.is_verified() && !found.unfinished {
            add("unverified", format!("release {release} was never verified"), deploy(&id));
        }
    }
    if current.is_some() && found.recovery.as_ref().is_some_and(|recovery| !recovery.is_ready()) {
        let message = "nothing would bring it to an end if an operation were cut short";
        add("no-recovery", message.to_owned(), format!("run `setup --env {id}`"));
    }
    let releases = environment.layout.releases();
    for process in &service.processes {
        let from = process.release(&releases);
        if from.as_ref() != current {
            let from = from.map_or("no known release".to_owned(), |id| id.to_string());
            let message =
                format!("{} of {name} runs from {from}, not from current", process.describe());
            add("stale-process", message, format!("run `restart --env {id}`"));
        }
    }
    if let Answering::Failing { reason, .. } = &service.health {
        let hint = format!("look at `logs --env {id}`, then `restart --env {id}`");
        add("unhealthy", reason.clone(), hint);
    }
    if service.main().is_none() && current.is_some() {
        match holder(environment, found) {
            Some(holder) => {
                let message = format!("{name} does not run, or cannot be seen: {holder}");
                add("port-held", message, "look who that is, and as which user".to_owned());
            }
            None => {
                add("stopped", format!("{name} does not run"), format!("run `start --env {id}`"));
            }
        }
    }
    findings
}

fn run_state(unit: Option<&UnitState>, runs: bool, is_deployed: bool) -> RunState {
    match unit.map(|unit| unit.shown.active.as_str()) {
        Some("activating" | "reloading") => RunState::Starting,
        Some("failed") if !runs => RunState::Failed,
        _ if runs => RunState::Running,
        _ if is_deployed => RunState::Stopped,
        _ => RunState::NotInstalled,
    }
}

/// Who holds the environment's port without being one of its services.
fn holder(environment: &Environment, found: &HostState) -> Option<String> {
    let port = environment.port?;
    let ours = |process: &Process| process.service(&environment.layout).is_some();
    let stranger = found
        .listeners
        .get(&port)?
        .iter()
        .find(|listener| listener.holders.is_empty() || !listener.holders.iter().all(ours))?;
    Some(format!("port {port} is held by {}", stranger.describe()))
}

fn deploy(id: &str) -> String {
    format!("run `deploy --env {id}`")
}
