//! Steps that change what systemd runs: users, unit files, starts and stops.

use std::time::Duration;

use camino::Utf8Path;

use super::{Applier, Heed, StepError};
use crate::command::{Command, OnInterrupt};
use crate::event::Event;
use crate::health::Life;
use crate::host::HostError;
use crate::layout::UNITS_DIR;
use crate::name::{UnitName, UserName};
use crate::observe::{ask, ended_well, overridden};
use crate::release::{Service, Unit};
use crate::state::unit::Shown;
use crate::state::{Account, Node, ProcessKey};
use crate::tool::{account, journalctl, systemctl};

/// How long a unit may take to be started: its own limit is in its file.
const START_DEADLINE: Duration = Duration::from_secs(600);
/// What stopped within this was not killed by systemd, whose shortest limit is a second.
const QUICK_STOP: Duration = Duration::from_secs(1);

impl Applier<'_, '_, '_> {
    pub(super) fn create_user(&self, user: &UserName, home: &Utf8Path) -> Result<(), StepError> {
        let host = self.work.host;
        let known = host.run(&account::look_up(user), &mut |_| {})?;
        if account::parse(&known.text, user).is_none() {
            ask(host, "create the user", &account::create(user, home))?;
        }
        Ok(())
    }

    /// Not as long as something is left that belongs to it: whoever gets its number next would own
    /// that.
    pub(super) fn remove_user(&self, user: &UserName) -> Result<(), StepError> {
        let layout = &self.plan.site.layout;
        for path in [&layout.data, &layout.cache()] {
            if self.work.host.node(path)? != Node::Missing {
                let why = format!("{path} is left, which belongs to it");
                return Err(HostError::refused("remove the user", user, why).into());
            }
        }
        ask(self.work.host, "remove the user", &account::remove(user))?;
        Ok(())
    }

    /// A directory that is somebody else's from the moment on when it is there.
    pub(super) fn create_directory_for(
        &self,
        path: &Utf8Path,
        mode: u32,
        owner: &UserName,
    ) -> Result<(), StepError> {
        let account = self.account("create a directory for", owner)?;
        Ok(self.work.host.create_dir_for(path, mode, account)?)
    }

    /// A user that must be there.
    pub(super) fn account(
        &self,
        verb: &'static str,
        user: &UserName,
    ) -> Result<Account, HostError> {
        let known = self.work.host.run(&account::look_up(user), &mut |_| {})?;
        let account = account::parse(&known.text, user);
        account.ok_or_else(|| HostError::refused(verb, user, "this host has no such user"))
    }

    pub(super) fn write_unit(&self, unit: &Unit) -> Result<(), StepError> {
        let path = Utf8Path::new(UNITS_DIR).join(unit.name.as_str());
        Ok(self.work.host.write(&path, unit.text.as_bytes(), 0o644)?)
    }

    pub(super) fn remove_unit(&self, unit: &UnitName) -> Result<(), StepError> {
        ask(self.work.host, "disable", &systemctl::disable(unit))?;
        Ok(self.work.host.remove(&Utf8Path::new(UNITS_DIR).join(unit.as_str()))?)
    }

    pub(super) fn reload_units(&mut self) -> Result<(), StepError> {
        self.stopped.clear();
        ask(self.work.host, "run systemctl", &systemctl::daemon_reload())?;
        Ok(())
    }

    pub(super) fn enable_unit(&self, unit: &UnitName) -> Result<(), StepError> {
        ask(self.work.host, "enable", &systemctl::enable(unit))?;
        Ok(())
    }

    /// Starts a unit, also one that failed and was started too often before. That systemd says that it
    /// did proves little: the proof that follows is what counts.
    pub(super) fn start_unit(
        &mut self,
        service: &Service,
        unit: &Unit,
    ) -> Result<String, StepError> {
        let host = self.work.host;
        let shown = match self.stopped.remove(&unit.name) {
            Some(shown) => shown,
            None => {
                host.run(&systemctl::reset_failed(&unit.name), &mut |_| {})?;
                self.shown(&unit.name)?
            }
        };
        self.check_what_counts(unit, &shown)?;
        self.begun.insert(service.name.clone(), host.now());
        let output = host.run(&systemctl::start(&unit.name, START_DEADLINE), &mut |_| {})?;
        if output.status.success() {
            return Ok(String::new());
        }
        let now = self.shown(&unit.name)?;
        // What became of the one before says nothing of a start that did not come to one.
        let failure = now.failure().filter(|_| now.invocation != shown.invocation);
        let why = failure.unwrap_or_else(|| output.tail(2).join("; "));
        Err(StepError::NotStarted { unit: unit.name.to_string(), why })
    }

    /// What systemd will start is what the unit says: what else is in force is told, and where it would
    /// not be the release, nothing is started. On the way back that decides nothing: what ran so
    /// before may run so again.
    fn check_what_counts(&mut self, unit: &Unit, shown: &Shown) -> Result<(), StepError> {
        let found = overridden(self.work.host, &unit.name, &unit.text, shown);
        let is_forward = self.work.heed == Heed::Interruptions;
        let (decisive, others): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|one| one.is_decisive && is_forward);
        for one in others {
            let message = format!("{}: {one}", unit.name);
            (self.work.events)(Event::Warning { message });
        }
        if decisive.is_empty() {
            return Ok(());
        }
        let what: Vec<String> = decisive.iter().map(ToString::to_string).collect();
        Err(StepError::Overridden { unit: unit.name.to_string(), what: what.join("; ") })
    }

    /// Stops a unit, also one that waits to be started again; what it leaves behind is left to the
    /// caller. Says when it had to be killed, which systemd calls a success.
    pub(super) fn stop_unit(
        &mut self,
        unit: &UnitName,
        timeout: Duration,
    ) -> Result<String, StepError> {
        let host = self.work.host;
        let begin = host.elapsed();
        // What the next start needs is done meanwhile: asked what would be started, and forgotten that
        // it failed or was started too often, which of a unit that did neither means nothing.
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
        Ok(match is_killed {
            true => format!("killed: it did not end within {:.1} s", timeout.as_secs_f64()),
            false => String::new(),
        })
    }

    /// That the process that was proven is the unit's own.
    pub(super) fn check_unit(
        &self,
        service: &Service,
        process: ProcessKey,
    ) -> Result<(), StepError> {
        let Some(unit) = &service.unit else { return Ok(()) };
        match self.shown(&unit.name)?.main_pid {
            Some(pid) if pid == process.pid => Ok(()),
            _ => Err(StepError::OutsideOfUnit {
                service: service.name.to_string(),
                pid: process.pid,
                unit: unit.name.to_string(),
            }),
        }
    }

    /// Why a unit's process ended; none where systemd does not know.
    pub(super) fn unit_ended(&self, unit: &Unit, life: Life) -> Option<StepError> {
        let why = self.shown(&unit.name).ok()?.failure()?;
        Some(StepError::UnitEnded { unit: unit.name.to_string(), life, why })
    }

    /// What a unit wrote since this plan started it.
    pub(super) fn unit_log(&self, service: &Service, unit: &Unit, lines: usize) -> Vec<String> {
        let since = self.begun.get(&service.name).map(|at| format!("@{}", at.as_millis() / 1000));
        let wanted = journalctl::Wanted { lines, since, ..journalctl::Wanted::default() };
        let on_interrupt = OnInterrupt::GoesOn;
        let read = Command { on_interrupt, ..journalctl::read([&unit.name], &wanted) };
        let output = self.work.host.run(&read, &mut |_| {});
        output.map(|output| output.tail(lines)).unwrap_or_default()
    }

    fn shown(&self, unit: &UnitName) -> Result<Shown, HostError> {
        let output = ask(self.work.host, "ask systemd about", &systemctl::show([unit]))?;
        Ok(systemctl::parse_show(&output.text).remove(unit).unwrap_or_default())
    }
}
