//! Held locks of the fake machine. No I/O.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use camino::Utf8PathBuf;

use super::machine::Machine;
use crate::host::{HeldLock, HostError};

/// A held lock. Its ticket keeps a guard that outlived its process from freeing the next one's.
pub(super) struct FakeLock {
    pub(super) machine: Arc<Mutex<Machine>>,
    pub(super) place: Utf8PathBuf,
    pub(super) ticket: u64,
}

impl FakeLock {
    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_on(&self, machine: &Machine) -> bool {
        machine.locks.get(&self.place).is_some_and(|(ticket, _)| *ticket == self.ticket)
    }
}

impl HeldLock for FakeLock {
    fn is_held(&self) -> Result<bool, HostError> {
        let machine = self.machine();
        machine.alive("look at", &self.place)?;
        Ok(self.is_on(&machine))
    }

    /// One from whom it is taken is always gone at once.
    fn is_alone(&self) -> bool {
        true
    }
}

impl Drop for FakeLock {
    fn drop(&mut self) {
        let mut machine = self.machine();
        if self.is_on(&machine) {
            machine.locks.remove(&self.place);
        }
    }
}
