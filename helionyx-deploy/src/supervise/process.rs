//! The embedded runtime: services are detached processes, found again by the marks in their
//! environment, never by a pid that was written down.

use std::collections::BTreeMap;
use std::time::Duration;

use super::end::Processes;
use super::log::{Log, LogError, LogQuery};
use super::{Answer, End, Fingerprint, ServiceError, Supervise, by_marks, read_environment_file};
use crate::command::ExitStatus;
use crate::host::{Host, HostError, Launch};
use crate::model::Environment;
use crate::name::{ReleaseId, ServiceName};
use crate::plan::desired::Way;
use crate::plan::step::Handle;
use crate::release::Service;
use crate::secret::Secret;
use crate::state::{
    Account, HostState, Instance, Node, Process, ProcessKey, SupervisorState, mark,
};
use crate::time::Timestamp;

mod log;

/// How much of a service's log is read when it fails, in bytes.
const LOG_LIMIT: u64 = 64 * 1024;
/// How long a process that is gone may take to tell how it ended.
const EXIT_DEADLINE: Duration = Duration::from_millis(500);
/// Where a service's programs are found, whoever deployed it.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The embedded runtime of one environment.
pub(super) struct Detached<'h> {
    host: &'h dyn Host,
    environment: &'h Environment,
    /// The processes that were started.
    started: BTreeMap<ServiceName, ProcessKey>,
    /// How long each service's log was before the service was started, in bytes.
    logged: BTreeMap<ServiceName, u64>,
}

impl<'h> Detached<'h> {
    pub fn new(host: &'h dyn Host, environment: &'h Environment) -> Detached<'h> {
        Detached { host, environment, started: BTreeMap::new(), logged: BTreeMap::new() }
    }

    /// The whole environment of a service: a fixed base, its files in their order, our marks.
    fn variables(
        &self,
        service: &Service,
        release: &ReleaseId,
    ) -> Result<BTreeMap<String, Secret>, ServiceError> {
        let Environment { app, name: environment, layout, .. } = self.environment;
        let base = [("PATH", PATH), ("LANG", "C.UTF-8"), ("HOME", layout.data.as_str())];
        let marks = [
            (mark::APP, app.as_str()),
            (mark::ENVIRONMENT, environment.as_str()),
            (mark::ROOT, layout.root.as_str()),
            (mark::SERVICE, service.name.as_str()),
            (mark::RELEASE, release.as_str()),
        ];
        let said = |(name, value): (&str, &str)| (name.to_owned(), Secret::new(value.to_owned()));
        let mut all: BTreeMap<String, Secret> = base.into_iter().map(said).collect();
        for path in &service.environment_files {
            let read = read_environment_file(self.host, path).map_err(|problems| {
                ServiceError::EnvironmentFile { path: path.clone(), problems }
            })?;
            all.extend(read.into_iter().map(|(name, value)| (name.to_string(), value)));
        }
        all.extend(marks.into_iter().map(said));
        Ok(all)
    }

    /// A process loses its environment a moment before it can be waited for.
    fn wait_for_exit(&self, process: ProcessKey) -> Option<ExitStatus> {
        let host = self.host;
        let deadline = host.elapsed() + EXIT_DEADLINE;
        loop {
            let status = host.exit_of(process);
            if status.is_some() || host.elapsed() >= deadline {
                return status;
            }
            host.pause(Duration::from_millis(1));
        }
    }
}

impl Supervise for Detached<'_> {
    fn host(&self) -> &dyn Host {
        self.host
    }

    fn environment(&self) -> &Environment {
        self.environment
    }

    fn ask(&self, _recorded: &HostState) -> Result<Answer, HostError> {
        Ok(Answer::Process)
    }

    fn account(&self) -> Result<Option<Account>, HostError> {
        Ok(None)
    }

    fn state(
        &self,
        _recorded: &HostState,
        _answer: &Answer,
        _account: Option<Account>,
    ) -> Result<SupervisorState, HostError> {
        Ok(SupervisorState::Process)
    }

    fn instance(&self, process: Process) -> Instance {
        by_marks(self.environment, process)
    }

    fn is_busy(&self) -> Result<bool, HostError> {
        let all = self.instances()?;
        Ok(all.iter().any(|instance| instance.service.is_some()))
    }

    fn start(
        &mut self,
        service: &Service,
        release: &ReleaseId,
        _way: Way,
        _warn: &mut dyn FnMut(String),
    ) -> Result<String, ServiceError> {
        let living = self.instances_of(&service.name)?;
        if let Some(running) = living.first()
            && running.release.as_ref() == Some(release)
        {
            self.started.insert(service.name.clone(), running.process.key);
            return Ok(format!("runs already: pid {}", running.process.key.pid));
        }
        let launch = Launch {
            exec: service.exec.clone(),
            directory: service.directory.clone(),
            variables: self.variables(service, release)?,
            log: self.environment.layout.log(&service.name),
        };
        if let Node::File { size, .. } = self.host.node(&launch.log)? {
            self.logged.insert(service.name.clone(), size);
        }
        let process = self.host.spawn(&launch)?;
        self.started.insert(service.name.clone(), process);
        Ok(format!("pid {}", process.pid))
    }

    fn stop(
        &mut self,
        service: &ServiceName,
        _handle: &Handle,
        timeout: Duration,
    ) -> Result<String, ServiceError> {
        Processes { supervisor: &*self, service }.end(timeout)
    }

    /// What the runtime started is what it finds by its marks: the proof has looked at these.
    fn check(&self, _service: &Service, _process: ProcessKey) -> Result<(), ServiceError> {
        Ok(())
    }

    fn how_it_ended(&self, service: &Service) -> Option<End> {
        let process = self.started.get(&service.name)?;
        self.wait_for_exit(*process).map(End::Status)
    }

    fn recent_log(&self, service: &Service, lines: usize) -> Vec<String> {
        let log = self.environment.layout.log(&service.name);
        let before = self.logged.get(&service.name).copied().unwrap_or(0);
        let Ok(Node::File { size, .. }) = self.host.node(&log) else { return Vec::new() };
        let fresh = if size >= before { size - before } else { size };
        let Ok(bytes) = self.host.read_tail(&log, fresh.min(LOG_LIMIT)) else { return Vec::new() };
        let text = String::from_utf8_lossy(&bytes);
        let all: Vec<String> = text.lines().map(str::to_owned).collect();
        all[all.len().saturating_sub(lines)..].to_vec()
    }

    /// Plain lines have no time: what fits is kept.
    fn kept_log(&self, service: &Service, _since: Timestamp) -> Vec<u8> {
        let log = self.environment.layout.log(&service.name);
        self.host.read_tail(&log, LOG_LIMIT).unwrap_or_default()
    }

    fn log(&self, query: &LogQuery) -> Result<Box<dyn Log>, LogError> {
        log::open(self.host, self.environment, query)
    }

    fn fingerprint(&self, _answer: &Result<Answer, HostError>) -> Fingerprint {
        Fingerprint::default()
    }

    fn forget(&mut self) {}
}
