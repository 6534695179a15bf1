//! A unit on a host as plain data: its file, and what systemd makes of it. No I/O.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};
use systemd_unit_file::effective::{Effective, Overridden};

use crate::name::UnitName;

/// What systemd knows of an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SystemdState {
    /// The units of its services.
    pub units: BTreeMap<UnitName, UnitState>,
    /// What recovers it when a deployer dies.
    pub recovery: RecoveryState,
    /// The user that its services run as, where the host knows that user.
    pub user: Option<Account>,
}

/// A unit of ours on a host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UnitState {
    /// What lies where its file should.
    pub file: UnitFile,
    /// What systemd says of it.
    pub shown: Shown,
    /// What counts for it and is not what its file says.
    pub overridden: Vec<Overridden>,
}

/// What lies where a unit's file should.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnitFile {
    /// Nothing.
    #[default]
    Missing,
    /// A file with this text.
    Text(String),
    /// A link, a directory, or a file that is no text: what it is.
    Other(String),
}

/// What systemd says of a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// `loaded`, `not-found`, `masked`, `bad-setting` or `error`.
    pub load: String,
    /// `active`, `activating`, `deactivating`, `inactive` or `failed`.
    pub active: String,
    /// More exactly, e.g. `running`, `auto-restart`, `dead`.
    pub sub: String,
    /// `enabled`, `disabled`, `static` …; empty for a unit that has no file.
    pub file_state: String,
    /// The file that it was read from.
    pub fragment: Option<Utf8PathBuf>,
    /// Files that change it.
    pub drop_ins: Vec<Utf8PathBuf>,
    /// Whether a file has changed since systemd read it.
    pub needs_reload: bool,
    /// The main process, where one lives.
    pub main_pid: Option<u32>,
    /// How often systemd started it again by itself, since it was last started by somebody.
    pub restarts: u32,
    /// Which start this is.
    pub invocation: String,
    /// How the last run ended: `success`, `exit-code`, `signal`, `timeout`, `start-limit-hit` …
    pub result: String,
    /// How its last main process ended: the exit status, or the signal.
    pub status: Option<(MainCode, i32)>,
    /// Whether a job is waiting for it.
    pub has_job: bool,
    /// The values that count for it.
    #[serde(skip)]
    pub effective: Effective,
}

/// How a main process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MainCode {
    /// By itself, with a status.
    Exited,
    /// By a signal.
    Killed,
}

impl Shown {
    /// Whether systemd has started it and not seen it end.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.active == "active" && self.main_pid.is_some()
    }

    /// Whether it must be stopped before something else can start: it runs, is about to, or waits to
    /// be started again.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !matches!(self.active.as_str(), "" | "inactive" | "failed")
    }

    /// Whether it ended, and systemd is about to start it again: `auto-restart`, and with newer
    /// versions also `auto-restart-queued`, when something else comes first.
    fn waits_to_be_started(&self) -> bool {
        self.sub.starts_with("auto-restart")
    }

    /// Why its last run did not work, in words; none where nothing is known of a failure.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        let why = match (self.result.as_str(), self.status) {
            ("success" | "", _) if !self.waits_to_be_started() => return None,
            ("start-limit-hit", _) => "it was started too often and stays down".to_owned(),
            ("timeout", _) => "it did not start or stop in time and was killed".to_owned(),
            ("oom-kill", _) => "it used more memory than it may, and was killed".to_owned(),
            ("resources", _) => "an environment file or limit could not be set up".to_owned(),
            (_, Some((MainCode::Exited, status))) => exit_status(status),
            (_, Some((MainCode::Killed, signal))) => format!("it was ended by signal {signal}"),
            (other, None) => format!("systemd says: {other}"),
        };
        Some(why)
    }
}

/// What a status from systemd's own range means: the program was never reached.
fn exit_status(status: i32) -> String {
    let meaning = match status {
        200 => "its working directory is not there",
        203 => "its program is not there or cannot be executed",
        209 => "its output could not be set up",
        216 => "its group does not exist",
        217 => "its user does not exist",
        226 => "a path of its sandbox is not there",
        238 => "its state directory could not be set up",
        243 => "its credentials could not be set up",
        _ => return format!("it ended with status {status}"),
    };
    format!("{meaning} (status {status})")
}

/// What recovers an environment when a deployer dies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RecoveryState {
    /// The model that is kept for it; none where it cannot be read.
    pub model: Option<String>,
    /// The service that recovers, and the timer that starts it.
    pub service: UnitState,
    /// See there.
    pub timer: UnitState,
    /// The program that is to recover, where another one is installed, or none.
    pub other_tool: Option<Utf8PathBuf>,
    /// Whether a program is installed.
    pub has_tool: bool,
    /// How many other environments of the host are recovered with it.
    pub others: usize,
}

impl RecoveryState {
    /// Whether there is a program that could recover: one is installed, or the deployer brings one.
    #[must_use]
    pub fn has_program(&self) -> bool {
        self.has_tool || self.other_tool.is_some()
    }

    /// Whether systemd would recover: whatever the model is that was kept.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let is_read = |unit: &UnitState| unit.shown.load == "loaded";
        self.has_tool
            && self.model.is_some()
            && is_read(&self.service)
            && is_read(&self.timer)
            && self.service.shown.file_state == "enabled"
    }

    /// Whether the timer waits for the deployer to die.
    #[must_use]
    pub fn is_armed(&self) -> bool {
        self.timer.shown.active == "active"
    }
}

/// A user of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its user id.
    pub uid: u32,
    /// The id of its own group.
    pub gid: u32,
}
