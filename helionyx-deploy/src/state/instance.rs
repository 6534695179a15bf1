//! A process together with what its supervisor says of it. No I/O.

use serde::Serialize;

use super::Process;
use crate::name::{ReleaseId, ServiceName};

/// A process, and what it is to the environment. The supervisor says so: a pure decision never
/// looks at the marks of a process itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Instance {
    /// The process, as the kernel shows it.
    pub process: Process,
    /// The service of this environment that the process belongs to.
    pub service: Option<ServiceName>,
    /// The release that the process runs from; none where it runs from no known one.
    pub release: Option<ReleaseId>,
    /// Whether the process is the main process of its service.
    pub role: Role,
}

/// What a process is to its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The process that was started: its end is the end of the service.
    Main,
    /// Another one: a child, or what a main process left behind.
    Other,
}

impl AsRef<Process> for Instance {
    fn as_ref(&self) -> &Process {
        &self.process
    }
}

/// Puts the main process first; of several the oldest.
pub fn main_first(instances: &mut [Instance]) {
    instances.sort_by_key(|instance| {
        let key = instance.process.key;
        (instance.role, key.started_ticks, key.pid)
    });
}
