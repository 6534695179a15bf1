//! How a service is doing, in the words of its supervisor. No I/O.

use serde::{Deserialize, Serialize};

use super::HostState;
use crate::hint::Hint;

/// How a service is doing by what its supervisor says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceView {
    /// What the supervisor calls the service.
    pub unit: String,
    /// Whether the service runs.
    pub state: RunState,
    /// Whether the service starts with the machine.
    pub enabled: bool,
    /// How often the supervisor started the service again by itself.
    pub restarts: u32,
    /// What is not as it should be with what the supervisor was told.
    pub findings: Vec<StatusFinding>,
}

/// Whether a service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// It runs.
    Running,
    /// It was deployed and does not run.
    Stopped,
    /// It is being started, or waits to be started again.
    Starting,
    /// It ended with an error, and its supervisor does not start it again.
    Failed,
    /// Nothing was ever deployed.
    NotInstalled,
}

impl RunState {
    /// What is so where only the processes say whether a service runs.
    #[must_use]
    pub fn of(runs: bool, found: &HostState) -> RunState {
        match (runs, found.current.release()) {
            (true, _) => RunState::Running,
            (false, Some(_)) => RunState::Stopped,
            (false, None) => RunState::NotInstalled,
        }
    }
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatusFinding {
    /// A stable name for its kind, e.g. `stale-process`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    #[serde(flatten)]
    pub hint: Hint,
}
