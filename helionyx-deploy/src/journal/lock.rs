//! The lock, who holds it, and the journal that its holder may write. Does I/O through `host`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use camino::Utf8Path;

use super::{Entry, Record, TAIL, WHOLE, frame};
use crate::digest::Digest;
use crate::event::{Holder, Operation};
use crate::host::{HeldLock, Host, HostError, LockError, Signal};
use crate::layout::{HOST_LOCK, Layout};
use crate::release::Anchor;
use crate::state::{Node, ProcessKey};

/// How long a holder that was killed may take to be gone.
const KILL_DEADLINE: Duration = Duration::from_secs(5);
/// How often we look whether it is.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);
/// How long we wait for one who changes what all environments of the host share.
const HOST_LOCK_WAIT: Duration = Duration::from_secs(120);
/// How often a held lock is tried again.
const LOCK_INTERVAL: Duration = Duration::from_millis(50);
/// How many characters of a holder's command are kept.
const COMMAND_LENGTH: usize = 200;

/// Why the lock was not had, or the journal not written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Somebody else is at work.
    #[error("another deploy is at work: {}", or_nobody(.0.as_deref()))]
    Locked(Option<Box<Holder>>),
    /// Somebody has taken the lock from us while we were at work.
    #[error("the lock was taken over: {}", or_nobody(.0.as_deref()))]
    Overtaken(Option<Box<Holder>>),
    /// The machine refused.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// Tries until a lock is had, somebody else holds it still when the time is up, or `gives_up` says
/// so; and whether somebody else had it first. `waiting` is told of each holder once.
///
/// # Errors
/// Why it was not had.
pub fn wait_for<T>(
    host: &dyn Host,
    wait: Duration,
    gives_up: &dyn Fn() -> bool,
    waiting: &mut dyn FnMut(Option<Holder>),
    attempt: &dyn Fn() -> Result<T, JournalError>,
) -> Result<(T, bool), JournalError> {
    let deadline = host.elapsed() + wait;
    let mut seen: Option<Option<Box<Holder>>> = None;
    loop {
        match attempt() {
            Err(JournalError::Locked(holder)) if host.elapsed() < deadline && !gives_up() => {
                if seen.as_ref() != Some(&holder) {
                    waiting(holder.as_deref().cloned());
                    seen = Some(holder);
                }
                host.pause(LOCK_INTERVAL);
            }
            result => return result.map(|lock| (lock, seen.is_some())),
        }
    }
}

/// Us, as the holder of a lock.
fn us(host: &dyn Host, operation: Operation) -> String {
    let us = host.ourselves();
    let command = crate::command::words(&us.command).chars().take(COMMAND_LENGTH).collect();
    let ProcessKey { pid, started_ticks } = us.key;
    let (by, since) = (host.actor(), host.now());
    let holder = Holder { pid, started_ticks, by, operation, since, command };
    serde_json::to_string(&holder).unwrap_or_default() + "\n"
}

fn or_nobody(holder: Option<&Holder>) -> String {
    holder.map_or_else(|| "it does not say by whom".to_owned(), ToString::to_string)
}

/// The held lock of an environment.
pub struct Lock<'h> {
    host: &'h dyn Host,
    layout: Layout,
    operation: Operation,
    guard: Box<dyn HeldLock>,
    /// Whether it was seen that somebody else has it by now.
    is_lost: AtomicBool,
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
        let guard = host.lock(&layout.lock(), &us(host, operation)).map_err(why_not)?;
        Ok(Lock::new(host, layout, operation, guard))
    }

    /// Takes the lock from its holder, who can change nothing from then on, and ends the holder's
    /// process. Says so where that lives on all the same.
    ///
    /// # Errors
    /// When the machine refuses: then the holder has it still.
    pub fn take_over(
        host: &'h dyn Host,
        layout: &Layout,
        operation: Operation,
        from: &Holder,
    ) -> Result<(Lock<'h>, Option<String>), JournalError> {
        let guard = host.take_lock(&layout.lock(), &us(host, operation))?;
        let lock = Lock::new(host, layout, operation, guard);
        let left = lock.end_holder(from);
        lock.journal()?
            .write(Record::TakeOver { from: Box::new(from.clone()), by: host.actor() })?;
        Ok((lock, left))
    }

    fn new(
        host: &'h dyn Host,
        layout: &Layout,
        operation: Operation,
        guard: Box<dyn HeldLock>,
    ) -> Lock<'h> {
        Lock { host, layout: layout.clone(), operation, guard, is_lost: AtomicBool::new(false) }
    }

    /// Takes the lock of what all environments of this host share, without waiting.
    fn host_lock(&self) -> Result<Box<dyn HeldLock>, JournalError> {
        let path = Utf8Path::new(HOST_LOCK);
        self.host.create_dir(path.parent().unwrap_or(path), 0o755)?;
        self.host.lock(path, &us(self.host, self.operation)).map_err(why_not)
    }

    /// Between a look at the lock and the change that follows it, a process can be stopped for any
    /// length of time. Only one that is gone changes nothing for certain.
    fn end_holder(&self, from: &Holder) -> Option<String> {
        let host = self.host;
        let key = ProcessKey { pid: from.pid, started_ticks: from.started_ticks };
        if from.by.host == host.actor().host && key != host.ourselves().key {
            let _ = host.signal(key, Signal::Kill);
            let deadline = host.elapsed() + KILL_DEADLINE;
            while !self.guard.is_alone() && host.elapsed() < deadline {
                host.pause(LOOK_INTERVAL);
            }
        }
        let why = format!(
            "pid {} could not be ended: it begins no other change, but one that it is in the \
             middle of may still come to its end",
            from.pid
        );
        (!self.guard.is_alone()).then_some(why)
    }

    /// That the lock is still ours: looked at before each change.
    pub(super) fn check(&self, verb: &'static str, subject: &str) -> Result<(), HostError> {
        if !self.is_lost.load(Ordering::Relaxed) && self.guard.is_held()? {
            return Ok(());
        }
        self.is_lost.store(true, Ordering::Relaxed);
        Err(HostError::refused(verb, subject, "the lock was taken over by somebody else"))
    }

    /// Who has taken the lock from us, if that was seen.
    ///
    /// # Errors
    /// That it was.
    pub fn still_ours(&self) -> Result<(), JournalError> {
        if !self.is_lost.load(Ordering::Relaxed) {
            return Ok(());
        }
        let text = self.host.read_tail(&self.layout.lock(), TAIL).unwrap_or_default();
        Err(JournalError::Overtaken(read_holder(&String::from_utf8_lossy(&text))))
    }

    /// The machine, which can be changed only as long as the lock is ours.
    pub(super) fn host(&self) -> &'h dyn Host {
        self.host
    }

    /// Opens the journal for writing; cuts off what a crash has torn at its end.
    ///
    /// # Errors
    /// When it cannot be read or cut.
    pub fn journal(&self) -> Result<Journal<'_>, JournalError> {
        let path = self.layout.journal();
        let mut tail = self.host.read_tail(&path, TAIL)?;
        if tail.len() as u64 == TAIL && frame::end(&tail).number == 0 {
            tail = self.host.read_tail(&path, WHOLE)?;
        }
        let end = frame::end(&tail);
        if end.torn > 0 {
            let length = match self.host.node(&path)? {
                Node::File { size, .. } => size,
                _ => tail.len() as u64,
            };
            self.check("truncate", path.as_str())?;
            self.host.truncate(&path, length.saturating_sub(end.torn as u64))?;
        }
        let fence = frame::lines_of(&tail).rev().find_map(|line| Some(frame::entry(line)?.fence));
        let head = Anchor { number: end.number, line: Digest::of(&end.line) };
        Ok(Journal { lock: self, head, fence: fence.unwrap_or(0) + 1, torn: end.torn })
    }
}

fn why_not(error: LockError) -> JournalError {
    match error {
        LockError::Held(text) => JournalError::Locked(read_holder(&text)),
        LockError::Host(error) => JournalError::Host(error),
    }
}

fn read_holder(text: &str) -> Option<Box<Holder>> {
    serde_json::from_str(text).ok().map(Box::new)
}

/// The journal, open for writing.
pub struct Journal<'l> {
    lock: &'l Lock<'l>,
    /// Its last entry.
    head: Anchor,
    fence: u64,
    torn: usize,
}

impl Journal<'_> {
    /// Adds an entry; it is on the disk when this returns.
    ///
    /// # Errors
    /// When the machine refuses, or the lock is not ours any more: then what it announces must not
    /// be done.
    pub fn write(&mut self, record: Record) -> Result<(), HostError> {
        let host = self.lock.host;
        let path = self.lock.layout.journal();
        self.lock.check("append to", path.as_str())?;
        let (number, fence, time) = (self.head.number + 1, self.fence, host.now());
        let entry = Entry { number, fence, time, previous_line: self.head.line, record };
        let mut line = frame::line(&entry)
            .map_err(|error| HostError::refused("encode", "a journal entry", error.to_string()))?;
        let digest = Digest::of(&line);
        line.push(b'\n');
        if let Err(error) = host.append(&path, &line) {
            // Whatever part of it was written must not be glued to the next entry.
            self.lock.journal().map(|again| self.head = again.head).ok();
            return Err(error);
        }
        self.head = Anchor { number, line: digest };
        Ok(())
    }

    /// The lock of what all environments of this host share: users, unit files, systemd itself.
    /// Waits for its holder, who has it for one step only.
    ///
    /// # Errors
    /// When it was not had in time, or the machine refuses.
    pub fn lock_host(
        &self,
        waiting: &mut dyn FnMut(Option<Holder>),
    ) -> Result<Box<dyn HeldLock>, JournalError> {
        let attempt = || self.lock.host_lock();
        wait_for(self.lock.host, HOST_LOCK_WAIT, &|| false, waiting, &attempt).map(|(lock, _)| lock)
    }

    /// Its last entry: what a record beside the journal can name.
    #[must_use]
    pub fn head(&self) -> Anchor {
        self.head
    }

    /// How many bytes were torn by a crash and cut off when it was opened.
    #[must_use]
    pub fn torn(&self) -> usize {
        self.torn
    }

    /// Whether the lock that it is written under is still ours, as far as was seen.
    ///
    /// # Errors
    /// That it is not, and who has it.
    pub fn still_ours(&self) -> Result<(), JournalError> {
        self.lock.still_ours()
    }
}
