//! What becomes of units: they are started, end, are started again, and are stopped. No I/O.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::load::WANTED;
use super::{Job, Line, Machine, RunResult, State, Unit};
use crate::command::ExitStatus;
use crate::host::Launch;
use crate::name::UnitName;
use crate::render::env_file;
use crate::secret::Secret;
use crate::state::ProcessKey;

/// The status of a service whose working directory is not there.
const CHDIR: i32 = 200;
/// The status of a service whose program cannot be executed.
const EXEC: i32 = 203;
/// How long a job takes that nobody waits for.
pub(super) const JOB: Duration = Duration::from_millis(5);
/// How long a service may take to end where its unit does not say.
const STOP_TIMEOUT: Duration = Duration::from_secs(90);
/// After which time a service is started again where its unit does not say.
const RESTART_DELAY: Duration = Duration::from_millis(100);

/// Why a service was not started.
#[derive(Clone, Copy)]
enum Unstarted {
    Resources,
    Status(i32),
}

impl Machine {
    /// The machine has started anew: nothing runs but what is enabled.
    pub(in crate::host::fake) fn boot(&mut self) {
        self.systemd.units.clear();
        if !self.systemd.is_running {
            return;
        }
        for name in self.disk.list(Utf8Path::new(WANTED)).unwrap_or_default() {
            if let Ok(name) = name.parse::<UnitName>() {
                // What does not start at boot is not started.
                let _ = self.start_unit(&name);
            }
        }
    }

    /// Brings about what was to happen to units up to now.
    pub(in crate::host::fake) fn settle_units(&mut self) {
        let now = self.time.elapsed();
        loop {
            self.reap();
            let units = self.systemd.units.iter();
            let events = units.filter_map(|(name, unit)| Some((unit.next_event()?, name)));
            match events.min().filter(|(at, _)| *at <= now).map(|(_, name)| name.clone()) {
                Some(name) => self.unit_event(&name, now),
                None => return,
            }
        }
    }

    /// What a unit was to do by now.
    fn unit_event(&mut self, name: &UnitName, now: Duration) {
        let unit = self.know(name);
        if let Some((_, job)) = unit.job.take_if(|(at, _)| *at <= now) {
            match job {
                Job::Start => drop(self.start_unit(name)),
                Job::Stop => self.ask_to_end(name),
            }
        } else if unit.elapses.iter().any(|at| *at <= now) {
            unit.elapses.retain(|at| *at > now);
            let triggered = unit.loaded.as_ref().and_then(super::Loaded::triggers);
            // A service that is still at work is not started once more.
            triggered.into_iter().for_each(|service| drop(self.start_unit(&service)));
        } else if let State::Stopping { .. } = unit.state {
            let main = unit.main;
            unit.result = RunResult::Timeout;
            main.into_iter().for_each(|key| self.table.end_session(key.pid));
        } else if let State::Waiting { .. } = unit.state {
            unit.restarts += 1;
            self.launch(name);
        }
    }

    /// Sees which main processes have ended.
    fn reap(&mut self) {
        let units = self.systemd.units.iter();
        let mains: Vec<(UnitName, ProcessKey)> =
            units.filter_map(|(name, unit)| Some((name.clone(), unit.main?))).collect();
        for (name, main) in mains {
            if let Some(status) = self.table.ended(main) {
                self.table.end_session(main.pid);
                self.log(&name, "ended");
                let unit = self.know(&name);
                (unit.main, unit.ended) = (None, Some(status));
                self.ended(&name, status);
            }
        }
    }

    /// What follows from the end of a main process.
    fn ended(&mut self, name: &UnitName, status: ExitStatus) {
        let unit = self.know(name);
        if let State::Stopping { .. } = unit.state {
            let timed_out = unit.result == RunResult::Timeout;
            unit.state = if timed_out { State::Failed } else { State::Inactive };
            return;
        }
        let result = match status {
            ExitStatus::Code(0) => RunResult::Success,
            // TERM, INT, HUP and PIPE are how one asks a service to end.
            ExitStatus::Signal(15 | 2 | 1 | 13) => RunResult::Success,
            ExitStatus::Code(_) => RunResult::ExitCode,
            _ => RunResult::Signal,
        };
        self.start_again(name, result);
    }

    /// Has a service be started again after its delay, where its unit says so.
    fn start_again(&mut self, name: &UnitName, result: RunResult) {
        let now = self.time.elapsed();
        let unit = self.know(name);
        unit.result = result;
        let policy = unit.loaded.as_ref().map(|loaded| {
            let delay = loaded.span("Service", "RestartSec").unwrap_or(RESTART_DELAY);
            (loaded.service("Restart").to_owned(), delay)
        });
        let (policy, delay) = policy.unwrap_or_default();
        let again = match policy.as_str() {
            "always" => true,
            "on-failure" => result != RunResult::Success,
            _ => false,
        };
        unit.state = match (again, result) {
            (true, _) => State::Waiting { restart_at: now + delay },
            (false, RunResult::Success) => State::Inactive,
            (false, _) => State::Failed,
        };
    }

    /// Starts a unit, if it does not run.
    pub(super) fn start_unit(&mut self, name: &UnitName) -> Result<(), String> {
        if let State::Stopping { .. } = self.know(name).state {
            self.wait_until_stopped(name);
        }
        let unit = self.know(name);
        unit.job = None;
        if matches!(unit.state, State::Running | State::AtWork | State::Ticking) {
            return Ok(());
        }
        let Some(loaded) = &unit.loaded else {
            return Err(format!("Failed to start {name}: Unit {name} not found."));
        };
        match loaded.word() {
            "loaded" => {}
            "masked" => return Err(format!("Failed to start {name}: Unit {name} is masked.")),
            _ => {
                return Err(format!(
                    "Failed to start {name}: Unit {name} has a bad unit file setting."
                ));
            }
        }
        let (is_timer, is_oneshot, elapses) =
            (loaded.is_timer(), loaded.is_oneshot(), loaded.elapses());
        if is_timer {
            let now = self.time.elapsed();
            let unit = self.know(name);
            unit.elapses = elapses.into_iter().map(|after| now + after).collect();
            unit.state = State::Ticking;
            return Ok(());
        }
        unit.restarts = 0;
        if is_oneshot {
            self.begin_run(name);
            self.know(name).state = State::AtWork;
            return Ok(());
        }
        match self.launch(name) {
            true => Ok(()),
            false => Err(format!("Job for {name} failed.\nSee \"systemctl status {name}\".")),
        }
    }

    fn begin_run(&mut self, name: &UnitName) {
        self.systemd.invocations += 1;
        let invocation = self.systemd.invocations;
        let unit = self.know(name);
        (unit.invocation, unit.ended, unit.result) = (invocation, None, RunResult::Success);
    }

    /// Starts the process of a service, if that is not one time too many; whether it was started.
    fn launch(&mut self, name: &UnitName) -> bool {
        let now = self.time.elapsed();
        let unit = self.know(name);
        if !unit.may_start(now) {
            (unit.state, unit.result) = (State::Failed, RunResult::StartLimitHit);
            return false;
        }
        self.begin_run(name);
        match self.execute(name) {
            Ok(key) => {
                self.log(name, "started");
                let unit = self.know(name);
                (unit.main, unit.state) = (Some(key), State::Running);
                true
            }
            Err(Unstarted::Resources) => {
                self.start_again(name, RunResult::Resources);
                false
            }
            Err(Unstarted::Status(status)) => {
                self.know(name).ended = Some(ExitStatus::Code(status));
                self.start_again(name, RunResult::ExitCode);
                false
            }
        }
    }

    /// Starts what the unit says, as it was read.
    fn execute(&mut self, name: &UnitName) -> Result<ProcessKey, Unstarted> {
        let loaded = self.systemd.units.get(name).and_then(|unit| unit.loaded.as_ref());
        let loaded = loaded.ok_or(Unstarted::Resources)?;
        let mut variables: BTreeMap<String, String> = loaded.variables().into_iter().collect();
        for file in loaded.environment_files() {
            match self.disk.read_text(&file.path) {
                Some(text) => {
                    let values = env_file::parse(&text).map_err(|_| Unstarted::Resources)?;
                    let expose =
                        |(name, value): (_, Secret)| (format!("{name}"), value.expose().to_owned());
                    variables.extend(values.into_iter().map(expose));
                }
                None if file.optional => {}
                None => return Err(Unstarted::Resources),
            }
        }
        let user = loaded.service("User").to_owned();
        let directory = Utf8PathBuf::from(loaded.service("WorkingDirectory"));
        let command = loaded.command().ok_or(Unstarted::Status(EXEC))?;
        let bytes = |(name, value): (&String, &String)| (name.clone(), value.clone().into_bytes());
        let known = variables.iter().map(bytes).collect();
        let words = command.arguments(&known);
        let exec = words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        let uid = self.account(&user).map_or(0, |account| account.uid);
        let directory = if directory == "" { "/".into() } else { directory };
        if self.disk.resolve(&directory).is_err() {
            return Err(Unstarted::Status(CHDIR));
        }
        let variables = variables.into_iter().map(|(name, value)| (name, Secret::new(value)));
        let launch = Launch { exec, directory, variables: variables.collect(), log: "/".into() };
        self.start_for_systemd(&launch, uid).map_err(|_| Unstarted::Status(EXEC))
    }

    /// Begins to stop a unit.
    pub(super) fn ask_to_end(&mut self, name: &UnitName) {
        let now = self.time.elapsed();
        let unit = self.know(name);
        (unit.job, unit.elapses) = (None, Vec::new());
        match (unit.state, unit.main) {
            (State::Running, Some(main)) => {
                let timeout = unit
                    .loaded
                    .as_ref()
                    .and_then(|loaded| loaded.span("Service", "TimeoutStopSec"));
                unit.state = State::Stopping { kill_at: now + timeout.unwrap_or(STOP_TIMEOUT) };
                self.table.terminate(main);
                self.reap();
            }
            (State::Stopping { .. } | State::Failed, _) => {}
            (_, _) => (unit.state, unit.result) = (State::Inactive, RunResult::Success),
        }
    }

    /// Lets time pass until a unit that was asked to end has ended.
    pub(super) fn wait_until_stopped(&mut self, name: &UnitName) {
        while let State::Stopping { kill_at } = self.know(name).state {
            let now = self.time.elapsed();
            let next = self.next_event().unwrap_or(kill_at).min(kill_at);
            self.advance(next.saturating_sub(now));
        }
    }

    pub(super) fn finish(&mut self, name: &UnitName, status: i32) {
        let unit = self.know(name);
        if unit.state == State::AtWork {
            unit.ended = Some(ExitStatus::Code(status));
            let is_well = matches!(status, 0 | 5);
            unit.state = if is_well { State::Inactive } else { State::Failed };
            unit.result = if is_well { RunResult::Success } else { RunResult::ExitCode };
        }
    }

    fn log(&mut self, unit: &UnitName, text: &str) {
        let (at, unit, text) = (self.time.now(), unit.clone(), text.to_owned());
        self.systemd.journal.push(Line { at, unit, text });
    }
}

impl Unit {
    /// Counts a start; whether it is not one too many.
    fn may_start(&mut self, now: Duration) -> bool {
        let Some((interval, burst)) = self.loaded.as_ref().map(super::Loaded::start_limit) else {
            return true;
        };
        match &mut self.starts {
            Some((begin, count)) if now < *begin + interval => {
                *count += 1;
                *count <= burst
            }
            starts => {
                *starts = Some((now, 1));
                true
            }
        }
    }
}
