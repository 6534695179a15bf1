//! What is on a host for one environment, as plain data. No I/O: [`crate::observe`] fills it in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::layout::Layout;
use crate::name::{Port, ReleaseId, ServiceName, UnitName, VariableName};
use crate::release::{Anchor, Manifest, Verification};
use crate::time::Timestamp;

pub mod mark;
pub mod prerequisite;
pub mod unit;

pub use unit::{Account, Overridden, RecoveryState, UnitFile, UnitState};

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
    /// The units of its services, where systemd runs them.
    pub units: BTreeMap<UnitName, UnitState>,
    /// What recovers it when a deployer dies, where systemd runs it.
    pub recovery: Option<RecoveryState>,
    /// The user that its services run as, where it has one of its own and the host knows it.
    pub user: Option<Account>,
    /// Who listens on the environment's ports.
    pub listeners: BTreeMap<Port, Vec<Listener>>,
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

/// One service, as it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ServiceState {
    /// Its processes that live; the main process, while it lives, is the first.
    pub processes: Vec<Process>,
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
    /// The main process: the one that was started, and leads the session of the others. What it
    /// left behind when it ended is none.
    #[must_use]
    pub fn main(&self) -> Option<&Process> {
        self.processes.first().filter(|process| process.session == process.key.pid)
    }
}

/// What tells one process from another that has got the same pid later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProcessKey {
    /// The process id.
    pub pid: u32,
    /// When it began, in clock ticks since boot.
    pub started_ticks: u64,
}

/// A process, as the kernel shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Process {
    /// Which one.
    pub key: ProcessKey,
    /// Its parent.
    pub parent: u32,
    /// Its session: the pid of the process that leads it.
    pub session: u32,
    /// The user it runs as.
    pub uid: u32,
    /// Its command line.
    pub command: Vec<String>,
    /// Where it runs; ends in ` (deleted)` when that is gone.
    pub cwd: Option<Utf8PathBuf>,
    /// Its program; ends in ` (deleted)` when that is gone.
    pub exe: Option<Utf8PathBuf>,
    /// Those variables of its environment that are marks ([`mark::ALL`]): never a secret.
    pub marks: BTreeMap<String, String>,
    /// The file below the root that its output goes to: it stays when a program loses or overwrites
    /// its environment.
    pub output: Option<Utf8PathBuf>,
    /// When it began.
    pub since: Timestamp,
    /// Its resident memory.
    pub memory_bytes: u64,
}

impl Process {
    /// The service of this environment that it belongs to: its marks say so, or, when it has none
    /// any more, it runs from a release and its output goes to the service's log.
    #[must_use]
    pub fn service(&self, layout: &Layout) -> Option<ServiceName> {
        match self.mark(mark::ROOT) {
            Some(root) if root == layout.root => self.mark(mark::SERVICE)?.parse().ok(),
            Some(_) => None,
            None if self.runs_below(&layout.releases()) => {
                let log = self.output.as_ref()?.strip_prefix(layout.logs()).ok()?;
                service_of_log(log.as_str())
            }
            None => None,
        }
    }

    /// Whether it belongs to this service of this environment.
    #[must_use]
    pub fn belongs_to(&self, layout: &Layout, service: &ServiceName) -> bool {
        self.service(layout).as_ref() == Some(service)
    }

    fn runs_below(&self, releases: &Utf8Path) -> bool {
        [&self.cwd, &self.exe].into_iter().flatten().any(|path| path.starts_with(releases))
    }

    /// Every release below `releases` that it has something to do with: none of them may be
    /// removed, whatever else is to be thought of the process.
    pub fn uses(&self, releases: &Utf8Path) -> BTreeSet<ReleaseId> {
        let paths = [&self.cwd, &self.exe].into_iter().flatten();
        let below = paths.filter_map(|path| path.strip_prefix(releases).ok());
        let shown = below.filter_map(|path| path.components().next()?.as_str().parse().ok());
        shown.chain(self.said_release(releases)).collect()
    }

    /// The release below `releases` that it really runs from: where its directory, its program and
    /// the environment it was started with agree, as far as they say anything. A release that was
    /// deleted under it is none, whatever lies at the same path now.
    #[must_use]
    pub fn release(&self, releases: &Utf8Path) -> Option<ReleaseId> {
        let paths = [&self.cwd, &self.exe].into_iter().flatten();
        let below: Vec<&Utf8Path> =
            paths.filter_map(|path| path.strip_prefix(releases).ok()).collect();
        if below.iter().any(|path| path.as_str().ends_with(" (deleted)")) {
            return None;
        }
        let shown = below.iter().filter_map(|path| path.components().next()?.as_str().parse().ok());
        let mut all = shown.chain(self.said_release(releases));
        let first = all.next()?;
        all.all(|other| other == first).then_some(first)
    }

    /// Its command line in short, for people.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut line = crate::command::words(&self.command);
        if let Some((at, _)) = line.char_indices().nth(120) {
            line.truncate(at);
            line.push('…');
        }
        let name = if line.is_empty() { "unknown command".to_owned() } else { line };
        format!("pid {} ({name})", self.key.pid)
    }

    /// The release that its environment names. Releases of other roots may have the same name: two
    /// environments can deploy one commit within one second.
    fn said_release(&self, releases: &Utf8Path) -> Option<ReleaseId> {
        let is_elsewhere = self
            .mark(mark::ROOT)
            .is_some_and(|root| Some(Utf8Path::new(root)) != releases.parent());
        if is_elsewhere {
            return None;
        }
        self.mark(mark::RELEASE)?.parse().ok()
    }

    fn mark(&self, name: &str) -> Option<&str> {
        self.marks.get(name).map(String::as_str)
    }
}

/// The service that a log is of, also when it was renamed by a rotation or deleted.
fn service_of_log(name: &str) -> Option<ServiceName> {
    let (service, rest) = name.trim_end_matches(" (deleted)").split_once(".log")?;
    let rotated = rest.is_empty()
        || rest.strip_prefix('.').is_some_and(|n| n.chars().all(|c| c.is_ascii_digit()));
    service.parse().ok().filter(|_| rotated)
}

/// A listening socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listener {
    /// The address it is bound to, with its port.
    pub address: String,
    /// The socket's inode.
    pub inode: u64,
    /// The user who opened it.
    pub uid: u32,
    /// The processes that hold it; empty when they are hidden from us.
    pub holders: Vec<Process>,
}

impl Listener {
    /// Who holds it, for people: never empty.
    #[must_use]
    pub fn describe(&self) -> String {
        match self.holders.first() {
            Some(process) => process.describe(),
            None => format!("a process of user id {} that we may not see", self.uid),
        }
    }
}

#[cfg(test)]
mod tests;
