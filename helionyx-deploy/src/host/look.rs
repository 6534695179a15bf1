//! What can be seen of a machine without changing it. No I/O.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::Utf8Path;

use super::{HostError, ProbeError};
use crate::command::ExitStatus;
use crate::digest::Digest;
use crate::name::Port;
use crate::release::{FilePath, FileRecord, FileRecords};
use crate::state::{Listener, Node, Process, ProcessKey};

/// Looks at a machine and changes nothing.
///
/// Paths are absolute. Nothing follows a symbolic link in a path's last part.
pub trait Look {
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
    /// Opens a regular file to read it while others write to it; none when there is no such file.
    fn open(&self, path: &Utf8Path) -> Result<Option<Box<dyn OpenFile>>, HostError>;
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
    /// How a process that we started ended, if it has.
    fn exit_of(&self, process: ProcessKey) -> Option<ExitStatus>;
    /// All living processes that we may look at and that are of interest: those with a mark
    /// ([`mark::ALL`](crate::state::mark::ALL)), and those that run from below `root`. Zombies do
    /// not live. Those in another root (a chroot, a container) are none of this machine's.
    /// Paths below `root` begin like it as it is given, also where a link leads to it.
    fn processes(&self, root: &Utf8Path) -> Result<Vec<Process>, HostError>;
    /// Who listens on a TCP port, on any address of this machine. A process in another root is
    /// named too, but without marks and paths.
    fn listeners(&self, port: Port) -> Result<Vec<Listener>, HostError>;
    /// Whether a machine of this name can be connected to.
    fn connects(&self, name: &str, port: Port, timeout: Duration) -> Result<(), ProbeError>;
    /// Asks `http://127.0.0.1:<port><path>`: no proxy, no redirects followed, at most
    /// [`Answer::LIMIT`] bytes of body.
    fn get(&self, port: Port, path: &str, timeout: Duration) -> Result<Answer, ProbeError>;
    /// Does both, at once where the machine can, else one after the other. They only look.
    fn both(&self, one: &mut (dyn FnMut() + Send), other: &mut (dyn FnMut() + Send)) {
        one();
        other();
    }
}

/// A file that was opened: it stays the same one when another takes its path.
pub trait OpenFile {
    /// How long it is now, in bytes.
    fn size(&self) -> Result<u64, HostError>;
    /// Its bytes from a position on, at most `limit`; fewer where it ends before.
    fn read(&self, from: u64, limit: u64) -> Result<Vec<u8>, HostError>;
    /// Whether another file has its path now. Where nothing has it, none has yet.
    fn is_replaced(&self) -> Result<bool, HostError>;
}

/// Looks at two things that have nothing to do with each other, at once where the machine can.
pub fn both<H: Look + ?Sized, A: Send, B: Send>(
    host: &H,
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
pub fn each<H: Look + Sync + ?Sized, T: Sync, R: Send>(
    host: &H,
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

/// A file or link that was searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Searched {
    /// As it is recorded.
    pub record: FileRecord,
    /// Whether the text occurs in its content or in its target.
    pub holds: bool,
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
