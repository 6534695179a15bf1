//! Faults of the fake machine: which changing call fails, and how much of it happens. No I/O.

use std::collections::BTreeSet;
use std::io;

use crate::host::{Cause, Change, HostError, Title};

/// How a changing call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing happens, and an error says so.
    Before,
    /// It happens, but the answer is lost: an error.
    After,
    /// Half of it happens, then an error: half of the bytes of `append`, half of the entries of
    /// `copy`, `adopt`, `unpack`, `seal` and `remove_tree`. All else is whole or not at all: not at
    /// all.
    Torn,
    /// Nothing happens, and our process is gone: see [`FakeHost::revive`](super::FakeHost::revive).
    Kill,
    /// Half of it happens, as with [`Fault::Torn`], and our process is gone.
    KillTorn,
    /// It happens, and our process is gone.
    KillAfter,
    /// It happens, and meanwhile the operator interrupts: no error.
    Interrupt,
    /// It happens, and then our process is suspended until somebody else has taken over all locks
    /// that it holds: no error.
    Overtake,
}

/// Every fault there is, for sweeps.
pub const FAULTS: [Fault; 8] = [
    Fault::Before,
    Fault::After,
    Fault::Torn,
    Fault::Kill,
    Fault::KillTorn,
    Fault::KillAfter,
    Fault::Interrupt,
    Fault::Overtake,
];

impl Fault {
    pub(super) fn kills(self) -> bool {
        matches!(self, Fault::Kill | Fault::KillTorn | Fault::KillAfter)
    }

    fn extent(self) -> Extent {
        match self {
            Fault::Before | Fault::Kill => Extent::None,
            Fault::Torn | Fault::KillTorn => Extent::Half,
            Fault::After | Fault::KillAfter | Fault::Interrupt | Fault::Overtake => Extent::All,
        }
    }

    fn error(self) -> io::Error {
        io::Error::other(match self.extent() {
            Extent::None => "injected fault: it did not happen",
            Extent::Half => "injected fault: it happened in part",
            Extent::All => "injected fault: it happened, but the answer was lost",
        })
    }
}

/// How much of a call happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    None,
    Half,
    All,
}

impl Extent {
    /// So many of `count`.
    pub(super) fn of(self, count: usize) -> usize {
        match self {
            Extent::None => 0,
            Extent::Half => count / 2,
            Extent::All => count,
        }
    }
}

/// Whether half of a change can happen.
pub(super) fn has_parts(change: &Change<'_>) -> bool {
    match change {
        Change::Append { .. }
        | Change::RemoveTree { .. }
        | Change::Copy { .. }
        | Change::Adopt { .. }
        | Change::AdoptRenamed { .. }
        | Change::Unpack { .. }
        | Change::Seal { .. } => true,
        Change::CreateDir { .. }
        | Change::GiveAway { .. }
        | Change::TakeBack { .. }
        | Change::Write { .. }
        | Change::Truncate { .. }
        | Change::ReplaceLink { .. }
        | Change::Remove { .. }
        | Change::Run { .. }
        | Change::Spawn { .. }
        | Change::Signal { .. }
        | Change::Announce { .. } => false,
    }
}

/// A changing call that has begun.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) title: Title,
    pub(super) extent: Extent,
    pub(super) fault: Option<Fault>,
}

impl Turn {
    /// The error of a call that failed.
    pub(super) fn failed(&self, cause: impl Into<Cause>) -> HostError {
        HostError::new(self.title.verb, &self.title.subject, cause)
    }

    /// The error of a call that its fault made fail.
    pub(super) fn error(&self, fault: Fault) -> HostError {
        if fault.kills() {
            return gone(self.title.verb, &self.title.subject);
        }
        self.failed(fault.error())
    }
}

/// Counts the changing calls, and knows which one fails.
#[derive(Debug, Default)]
pub(super) struct Faults {
    armed: Option<(usize, Fault)>,
    pub(super) fired: bool,
    pub(super) log: Vec<(&'static str, String)>,
    /// Those processes of ours that were killed.
    pub(super) gone: BTreeSet<u32>,
    /// Whether the disk is full.
    pub(super) full: bool,
}

impl Faults {
    pub(super) fn arm(&mut self, nth: usize, fault: Fault) {
        self.armed = Some((self.log.len() + nth, fault));
        self.fired = false;
    }

    pub(super) fn disarm(&mut self) {
        self.armed = None;
        self.fired = false;
    }

    /// Begins a change, half of which can happen where it has `parts`.
    pub(super) fn begin(&mut self, title: Title, parts: bool) -> Turn {
        self.log.push((title.method, title.subject.clone()));
        let fault = self.armed.take_if(|(at, _)| *at == self.log.len()).map(|(_, fault)| fault);
        self.fired |= fault.is_some();
        let grows = matches!(
            title.method,
            "create_dir"
                | "write"
                | "append"
                | "replace_link"
                | "copy"
                | "adopt"
                | "unpack"
                | "spawn"
        );
        let fault = fault.or((self.full && grows).then_some(Fault::Torn));
        let extent = match fault.map_or(Extent::All, Fault::extent) {
            Extent::Half if !parts => Extent::None,
            extent => extent,
        };
        Turn { title, extent, fault }
    }
}

/// The error of every call once our process was killed.
pub(super) fn gone(verb: &'static str, subject: impl ToString) -> HostError {
    let source = io::Error::new(io::ErrorKind::Interrupted, "the process is gone");
    HostError::new(verb, subject, source)
}
