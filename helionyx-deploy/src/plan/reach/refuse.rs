//! States of a host that we may not repair: somebody else made them. No I/O.

use camino::Utf8PathBuf;

use super::Case;
use crate::hint;
use crate::name::{Port, ReleaseId, VariableName};
use crate::plan::Refusal;
use crate::release::Service;
use crate::state::{Condition, Current, Instance, Node};

pub(super) fn foreign_current(case: &Case<'_>) -> Option<Refusal> {
    let path = case.layout.current();
    match &case.found.current {
        Current::Missing | Current::Release(_) | Current::Dangling(_) => None,
        what @ (Current::Foreign(_) | Current::NotALink(_)) => {
            let hint = hint!("look at it, then ", hint::aside(path.as_str()), " and deploy again");
            Some(Refusal::new("foreign-current", format!("{path} {what}"), hint))
        }
    }
}

/// A port that is not held by this environment's own services is somebody else's (HEL-02).
pub(super) fn held_ports(case: &Case<'_>, service: &Service) -> Vec<Refusal> {
    service.all_ports().filter_map(|port| held_port(case, service, port)).collect()
}

fn held_port(case: &Case<'_>, service: &Service, port: Port) -> Option<Refusal> {
    let is_ours = |holder: &Instance| holder.service.is_some();
    let listeners = case.found.listeners.get(&port).into_iter().flatten();
    let strangers: Vec<String> = listeners
        .filter(|listener| !listener.is_held_by(is_ours))
        .map(|listener| format!("{} on {}", listener.describe(), listener.address))
        .collect();
    (!strangers.is_empty()).then(|| {
        let message =
            format!("port {port} of {} is held by {}", service.name, strangers.join(", "));
        let hint = "stop that process, or give the environment another port";
        Refusal::new("port-held", message, hint)
    })
}

/// Who may not see a service cannot say that it does not run.
pub(super) fn hidden_processes(case: &Case<'_>) -> Vec<Refusal> {
    if !case.found.services.is_empty() {
        return Vec::new();
    }
    let refuse = |(port, listeners): (_, &Vec<crate::state::Listener<Instance>>)| {
        let hidden = listeners.iter().find(|listener| listener.holders.is_empty())?;
        let message = format!("port {port} is held by {}", hidden.describe());
        Some(Refusal::new("hidden-process", message, "do this as that user, or as root"))
    };
    case.found.listeners.iter().filter_map(refuse).collect()
}

/// A program that is gone or an environment file that cannot be read is found before anything is
/// stopped, not after.
pub(super) fn start_in_vain(case: &Case<'_>, service: &Service) -> Vec<Refusal> {
    let program = service.exec.first().map(|program| Utf8PathBuf::from(program.as_str()));
    let needed = service.environment_files.iter().cloned().chain(program);
    let refuse = |path: Utf8PathBuf| {
        let problem = case.found.start_problems.get(&path)?;
        let hint = format!("mend it, {} needs it to start; or deploy", service.name);
        Some(Refusal::new("start-in-vain", format!("{path}: {problem}"), hint))
    };
    needed.filter_map(refuse).collect()
}

/// A service that must have its secrets is not started to find out that it has not (HEL-05).
pub(super) fn missing_secrets(case: &Case<'_>) -> Option<Refusal> {
    let names: Vec<&str> = case.found.missing_secrets.iter().map(VariableName::as_str).collect();
    if names.is_empty() {
        return None;
    }
    let (path, id) = (case.layout.secrets(), case.environment.id());
    let message = format!("{path} has no value for {}", names.join(", "));
    let hint = match case.found.nodes.get(&path) {
        None | Some(Node::Missing) => {
            hint::run("setup", &id).and(": it makes the file, to be filled in")
        }
        Some(_) => {
            let check = hint::command(["env-file", "check", path.as_str(), "--env", &id]);
            hint!("fill them in, and check with ", check)
        }
    };
    Some(Refusal::new("missing-secret", message, hint))
}

pub(super) fn damaged(case: &Case<'_>, id: &ReleaseId) -> Refusal {
    let why = match case.found.releases.get(id).map(|state| &state.condition) {
        None => "does not exist".to_owned(),
        Some(Condition::Complete) => "has no readable manifest".to_owned(),
        Some(Condition::Unfinished) => "is unfinished".to_owned(),
        Some(Condition::Foreign) => "has no manifest".to_owned(),
        Some(Condition::Damaged(what)) => format!("is damaged: {what}"),
    };
    let deploy = hint::run("deploy", &case.environment.id());
    let hint = deploy.and(": it builds a whole one");
    Refusal::new("damaged-release", format!("release {id} {why}"), hint)
}
