//! The state behind a [`FakeHost`](super::FakeHost), and how a call on it begins and ends. No I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::clock::Time;
use super::disk::Disk;
use super::fault::{Extent, Faults, Turn, gone, has_parts};
use super::systemd::Systemd;
use super::table::{DEPLOYER, Table};
use crate::command::{Command, Output};
use crate::host::{Cause, Change, Changed, HostError};

/// What a fake program does.
pub(super) type Program = Arc<dyn Fn(&Command, &mut Disk) -> Output + Send + Sync>;

/// Everything there is on a fake machine.
#[derive(Default)]
pub(super) struct Machine {
    pub(super) disk: Disk,
    /// Whether a program has the disk: nothing else happens meanwhile.
    disk_is_lent: bool,
    pub(super) table: Table,
    pub(super) time: Time,
    pub(super) faults: Faults,
    pub(super) programs: BTreeMap<String, Program>,
    pub(super) commands: Vec<Command>,
    /// What the system's journal was told.
    pub(super) announced: Vec<BTreeMap<String, String>>,
    /// The held locks, by path: a ticket of their own, and what the holder left.
    pub(super) locks: BTreeMap<Utf8PathBuf, Locked>,
    pub(super) last_ticket: u64,
    /// How many bytes may still be written; without end where nobody said.
    pub(super) free: Option<u64>,
    /// The names of other machines that cannot be connected to.
    pub(super) unreachable: BTreeSet<String>,
    /// The user that we are, where somebody said.
    pub(super) uid: Option<u32>,
    /// The program that recovers environments, where somebody said.
    pub(super) recovery_program: Option<Utf8PathBuf>,
    pub(super) systemd: Systemd,
    /// Which process of ours calls.
    pub(super) operator: u32,
    /// Those that nobody can kill.
    pub(super) hanging: BTreeSet<u32>,
    /// How many changes those made whose lock had been taken from them.
    pub(super) intrusions: BTreeMap<u32, usize>,
}

/// A held lock.
pub(super) struct Locked {
    pub(super) ticket: u64,
    /// What its holder left there.
    pub(super) holder: String,
    pub(super) operator: u32,
}

/// The process of an operator.
pub(super) fn deployer(operator: u32) -> u32 {
    if operator == 0 { DEPLOYER } else { OPERATORS + operator }
}

/// The processes of operators with a number come after this.
pub(super) const OPERATORS: u32 = 100_000;

/// How long a changing call takes.
const CALL: Duration = Duration::from_millis(1);

impl Machine {
    /// Lets time pass, with all that happens in it.
    pub(super) fn advance(&mut self, duration: Duration) {
        let end = self.time.elapsed().saturating_add(duration);
        while let Some(at) = self.next_event().filter(|at| *at <= end && !self.disk_is_lent) {
            self.time.advance(at.saturating_sub(self.time.elapsed()));
            self.settle();
        }
        self.time.advance(end.saturating_sub(self.time.elapsed()));
        self.settle();
    }

    /// Brings about what was to happen up to now.
    pub(super) fn settle(&mut self) {
        if self.disk_is_lent {
            return;
        }
        self.disk.set_time(self.time.now_ns());
        self.table.settle(self.time.elapsed(), &mut self.disk);
        self.settle_units();
    }

    /// Takes the disk out for a program.
    pub(super) fn lend_disk(&mut self) -> Disk {
        self.disk_is_lent = true;
        std::mem::take(&mut self.disk)
    }

    /// Takes the disk back from a program.
    pub(super) fn take_back(&mut self, disk: Disk) {
        self.disk_is_lent = false;
        self.disk = disk;
        self.settle();
    }

    /// Begins a reading call.
    pub(super) fn alive(
        &self,
        verb: &'static str,
        subject: impl ToString,
    ) -> Result<(), HostError> {
        match self.faults.gone.contains(&self.operator) {
            true => Err(gone(verb, subject)),
            false => Ok(()),
        }
    }

    /// Begins a changing call; an error when nothing of it shall happen.
    pub(super) fn begin(&mut self, change: &Change<'_>) -> Result<Turn, HostError> {
        let title = change.title();
        self.alive(title.verb, &title.subject)?;
        self.advance(CALL);
        if let Some(count) = self.intrusions.get_mut(&self.operator) {
            *count += 1;
        }
        let turn = self.faults.begin(title, has_parts(change) || self.has_job(change));
        match turn.fault {
            Some(fault) if turn.extent == Extent::None => {
                let error = turn.error(fault);
                if fault.kills() {
                    self.die();
                }
                Err(error)
            }
            _ => Ok(turn),
        }
    }

    /// Ends a changing call with what came of it.
    pub(super) fn end(
        &mut self,
        turn: &Turn,
        result: Result<Changed, Cause>,
    ) -> Result<Changed, HostError> {
        self.settle();
        let result = result.map_err(|cause| turn.failed(cause));
        match turn.fault {
            None => result,
            Some(super::Fault::Interrupt) => {
                self.time.interrupted = true;
                result
            }
            Some(super::Fault::Overtake) => {
                let locks: Vec<_> = self.locks.keys().cloned().collect();
                for place in locks {
                    // Where a lock was, there is a place for one.
                    let _ = self.hand_out(&place, "");
                }
                result
            }
            Some(fault) if fault.kills() => {
                self.die();
                Err(turn.error(fault))
            }
            Some(fault) => result.and(Err(turn.error(fault))),
        }
    }

    /// Gives the lock of this place to somebody, whoever has it; the ticket of the one who has it
    /// now.
    pub(super) fn hand_out(&mut self, place: &Utf8Path, holder: &str) -> Result<u64, Cause> {
        self.disk.write(place, holder.as_bytes(), 0o644)?;
        self.last_ticket += 1;
        let (ticket, operator) = (self.last_ticket, self.operator);
        let locked = Locked { ticket, holder: holder.to_owned(), operator };
        if let Some(before) = self.locks.insert(place.to_owned(), locked) {
            self.intrusions.entry(before.operator).or_default();
        }
        Ok(self.last_ticket)
    }

    /// Our process is gone: its locks are free, and its children somebody else's.
    pub(super) fn die(&mut self) {
        self.faults.gone.insert(self.operator);
        let operator = self.operator;
        self.locks.retain(|_, locked| locked.operator != operator);
        self.table.orphan(deployer(operator));
    }
}
