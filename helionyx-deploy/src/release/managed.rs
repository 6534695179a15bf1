//! What a release says of a service to the supervisor that runs the service. No I/O.

use serde::{Deserialize, Serialize};

use crate::model::Supervisor;
use crate::name::UnitName;

/// What runs a service of a release, with all that its supervisor is told of the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "ManagedKeys", into = "ManagedKeys")]
pub enum Managed {
    /// The embedded runtime: a detached process.
    Process,
    /// systemd: this unit.
    Systemd(Unit),
}

impl Managed {
    /// The supervisor that runs the service.
    #[must_use]
    pub fn supervisor(&self) -> Supervisor {
        match self {
            Managed::Process => Supervisor::Process,
            Managed::Systemd(_) => Supervisor::Systemd,
        }
    }
}

/// A unit of systemd's, as a release wants it: it goes forward and back together with the code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Its name.
    pub name: UnitName,
    /// The whole text of its file.
    pub text: String,
}

/// What manifests hold: a key for each supervisor, none for the embedded runtime.
#[derive(Serialize, Deserialize)]
struct ManagedKeys {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<Unit>,
}

impl From<ManagedKeys> for Managed {
    fn from(ManagedKeys { unit }: ManagedKeys) -> Managed {
        unit.map_or(Managed::Process, Managed::Systemd)
    }
}

impl From<Managed> for ManagedKeys {
    fn from(managed: Managed) -> ManagedKeys {
        match managed {
            Managed::Process => ManagedKeys { unit: None },
            Managed::Systemd(unit) => ManagedKeys { unit: Some(unit) },
        }
    }
}
