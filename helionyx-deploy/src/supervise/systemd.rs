//! systemd: a unit for each service, asked about and told by `systemctl`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::end::{Processes, killed};
use super::log::{Log, LogError, LogQuery};
use super::{Answer, End, Fingerprint, ServiceError, Supervise, by_marks};
use crate::command::{Command, OnInterrupt};
use crate::host::{Host, HostError, ask, ended_well};
use crate::model::{Environment, Runtime, Units};
use crate::name::{ReleaseId, ServiceName, UnitName};
use crate::plan::desired::Way;
use crate::plan::step::Handle;
use crate::release::{Managed, Service, Unit};
use crate::state::unit::Shown;
use crate::state::{Account, HostState, Instance, Process, ProcessKey, SupervisorState};
use crate::time::Timestamp;
use crate::tool::{account, journalctl, systemctl};

mod fingerprint;
mod log;
mod look;

pub(super) use look::ask_together;
use look::overridden;

/// How long a unit may take to be started: its own limit is in its file.
const START_DEADLINE: Duration = Duration::from_secs(600);
/// What stopped within this was not killed by systemd, whose shortest limit is a second.
const QUICK_STOP: Duration = Duration::from_secs(1);

/// systemd, as far as it runs one environment.
pub(super) struct Systemd<'h> {
    host: &'h dyn Host,
    environment: &'h Environment,
    /// When each service was started.
    begun: BTreeMap<ServiceName, Timestamp>,
    /// What systemd knows of each unit that was stopped, as long as that has not changed.
    stopped: BTreeMap<UnitName, Shown>,
}

impl<'h> Systemd<'h> {
    pub fn new(host: &'h dyn Host, environment: &'h Environment) -> Systemd<'h> {
        Systemd { host, environment, begun: BTreeMap::new(), stopped: BTreeMap::new() }
    }

    /// How the units of the environment are named; none where its model names another supervisor.
    fn units(&self) -> Option<&Units> {
        match &self.environment.runtime {
            Runtime::Systemd(units) => Some(units),
            Runtime::Process => None,
        }
    }

    /// The units of the services that the model has.
    fn units_of_services(&self) -> Vec<UnitName> {
        let services = self.environment.services.iter();
        let units = self.units().into_iter();
        units.flat_map(|units| services.clone().map(|service| units.of(&service.name))).collect()
    }

    fn unit<'s>(&self, service: &'s Service) -> Result<&'s Unit, ServiceError> {
        match &service.managed {
            Managed::Systemd(unit) => Ok(unit),
            Managed::Process => Err(ServiceError::NotManaged {
                service: service.name.to_string(),
                supervisor: crate::model::Supervisor::Systemd,
            }),
        }
    }

    fn shown(&self, unit: &UnitName) -> Result<Shown, HostError> {
        let output = ask(self.host, "ask systemd about", &systemctl::show([unit]))?;
        Ok(systemctl::parse_show(&output.text).remove(unit).unwrap_or_default())
    }

    /// systemd starts what counts, which need not be what the unit says. Where that would not be the
    /// release, nothing is started. On the way back that decides nothing: what ran so before may run
    /// so again.
    fn check_what_counts(
        &self,
        unit: &Unit,
        shown: &Shown,
        way: Way,
        warn: &mut dyn FnMut(String),
    ) -> Result<(), ServiceError> {
        let found = overridden(self.host, &unit.name, &unit.text, shown);
        let (decisive, others): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|one| one.is_decisive && way == Way::Forward);
        others.iter().for_each(|one| warn(format!("{}: {one}", unit.name)));
        if decisive.is_empty() {
            return Ok(());
        }
        let what: Vec<String> = decisive.iter().map(ToString::to_string).collect();
        Err(ServiceError::Overridden { unit: unit.name.to_string(), what: what.join("; ") })
    }

    /// Stops a unit, also one that waits to be started again. Says when it had to be killed, which
    /// systemd calls a success.
    fn stop_unit(&mut self, unit: &UnitName, timeout: Duration) -> Result<String, ServiceError> {
        let host = self.host;
        let begin = host.elapsed();
        // The next start needs two things, which are done while the unit stops: a look at what systemd
        // would start, and that systemd forgets failures and starts that were too many. For a unit
        // that had neither, the latter does nothing.
        let commands = [
            systemctl::stop(unit, timeout),
            systemctl::show([unit]),
            systemctl::reset_failed(unit),
        ];
        let mut answers = host.run_all(&commands).into_iter();
        if let Some(stopped) = answers.next() {
            ended_well("stop", &commands[0], stopped?)?;
        }
        if let Some(Ok(output)) = answers.next()
            && output.status.success()
        {
            self.stopped.extend(systemctl::parse_show(&output.text));
        }
        let is_killed = host.elapsed().saturating_sub(begin) >= timeout.min(QUICK_STOP)
            && self.shown(unit)?.result == "timeout";
        Ok(if is_killed { killed(timeout) } else { String::new() })
    }
}

impl Supervise for Systemd<'_> {
    fn host(&self) -> &dyn Host {
        self.host
    }

    fn environment(&self) -> &Environment {
        self.environment
    }

    fn ask(&self, recorded: &HostState) -> Result<Answer, HostError> {
        let names = self.units().map(|units| look::Names::of(self.environment, units, recorded));
        look::ask_systemd(self.host, &Vec::from_iter(&names)).map(Answer::Systemd)
    }

    fn account(&self) -> Result<Option<Account>, HostError> {
        let Some(units) = self.units() else { return Ok(None) };
        // The program also ends with an error for a user that it does not know.
        let output = self.host.run(&account::look_up(&units.user), &mut |_| {})?;
        Ok(account::parse(&output.text, &units.user))
    }

    fn state(
        &self,
        recorded: &HostState,
        answer: &Answer,
        account: Option<Account>,
    ) -> Result<SupervisorState, HostError> {
        let (Some(units), Answer::Systemd(shown)) = (self.units(), answer) else {
            return Ok(SupervisorState::Systemd(Box::default()));
        };
        let names = look::Names::of(self.environment, units, recorded);
        look::state(self.host, self.environment, names, shown, account)
            .map(|state| SupervisorState::Systemd(Box::new(state)))
    }

    fn instance(&self, process: Process) -> Instance {
        by_marks(self.environment, process)
    }

    fn is_busy(&self) -> Result<bool, HostError> {
        let units = self.units_of_services();
        let output = self.host.run(&systemctl::show(&units), &mut |_| {})?;
        Ok(systemctl::parse_show(&output.text).values().any(Shown::is_busy))
    }

    /// Starts a unit, also one that failed and was started too often before. That systemd says that it
    /// did proves little: the proof that follows is what counts.
    fn start(
        &mut self,
        service: &Service,
        release: &ReleaseId,
        way: Way,
        warn: &mut dyn FnMut(String),
    ) -> Result<String, ServiceError> {
        let (host, unit) = (self.host, self.unit(service)?);
        let living = self.instances_of(&service.name)?;
        if let Some(running) = living.first()
            && running.release.as_ref() == Some(release)
        {
            return Ok(format!("runs already: pid {}", running.process.key.pid));
        }
        let shown = match self.stopped.remove(&unit.name) {
            Some(shown) => shown,
            None => {
                host.run(&systemctl::reset_failed(&unit.name), &mut |_| {})?;
                self.shown(&unit.name)?
            }
        };
        self.check_what_counts(unit, &shown, way, warn)?;
        self.begun.insert(service.name.clone(), host.now());
        let output = host.run(&systemctl::start(&unit.name, START_DEADLINE), &mut |_| {})?;
        if output.status.success() {
            return Ok(String::new());
        }
        let now = self.shown(&unit.name)?;
        // What became of the one before says nothing of a start that did not come to one.
        let failure = now.failure().filter(|_| now.invocation != shown.invocation);
        let why = failure.unwrap_or_else(|| output.tail(2).join("; "));
        Err(ServiceError::NotStarted { unit: unit.name.to_string(), why })
    }

    fn stop(
        &mut self,
        service: &ServiceName,
        handle: &Handle,
        timeout: Duration,
    ) -> Result<String, ServiceError> {
        let note = match handle {
            Handle::Unit(unit) => Some(self.stop_unit(unit, timeout)?),
            Handle::Processes => None,
        };
        let processes = Processes { supervisor: &*self, service };
        match note {
            Some(note) if processes.living()?.is_empty() => Ok(note),
            _ => processes.end(timeout),
        }
    }

    fn check(&self, service: &Service, process: ProcessKey) -> Result<(), ServiceError> {
        let unit = &self.unit(service)?.name;
        match self.shown(unit)?.main_pid {
            Some(pid) if pid == process.pid => Ok(()),
            _ => Err(ServiceError::OutsideOfUnit {
                service: service.name.to_string(),
                pid: process.pid,
                unit: unit.to_string(),
            }),
        }
    }

    fn how_it_ended(&self, service: &Service) -> Option<End> {
        let unit = &self.unit(service).ok()?.name;
        let why = self.shown(unit).ok()?.failure()?;
        Some(End::Unit(unit.clone(), why))
    }

    fn recent_log(&self, service: &Service, lines: usize) -> Vec<String> {
        let Ok(unit) = self.unit(service) else { return Vec::new() };
        let since = self.begun.get(&service.name).map(|at| journalctl::at(*at));
        let wanted = journalctl::Wanted { lines, since, ..journalctl::Wanted::default() };
        let on_interrupt = OnInterrupt::GoesOn;
        let read = Command { on_interrupt, ..journalctl::read([&unit.name], &wanted) };
        let output = self.host.run(&read, &mut |_| {});
        output.map(|output| output.tail(lines)).unwrap_or_default()
    }

    fn kept_log(&self, service: &Service, since: Timestamp) -> Vec<u8> {
        self.unit(service).map(|unit| log::kept(self.host, &unit.name, since)).unwrap_or_default()
    }

    fn log(&self, query: &LogQuery) -> Result<Box<dyn Log>, LogError> {
        Ok(log::open(self.host, &self.units_of_services(), query))
    }

    fn fingerprint(&self, answer: &Result<Answer, HostError>) -> Fingerprint {
        fingerprint::of(self.host, self.units_of_services().into_iter(), answer)
    }

    fn forget(&mut self) {
        self.stopped.clear();
    }
}
