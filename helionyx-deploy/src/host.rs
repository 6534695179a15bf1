//! The doors: everything that touches a machine goes through [`Host`].
//!
//! [`LocalHost`] is the machine that the engine runs on, [`FakeHost`] one in memory, for tests and
//! for programs that embed the library. Methods are small and do one thing; what they are used for
//! is decided above them. Nothing in here prints.

use camino::Utf8Path;

use crate::command::{Command, Output};
use crate::plan::step::Sharing;
use crate::release::{FilePath, FileRecords};
use crate::state::{Account, ProcessKey};

mod ask;
mod change;
mod clock;
#[cfg(test)]
mod contract;
mod error;
pub mod fake;
pub mod local;
mod look;
mod wrapper;

pub use ask::{ask, ended_well};
pub use change::{Change, Changed, Launch, Signal, Title};
pub use clock::{Clock, Ourselves};
pub use error::{Cause, HostError, LockError, ProbeError};
pub use fake::FakeHost;
pub use local::{LocalHost, RecoveryProgram};
pub use look::{Answer, Look, OpenFile, Searched, both, each};
pub use wrapper::Wrapper;

/// A machine. Two may look at it at once.
///
/// A host implements [`Host::change`] and the two locks. The other methods call [`Host::change`] and
/// are not to be overridden: whoever stands before a host (a fence, a fault) sees each change there.
pub trait Host: Look + Clock + Sync {
    /// Changes the machine. What came of it belongs to the change: see [`Changed`].
    fn change(&self, change: Change<'_>) -> Result<Changed, HostError>;

    /// Takes the lock of this file without waiting, and leaves `holder` in it for others to read.
    /// Held until the guard is dropped or the process ends, however it ends.
    ///
    /// A lock is no change: it decides who may change the machine.
    fn lock(&self, path: &Utf8Path, holder: &str) -> Result<Box<dyn HeldLock>, LockError>;

    /// Takes the lock of this file, whoever holds it: puts another file in its place, locked. From
    /// then on the lock that was held there is none.
    fn take_lock(&self, path: &Utf8Path, holder: &str) -> Result<Box<dyn HeldLock>, HostError>;

    /// Makes a directory of ours: [`Change::CreateDir`].
    fn create_dir(&self, path: &Utf8Path, mode: u32) -> Result<(), HostError> {
        self.change(Change::CreateDir { path, mode, owner: None }).map(drop)
    }

    /// Makes a directory of another user's: [`Change::CreateDir`].
    fn create_dir_for(&self, path: &Utf8Path, mode: u32, owner: Account) -> Result<(), HostError> {
        self.change(Change::CreateDir { path, mode, owner: Some(owner) }).map(drop)
    }

    /// Gives a directory to another user: [`Change::GiveAway`].
    fn give_away(&self, dir: &Utf8Path, owner: Account) -> Result<(), HostError> {
        self.change(Change::GiveAway { dir, owner }).map(drop)
    }

    /// Makes a directory ours: [`Change::TakeBack`].
    fn take_back(&self, dir: &Utf8Path) -> Result<(), HostError> {
        self.change(Change::TakeBack { dir }).map(drop)
    }

    /// Puts a file in place: [`Change::Write`].
    fn write(&self, path: &Utf8Path, content: &[u8], mode: u32) -> Result<(), HostError> {
        self.change(Change::Write { path, content, mode }).map(drop)
    }

    /// Adds to the end of a file: [`Change::Append`].
    fn append(&self, path: &Utf8Path, content: &[u8]) -> Result<(), HostError> {
        self.change(Change::Append { path, content }).map(drop)
    }

    /// Cuts a file: [`Change::Truncate`].
    fn truncate(&self, path: &Utf8Path, length: u64) -> Result<(), HostError> {
        self.change(Change::Truncate { path, length }).map(drop)
    }

    /// Points a symbolic link elsewhere: [`Change::ReplaceLink`].
    fn replace_link(&self, path: &Utf8Path, target: &Utf8Path) -> Result<(), HostError> {
        self.change(Change::ReplaceLink { path, target }).map(drop)
    }

    /// Removes a file or link: [`Change::Remove`].
    fn remove(&self, path: &Utf8Path) -> Result<(), HostError> {
        self.change(Change::Remove { path }).map(drop)
    }

    /// Removes a directory with all below it: [`Change::RemoveTree`].
    fn remove_tree(&self, path: &Utf8Path) -> Result<(), HostError> {
        self.change(Change::RemoveTree { path }).map(drop)
    }

    /// Copies files and links: [`Change::Copy`].
    fn copy(&self, from: &Utf8Path, to: &Utf8Path, paths: &[FilePath]) -> Result<(), HostError> {
        self.change(Change::Copy { from, to, paths }).map(drop)
    }

    /// Takes files and links over from a release: [`Change::Adopt`].
    fn adopt(
        &self,
        from: &Utf8Path,
        to: &Utf8Path,
        paths: &[FilePath],
        sharing: Sharing,
    ) -> Result<(), HostError> {
        self.change(Change::Adopt { from, to, paths, sharing }).map(drop)
    }

    /// Takes files and links over in which a name changes, and says how they are recorded now:
    /// [`Change::AdoptRenamed`].
    fn adopt_renamed(
        &self,
        from: &Utf8Path,
        to: &Utf8Path,
        paths: &[FilePath],
        names: (&str, &str),
        sharing: Sharing,
    ) -> Result<FileRecords, HostError> {
        match self.change(Change::AdoptRenamed { from, to, paths, names, sharing })? {
            Changed::Recorded(records) => Ok(records),
            _ => Err(HostError::refused("copy to", to, NO_ANSWER)),
        }
    }

    /// Unpacks an archive: [`Change::Unpack`].
    fn unpack(&self, archive: &Utf8Path, to: &Utf8Path) -> Result<(), HostError> {
        self.change(Change::Unpack { archive, to }).map(drop)
    }

    /// Makes a directory read-only: [`Change::Seal`].
    fn seal(&self, dir: &Utf8Path) -> Result<(), HostError> {
        self.change(Change::Seal { dir }).map(drop)
    }

    /// Runs a command to its end: [`Change::Run`].
    fn run(&self, command: &Command, line: &mut dyn FnMut(&str)) -> Result<Output, HostError> {
        match self.change(Change::Run { command, line })? {
            Changed::Ran(output) => Ok(output),
            _ => Err(HostError::refused("run", command, NO_ANSWER)),
        }
    }

    /// Runs commands of which none needs another, at once where the machine can; what came of each,
    /// in their order.
    fn run_all(&self, commands: &[Command]) -> Vec<Result<Output, HostError>> {
        each(self, commands, &|command| self.run(command, &mut |_| {}))
    }

    /// Starts a service: [`Change::Spawn`].
    fn spawn(&self, launch: &Launch) -> Result<ProcessKey, HostError> {
        match self.change(Change::Spawn { launch })? {
            Changed::Started(process) => Ok(process),
            _ => Err(HostError::refused("start", &launch.directory, NO_ANSWER)),
        }
    }

    /// Sends a signal: [`Change::Signal`].
    fn signal(&self, process: ProcessKey, signal: Signal) -> Result<(), HostError> {
        self.change(Change::Signal { process, signal }).map(drop)
    }

    /// Hands one entry to the system's journal: [`Change::Announce`].
    fn announce(&self, entry: &[(&str, String)]) -> Result<(), HostError> {
        self.change(Change::Announce { entry }).map(drop)
    }
}

/// Why a change counts as failed whose host returned what belongs to another change.
const NO_ANSWER: &str = "the host does not say what came of it";

/// A held lock; dropping it frees it.
pub trait HeldLock: Send + Sync {
    /// Whether it is still the lock of its file: nobody has taken it over.
    fn is_held(&self) -> Result<bool, HostError>;
    /// Whether the one from whom it was taken has let go of it, or is gone.
    fn is_alone(&self) -> bool;
}
