//! The systemd of the fake machine: units with states, which `systemctl` asks about and changes.
//! No I/O.
//!
//! It does what systemd 252 was measured to do, as far as a deployer can see that: a unit counts as
//! it was read last, a start may be one too many, a service that ended is started again after its
//! delay, a timer elapses, and after a boot all runs that is enabled. What a oneshot service would do
//! is up to the test: [`FakeHost::due`] names those that were started, [`FakeHost::finish`] ends one.

use std::collections::BTreeMap;
use std::time::Duration;

use super::FakeHost;
use super::machine::Machine;
use crate::command::ExitStatus;
use crate::layout::UNITS_DIR;
use crate::name::UnitName;
use crate::state::ProcessKey;
use crate::time::Timestamp;

mod accounts;
mod command;
mod journal;
mod load;
mod run;
mod show;

use load::Loaded;

/// All that systemd knows.
#[derive(Debug, Default)]
pub(super) struct Systemd {
    /// Whether systemd runs the machine.
    is_running: bool,
    units: BTreeMap<UnitName, Unit>,
    /// How many starts there were: each has a number of its own.
    invocations: u64,
    /// What units wrote: when, which unit, what.
    journal: Vec<Line>,
}

/// A line in the system's journal.
#[derive(Debug)]
struct Line {
    at: Timestamp,
    unit: UnitName,
    text: String,
}

/// A unit that systemd knows.
#[derive(Debug, Default)]
struct Unit {
    /// What was read of it; none where there was no file.
    loaded: Option<Loaded>,
    state: State,
    main: Option<ProcessKey>,
    /// Which start this is; 0 before the first.
    invocation: u64,
    /// How often systemd started it again by itself.
    restarts: u32,
    result: RunResult,
    /// How the last main process ended.
    ended: Option<ExitStatus>,
    /// When starts began to be counted, and how many there were since.
    starts: Option<(Duration, u64)>,
    /// A job that nobody waits for, and when it is done.
    job: Option<(Duration, Job)>,
    /// When a timer elapses.
    elapses: Vec<Duration>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Inactive,
    Failed,
    /// A service whose main process lives.
    Running,
    /// A oneshot service that was started.
    AtWork,
    /// A service that was asked to end, and when it is killed.
    Stopping {
        kill_at: Duration,
    },
    /// A service that ended, and when it is started again.
    Waiting {
        restart_at: Duration,
    },
    /// A timer that was started.
    Ticking,
}

/// How the last run of a unit ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum RunResult {
    #[default]
    Success,
    ExitCode,
    Signal,
    Timeout,
    Resources,
    StartLimitHit,
}

/// What is to be done with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Job {
    Start,
    Stop,
}

/// A unit of the fake machine, as it is at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakeUnit {
    /// `active`, `activating`, `deactivating`, `inactive` or `failed`.
    pub active: &'static str,
    /// More exactly, e.g. `running`, `auto-restart`, `dead`.
    pub sub: &'static str,
    /// The main process, where one lives.
    pub main_pid: Option<u32>,
    /// Whether it is started at boot.
    pub is_enabled: bool,
    /// Whether a file has changed since systemd read it.
    pub needs_reload: bool,
    /// How often systemd started it again by itself.
    pub restarts: u32,
}

/// Units of the system.
impl FakeHost {
    /// Has systemd run the machine, with us as root. A program that a test tells of
    /// ([`FakeHost::program`]) answers in its place all the same.
    pub fn boot_systemd(&self) {
        let mut machine = self.machine();
        machine.systemd.is_running = true;
        machine.uid = Some(0);
        machine.disk.put_dir("/run/systemd/system");
        machine.disk.put_dir(UNITS_DIR);
    }

    /// The oneshot services that were started, at boot, by a timer or by hand, and have not ended.
    #[must_use]
    pub fn due(&self) -> Vec<UnitName> {
        let machine = self.machine();
        let units = machine.systemd.units.iter();
        units
            .filter(|(_, unit)| unit.state == State::AtWork)
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// A oneshot service that was started ends with this status.
    pub fn finish(&self, unit: &UnitName, status: i32) {
        self.machine().finish(unit, status);
    }

    /// A unit as it is now; none where systemd never heard of it.
    #[must_use]
    pub fn unit(&self, name: &UnitName) -> Option<FakeUnit> {
        let machine = self.machine();
        let unit = machine.systemd.units.get(name)?;
        let (active, sub) = unit.state.words();
        let main_pid = unit.main.map(|key| key.pid);
        let is_enabled = machine.file_state(name) == "enabled";
        let needs_reload = machine.needs_reload(name);
        Some(FakeUnit { active, sub, main_pid, is_enabled, needs_reload, restarts: unit.restarts })
    }
}

impl Machine {
    /// When something happens next by itself, if anything does.
    pub(super) fn next_event(&self) -> Option<Duration> {
        let units = self.systemd.units.values().filter_map(Unit::next_event);
        self.table.next_at().into_iter().chain(units).min()
    }
}

impl Unit {
    fn next_event(&self) -> Option<Duration> {
        let state = match self.state {
            State::Stopping { kill_at } => Some(kill_at),
            State::Waiting { restart_at } => Some(restart_at),
            _ => None,
        };
        let job = self.job.map(|(at, _)| at);
        self.elapses.iter().copied().chain(state).chain(job).min()
    }
}
