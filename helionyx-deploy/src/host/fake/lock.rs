//! Held locks of the fake machine. No I/O.

use camino::Utf8PathBuf;

use super::FakeHost;
use super::machine::Machine;
use crate::host::{HeldLock, HostError};

/// A held lock. Its ticket keeps a guard that outlived its process from freeing the next one's.
pub(super) struct FakeLock {
    pub(super) host: FakeHost,
    pub(super) place: Utf8PathBuf,
    pub(super) ticket: u64,
    /// From which operator it was taken, if from anybody.
    pub(super) from: Option<u32>,
}

impl FakeLock {
    fn is_on(&self, machine: &Machine) -> bool {
        machine.locks.get(&self.place).is_some_and(|locked| locked.ticket == self.ticket)
    }
}

impl HeldLock for FakeLock {
    fn is_held(&self) -> Result<bool, HostError> {
        let machine = self.host.machine();
        machine.alive("look at", &self.place)?;
        Ok(self.is_on(&machine))
    }

    /// An operator from whom it is taken is gone at once, unless that process hangs.
    fn is_alone(&self) -> bool {
        let machine = self.host.machine();
        self.from.is_none_or(|operator| !machine.hanging.contains(&operator))
    }
}

impl Drop for FakeLock {
    fn drop(&mut self) {
        let mut machine = self.host.machine();
        if self.is_on(&machine) {
            machine.locks.remove(&self.place);
        }
    }
}
