//! The lock of an environment and its journal, which only the lock's holder can write.
//!
//! Each line of the journal is one entry, written and synced before what it announces is done, and
//! carries the digest of the line before. A last line without its end was torn by a crash: it is
//! cut off when the journal is opened for writing, and never read.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::event::{Operation, Outcome, Report};
use crate::host::{HeldLock, Host, HostError, LockError};
use crate::layout::Layout;
use crate::name::{ReleaseId, ServiceName};
use crate::plan::Step;
use crate::release::Actor;
use crate::time::Timestamp;

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
}

/// The state before an operation: what is restored when it fails or is cut short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// The release that was in use, or the one that was verified last where there was none that
    /// could be used.
    pub release: Option<ReleaseId>,
    /// Whether services ran, or should have: only a stop that was asked for makes this false.
    pub running: bool,
}

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// Who.
    pub by: Actor,
    /// What for.
    pub operation: Operation,
    /// Since when.
    pub since: Timestamp,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} (pid {}) since {}", self.operation, self.by, self.pid, self.since)
    }
}

/// Why the lock was not had, or the journal not written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Somebody else is at work.
    #[error("another deploy is at work: {}", .0.as_ref().map_or("it does not say who".to_owned(), ToString::to_string))]
    Locked(Option<Box<Holder>>),
    /// The machine refused.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// The held lock of an environment.
pub struct Lock<'h> {
    host: &'h dyn Host,
    layout: Layout,
    _guard: Box<dyn HeldLock>,
}

impl<'h> Lock<'h> {
    /// Takes the lock of an environment, without waiting; makes the root if there is none.
    ///
    /// # Errors
    /// When somebody else holds it, or the machine refuses.
    pub fn acquire(
        host: &'h dyn Host,
        layout: &Layout,
        operation: Operation,
    ) -> Result<Lock<'h>, JournalError> {
        host.create_dir(&layout.root, 0o755)?;
        let holder =
            Holder { pid: std::process::id(), by: host.actor(), operation, since: host.now() };
        let text = serde_json::to_string(&holder).unwrap_or_default() + "\n";
        let guard = host.lock(&layout.lock(), &text).map_err(|error| match error {
            LockError::Held(text) => {
                JournalError::Locked(serde_json::from_str(&text).ok().map(Box::new))
            }
            LockError::Host(error) => JournalError::Host(error),
        })?;
        Ok(Lock { host, layout: layout.clone(), _guard: guard })
    }

    /// Opens the journal for writing; cuts off a torn last line.
    ///
    /// # Errors
    /// When it cannot be read or cut.
    pub fn journal(&self) -> Result<Journal<'_>, JournalError> {
        let path = self.layout.journal();
        let tail = self.host.read_tail(&path, TAIL)?;
        let torn = tail.len() - whole_lines(&tail).len();
        if torn > 0 {
            let length = match self.host.node(&path)? {
                crate::state::Node::File { size, .. } => size,
                _ => tail.len() as u64,
            };
            self.host.truncate(&path, length.saturating_sub(torn as u64))?;
        }
        let lines = whole_lines(&tail).trim_ascii_end().rsplit(|byte| *byte == b'\n');
        let last = lines.clone().next().unwrap_or_default();
        // A line that cannot be read counts as one all the same.
        let numbers = lines.zip(0..).find_map(|(line, behind)| {
            Some(serde_json::from_slice::<Entry>(line).ok()?.number + behind)
        });
        Ok(Journal { lock: self, number: numbers.unwrap_or(0), last: Digest::of(last) })
    }
}

/// The journal, open for writing.
pub struct Journal<'l> {
    lock: &'l Lock<'l>,
    number: u64,
    last: Digest,
}

impl Journal<'_> {
    /// Adds an entry; it is on the disk when this returns.
    ///
    /// # Errors
    /// When the machine refuses: then what it announces must not be done.
    pub fn write(&mut self, record: Record) -> Result<(), HostError> {
        let host = self.lock.host;
        let time = host.now();
        let entry = Entry { number: self.number + 1, time, previous_line: self.last, record };
        let mut line = serde_json::to_vec(&entry)
            .map_err(|error| HostError::refused("encode", "a journal entry", error.to_string()))?;
        let digest = Digest::of(&line);
        line.push(b'\n');
        let path = self.lock.layout.journal();
        if let Err(error) = host.append(&path, &line) {
            // Whatever part of it was written must not be glued to the next entry.
            self.lock
                .journal()
                .map(|again| (self.number, self.last) = (again.number, again.last))
                .ok();
            return Err(error);
        }
        self.number += 1;
        self.last = digest;
        Ok(())
    }
}

/// The last entries of a journal, oldest first, as far as they fit into its last mebibyte.
///
/// # Errors
/// When it cannot be read.
pub fn recent(host: &dyn Host, layout: &Layout) -> Result<Vec<Entry>, HostError> {
    read(host, layout, TAIL)
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
    let lines = whole_lines(&tail).split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

/// The last line of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    line: Digest,
    ends: bool,
}

impl Tip {
    /// Whether an operation has begun and not ended: somebody is at work, or it was cut short. A
    /// line that cannot be read is no end.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.ends
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
        let lines = whole_lines(&tail).trim_ascii_end();
        let whole = (tail.len() as u64) < limit || lines.contains(&b'\n');
        if whole || limit >= WHOLE {
            let line = lines.rsplit(|byte| *byte == b'\n').next().filter(|line| !line.is_empty());
            return Ok(line.map(|line| Tip {
                line: Digest::of(line),
                ends: serde_json::from_slice(line).is_ok_and(|entry: Entry| entry.is_end()),
            }));
        }
        limit = WHOLE;
    }
}

/// An operation that has begun and not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// How it began.
    pub begin: Begin,
    /// Whether a step was begun that a service could notice.
    pub past_the_switch: bool,
    /// The releases whose proof was about to be recorded: they were proven by this operation.
    pub proven: BTreeSet<ReleaseId>,
}

/// The operation that has begun and not ended, if there is one.
#[must_use]
pub fn unfinished(entries: &[Entry]) -> Option<Unfinished> {
    let mut open = None;
    for entry in entries {
        match &entry.record {
            Record::Begin(begin) => {
                let (begin, proven) = (begin.clone(), BTreeSet::new());
                open = Some(Unfinished { begin, past_the_switch: false, proven });
            }
            Record::Step { step } => {
                if let Some(open) = &mut open {
                    open.past_the_switch |= step.is_past_the_switch();
                    if let Step::MarkVerified { release, .. } = &**step {
                        open.proven.insert(release.clone());
                    }
                }
            }
            Record::RollBack { .. } => {}
            Record::End(_) => open = None,
        }
    }
    open
}

/// Whether the services do not run because somebody wanted it so: the last operation that came to a
/// good end was a stop.
#[must_use]
pub fn stopped_on_purpose(entries: &[Entry]) -> bool {
    let (mut open, mut last) = (None, None);
    for entry in entries {
        match &entry.record {
            Record::Begin(begin) => open = Some(begin.operation),
            Record::End(report) if report.outcome == Outcome::Deployed => last = open,
            Record::End(_) | Record::Step { .. } | Record::RollBack { .. } => {}
        }
    }
    last == Some(Operation::Stop)
}

/// How often a service was started since a point in time.
#[must_use]
pub fn starts(entries: &[Entry], service: &ServiceName, since: Timestamp) -> usize {
    let recent = entries.iter().rev().take_while(|entry| entry.time >= since);
    let started = recent.filter(|entry| match &entry.record {
        Record::Step { step } => {
            matches!(&**step, Step::StartService { service: started, .. } if started.name == *service)
        }
        _ => false,
    });
    started.count()
}

fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    &bytes[..end]
}
