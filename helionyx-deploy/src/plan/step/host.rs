//! Steps that change what the environments of a host share, as data. No I/O.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::name::{UnitName, UserName};
use crate::release::Unit;

/// What all environments of a host share: carried out under the lock of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostStep {
    /// Makes a system user with a group of its own, who cannot log in.
    CreateUser {
        /// Its name.
        user: UserName,
        /// Its home, which is not made.
        home: Utf8PathBuf,
    },
    /// Removes the user that services ran as.
    RemoveUser {
        /// Which.
        user: UserName,
    },
    /// Puts a unit's file in place.
    WriteUnit {
        /// The unit, with its text.
        unit: Box<Unit>,
    },
    /// Has a unit no longer started with the machine, and removes its file.
    RemoveUnit {
        /// Which.
        unit: UnitName,
    },
    /// Has systemd read all unit files anew.
    ReloadUnits,
    /// Has a unit started with the machine.
    EnableUnit {
        /// Which.
        unit: UnitName,
    },
    /// Installs a copy of a program, for systemd to recover with and for people.
    InstallTool {
        /// Where it lies.
        program: Utf8PathBuf,
    },
    /// Removes the program that was installed for systemd and people.
    RemoveTool,
    /// Has systemd recover the environment: at boot, and by a timer.
    InstallRecovery {
        /// With what.
        recovery: Box<Recovery>,
    },
    /// Removes what recovers the environment.
    RemoveRecovery {
        /// The service.
        service: UnitName,
        /// The timer that starts it.
        timer: UnitName,
    },
}

/// The timer that recovers the environment if the deployer dies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuardStep {
    /// Starts the timer that recovers if we die.
    #[serde(rename = "arm-recovery")]
    Arm {
        /// The timer.
        timer: UnitName,
    },
    /// Stops it.
    #[serde(rename = "disarm-recovery")]
    Disarm {
        /// The timer.
        timer: UnitName,
    },
}

/// What systemd needs to recover an environment when a deployer died.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// The environment's model, to be kept in its root.
    pub model: String,
    /// The service that recovers: enabled, so that it is started at boot.
    pub service: Unit,
    /// The timer that starts it.
    pub timer: Unit,
}
