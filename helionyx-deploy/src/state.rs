//! What is on a host for one environment, as plain data. No I/O: [`crate::observe`] fills it in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::name::{Port, ReleaseId, ServiceName, VariableName};
use crate::release::{Anchor, Manifest, Service, Verification};

mod instance;
pub mod mark;
pub mod prerequisite;
mod process;
pub mod unit;
mod view;

pub use instance::{Instance, Role, main_first};
pub use process::{Listener, Process, ProcessKey};
pub use unit::{Account, RecoveryState, SystemdState, UnitFile, UnitState};
pub use view::{RunState, ServiceView, StatusFinding};

/// What is on a host for one environment. Everything that a plan depends on is in here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HostState {
    /// The directories and files that the environment needs besides its releases, and what is
    /// there.
    pub nodes: BTreeMap<Utf8PathBuf, Node>,
    /// What lies above its directories, also where links lead: who may write there says what lies
    /// below.
    pub above: BTreeMap<Utf8PathBuf, Node>,
    /// What is wrong with the programs and environment files that services are started with, without
    /// values; what is in order is not in here.
    pub start_problems: BTreeMap<Utf8PathBuf, String>,
    /// The secrets that the environment cannot do without and that the operator's file does not have,
    /// or has a placeholder for.
    pub missing_secrets: BTreeSet<VariableName>,
    /// The releases.
    pub releases: BTreeMap<ReleaseId, ReleaseState>,
    /// Every release id that has left a trace here, also of releases that are gone: none is given
    /// out twice.
    pub ids: BTreeSet<ReleaseId>,
    /// What else lies among the releases: never touched.
    pub strangers: BTreeSet<String>,
    /// Where `current` points.
    pub current: Current,
    /// Whether an operation has begun and not ended: somebody is at work, or it was cut short.
    pub unfinished: bool,
    /// The last entry of the journal, where it can be read.
    pub journal: Option<Anchor>,
    /// What runs, by service; a service that does not run has no processes.
    pub services: BTreeMap<ServiceName, ServiceState>,
    /// What its supervisor says.
    pub supervisor: SupervisorState,
    /// Who listens on the environment's ports.
    pub listeners: BTreeMap<Port, Vec<Listener<Instance>>>,
}

impl HostState {
    /// Whether a release can be rolled back to: see [`ReleaseState::is_verified`].
    #[must_use]
    pub fn is_verified(&self, id: &ReleaseId) -> bool {
        self.releases.get(id).is_some_and(ReleaseState::is_verified)
    }

    /// Whether a release is complete and undamaged, as far as a look at it tells.
    #[must_use]
    pub fn is_complete(&self, id: &ReleaseId) -> bool {
        self.releases.get(id).is_some_and(ReleaseState::is_complete)
    }

    /// The manifest of a release, where there is a readable one.
    #[must_use]
    pub fn manifest(&self, id: &ReleaseId) -> Option<&Manifest> {
        self.releases.get(id)?.manifest.as_deref()
    }

    /// The record of a release's proof, if it was ever proven.
    #[must_use]
    pub fn verification(&self, id: &ReleaseId) -> Option<&Verification> {
        self.releases.get(id)?.verification.as_ref()
    }

    /// The services of all releases whose manifest can be read.
    pub fn services_of_releases(&self) -> impl Iterator<Item = &Service> {
        let manifests = self.releases.values().filter_map(|release| release.manifest.as_ref());
        manifests.flat_map(|manifest| &manifest.services)
    }

    /// The release that was verified last, of those that can still be used.
    #[must_use]
    pub fn last_verified(&self) -> Option<ReleaseId> {
        let verified = self.releases.iter().filter(|(_, state)| state.is_verified());
        let newest = verified.max_by_key(|(id, state)| {
            (state.verification.as_ref().map(|verification| verification.at), *id)
        });
        newest.map(|(id, _)| id.clone())
    }
}

/// What is at a path, not following a link in its last part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Node {
    /// Nothing.
    Missing,
    /// A directory with these permission bits and this owner.
    Directory {
        /// The permission bits.
        mode: u32,
        /// Whose it is.
        uid: u32,
    },
    /// A regular file.
    File {
        /// The permission bits.
        mode: u32,
        /// The length in bytes.
        size: u64,
        /// When its content last changed, in nanoseconds since 1970.
        modified_ns: i64,
    },
    /// A symbolic link.
    Link {
        /// What it points to, as it is written.
        target: Utf8PathBuf,
    },
    /// A device, socket or pipe.
    Other,
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Node::Missing => "nothing",
            Node::Directory { .. } => "a directory",
            Node::File { .. } => "a file",
            Node::Link { .. } => "a symbolic link",
            Node::Other => "a device, socket or pipe",
        })
    }
}

/// One release on the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReleaseState {
    /// Whether it can be used.
    pub condition: Condition,
    /// Its manifest, where there is a readable one.
    #[serde(skip)]
    pub manifest: Option<Arc<Manifest>>,
    /// The record of its proof, if it was ever proven.
    pub verification: Option<Verification>,
    /// Processes that run from it, of any service or of none.
    pub pids: BTreeSet<u32>,
}

impl ReleaseState {
    /// Whether it is complete, undamaged and was proven once: only then can it be rolled back to.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.is_complete()
            && self
                .verification
                .as_ref()
                .zip(self.manifest.as_ref())
                .is_some_and(|(verification, manifest)| verification.identity == manifest.identity)
    }

    /// Whether it is complete and undamaged, as far as a look at it tells.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.condition == Condition::Complete
    }
}

/// Whether a release can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Its manifest is in place, and what was looked at agrees with it.
    Complete,
    /// It is being built or removed, or that was interrupted: it carries our mark.
    Unfinished,
    /// Its manifest is there but does not tell the truth.
    Damaged(String),
    /// It looks like a release but has neither manifest nor mark: not known to be ours.
    Foreign,
}

/// Where `current` points.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Current {
    /// There is none.
    #[default]
    Missing,
    /// To this release, which exists.
    Release(ReleaseId),
    /// To nothing.
    Dangling(Utf8PathBuf),
    /// To something that is no release of this environment.
    Foreign(Utf8PathBuf),
    /// It is no link at all.
    NotALink(Node),
}

impl Current {
    /// The release it points to.
    #[must_use]
    pub fn release(&self) -> Option<&ReleaseId> {
        match self {
            Current::Release(id) => Some(id),
            _ => None,
        }
    }
}

impl fmt::Display for Current {
    /// What is wrong with it, after its path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Current::Missing => f.write_str("is missing"),
            Current::Release(id) => write!(f, "points to {id}"),
            Current::Dangling(target) => write!(f, "points to {target}, which is gone"),
            Current::Foreign(target) => {
                write!(f, "points to {target}, which is no release of ours")
            }
            Current::NotALink(node) => write!(f, "is {node}, not a symbolic link"),
        }
    }
}

/// What the supervisor of an environment says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SupervisorState {
    /// The embedded runtime keeps nothing: what runs is all there is.
    #[default]
    Process,
    /// What systemd knows.
    Systemd(Box<SystemdState>),
}

/// One service, as it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ServiceState {
    /// Its processes that live; the main process, while it lives, is the first.
    pub instances: Vec<Instance>,
    /// What its probes say at this moment.
    pub health: Answering,
}

/// What a service's probes say at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answering {
    /// They were not asked: the service does not run, or has none.
    #[default]
    NotAsked,
    /// All pass, and the answers come from this service.
    Passing,
    /// At least one does not.
    Failing {
        /// Which one, and what it said.
        reason: String,
        /// Whether the first probe, the one for life rather than for readiness, passes.
        alive: bool,
    },
}

impl ServiceState {
    /// The main process. What it left behind when it ended is none.
    #[must_use]
    pub fn main(&self) -> Option<&Instance> {
        self.instances.first().filter(|instance| instance.role == Role::Main)
    }
}

#[cfg(test)]
mod tests;
