//! What systemd is told of services, besides what they are made of. No I/O.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::name::{ServiceName, UnitName, UnitSuffix, UserName};

/// What runs an environment's services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Supervisor {
    /// The embedded runtime: a detached process, for one's own machine and for tests.
    Process,
    /// The host's systemd.
    Systemd,
}

impl Supervisor {
    /// Its name, without an article.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Supervisor::Process => "embedded runtime",
            Supervisor::Systemd => "systemd",
        }
    }

    /// Whether a host is made ready by `setup` before the first deploy.
    #[must_use]
    pub fn needs_setup(self) -> bool {
        match self {
            Supervisor::Process => false,
            Supervisor::Systemd => true,
        }
    }
}

impl fmt::Display for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Supervisor::Process => "the embedded runtime",
            Supervisor::Systemd => "systemd",
        })
    }
}

/// What runs an environment's services, with all that it needs to know for that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Runtime {
    /// The embedded runtime.
    Process,
    /// The host's systemd.
    Systemd(Units),
}

impl Runtime {
    /// Which one it is.
    #[must_use]
    pub fn supervisor(&self) -> Supervisor {
        match self {
            Runtime::Process => Supervisor::Process,
            Runtime::Systemd(_) => Supervisor::Systemd,
        }
    }
}

/// What an environment's units are called, and as whom they run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Units {
    /// The user that services run as, with a group of the same name; never root.
    pub user: UserName,
    /// What the units' names end in, behind the service's name.
    pub suffix: UnitSuffix,
}

impl Units {
    /// The unit of a service.
    #[must_use]
    pub fn of(&self, service: &ServiceName) -> UnitName {
        UnitName::of(service, &self.suffix)
    }
}

/// What systemd is told of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supervision {
    /// What it is, for people.
    pub description: Option<String>,
    /// When it counts as started.
    pub service_type: ServiceType,
    /// How long it may take to say that it is ready.
    pub start_timeout_secs: u64,
    /// When it is started again by itself.
    pub restart: Restart,
    /// The pause before that.
    pub restart_delay_secs: u64,
    /// What it is kept from.
    pub sandbox: Sandbox,
    /// The most memory that it may use, in MiB.
    pub memory_max_mib: u64,
    /// The most processes and threads that it may have.
    pub tasks_max: u64,
    /// The most files that it may have open.
    pub open_files_max: u64,
}

/// When a service counts as started. `simple` is not among them: systemd reports success for a
/// program that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ServiceType {
    /// When its program has been executed.
    Exec,
    /// When it says so itself, with `READY=1`.
    Notify,
}

/// When systemd starts a service again by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// Whenever it ends without having been stopped.
    Always,
    /// When it ends with an error, by a signal or a timeout.
    OnFailure,
    /// Never.
    No,
}

/// What systemd keeps a service from. Both were measured to run real Python and Node services, with
/// an exposure of 1.1 by `systemd-analyze security`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Sandbox {
    /// From all that a network service does not need: it writes only to its data directory.
    Standard,
    /// Also from memory that is writable and executable, from `/proc` beyond processes, and from
    /// netlink: Node and Python's cffi callbacks do not run so.
    Strict,
}
