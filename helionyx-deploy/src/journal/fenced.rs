//! A machine that only the holder of a lock can change. Does I/O through `host`.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::Utf8Path;

use super::Lock;
use crate::command::{Command, ExitStatus, Output};
use crate::digest::Digest;
use crate::host::{
    Answer, Clock, Files, HeldLock, Host, HostError, Launch, LockError, Ourselves, ProbeError,
    Processes, Searched, Signal,
};
use crate::name::Port;
use crate::plan::step::Sharing;
use crate::release::{Actor, FilePath, FileRecords};
use crate::state::{Account, Listener, Node, Process, ProcessKey};
use crate::time::Timestamp;

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

    fn host(&self) -> &dyn Host {
        self.lock.host()
    }

    /// The machine for one change.
    fn change(&self, verb: &'static str, subject: impl ToString) -> Result<&dyn Host, HostError> {
        self.lock.check(verb, &subject.to_string())?;
        Ok(self.host())
    }
}

impl Clock for Fenced<'_> {
    fn now(&self) -> Timestamp {
        self.host().now()
    }

    fn elapsed(&self) -> Duration {
        self.host().elapsed()
    }

    fn syncing(&self) -> Duration {
        self.host().syncing()
    }

    fn pause(&self, duration: Duration) {
        self.host().pause(duration);
    }

    fn interrupted(&self) -> bool {
        self.host().interrupted()
    }

    fn actor(&self) -> Actor {
        self.host().actor()
    }

    fn ourselves(&self) -> Ourselves {
        self.host().ourselves()
    }

    fn key(&self) -> Result<[u8; 32], HostError> {
        self.host().key()
    }
}

impl Files for Fenced<'_> {
    fn node(&self, path: &Utf8Path) -> Result<Node, HostError> {
        self.host().node(path)
    }

    fn list(&self, dir: &Utf8Path) -> Result<Vec<String>, HostError> {
        self.host().list(dir)
    }

    fn nodes(&self, dir: &Utf8Path) -> Result<BTreeMap<FilePath, Node>, HostError> {
        self.host().nodes(dir)
    }

    fn read(&self, path: &Utf8Path, limit: u64) -> Result<Vec<u8>, HostError> {
        self.host().read(path, limit)
    }

    fn read_tail(&self, path: &Utf8Path, limit: u64) -> Result<Vec<u8>, HostError> {
        self.host().read_tail(path, limit)
    }

    fn free(&self, dir: &Utf8Path) -> Result<u64, HostError> {
        self.host().free(dir)
    }

    fn digest(&self, path: &Utf8Path) -> Result<Digest, HostError> {
        self.host().digest(path)
    }

    fn tree(
        &self,
        dir: &Utf8Path,
        exclude: &[String],
        known: &FileRecords,
    ) -> Result<FileRecords, HostError> {
        self.host().tree(dir, exclude, known)
    }

    fn search(
        &self,
        dir: &Utf8Path,
        paths: &[FilePath],
        text: &str,
    ) -> Result<BTreeMap<FilePath, Searched>, HostError> {
        self.host().search(dir, paths, text)
    }

    fn create_dir(&self, path: &Utf8Path, mode: u32) -> Result<(), HostError> {
        self.change("create", path)?.create_dir(path, mode)
    }

    fn create_dir_for(&self, path: &Utf8Path, mode: u32, owner: Account) -> Result<(), HostError> {
        self.change("create", path)?.create_dir_for(path, mode, owner)
    }

    fn give_away(&self, dir: &Utf8Path, owner: Account) -> Result<(), HostError> {
        self.change("give away", dir)?.give_away(dir, owner)
    }

    fn take_back(&self, dir: &Utf8Path) -> Result<(), HostError> {
        self.change("take back", dir)?.take_back(dir)
    }

    fn write(&self, path: &Utf8Path, content: &[u8], mode: u32) -> Result<(), HostError> {
        self.change("write", path)?.write(path, content, mode)
    }

    fn append(&self, path: &Utf8Path, content: &[u8]) -> Result<(), HostError> {
        self.change("append to", path)?.append(path, content)
    }

    fn truncate(&self, path: &Utf8Path, length: u64) -> Result<(), HostError> {
        self.change("truncate", path)?.truncate(path, length)
    }

    fn replace_link(&self, path: &Utf8Path, target: &Utf8Path) -> Result<(), HostError> {
        self.change("link", path)?.replace_link(path, target)
    }

    fn remove(&self, path: &Utf8Path) -> Result<(), HostError> {
        self.change("remove", path)?.remove(path)
    }

    fn remove_tree(&self, path: &Utf8Path) -> Result<(), HostError> {
        self.change("remove", path)?.remove_tree(path)
    }

    fn copy(&self, from: &Utf8Path, to: &Utf8Path, paths: &[FilePath]) -> Result<(), HostError> {
        self.change("copy to", to)?.copy(from, to, paths)
    }

    fn adopt(
        &self,
        from: &Utf8Path,
        to: &Utf8Path,
        paths: &[FilePath],
        sharing: Sharing,
    ) -> Result<(), HostError> {
        self.change("copy to", to)?.adopt(from, to, paths, sharing)
    }

    fn adopt_renamed(
        &self,
        from: &Utf8Path,
        to: &Utf8Path,
        paths: &[FilePath],
        names: (&str, &str),
        sharing: Sharing,
    ) -> Result<FileRecords, HostError> {
        self.change("copy to", to)?.adopt_renamed(from, to, paths, names, sharing)
    }

    fn unpack(&self, archive: &Utf8Path, to: &Utf8Path) -> Result<(), HostError> {
        self.change("unpack", archive)?.unpack(archive, to)
    }

    fn seal(&self, dir: &Utf8Path) -> Result<(), HostError> {
        self.change("seal", dir)?.seal(dir)
    }

    fn lock(&self, path: &Utf8Path, holder: &str) -> Result<Box<dyn HeldLock>, LockError> {
        self.host().lock(path, holder)
    }

    fn take_lock(&self, path: &Utf8Path, holder: &str) -> Result<Box<dyn HeldLock>, HostError> {
        self.host().take_lock(path, holder)
    }
}

impl Processes for Fenced<'_> {
    fn run(&self, command: &Command, line: &mut dyn FnMut(&str)) -> Result<Output, HostError> {
        self.change("run", command)?.run(command, line)
    }

    fn run_all(&self, commands: &[Command]) -> Vec<Result<Output, HostError>> {
        match self.change("run", "commands") {
            Ok(host) => host.run_all(commands),
            // A lock that was lost stays lost: each says so.
            Err(_) => commands.iter().map(|command| self.run(command, &mut |_| {})).collect(),
        }
    }

    fn both(&self, one: &mut (dyn FnMut() + Send), other: &mut (dyn FnMut() + Send)) {
        self.host().both(one, other);
    }

    fn spawn(&self, launch: &Launch) -> Result<ProcessKey, HostError> {
        let program = launch.exec.first().map_or("", String::as_str);
        self.change("start", program)?.spawn(launch)
    }

    fn exit_of(&self, process: ProcessKey) -> Option<ExitStatus> {
        self.host().exit_of(process)
    }

    fn processes(&self, root: &Utf8Path) -> Result<Vec<Process>, HostError> {
        self.host().processes(root)
    }

    fn signal(&self, process: ProcessKey, signal: Signal) -> Result<(), HostError> {
        self.change("signal", format!("pid {}", process.pid))?.signal(process, signal)
    }

    fn listeners(&self, port: Port) -> Result<Vec<Listener>, HostError> {
        self.host().listeners(port)
    }

    fn connects(&self, name: &str, port: Port, timeout: Duration) -> Result<(), ProbeError> {
        self.host().connects(name, port, timeout)
    }

    fn get(&self, port: Port, path: &str, timeout: Duration) -> Result<Answer, ProbeError> {
        self.host().get(port, path, timeout)
    }

    fn announce(&self, entry: &[(&str, String)]) -> Result<(), HostError> {
        self.change("write to", "the system's journal")?.announce(entry)
    }
}
