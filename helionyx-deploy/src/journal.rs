//! The lock of an environment and its journal, which only the lock's holder can write.
//!
//! Each line of the journal is one entry, written and synced before what it announces is done. It
//! bears its length and digest, so that what a crash has torn is known and cut off when the journal
//! is opened for writing; and the digest of the line before, so that nothing between can change or
//! go unseen. Records beside the journal name its last entry ([`Anchor`]): what is missing at its
//! end is seen as well.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
pub use crate::event::Holder;
use crate::event::{Operation, Report};
use crate::host::{Host, HostError};
use crate::layout::Layout;
use crate::name::{ReleaseId, ServiceName};
use crate::plan::{Run, Step};
use crate::release::{Actor, Anchor};
use crate::time::Timestamp;

pub mod audit;
mod fenced;
mod frame;
mod lock;
mod past;
pub mod witness;

pub use fenced::Fenced;
pub use lock::{Journal, JournalError, Lock, wait_for};
pub use past::{Unfinished, left_stuck, unfinished};

/// How much of the journal's end is looked at to find the last operation, in bytes.
const TAIL: u64 = 1024 * 1024;
/// How much of it is looked at first to find the last line, in bytes.
const TIP: u64 = 16 * 1024;
/// The most that is read of a journal, in bytes.
const WHOLE: u64 = 1024 * 1024 * 1024;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, from 1.
    pub number: u64,
    /// The fencing number of the lock's holder: each holder's is higher than those before.
    #[serde(default)]
    pub fence: u64,
    /// When it was written.
    pub time: Timestamp,
    /// The digest of the line before; of nothing for the first.
    pub previous_line: Digest,
    /// What it says.
    #[serde(flatten)]
    pub record: Record,
}

impl Entry {
    /// Whether it ends an operation.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self.record, Record::End(_))
    }
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
pub enum Record {
    /// An operation begins.
    Begin(Begin),
    /// A step will be done next.
    Step {
        /// The step.
        step: Box<Step>,
    },
    /// What follows restores the state before.
    RollBack {
        /// Why: the error and its causes.
        because: String,
    },
    /// The lock was taken from its living holder.
    TakeOver {
        /// From whom.
        from: Box<Holder>,
        /// By whom.
        by: Actor,
    },
    /// The operation has ended.
    End(Report),
}

/// The begin of an operation: enough to find the way back from anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// What was asked for.
    pub operation: Operation,
    /// By whom.
    pub by: Actor,
    /// The state before.
    pub before: Before,
    /// Where it goes.
    pub to: Option<ReleaseId>,
    /// The services that it was asked for by name; none where it was for all.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub services: BTreeSet<ServiceName>,
    /// The services that run after it, where that are not all or, after a stop, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<BTreeSet<ServiceName>>,
}

/// The state before an operation: what is restored when it fails or is cut short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// The release that was in use, or the one that was verified last where there was none that
    /// could be used.
    pub release: Option<ReleaseId>,
    /// Whether services ran, or should have: only a stop that was asked for makes this false.
    pub running: bool,
    /// Those that ran or should have, where not all did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<BTreeSet<ServiceName>>,
}

impl Before {
    /// The state in which nothing is in use and nothing runs.
    #[must_use]
    pub fn nothing() -> Before {
        Before { release: None, running: false, services: None }
    }

    /// What services should do for this state to be there again.
    #[must_use]
    pub fn run(&self) -> Run {
        match (self.running, &self.services) {
            (false, _) => Run::stopped(),
            (true, None) => Run::all(),
            (true, Some(services)) => Run::only(services.clone()),
        }
    }
}

/// What services should do by what operators asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// All run.
    All,
    /// These run.
    Only(BTreeSet<ServiceName>),
    /// None runs: somebody wanted it so.
    Nothing,
}

impl Expected {
    fn of(before: &Before) -> Expected {
        match (before.running, &before.services) {
            (false, _) => Expected::Nothing,
            (true, None) => Expected::All,
            (true, Some(services)) => Expected::Only(services.clone()),
        }
    }

    /// Whether a service is to run.
    #[must_use]
    pub fn has(&self, service: &ServiceName) -> bool {
        match self {
            Expected::All => true,
            Expected::Only(services) => services.contains(service),
            Expected::Nothing => false,
        }
    }
}

/// What went down when a service was stopped by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WentDown {
    /// What ran until then.
    ran: Expected,
    /// What ran on, or was named since.
    stayed: BTreeSet<ServiceName>,
}

impl WentDown {
    /// Whether a service went down then, and is still down because of it.
    #[must_use]
    pub fn has(&self, service: &ServiceName) -> bool {
        self.ran.has(service) && !self.stayed.contains(service)
    }
}

/// The last entries of a journal, oldest first, as far as they fit into its last mebibyte.
///
/// # Errors
/// When it cannot be read.
pub fn recent(host: &dyn Host, layout: &Layout) -> Result<Vec<Entry>, HostError> {
    read(host, layout, TAIL)
}

/// What services should do by the last operation that came to a good end, as far as the last mebibyte
/// of the journal says. No more of it is parsed than it takes to tell.
///
/// # Errors
/// When it cannot be read.
pub fn expected(host: &dyn Host, layout: &Layout) -> Result<Expected, HostError> {
    let tail = host.read_tail(&layout.journal(), TAIL)?;
    Ok(past::expected(frame::lines_of(&tail).rev().filter_map(frame::entry)))
}

/// The services that ran until one of these was stopped by name: they come back with it.
///
/// # Errors
/// When the journal cannot be read.
pub fn went_down_with(
    host: &dyn Host,
    layout: &Layout,
    names: &BTreeSet<ServiceName>,
) -> Result<WentDown, HostError> {
    let tail = host.read_tail(&layout.journal(), TAIL)?;
    Ok(past::went_down_with(frame::lines_of(&tail).rev().filter_map(frame::entry), names))
}

/// All entries of a journal, oldest first; lines that cannot be read are left out.
///
/// # Errors
/// When it cannot be read.
pub fn all(host: &dyn Host, layout: &Layout) -> Result<Vec<Entry>, HostError> {
    read(host, layout, WHOLE)
}

fn read(host: &dyn Host, layout: &Layout, limit: u64) -> Result<Vec<Entry>, HostError> {
    let tail = host.read_tail(&layout.journal(), limit)?;
    Ok(frame::lines_of(&tail).filter_map(frame::entry).collect())
}

/// The last line of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    line: Digest,
    entry: Option<Entry>,
}

impl Tip {
    /// Whether an operation has begun and not ended: somebody is at work, or it was cut short. A
    /// line that cannot be read is no end.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.entry.as_ref().is_some_and(Entry::is_end)
    }

    /// What names this line; none where it cannot be read.
    #[must_use]
    pub fn anchor(&self) -> Option<Anchor> {
        Some(Anchor { number: self.entry.as_ref()?.number, line: self.line })
    }
}

/// The last line of a journal; none where there is no journal.
///
/// # Errors
/// When it cannot be read.
pub fn tip(host: &dyn Host, layout: &Layout) -> Result<Option<Tip>, HostError> {
    let mut limit = TIP;
    loop {
        let tail = host.read_tail(&layout.journal(), limit)?;
        let mut lines = frame::lines_of(&tail).rev();
        let last = lines.next();
        // The first line of a part may be the end of one.
        let whole = (tail.len() as u64) < limit || lines.next().is_some();
        if whole || limit >= WHOLE {
            return Ok(last.map(|line| Tip { line: Digest::of(line), entry: frame::entry(line) }));
        }
        limit = WHOLE;
    }
}
