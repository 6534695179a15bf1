//! Which services must be stopped, started and proven. No I/O.

use std::collections::BTreeSet;

use super::{Case, refuse};
use crate::name::{ReleaseId, ServiceName};
use crate::plan::Part;
use crate::plan::desired::Run;
use crate::plan::runtime::Switch;
use crate::plan::step::{Handle, ServiceStep, Step};
use crate::release::Service;
use crate::state::{Answering, ServiceState};

/// Brings the services to a release, with the switch of `current` at the moment that the supervisor
/// wants.
pub(super) fn run_or_stop(
    case: &Case<'_>,
    release: &ReleaseId,
    services: &[Service],
    switch: Option<Step>,
) -> Part {
    match case.desired.run {
        Run::Stopped => {
            let mut part = around(case, switch, stop_all(case));
            part.then(case.rules.install(case.found, services));
            part
        }
        Run::Running | Run::Restarted(_) => run(case, release, services, switch),
    }
}

/// Stops, starts and proves the services that do not run as they should, each group in its order:
/// what is started last is stopped first.
pub(super) fn run(
    case: &Case<'_>,
    release: &ReleaseId,
    services: &[Service],
    switch: Option<Step>,
) -> Part {
    let found = case.found;
    let why = |service| Some((service, why_restart(case, release, service)?));
    let wrong: Vec<(&Service, String)> = services.iter().filter_map(why).collect();
    let is_unwanted = |name: &&ServiceName| services.iter().all(|service| service.name != **name);
    let unwanted = found.services.keys().filter(is_unwanted);
    let replaced = wrong.iter().rev().map(|(service, _)| &service.name);
    let stops = unwanted.chain(replaced).filter_map(|name| stop(case, name)).collect();
    let mut part = around(case, switch, stops);
    part.then(case.rules.install(found, services));
    for (service, why) in &wrong {
        part.then(start(case, release, service, why));
    }
    let is_fresh = !found.releases.contains_key(release);
    let is_unproven = is_fresh || (found.is_complete(release) && !found.is_verified(release));
    for service in services {
        if is_unproven || wrong.iter().any(|(other, _)| other.name == service.name) {
            let service = Box::new(service.clone());
            part.step(ServiceStep::Prove { service, release: release.clone() });
        }
    }
    part
}

/// Steps that stop services, with the switch of `current` before or after them.
fn around(case: &Case<'_>, switch: Option<Step>, stops: Vec<Step>) -> Part {
    let mut steps: Vec<Step> = switch.into_iter().collect();
    let at = match case.rules.switch() {
        Switch::BeforeTheStop => steps.len(),
        Switch::AfterTheStop => 0,
    };
    steps.splice(at..at, stops);
    Part::from(steps)
}

/// Starts a service, with all that is in the way of its start.
fn start(case: &Case<'_>, release: &ReleaseId, service: &Service, why: &str) -> Part {
    let mut part = Part::default();
    let replaced = case.found.current.release().filter(|current| *current != release);
    // That a service runs from the release that is being replaced needs no words.
    if replaced.is_none_or(|current| *why != runs_from(&service.name, current)) {
        part.reasons.push(why.to_owned());
    }
    if case.is_forward() {
        part.then(case.rules.refuse_start(case.found, service));
        part.then(refuse::held_port(case, service));
        part.then(refuse::start_in_vain(case, service));
    }
    let service = Box::new(service.clone());
    part.step(ServiceStep::Start { service, release: release.clone() });
    part
}

/// Why a service must be started anew, if it must.
fn why_restart(case: &Case<'_>, release: &ReleaseId, service: &Service) -> Option<String> {
    let name = &service.name;
    if let Some(why) = case.rules.why_restart(case.found, service) {
        return Some(why);
    }
    let stopped = ServiceState::default();
    let state = case.found.services.get(name).unwrap_or(&stopped);
    let Some(main) = state.main() else {
        return Some(match state.instances.first() {
            None => format!("{name} does not run"),
            Some(left) => {
                format!("{name} has ended, but {} is left of it", left.process.describe())
            }
        });
    };
    if let Some(why) = case.rules.why_foreign(case.found, service, main) {
        return Some(why);
    }
    if let Run::Restarted(before) = &case.desired.run
        && before.get(name) == Some(&main.process.key)
    {
        return Some(format!("{name} is to be restarted"));
    }
    for instance in &state.instances {
        match &instance.release {
            Some(from) if from == release => {}
            Some(from) => return Some(runs_from(name, from)),
            None => return Some(format!("{name} runs from no known release")),
        }
    }
    match &state.health {
        Answering::Failing { reason, .. } => Some(format!("{name} is not healthy: {reason}")),
        Answering::NotAsked | Answering::Passing => None,
    }
}

/// Stops all that runs of the environment, the last service first.
pub(super) fn stop_all(case: &Case<'_>) -> Vec<Step> {
    let modelled = case.environment.services.iter().map(|service| &service.name);
    let names: BTreeSet<&ServiceName> = case.found.services.keys().chain(modelled).collect();
    names.into_iter().rev().filter_map(|name| stop(case, name)).collect()
}

/// Stops a service; none where nothing of it runs.
fn stop(case: &Case<'_>, name: &ServiceName) -> Option<Step> {
    let state = case.found.services.get(name);
    let has_processes = state.is_some_and(|state| !state.instances.is_empty());
    let busy = case.rules.busy(case.found, name);
    let handle = busy.or(has_processes.then_some(Handle::Processes))?;
    let timeout_ms = stop_timeout_ms(case, name);
    Some(ServiceStep::Stop { service: name.clone(), timeout_ms, handle }.into())
}

/// How long a service may take to stop: what the release that it came with says.
fn stop_timeout_ms(case: &Case<'_>, name: &ServiceName) -> u64 {
    let current = case.found.current.release().and_then(|id| case.found.manifest(id));
    let bound = current.and_then(|m| m.services.iter().find(|service| service.name == *name));
    let model = || case.environment.services.iter().find(|service| service.name == *name);
    bound
        .map(|service| service.limits.stop_timeout_ms)
        .or_else(|| model().map(|service| service.limits.stop_timeout_ms))
        .unwrap_or(10_000)
}

fn runs_from(service: &ServiceName, release: &ReleaseId) -> String {
    format!("{service} runs from {release}")
}
