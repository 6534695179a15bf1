//! Steps that stop and start services. In the embedded runtime they are detached processes, found
//! again by the marks in their environment, never by a pid that was written down.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Applier, StepError};
use crate::event::Event;
use crate::health::{self, Unproven};
use crate::host::{Launch, Signal};
use crate::name::{ReleaseId, ServiceName, UnitName};
use crate::observe::read_environment_file;
use crate::plan::Step;
use crate::release::Service;
use crate::secret::Secret;
use crate::state::{Node, Process, mark};

/// How long a process may take to be gone after KILL.
const KILL_DEADLINE: Duration = Duration::from_secs(5);
/// How often we look whether processes are gone.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);
/// How much of a service's log is shown when it fails, in bytes.
const LOG_LIMIT: u64 = 64 * 1024;
/// How many of its last lines.
const LOG_LINES: usize = 20;
/// Where a service's programs are found, whoever deployed it.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Applier<'_, '_, '_> {
    /// TERM to every process of the service and its groups; KILL to what is left in the end.
    pub(super) fn stop_service(
        &mut self,
        service: &ServiceName,
        unit: Option<&UnitName>,
        timeout: Duration,
    ) -> Result<String, StepError> {
        let host = self.work.host;
        let begin = host.elapsed();
        self.applied.down_since.get_or_insert(begin);
        if let Some(unit) = unit {
            let note = self.stop_unit(unit, timeout)?;
            if self.processes_of(service)?.is_empty() {
                return Ok(note);
            }
        }
        if self.signal_and_wait(service, Signal::Term, timeout)?.is_empty() {
            return Ok(String::new());
        }
        let left = self.signal_and_wait(service, Signal::Kill, KILL_DEADLINE)?;
        match left.first() {
            None => Ok(format!("killed: it did not end within {:.1} s", timeout.as_secs_f64())),
            Some(process) => Err(StepError::NotStopped {
                service: service.to_string(),
                left: process.describe(),
            }),
        }
    }

    /// Signals all processes of a service, also those that appear while we wait; returns those
    /// that are left at the deadline.
    fn signal_and_wait(
        &self,
        service: &ServiceName,
        signal: Signal,
        deadline: Duration,
    ) -> Result<Vec<Process>, StepError> {
        let host = self.work.host;
        let begin = host.elapsed();
        let mut signalled = std::collections::BTreeSet::new();
        loop {
            let living = self.processes_of(service)?;
            for process in living.iter().filter(|process| signalled.insert(process.key)) {
                host.signal(process.key, signal)?;
            }
            if living.is_empty() || host.elapsed().saturating_sub(begin) >= deadline {
                return Ok(living);
            }
            host.pause(LOOK_INTERVAL);
        }
    }

    pub(super) fn start_service(
        &mut self,
        service: &Service,
        release: &ReleaseId,
    ) -> Result<String, StepError> {
        let site = &self.plan.site;
        if let Some(running) = self.processes_of(&service.name)?.first()
            && running.release(&site.layout.releases()).as_ref() == Some(release)
        {
            self.started.insert(service.name.clone(), running.key);
            return Ok(format!("runs already: pid {}", running.key.pid));
        }
        if let Some(unit) = &service.unit {
            return self.start_unit(service, unit);
        }
        let launch = Launch {
            exec: service.exec.clone(),
            directory: service.directory.clone(),
            variables: self.environment_of(service, release)?,
            log: site.layout.log(&service.name),
        };
        if let Node::File { size, .. } = self.work.host.node(&launch.log)? {
            self.logged.insert(service.name.clone(), size);
        }
        let process = self.work.host.spawn(&launch)?;
        self.started.insert(service.name.clone(), process);
        Ok(format!("pid {}", process.pid))
    }

    /// Waits until a service is proven. Whether its process is the unit's own is asked while it is to
    /// stay healthy: the same process stays what it is.
    pub(super) fn prove_service(
        &mut self,
        service: &Service,
        release: &ReleaseId,
    ) -> Result<String, StepError> {
        let mut outside = None;
        let passed = &mut |process| outside = self.check_unit(service, process).err();
        let proof = health::prove(self.work.host, &self.plan.site, service, release, passed)?;
        if let Some(outside) = outside {
            return Err(outside);
        }
        self.measure_downtime(proof.first_pass);
        Ok(format!("pid {}, {} tries", proof.process.pid, proof.tries))
    }

    /// What the probe was answered that a service failed at.
    pub(super) fn tell_answer(&mut self, step: &Step, error: &StepError) {
        if let Step::ProveService { service, .. } = step
            && let StepError::Unproven(Unproven::NotHealthy { answer: Some(answer), .. }) = error
        {
            let (service, answer) = (service.name.clone(), (**answer).clone());
            (self.work.events)(Event::ProbeAnswer { service, answer });
        }
    }

    /// What a service that failed wrote last, since it was started by this plan.
    pub(super) fn tell_service_log(&mut self, step: &Step) {
        let (Step::StartService { service, .. } | Step::ProveService { service, .. }) = step else {
            return;
        };
        if let Some(unit) = &service.unit {
            let (lines, service) = (self.unit_log(service, unit, LOG_LINES), service.name.clone());
            (self.work.events)(Event::ServiceLog { service, lines });
            return;
        }
        let (host, log) = (self.work.host, self.plan.site.layout.log(&service.name));
        let before = self.logged.get(&service.name).copied().unwrap_or(0);
        let Ok(Node::File { size, .. }) = host.node(&log) else { return };
        let fresh = if size >= before { size - before } else { size };
        let Ok(bytes) = host.read_tail(&log, fresh.min(LOG_LIMIT)) else { return };
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let start = lines.len().saturating_sub(LOG_LINES);
        let (service, lines) = (service.name.clone(), lines[start..].to_vec());
        (self.work.events)(Event::ServiceLog { service, lines });
    }

    fn processes_of(&self, service: &ServiceName) -> Result<Vec<Process>, StepError> {
        let layout = &self.plan.site.layout;
        let all = self.work.host.processes(&layout.root)?;
        Ok(all.into_iter().filter(|process| process.belongs_to(layout, service)).collect())
    }

    /// The whole environment of a service: a fixed base, its files in their order, our marks.
    fn environment_of(
        &self,
        service: &Service,
        release: &ReleaseId,
    ) -> Result<BTreeMap<String, Secret>, StepError> {
        let (host, site) = (self.work.host, &self.plan.site);
        let base = [("PATH", PATH), ("LANG", "C.UTF-8"), ("HOME", site.layout.data.as_str())];
        let mut variables: BTreeMap<String, String> =
            base.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut values = BTreeMap::new();
        for path in &service.environment_files {
            let read = read_environment_file(host, path)
                .map_err(|problems| StepError::EnvironmentFile { path: path.clone(), problems })?;
            values.extend(read.into_iter().map(|(name, value)| (name.to_string(), value)));
        }
        for (name, value) in [
            (mark::APP, site.app.as_str()),
            (mark::ENVIRONMENT, site.environment.as_str()),
            (mark::ROOT, site.layout.root.as_str()),
            (mark::SERVICE, service.name.as_str()),
            (mark::RELEASE, release.as_str()),
        ] {
            values.remove(name);
            variables.insert(name.to_owned(), value.to_owned());
        }
        let base = variables.into_iter().map(|(name, value)| (name, Secret::new(value)));
        let mut all: BTreeMap<String, Secret> = base.collect();
        all.extend(values);
        Ok(all)
    }
}
