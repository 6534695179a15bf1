//! What runs services: the embedded runtime or systemd, behind one trait. Does I/O through `host`.
//!
//! [`of`] is the one place that chooses between supervisors when something is looked at or done;
//! [`crate::plan::runtime`] is its counterpart for what is decided.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::command::ExitStatus;
use crate::host::{Host, HostError, each};
use crate::model::{Environment, Supervisor};
use crate::name::{Port, ReleaseId, ServiceName, UnitName};
use crate::plan::desired::Way;
use crate::plan::fingerprint::Facts;
use crate::plan::step::Handle;
use crate::release::Service;
use crate::state::unit::Shown;
use crate::state::{
    Account, HostState, Instance, Listener, Process, ProcessKey, Role, SupervisorState, main_first,
};
use crate::time::Timestamp;

mod end;
mod environment_file;
mod error;
pub mod log;
mod process;
mod recovery;
mod systemd;

use log::{Log, LogError, LogQuery};

pub(crate) use environment_file::read_environment_file;
pub use error::ServiceError;
pub(crate) use recovery::tool_origin;

/// A supervisor of an environment's services, as it is on a host. It remembers what one plan did.
pub trait Supervise: Sync {
    /// The host that it works on.
    fn host(&self) -> &dyn Host;

    /// The environment whose services it runs.
    fn environment(&self) -> &Environment;

    /// Asks what the supervisor knows of an environment; `recorded` is what files say of it.
    ///
    /// # Errors
    /// When it does not answer.
    fn ask(&self, recorded: &HostState) -> Result<Answer, HostError>;

    /// The account that services run as; none where that is the deployer, or where the host does not
    /// know it.
    ///
    /// # Errors
    /// When the host cannot be asked.
    fn account(&self) -> Result<Option<Account>, HostError>;

    /// Puts together what the supervisor answered and what its files say.
    ///
    /// # Errors
    /// When something cannot be looked at.
    fn state(
        &self,
        recorded: &HostState,
        answer: &Answer,
        account: Option<Account>,
    ) -> Result<SupervisorState, HostError>;

    /// What a process is to the environment: which service it belongs to, and from which release it
    /// runs.
    fn instance(&self, process: Process) -> Instance;

    /// All processes of interest to the environment, with what they are to it.
    ///
    /// # Errors
    /// When they cannot be looked at.
    fn instances(&self) -> Result<Vec<Instance>, HostError> {
        let all = self.host().processes(&self.environment().layout.root)?;
        Ok(all.into_iter().map(|process| self.instance(process)).collect())
    }

    /// The living processes of one service, the main process first.
    ///
    /// # Errors
    /// As [`Supervise::instances`].
    fn instances_of(&self, service: &ServiceName) -> Result<Vec<Instance>, HostError> {
        let mut all = self.instances()?;
        all.retain(|instance| instance.service.as_ref() == Some(service));
        main_first(&mut all);
        Ok(all)
    }

    /// Who listens on a port, with what the holders are to the environment.
    ///
    /// # Errors
    /// When that cannot be looked at.
    fn listeners(&self, port: Port) -> Result<Vec<Listener<Instance>>, HostError> {
        let all = self.host().listeners(port)?;
        let known = |listener: Listener| listener.map(|process| self.instance(process));
        Ok(all.into_iter().map(known).collect())
    }

    /// Whether anything of the services runs, or is about to be started again.
    ///
    /// # Errors
    /// When it does not answer.
    fn is_busy(&self) -> Result<bool, HostError>;

    /// Starts a service from a release; returns what there is to say about it. On the way forward,
    /// what would not run the release is refused; what else is in force is told to `warn`.
    ///
    /// # Errors
    /// Why it did not start.
    fn start(
        &mut self,
        service: &Service,
        release: &ReleaseId,
        way: Way,
        warn: &mut dyn FnMut(String),
    ) -> Result<String, ServiceError>;

    /// Stops a service with all its processes, also one that waits to be started again; returns what
    /// there is to say about it.
    ///
    /// # Errors
    /// When something of it is left.
    fn stop(
        &mut self,
        service: &ServiceName,
        handle: &Handle,
        timeout: Duration,
    ) -> Result<String, ServiceError>;

    /// That a process that was proven is the one that the supervisor started.
    ///
    /// # Errors
    /// When it is another one.
    fn check(&self, service: &Service, process: ProcessKey) -> Result<(), ServiceError>;

    /// How a service ended that was started by this plan; none where nobody knows.
    fn how_it_ended(&self, service: &Service) -> Option<End>;

    /// The last lines that a service wrote since this plan started it.
    fn recent_log(&self, service: &Service, lines: usize) -> Vec<String>;

    /// What a service wrote since a moment, as far as it is to be kept.
    fn kept_log(&self, service: &Service, since: Timestamp) -> Vec<u8>;

    /// Opens the log of all services. What the supervisor cannot choose lines by is refused.
    ///
    /// # Errors
    /// Why the log cannot be read.
    fn log(&self, query: &LogQuery) -> Result<Box<dyn Log>, LogError>;

    /// What the supervisor was told of the services of an environment and makes of it, to tell whether
    /// another environment's operation changed it.
    fn fingerprint(&self, answer: &Result<Answer, HostError>) -> Fingerprint;

    /// Forgets what it remembers of what the supervisor knows: it was told something new.
    fn forget(&mut self);
}

/// What a supervisor knows, before it is put together with files.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Nothing: the embedded runtime keeps nothing.
    Process,
    /// What systemd says of units.
    Systemd(BTreeMap<UnitName, Shown>),
}

/// What a supervisor was told of an environment, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// Facts by their names. What cannot be looked at is a fact like all others.
    pub facts: Facts,
    /// Units that have changed since systemd read them.
    pub unread: Vec<UnitName>,
}

/// How a service ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Its process ended so.
    Status(ExitStatus),
    /// Its unit, and why in systemd's words.
    Unit(UnitName, String),
}

/// A supervisor of an environment on a host.
#[must_use]
pub fn of<'h>(
    host: &'h dyn Host,
    environment: &'h Environment,
    supervisor: Supervisor,
) -> Box<dyn Supervise + 'h> {
    match supervisor {
        Supervisor::Process => Box::new(process::Detached::new(host, environment)),
        Supervisor::Systemd => Box::new(systemd::Systemd::new(host, environment)),
    }
}

/// The supervisor that the model of an environment names.
#[must_use]
pub fn modelled<'h>(host: &'h dyn Host, environment: &'h Environment) -> Box<dyn Supervise + 'h> {
    of(host, environment, environment.runtime.supervisor())
}

/// The supervisor that a release says a service is run by.
#[must_use]
pub fn of_service<'h>(
    host: &'h dyn Host,
    environment: &'h Environment,
    service: &Service,
) -> Box<dyn Supervise + 'h> {
    of(host, environment, service.managed.supervisor())
}

/// Asks about several environments, in their order: those of one supervisor together, as far as that
/// is possible.
pub fn ask_all(
    host: &dyn Host,
    environments: &[(&Environment, &HostState)],
) -> Vec<Result<Answer, HostError>> {
    match systemd::ask_together(host, environments) {
        Some(answers) => answers.into_iter().map(Ok).collect(),
        None => each(host, environments, &|(environment, recorded)| {
            modelled(host, environment).ask(recorded)
        }),
    }
}

/// What a process is by its marks, its directory, its program and its output.
fn by_marks(environment: &Environment, process: Process) -> Instance {
    let layout = &environment.layout;
    let role = if process.session == process.key.pid { Role::Main } else { Role::Other };
    let (service, release) = (process.service(layout), process.release(&layout.releases()));
    Instance { service, release, role, process }
}
