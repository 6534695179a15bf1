//! The doors: everything that touches a machine goes through [`Host`].
//!
//! [`LocalHost`] is the machine that the engine runs on, [`FakeHost`] one in memory, for tests and
//! for programs that embed the library. Methods are small and do one thing; what they are used for
//! is decided above them. Nothing in here prints.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use crate::command::{Command, ExitStatus, Output};
use crate::digest::Digest;
use crate::name::Port;
use crate::plan::step::Sharing;
use crate::release::{Actor, FilePath, FileRecord, FileRecords};
use crate::secret::Secret;
use crate::state::{Account, Listener, Node, Process, ProcessKey};
use crate::time::Timestamp;

mod ask;
#[cfg(test)]
mod contract;
pub mod fake;
pub mod local;

pub use ask::{ask, ended_well};
pub use fake::FakeHost;
pub use local::LocalHost;

/// A machine. Two may look at it at once.
pub trait Host: Files + Processes + Clock + Sync {}

impl<T: Files + Processes + Clock + Sync> Host for T {}

/// Looks at two things that have nothing to do with each other, at once where the machine can.
pub fn both<A: Send, B: Send>(
    host: &dyn Host,
    one: impl Fn() -> A + Sync,
    other: impl Fn() -> B + Sync,
) -> (A, B) {
    let (mut first, mut second) = (None, None);
    host.both(&mut || first = Some(one()), &mut || second = Some(other()));
    match (first, second) {
        (Some(first), Some(second)) => (first, second),
        _ => (one(), other()),
    }
}

/// The same for several things; what came of each, in their order.
pub fn each<T: Sync, R: Send>(
    host: &dyn Host,
    things: &[T],
    look: &(impl Fn(&T) -> R + Sync),
) -> Vec<R> {
    match things {
        [] => Vec::new(),
        [one] => vec![look(one)],
        _ => {
            let (begin, end) = things.split_at(things.len() / 2);
            let (mut all, rest) = both(host, || each(host, begin, look), || each(host, end, look));
            all.extend(rest);
            all
        }
    }
}

/// Time, who we are, and chance.
pub trait Clock {
    /// The time of day: for people and for ids, never for measuring.
    fn now(&self) -> Timestamp;
    /// A clock that never goes back, from an arbitrary begin.
    fn elapsed(&self) -> Duration;
    /// Waits; an interrupt ends one wait early, but not those that come after it.
    fn pause(&self, duration: Duration);
    /// Whether the operator or the system asked us to stop (INT, TERM, HUP).
    fn interrupted(&self) -> bool;
    /// Who does what we do.
    fn actor(&self) -> Actor;
    /// A key that nobody can guess, new each time.
    fn key(&self) -> Result<[u8; 32], HostError>;
    /// The process that we are.
    fn ourselves(&self) -> Ourselves;
    /// How long changes have waited for the disk until now, on all machines of this process.
    fn syncing(&self) -> Duration;
}

/// The process that we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ourselves {
    /// Which one.
    pub key: ProcessKey,
    /// The user as whom it changes things.
    pub uid: u32,
    /// Its command line.
    pub command: Vec<String>,
    /// The program that it runs; none where that is gone by now.
    pub program: Option<Utf8PathBuf>,
}

/// Files.
///
/// Paths are absolute. Nothing follows a symbolic link in a path's last part. What changes a file
/// has it whole and durable when it returns: written aside, synced, renamed, directory synced.
pub trait Files {
    /// What is at this path.
    fn node(&self, path: &Utf8Path) -> Result<Node, HostError>;
    /// The names in a directory, sorted; none when there is no such directory.
    fn list(&self, dir: &Utf8Path) -> Result<Vec<String>, HostError>;
    /// What lies below a directory, by relative path, without its directories: looked at, not read.
    fn nodes(&self, dir: &Utf8Path) -> Result<BTreeMap<FilePath, Node>, HostError>;
    /// The content of a regular file; refused when longer than `limit` bytes.
    fn read(&self, path: &Utf8Path, limit: u64) -> Result<Vec<u8>, HostError>;
    /// The last bytes of a regular file, at most `limit`; empty when there is none.
    fn read_tail(&self, path: &Utf8Path, limit: u64) -> Result<Vec<u8>, HostError>;
    /// How many bytes may still be written to the file system of this directory, or of the first
    /// one above it that is there.
    fn free(&self, dir: &Utf8Path) -> Result<u64, HostError>;
    /// The SHA-256 of a regular file.
    fn digest(&self, path: &Utf8Path) -> Result<Digest, HostError>;
    /// Every file and link below a directory, by relative path, with digests; entries whose own
    /// name is in `exclude` are left out, with all below them. Files that `known` has with the same
    /// length and time of last change are not read again. What is neither file, directory nor link
    /// is an error.
    fn tree(
        &self,
        dir: &Utf8Path,
        exclude: &[String],
        known: &FileRecords,
    ) -> Result<FileRecords, HostError>;
    /// These files and links of a directory, by relative path and through no link on the way, and
    /// which of them hold a text. Where no file or link is, nothing is found.
    fn search(
        &self,
        dir: &Utf8Path,
        paths: &[FilePath],
        text: &str,
    ) -> Result<BTreeMap<FilePath, Searched>, HostError>;
    /// Makes a directory and those above it that are missing; sets the mode of a new one only.
    fn create_dir(&self, path: &Utf8Path, mode: u32) -> Result<(), HostError>;
    /// Makes a directory that is another user's from the moment on when it is there, and those above
    /// it that are missing, which are ours. One that is there is left as it is.
    fn create_dir_for(&self, path: &Utf8Path, mode: u32, owner: Account) -> Result<(), HostError>;
    /// Gives a directory with all below it to another user, without following links.
    fn give_away(&self, dir: &Utf8Path, owner: Account) -> Result<(), HostError>;
    /// Makes a directory with all below it ours, itself first, without following links.
    fn take_back(&self, dir: &Utf8Path) -> Result<(), HostError>;
    /// Puts a file in place, whole, with this mode; replaces a file or link that is there.
    fn write(&self, path: &Utf8Path, content: &[u8], mode: u32) -> Result<(), HostError>;
    /// Adds to the end of a file, with one write, and syncs it; makes it (0600) when missing.
    fn append(&self, path: &Utf8Path, content: &[u8]) -> Result<(), HostError>;
    /// Cuts a file to this length, and syncs it.
    fn truncate(&self, path: &Utf8Path, length: u64) -> Result<(), HostError>;
    /// Points a symbolic link elsewhere, in one step: it resolves at every instant. Refuses to
    /// replace anything but a link.
    fn replace_link(&self, path: &Utf8Path, target: &Utf8Path) -> Result<(), HostError>;
    /// Removes a file or link; nothing there is no error.
    fn remove(&self, path: &Utf8Path) -> Result<(), HostError>;
    /// Removes a directory with all below it, also where it was sealed; never follows a link and
    /// never leaves the file system. Nothing there is no error.
    fn remove_tree(&self, path: &Utf8Path) -> Result<(), HostError>;
    /// Copies files and links, by relative path, from one directory to another: content and
    /// execute bits, nothing else. Shares blocks where the file system can.
    fn copy(&self, from: &Utf8Path, to: &Utf8Path, paths: &[FilePath]) -> Result<(), HostError>;
    /// Takes files and links of a sealed directory over into another one, by relative path: content,
    /// execute bits and times. Files that are not to be copied get a second name where they are ours
    /// and sealed, and the file system can.
    fn adopt(
        &self,
        from: &Utf8Path,
        to: &Utf8Path,
        paths: &[FilePath],
        sharing: Sharing,
    ) -> Result<(), HostError>;
    /// Takes files and links over in which each occurrence of the first of two texts of one length
    /// becomes the second; and how they are recorded now.
    fn adopt_renamed(
        &self,
        from: &Utf8Path,
        to: &Utf8Path,
        paths: &[FilePath],
        names: (&str, &str),
        sharing: Sharing,
    ) -> Result<FileRecords, HostError>;
    /// Unpacks an archive (`.tar`, `.tar.gz`, `.tgz`) into an existing directory. Refuses entries
    /// that lie outside of it, links that point out of it, devices, and more than the limits.
    fn unpack(&self, archive: &Utf8Path, to: &Utf8Path) -> Result<(), HostError>;
    /// Makes everything below a directory and itself ours, takes write permission from it (files
    /// 0444 or 0555, directories 0555), and syncs its file system. A file with hard links that is not sealed becomes a file of
    /// its own: what has its other names neither changes nor can change it any more.
    fn seal(&self, dir: &Utf8Path) -> Result<(), HostError>;
    /// Takes the lock of this file without waiting, and leaves `holder` in it for others to read.
    /// Held until the guard is dropped or the process ends, however it ends.
    fn lock(&self, path: &Utf8Path, holder: &str) -> Result<Box<dyn HeldLock>, LockError>;
    /// Takes the lock of this file, whoever holds it: puts another file in its place, locked. From
    /// then on the lock that was held there is none.
    fn take_lock(&self, path: &Utf8Path, holder: &str) -> Result<Box<dyn HeldLock>, HostError>;
}

/// A file or link that was searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Searched {
    /// As it is recorded.
    pub record: FileRecord,
    /// Whether the text occurs in its content or in its target.
    pub holds: bool,
}

/// A held lock; dropping it frees it.
pub trait HeldLock: Send + Sync {
    /// Whether it is still the lock of its file: nobody has taken it over.
    fn is_held(&self) -> Result<bool, HostError>;
    /// Whether the one from whom it was taken has let go of it, or is gone.
    fn is_alone(&self) -> bool;
}

/// Processes and what they answer.
pub trait Processes {
    /// Runs a command to its end, in a process group of its own; hands on its lines as they come.
    /// At its deadline, and when interrupted, the whole group is killed; when we are killed
    /// ourselves, the command is, but what it started only where that was to end with it.
    fn run(&self, command: &Command, line: &mut dyn FnMut(&str)) -> Result<Output, HostError>;
    /// Runs commands of which none needs another, at once where the machine can; what came of each,
    /// in their order.
    fn run_all(&self, commands: &[Command]) -> Vec<Result<Output, HostError>> {
        commands.iter().map(|command| self.run(command, &mut |_| {})).collect()
    }
    /// Does both, at once where the machine can, else one after the other. They only look.
    fn both(&self, one: &mut (dyn FnMut() + Send), other: &mut (dyn FnMut() + Send)) {
        one();
        other();
    }
    /// Starts a service detached, in a session of its own, and returns at once. It gets no open
    /// file of ours.
    fn spawn(&self, launch: &Launch) -> Result<ProcessKey, HostError>;
    /// How a process that we started ended, if it has.
    fn exit_of(&self, process: ProcessKey) -> Option<ExitStatus>;
    /// All living processes that we may look at and that are of interest: those with a mark
    /// ([`mark::ALL`](crate::state::mark::ALL)), and those that run from below `root`. Zombies do
    /// not live. Those in another root (a chroot, a container) are none of this machine's.
    /// Paths below `root` begin like it as it is given, also where a link leads to it.
    fn processes(&self, root: &Utf8Path) -> Result<Vec<Process>, HostError>;
    /// Sends a signal to this very process and, where it leads one, to its whole process group;
    /// a process that has ended is no error.
    fn signal(&self, process: ProcessKey, signal: Signal) -> Result<(), HostError>;
    /// Who listens on a TCP port, on any address of this machine. A process in another root is
    /// named too, but without marks and paths.
    fn listeners(&self, port: Port) -> Result<Vec<Listener>, HostError>;
    /// Whether a machine of this name can be connected to.
    fn connects(&self, name: &str, port: Port, timeout: Duration) -> Result<(), ProbeError>;
    /// Asks `http://127.0.0.1:<port><path>`: no proxy, no redirects followed, at most
    /// [`Answer::LIMIT`] bytes of body.
    fn get(&self, port: Port, path: &str, timeout: Duration) -> Result<Answer, ProbeError>;
    /// Hands one entry, names and values, to the machine's system journal; where it has none, that
    /// is no error. Never a secret.
    fn announce(&self, entry: &[(&str, String)]) -> Result<(), HostError>;
}

/// A service to start.
#[derive(Clone, Debug)]
pub struct Launch {
    /// Program and arguments.
    pub exec: Vec<String>,
    /// Where it runs.
    pub directory: Utf8PathBuf,
    /// Its whole environment.
    pub variables: BTreeMap<String, Secret>,
    /// Where its output goes, appended.
    pub log: Utf8PathBuf,
}

/// A signal that we send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Asks to end.
    Term,
    /// Ends.
    Kill,
}

/// An answer to a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// How much body is read, in bytes.
    pub const LIMIT: u64 = 64 * 1024;
}

/// Why there was no answer to a probe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// Nobody listens.
    #[error("connection refused")]
    Refused,
    /// No whole answer in time.
    #[error("no whole answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// More body than we read.
    #[error("the answer is longer than {} bytes", Answer::LIMIT)]
    TooLong,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// Why a lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else holds it; what he left there.
    #[error("the lock is held")]
    Held(String),
    /// It could not be tried.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// Something that a machine refused to do.
#[derive(Debug, thiserror::Error)]
#[error("failed to {verb} `{subject}`")]
pub struct HostError {
    /// What was to be done.
    pub verb: &'static str,
    /// To what.
    pub subject: String,
    /// Why not.
    #[source]
    pub source: std::io::Error,
}

impl HostError {
    /// An error of the machine.
    pub fn new(verb: &'static str, subject: impl ToString, source: std::io::Error) -> HostError {
        HostError { verb, subject: subject.to_string(), source }
    }

    /// A refusal of our own, in words.
    pub fn refused(verb: &'static str, subject: impl ToString, why: impl Into<String>) -> Self {
        HostError::new(verb, subject, std::io::Error::other(why.into()))
    }
}
