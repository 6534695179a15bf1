//! Which services must be stopped, started and proven. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use super::{Case, refuse};
use crate::name::{ReleaseId, ServiceName};
use crate::plan::Part;
use crate::plan::desired::Wanted;
use crate::plan::order::Order;
use crate::plan::runtime::Switch;
use crate::plan::step::{Handle, ServiceStep, Step};
use crate::release::Service;
use crate::state::{Answering, ServiceState};

/// Brings the services to a release, with the switch of `current` at the moment that the supervisor
/// wants. Services that do not run as they should are stopped, started and proven; those that need
/// one of them are, too. What is started last is stopped first.
pub(super) fn bring(
    case: &Case<'_>,
    release: &ReleaseId,
    services: &[Service],
    switch: Option<Step>,
) -> Part {
    let order = Order::of(services);
    let wanted: Vec<&Service> =
        order.ranked().filter(|service| case.desired.run.wants(&service.name)).collect();
    let starts = !matches!(case.desired.run.services, Wanted::AtMost(_));
    let wrong = if starts { wrong(case, release, &wanted) } else { BTreeMap::new() };
    let mut part = around(case, switch, stops(case, &order, &wrong));
    part.then(case.rules.install(case.found, services));
    let is_fresh = !case.found.releases.contains_key(release);
    let is_unproven = starts
        && (is_fresh || (case.found.is_complete(release) && !case.found.is_verified(release)));
    // Services of one rank do not need each other: they are started together and proven together.
    for rank in wanted.chunk_by(|one, other| order.rank(&one.name) == order.rank(&other.name)) {
        for service in rank {
            if let Some(why) = wrong.get(&service.name) {
                part.then(start(case, release, service, why));
            }
        }
        for service in rank {
            if is_unproven || wrong.contains_key(&service.name) {
                let service = Box::new((*service).clone());
                part.step(ServiceStep::Prove { service, release: release.clone() });
            }
        }
    }
    part
}

/// The services that must be started anew, and why: those that do not run as they should, and those
/// that need one of them.
fn wrong(
    case: &Case<'_>,
    release: &ReleaseId,
    wanted: &[&Service],
) -> BTreeMap<ServiceName, String> {
    let mut wrong = BTreeMap::new();
    for service in wanted {
        let needed = service.requires.iter().find(|name| wrong.contains_key(*name));
        let why = why_restart(case, release, service);
        let why = why.or_else(|| needed.map(|needed| format!("{} needs {needed}", service.name)));
        if let Some(why) = why {
            wrong.insert(service.name.clone(), why);
        }
    }
    wrong
}

/// Stops what is not wanted or must be started anew, the last of the order first; what the release
/// does not know before all others.
fn stops(case: &Case<'_>, order: &Order<'_>, wrong: &BTreeMap<ServiceName, String>) -> Vec<Step> {
    let known = |name: &ServiceName| order.ranked().any(|service| service.name == *name);
    let strangers = running(case).into_iter().filter(|name| !known(name));
    let ranked: Vec<&ServiceName> = order.ranked().map(|service| &service.name).collect();
    let ours = ranked.into_iter().rev();
    let ends = |name: &&ServiceName| wrong.contains_key(*name) || !case.desired.run.wants(name);
    strangers.chain(ours.filter(ends)).filter_map(|name| stop(case, name)).collect()
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
        part.then(refuse::held_ports(case, service));
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
    if case.desired.run.anew.get(name) == Some(&main.process.key) {
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

/// Stops all that runs of the environment: what needs another service before that one.
pub(super) fn stop_all(case: &Case<'_>) -> Vec<Step> {
    let current = case.found.current.release().and_then(|id| case.found.manifest(id));
    let services = current.map(|manifest| manifest.services.as_slice()).unwrap_or_default();
    let order = Order::of(services);
    let ranked: Vec<&ServiceName> = order.ranked().map(|service| &service.name).collect();
    let known: BTreeSet<&ServiceName> = ranked.iter().copied().collect();
    let others = running(case).into_iter().rev().filter(|name| !known.contains(name));
    others.chain(ranked.iter().copied().rev()).filter_map(|name| stop(case, name)).collect()
}

/// The services of which something may run: those that were seen, and those of the model.
fn running<'c>(case: &Case<'c>) -> BTreeSet<&'c ServiceName> {
    let modelled = case.environment.services.iter().map(|service| &service.name);
    case.found.services.keys().chain(modelled).collect()
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
