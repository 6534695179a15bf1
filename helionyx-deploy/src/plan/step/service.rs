//! Steps that stop, start and prove services, as data. No I/O.

use serde::{Deserialize, Serialize};

use crate::name::{ReleaseId, ServiceName, UnitName};
use crate::release::Service;

/// Services: stopped, started, proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceStep {
    /// Stops a service, with all its processes.
    #[serde(rename = "stop-service")]
    Stop {
        /// Which.
        service: ServiceName,
        /// How long it may take before it is killed.
        timeout_ms: u64,
        /// What its supervisor stops.
        #[serde(flatten)]
        handle: Handle,
    },
    /// Starts a service.
    #[serde(rename = "start-service")]
    Start {
        /// Which, and how.
        service: Box<Service>,
        /// From which release.
        release: ReleaseId,
    },
    /// Waits until a service is proven to be this release and healthy.
    #[serde(rename = "prove-service")]
    Prove {
        /// Which, and how.
        service: Box<Service>,
        /// Which release.
        release: ReleaseId,
    },
}

/// What a supervisor stops when it stops a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "HandleKeys", into = "HandleKeys")]
pub enum Handle {
    /// The processes of the service.
    Processes,
    /// The unit, and the processes of the service that are left.
    Unit(UnitName),
}

/// A handle as the journal holds it: a key for each supervisor, none for processes.
#[derive(Serialize, Deserialize)]
struct HandleKeys {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<UnitName>,
}

impl From<HandleKeys> for Handle {
    fn from(HandleKeys { unit }: HandleKeys) -> Handle {
        unit.map_or(Handle::Processes, Handle::Unit)
    }
}

impl From<Handle> for HandleKeys {
    fn from(handle: Handle) -> HandleKeys {
        match handle {
            Handle::Processes => HandleKeys { unit: None },
            Handle::Unit(unit) => HandleKeys { unit: Some(unit) },
        }
    }
}
