//! [`Look`] on the fake machine. No I/O.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::Utf8Path;

use super::FakeHost;
use super::disk::Disk;
use super::fault::gone;
use super::machine::deployer;
use crate::command::ExitStatus;
use crate::digest::Digest;
use crate::host::{Answer, Cause, HostError, Look, OpenFile, ProbeError, Searched};
use crate::name::Port;
use crate::release::{FilePath, FileRecords};
use crate::state::{Listener, Node, Process, ProcessKey};

impl Look for FakeHost {
    fn node(&self, path: &Utf8Path) -> Result<Node, HostError> {
        self.look("look at", path, |disk| disk.node(path))
    }

    fn list(&self, dir: &Utf8Path) -> Result<Vec<String>, HostError> {
        self.look("list", dir, |disk| disk.list(dir))
    }

    fn nodes(&self, dir: &Utf8Path) -> Result<BTreeMap<FilePath, Node>, HostError> {
        self.look("list", dir, |disk| disk.nodes(dir))
    }

    fn read(&self, path: &Utf8Path, limit: u64) -> Result<Vec<u8>, HostError> {
        self.look("read", path, |disk| disk.read(path, limit))
    }

    fn read_tail(&self, path: &Utf8Path, limit: u64) -> Result<Vec<u8>, HostError> {
        self.look("read", path, |disk| disk.tail(path, limit))
    }

    fn open(&self, path: &Utf8Path) -> Result<Option<Box<dyn OpenFile>>, HostError> {
        self.open_file(path)
    }

    fn free(&self, dir: &Utf8Path) -> Result<u64, HostError> {
        let machine = self.machine();
        machine.alive("look at the file system of", dir)?;
        Ok(machine.free.unwrap_or(u64::MAX))
    }

    fn digest(&self, path: &Utf8Path) -> Result<Digest, HostError> {
        self.look("read", path, |disk| disk.file(path).map(Digest::of))
    }

    /// Reads all there is: it costs nothing here.
    fn tree(
        &self,
        dir: &Utf8Path,
        exclude: &[String],
        _: &FileRecords,
    ) -> Result<FileRecords, HostError> {
        self.look("list", dir, |disk| disk.tree(dir, exclude))
    }

    fn search(
        &self,
        dir: &Utf8Path,
        paths: &[FilePath],
        text: &str,
    ) -> Result<BTreeMap<FilePath, Searched>, HostError> {
        self.look("list", dir, |disk| disk.search(dir, paths, text))
    }

    fn exit_of(&self, process: ProcessKey) -> Option<ExitStatus> {
        let machine = self.machine();
        machine.alive("look at", process.pid).ok()?;
        machine.table.exit_of(process, deployer(machine.operator))
    }

    fn processes(&self, root: &Utf8Path) -> Result<Vec<Process>, HostError> {
        self.step();
        let machine = self.machine();
        machine.alive("list", "processes")?;
        let real = machine.disk.resolve(root).map_or_else(|_| root.to_owned(), |found| found.0);
        let mut found = Vec::new();
        for task in machine.table.living() {
            let mut process = task.show(&machine.disk);
            let mut runs_below = false;
            for path in [&mut process.cwd, &mut process.exe].into_iter().flatten() {
                if let Ok(rest) = path.strip_prefix(&real) {
                    *path = if rest == "" { root.to_owned() } else { root.join(rest) };
                    runs_below = true;
                }
            }
            if runs_below || !process.marks.is_empty() {
                found.push(process);
            }
        }
        Ok(found)
    }

    fn listeners(&self, port: Port) -> Result<Vec<Listener>, HostError> {
        let machine = self.machine();
        machine.alive("look at", format!("port {port}"))?;
        let mut listeners: Vec<Listener> = Vec::new();
        for task in machine.table.living().filter(|task| task.listening && task.port == Some(port))
        {
            let process = task.show(&machine.disk);
            // A socket belongs to the session that opened it: its children share it.
            let inode = 50_000 + u64::from(process.session);
            match listeners.iter_mut().find(|listener| listener.inode == inode) {
                Some(listener) => listener.holders.push(process),
                None => listeners.push(Listener {
                    address: format!("{}:{port}", task.address),
                    inode,
                    uid: process.uid,
                    holders: vec![process],
                }),
            }
        }
        Ok(listeners)
    }

    fn connects(&self, name: &str, _: Port, timeout: Duration) -> Result<(), ProbeError> {
        let mut machine = self.machine();
        if machine.unreachable.contains(name) {
            machine.advance(timeout);
            return Err(ProbeError::TimedOut(timeout));
        }
        Ok(())
    }

    fn get(&self, port: Port, path: &str, timeout: Duration) -> Result<Answer, ProbeError> {
        let mut machine = self.machine();
        if machine.alive("ask", path).is_err() {
            return Err(ProbeError::Other(gone("ask", path).source.to_string()));
        }
        let task = machine.table.listener_mut(port).ok_or(ProbeError::Refused)?;
        let answer = task.service.clone().answer(&task.process, path, &mut task.visits);
        answer.ok_or_else(|| {
            machine.advance(timeout);
            ProbeError::TimedOut(timeout)
        })
    }
}

impl FakeHost {
    pub(super) fn look<T>(
        &self,
        verb: &'static str,
        path: &Utf8Path,
        look: impl FnOnce(&Disk) -> Result<T, Cause>,
    ) -> Result<T, HostError> {
        self.step();
        let machine = self.machine();
        machine.alive(verb, path)?;
        look(&machine.disk).map_err(|cause| HostError::new(verb, path, cause))
    }
}
