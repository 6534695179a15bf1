//! The programs that ask and tell systemd: `systemctl` and what belongs to it. No I/O.

use camino::Utf8Path;

use super::load::WANTED;
use super::run::JOB;
use super::{Job, Machine, State};
use crate::command::{Command, ExitStatus, Output};
use crate::host::Change;
use crate::host::fake::fault::Extent;
use crate::name::UnitName;

/// How a command ended, and what it wrote.
pub(super) type Said = (i32, String);

impl Machine {
    /// What a program of systemd's does, where systemd runs the machine and no test has said what it
    /// does.
    pub(in crate::host::fake) fn tell_systemd(
        &mut self,
        command: &Command,
        extent: Extent,
    ) -> Option<Output> {
        let name = Utf8Path::new(&command.program).file_name()?;
        if !self.systemd.is_running || self.programs.contains_key(name) {
            return None;
        }
        let args: Vec<&str> = command.args.iter().map(String::as_str).collect();
        let (status, text) = match name {
            "systemctl" => self.systemctl(&args, extent),
            "journalctl" => self.journalctl(&args),
            "getent" => self.getent(&args),
            "useradd" => self.useradd(&args),
            "userdel" => self.userdel(&args),
            _ => return None,
        };
        self.commands.push(command.clone());
        Some(Output::new(ExitStatus::Code(status), text))
    }

    /// Whether half of a command can happen: a job that is begun and that nobody waits for.
    pub(in crate::host::fake) fn has_job(&self, change: &Change<'_>) -> bool {
        let Change::Run { command, .. } = change else { return false };
        let verb = command.args.first().map(String::as_str);
        self.systemd.is_running
            && !self.programs.contains_key("systemctl")
            && command.program == "systemctl"
            && matches!(verb, Some("start" | "stop"))
    }

    fn systemctl(&mut self, args: &[&str], extent: Extent) -> Said {
        let verb = args.iter().find(|word| **word == "--version" || !word.starts_with('-'));
        let names = args.iter().skip_while(|word| **word != "--").skip(1);
        let units: Vec<UnitName> = names.filter_map(|name| name.parse().ok()).collect();
        let unit = units.first();
        match (verb.copied(), unit) {
            (Some("--version"), _) => (0, "systemd 252 (252.39-1~deb12u2)\n".to_owned()),
            (Some("show"), _) => {
                let blocks: Vec<String> = units.iter().map(|unit| self.show(unit)).collect();
                (0, blocks.join("\n"))
            }
            (Some("daemon-reload"), _) => {
                self.read_units();
                (0, String::new())
            }
            (Some("start"), Some(unit)) => self.start_job(unit, extent),
            (Some("stop"), Some(unit)) => self.stop_job(unit, extent),
            (Some("reset-failed"), Some(unit)) => self.reset_failed(unit),
            (Some("enable"), Some(unit)) => self.enable(unit),
            (Some("disable"), Some(unit)) => self.disable(unit),
            (verb, _) => (1, format!("Unknown command verb {}.\n", verb.unwrap_or_default())),
        }
    }

    fn start_job(&mut self, unit: &UnitName, extent: Extent) -> Said {
        if extent == Extent::Half {
            let at = self.time.elapsed() + JOB;
            self.know(unit).job = Some((at, Job::Start));
            return (1, String::new());
        }
        match self.start_unit(unit) {
            Ok(()) => (0, String::new()),
            Err(why) => (1, why + "\n"),
        }
    }

    fn stop_job(&mut self, unit: &UnitName, extent: Extent) -> Said {
        let known = self.know(unit);
        if known.loaded.is_none() && known.state == State::Inactive {
            return (5, format!("Failed to stop {unit}: Unit {unit} not loaded.\n"));
        }
        if extent == Extent::Half {
            let at = self.time.elapsed() + JOB;
            self.know(unit).job = Some((at, Job::Stop));
            return (1, String::new());
        }
        self.ask_to_end(unit);
        self.wait_until_stopped(unit);
        (0, String::new())
    }

    fn reset_failed(&mut self, unit: &UnitName) -> Said {
        let Some(known) = self.systemd.units.get_mut(unit).filter(|known| known.loaded.is_some())
        else {
            let why =
                format!("Failed to reset failed state of unit {unit}: Unit {unit} not loaded.\n");
            return (1, why);
        };
        known.starts = None;
        known.result = super::RunResult::Success;
        if known.state == State::Failed {
            (known.state, known.restarts) = (State::Inactive, 0);
        }
        (0, String::new())
    }

    fn enable(&mut self, unit: &UnitName) -> Said {
        match self.file_state(unit) {
            "" => return (1, format!("Failed to enable unit: Unit file {unit} does not exist.\n")),
            "masked" => {
                return (1, format!("Failed to enable unit: Unit file {unit} is masked.\n"));
            }
            "static" => {}
            _ => {
                let link = Utf8Path::new(WANTED).join(unit.as_str());
                self.disk
                    .put_link(link, Utf8Path::new(crate::layout::UNITS_DIR).join(unit.as_str()));
            }
        }
        self.read_units();
        (0, String::new())
    }

    fn disable(&mut self, unit: &UnitName) -> Said {
        if self.file_state(unit).is_empty() {
            return (1, format!("Failed to disable unit: Unit file {unit} does not exist.\n"));
        }
        self.disk.delete(Utf8Path::new(WANTED).join(unit.as_str()));
        self.read_units();
        (0, String::new())
    }
}
