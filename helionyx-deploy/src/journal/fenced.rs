//! A machine that only the holder of a lock can change. Does I/O through `host`.

use camino::Utf8Path;

use super::Lock;
use crate::host::{Change, Changed, HeldLock, Host, HostError, LockError, Wrapper};

/// The machine of a lock: before each change it is looked whether the lock is still ours. A
/// deployer that was suspended and overtaken finds that out before it changes anything.
pub struct Fenced<'l> {
    lock: &'l Lock<'l>,
}

impl<'l> Fenced<'l> {
    /// The machine of this lock.
    #[must_use]
    pub fn new(lock: &'l Lock<'l>) -> Fenced<'l> {
        Fenced { lock }
    }
}

impl Wrapper for Fenced<'_> {
    fn inner(&self) -> &dyn Host {
        self.lock.host()
    }
}

impl Host for Fenced<'_> {
    fn change(&self, change: Change<'_>) -> Result<Changed, HostError> {
        let title = change.title();
        self.lock.check(title.verb, &title.subject)?;
        self.inner().change(change)
    }

    fn lock(&self, path: &Utf8Path, holder: &str) -> Result<Box<dyn HeldLock>, LockError> {
        self.inner().lock(path, holder)
    }

    fn take_lock(&self, path: &Utf8Path, holder: &str) -> Result<Box<dyn HeldLock>, HostError> {
        self.inner().take_lock(path, holder)
    }
}
