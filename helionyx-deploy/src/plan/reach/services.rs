//! Which services must be stopped, started and proven. No I/O.

use std::collections::BTreeSet;

use super::Planner;
use crate::name::{ReleaseId, ServiceName};
use crate::plan::desired::{Run, Way};
use crate::plan::step::Step;
use crate::release::Service;
use crate::state::{Answering, ServiceState};

impl Planner<'_> {
    pub(super) fn run_or_stop(&mut self, release: &ReleaseId, services: &[Service]) {
        match self.desired.run {
            Run::Stopped => {
                self.stop_all();
                self.release_switch();
                self.install_units(services);
            }
            Run::Running | Run::Restarted(_) => self.run(release, services),
        }
    }

    /// Stops, starts and proves the services that do not run as they should, each group in its
    /// order: what is started last is stopped first.
    pub(super) fn run(&mut self, release: &ReleaseId, services: &[Service]) {
        let found = self.found;
        let wrong: Vec<(&Service, String)> = services
            .iter()
            .filter_map(|service| Some((service, self.why_restart(release, service)?)))
            .collect();
        let unwanted =
            found.services.keys().filter(|name| services.iter().all(|s| s.name != **name));
        let unwanted: Vec<ServiceName> = unwanted.cloned().collect();
        for name in unwanted {
            self.stop(&name);
        }
        for (service, _) in wrong.iter().rev() {
            self.stop(&service.name);
        }
        self.release_switch();
        self.install_units(services);
        let replaced = found.current.release().filter(|current| *current != release);
        for (service, why) in &wrong {
            // That a service runs from the release that is being replaced needs no words.
            if replaced.is_none_or(|current| *why != runs_from(&service.name, current)) {
                self.reasons.push(why.clone());
            }
            if self.desired.way == Way::Forward {
                self.refuse_a_foreign_unit(service);
                self.refuse_a_held_port(service);
                self.refuse_a_start_in_vain(service);
            }
            let service = Box::new((*service).clone());
            self.steps.push(Step::StartService { service, release: release.clone() });
        }
        let fresh = !found.releases.contains_key(release);
        let unproven = fresh || (found.is_complete(release) && !found.is_verified(release));
        for service in services {
            if unproven || wrong.iter().any(|(other, _)| other.name == service.name) {
                let service = Box::new(service.clone());
                self.steps.push(Step::ProveService { service, release: release.clone() });
            }
        }
    }

    /// Why a service must be started anew, if it must.
    pub(super) fn why_restart(&self, release: &ReleaseId, service: &Service) -> Option<String> {
        let name = &service.name;
        if let Some(why) = service.unit.as_ref().and_then(|unit| self.why_unit(unit)) {
            return Some(why);
        }
        let stopped = ServiceState::default();
        let state = self.found.services.get(name).unwrap_or(&stopped);
        let Some(main) = state.main() else {
            return Some(match state.processes.first() {
                None => format!("{name} does not run"),
                Some(left) => format!("{name} has ended, but {} is left of it", left.describe()),
            });
        };
        if let Some(unit) = service.unit.as_ref()
            && !self.is_main(&unit.name, main.key.pid)
        {
            return Some(format!("{name} runs outside of {}", unit.name));
        }
        if let Run::Restarted(before) = &self.desired.run
            && before.get(name) == Some(&main.key)
        {
            return Some(format!("{name} is to be restarted"));
        }
        let releases = self.layout.releases();
        for process in &state.processes {
            match process.release(&releases) {
                Some(from) if from == *release => {}
                Some(from) => return Some(runs_from(name, &from)),
                None => return Some(format!("{name} runs from no known release")),
            }
        }
        match &state.health {
            Answering::Failing { reason, .. } => Some(format!("{name} is not healthy: {reason}")),
            Answering::NotAsked | Answering::Passing => None,
        }
    }

    pub(super) fn stop_all(&mut self) {
        let processes = self.found.services.keys().cloned();
        let names: BTreeSet<ServiceName> = processes.chain(self.busy_units()).collect();
        for name in names.into_iter().rev() {
            self.stop(&name);
        }
    }

    pub(super) fn stop(&mut self, name: &ServiceName) {
        let has_processes =
            self.found.services.get(name).is_some_and(|state| !state.processes.is_empty());
        let unit = self.unit_to_stop(name);
        if has_processes || unit.is_some() {
            let timeout_ms = self.stop_timeout(name);
            self.steps.push(Step::StopService { service: name.clone(), timeout_ms, unit });
        }
    }

    /// How long a service may take to stop: what the release that it came with says.
    pub(super) fn stop_timeout(&self, name: &ServiceName) -> u64 {
        let current = self.found.current.release().and_then(|id| self.found.manifest(id));
        let bound = current.and_then(|m| m.services.iter().find(|service| service.name == *name));
        let model = || self.environment.services.iter().find(|service| service.name == *name);
        bound
            .map(|service| service.limits.stop_timeout_ms)
            .or_else(|| model().map(|service| service.limits.stop_timeout_ms))
            .unwrap_or(10_000)
    }
}

fn runs_from(service: &ServiceName, release: &ReleaseId) -> String {
    format!("{service} runs from {release}")
}
