//! Faults of the fake machine: which changing call fails, and how much of it happens. No I/O.

use std::io;

use crate::host::HostError;

/// How a changing call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing happens, and an error says so.
    Before,
    /// It happens, but the answer is lost: an error.
    After,
    /// Half of it happens, then an error: half of the bytes of `append`, half of the entries of
    /// `copy`, `unpack`, `seal` and `remove_tree`. All else is whole or not at all: not at all.
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

/// A kind of changing call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    /// The method of the host: what the log says.
    pub(super) method: &'static str,
    /// What errors say.
    pub(super) verb: &'static str,
    /// Whether half of it can happen.
    pub(super) parts: bool,
}

/// A changing call that has begun.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) change: Change,
    pub(super) subject: String,
    pub(super) extent: Extent,
    pub(super) fault: Option<Fault>,
}

impl Turn {
    /// The error of a call that its fault made fail.
    pub(super) fn error(&self, fault: Fault) -> HostError {
        if fault.kills() {
            return gone(self.change.verb, &self.subject);
        }
        HostError::new(self.change.verb, &self.subject, fault.error())
    }
}

/// Counts the changing calls, and knows which one fails.
#[derive(Debug, Default)]
pub(super) struct Faults {
    armed: Option<(usize, Fault)>,
    pub(super) fired: bool,
    pub(super) log: Vec<(&'static str, String)>,
    /// Whether our process was killed.
    pub(super) gone: bool,
}

impl Faults {
    pub(super) fn arm(&mut self, nth: usize, fault: Fault) {
        self.armed = Some((self.log.len() + nth, fault));
        self.fired = false;
    }

    pub(super) fn begin(&mut self, change: Change, subject: String) -> Turn {
        self.log.push((change.method, subject.clone()));
        let fault = self.armed.take_if(|(at, _)| *at == self.log.len()).map(|(_, fault)| fault);
        self.fired |= fault.is_some();
        let extent = match fault.map_or(Extent::All, Fault::extent) {
            Extent::Half if !change.parts => Extent::None,
            extent => extent,
        };
        Turn { change, subject, extent, fault }
    }
}

/// The error of every call once our process was killed.
pub(super) fn gone(verb: &'static str, subject: impl ToString) -> HostError {
    let source = io::Error::new(io::ErrorKind::Interrupted, "the process is gone");
    HostError::new(verb, subject, source)
}
