//! Everything that changes a machine, as plain data. No I/O.

use std::collections::BTreeMap;
use std::fmt::Display;

use camino::{Utf8Path, Utf8PathBuf};

use crate::command::{Command, Output, words};
use crate::plan::step::Sharing;
use crate::release::{FilePath, FileRecords};
use crate::secret::Secret;
use crate::state::{Account, ProcessKey};

/// A change of a machine: all that is ever done to one.
///
/// Paths are absolute. Nothing follows a symbolic link in a path's last part. What changes a file
/// has it whole and durable when it returns: written aside, synced, renamed, directory synced.
#[expect(missing_docs, reason = "each variant says what its fields are")]
pub enum Change<'a> {
    /// Makes a directory and those above it that are missing; sets the mode of a new one only.
    ///
    /// Where there is an `owner`, a new directory is theirs from the moment on when it is there, and
    /// those above it that are missing are ours. One that is there is left as it is.
    CreateDir { path: &'a Utf8Path, mode: u32, owner: Option<Account> },
    /// Gives a directory with all below it to another user, without following links.
    GiveAway { dir: &'a Utf8Path, owner: Account },
    /// Makes a directory with all below it ours, itself first, without following links.
    TakeBack { dir: &'a Utf8Path },
    /// Puts a file in place, whole, with this mode; replaces a file or link that is there.
    Write { path: &'a Utf8Path, content: &'a [u8], mode: u32 },
    /// Adds to the end of a file, with one write, and syncs it; makes it (0600) when missing.
    Append { path: &'a Utf8Path, content: &'a [u8] },
    /// Cuts a file to this length, in bytes, and syncs it.
    Truncate { path: &'a Utf8Path, length: u64 },
    /// Points a symbolic link elsewhere, in one step: it resolves at every instant. Refuses to
    /// replace anything but a link.
    ReplaceLink { path: &'a Utf8Path, target: &'a Utf8Path },
    /// Removes a file or link; nothing there is no error.
    Remove { path: &'a Utf8Path },
    /// Removes a directory with all below it, also where it was sealed; never follows a link and
    /// never leaves the file system. Nothing there is no error.
    RemoveTree { path: &'a Utf8Path },
    /// Copies files and links, by relative path, from one directory to another: content and
    /// execute bits, nothing else. Shares blocks where the file system can.
    Copy { from: &'a Utf8Path, to: &'a Utf8Path, paths: &'a [FilePath] },
    /// Takes files and links of a sealed directory over into another one, by relative path: content,
    /// execute bits and times. Files that are not to be copied get a second name where they are ours
    /// and sealed, and the file system can.
    Adopt { from: &'a Utf8Path, to: &'a Utf8Path, paths: &'a [FilePath], sharing: Sharing },
    /// Takes files and links over in which each occurrence of the first of two texts of one length
    /// becomes the second. Comes to [`Changed::Recorded`].
    AdoptRenamed {
        from: &'a Utf8Path,
        to: &'a Utf8Path,
        paths: &'a [FilePath],
        names: (&'a str, &'a str),
        sharing: Sharing,
    },
    /// Unpacks an archive (`.tar`, `.tar.gz`, `.tgz`) into an existing directory. Refuses entries
    /// that lie outside of it, links that point out of it, devices, and more than the limits.
    Unpack { archive: &'a Utf8Path, to: &'a Utf8Path },
    /// Makes everything below a directory and itself ours, takes write permission from it (files
    /// 0444 or 0555, directories 0555), and syncs its file system. A file with hard links that is
    /// not sealed becomes a file of its own: what has its other names neither changes nor can change
    /// it any more.
    Seal { dir: &'a Utf8Path },
    /// Runs a command to its end, in a process group of its own; hands on its lines as they come.
    /// At its deadline, and when interrupted, the whole group is killed; when we are killed
    /// ourselves, the command is, but what it started only where that was to end with it. Comes to
    /// [`Changed::Ran`].
    ///
    /// A command that only looks counts as a change too: nobody can see from outside what a program
    /// does.
    Run { command: &'a Command, line: &'a mut (dyn FnMut(&str) + 'a) },
    /// Starts a service detached, in a session of its own, and returns at once. The service gets no
    /// open file of ours. Comes to [`Changed::Started`].
    Spawn { launch: &'a Launch },
    /// Sends a signal to this very process and, where it leads one, to its whole process group;
    /// a process that has ended is no error.
    Signal { process: ProcessKey, signal: Signal },
    /// Hands one entry, names and values, to the machine's system journal; where it has none, that
    /// is no error. Never a secret.
    Announce { entry: &'a [(&'a str, String)] },
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// The change was made, and there is nothing to say of it.
    Done,
    /// How the files that were taken over are recorded now.
    Recorded(FileRecords),
    /// How the command ended.
    Ran(Output),
    /// The process of the service that was started.
    Started(ProcessKey),
}

/// What a change is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title {
    /// The method of [`Host`](super::Host) that makes it.
    pub method: &'static str,
    /// What is done, as errors say it.
    pub verb: &'static str,
    /// To what.
    pub subject: String,
}

impl Change<'_> {
    /// What it is called.
    #[must_use]
    pub fn title(&self) -> Title {
        let title = |method, verb, subject: &dyn Display| Title {
            method,
            verb,
            subject: subject.to_string(),
        };
        match self {
            Change::CreateDir { path, .. } => title("create_dir", "create", path),
            Change::GiveAway { dir, .. } => title("give_away", "give away", dir),
            Change::TakeBack { dir } => title("take_back", "take back", dir),
            Change::Write { path, .. } => title("write", "write", path),
            Change::Append { path, .. } => title("append", "append to", path),
            Change::Truncate { path, .. } => title("truncate", "truncate", path),
            Change::ReplaceLink { path, .. } => title("replace_link", "link", path),
            Change::Remove { path } => title("remove", "remove", path),
            Change::RemoveTree { path } => title("remove_tree", "remove", path),
            Change::Copy { to, .. } => title("copy", "copy to", to),
            Change::Adopt { to, .. } => title("adopt", "copy to", to),
            Change::AdoptRenamed { to, .. } => title("adopt_renamed", "copy to", to),
            Change::Unpack { archive, .. } => title("unpack", "unpack", archive),
            Change::Seal { dir } => title("seal", "seal", dir),
            Change::Run { command, .. } => title("run", "run", command),
            Change::Spawn { launch } => title("spawn", "start", &words(&launch.exec)),
            Change::Signal { process, .. } => {
                title("signal", "signal", &format_args!("pid {}", process.pid))
            }
            Change::Announce { .. } => title("announce", "write to", &"the system's journal"),
        }
    }
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
