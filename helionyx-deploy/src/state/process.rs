//! Processes and who listens, as they are found on a machine. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::mark;
use crate::layout::Layout;
use crate::name::{ReleaseId, ServiceName};
use crate::time::Timestamp;

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
pub struct Listener<P = Process> {
    /// The address it is bound to, with its port.
    pub address: String,
    /// The socket's inode.
    pub inode: u64,
    /// The user who opened it.
    pub uid: u32,
    /// The processes that hold it; empty when they are hidden from us.
    pub holders: Vec<P>,
}

impl<P: AsRef<Process>> Listener<P> {
    /// Who holds it, for people: never empty.
    #[must_use]
    pub fn describe(&self) -> String {
        match self.holders.first() {
            Some(holder) => holder.as_ref().describe(),
            None => format!("a process of user id {} that we may not see", self.uid),
        }
    }
}

impl<P> Listener<P> {
    /// The same listener, with what else is known of its holders.
    pub fn map<Q>(self, known: impl FnMut(P) -> Q) -> Listener<Q> {
        let Listener { address, inode, uid, holders } = self;
        Listener { address, inode, uid, holders: holders.into_iter().map(known).collect() }
    }

    /// Whether all its holders are seen, and are so.
    #[must_use]
    pub fn is_held_by(&self, wanted: impl FnMut(&P) -> bool) -> bool {
        !self.holders.is_empty() && self.holders.iter().all(wanted)
    }
}

impl AsRef<Process> for Process {
    fn as_ref(&self) -> &Process {
        self
    }
}
