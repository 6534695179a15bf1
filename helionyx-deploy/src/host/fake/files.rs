//! [`Files`] on the fake machine. No I/O.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};

use super::FakeHost;
use super::disk::Disk;
use super::fault::{Change, Extent};
use super::machine::Machine;
use crate::digest::Digest;
use crate::host::{Files, HeldLock, HostError, LockError, Searched};
use crate::plan::step::Sharing;
use crate::release::{FilePath, FileRecords};
use crate::state::{Account, Node};

const fn whole(method: &'static str, verb: &'static str) -> Change {
    Change { method, verb, parts: false }
}

const fn parts(method: &'static str, verb: &'static str) -> Change {
    Change { method, verb, parts: true }
}

const CREATE_DIR: Change = whole("create_dir", "create");
const GIVE_AWAY: Change = whole("give_away", "give away");
const TAKE_BACK: Change = whole("take_back", "take back");
const WRITE: Change = whole("write", "write");
const APPEND: Change = parts("append", "append to");
const TRUNCATE: Change = whole("truncate", "truncate");
const REPLACE_LINK: Change = whole("replace_link", "link");
const REMOVE: Change = whole("remove", "remove");
const REMOVE_TREE: Change = parts("remove_tree", "remove");
const COPY: Change = parts("copy", "copy to");
const UNPACK: Change = parts("unpack", "unpack");
const SEAL: Change = parts("seal", "seal");

impl Files for FakeHost {
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

    fn create_dir(&self, path: &Utf8Path, mode: u32) -> Result<(), HostError> {
        self.change(CREATE_DIR, path, |disk, _| disk.create_dir(path, mode))
    }

    fn create_dir_for(&self, path: &Utf8Path, mode: u32, owner: Account) -> Result<(), HostError> {
        self.change(CREATE_DIR, path, |disk, _| disk.create_dir_for(path, mode, owner.uid))
    }

    /// Builds here run as nobody in particular.
    fn give_away(&self, dir: &Utf8Path, _: Account) -> Result<(), HostError> {
        self.change(GIVE_AWAY, dir, |_, _| Ok(()))
    }

    fn take_back(&self, dir: &Utf8Path) -> Result<(), HostError> {
        self.change(TAKE_BACK, dir, |_, _| Ok(()))
    }

    fn write(&self, path: &Utf8Path, content: &[u8], mode: u32) -> Result<(), HostError> {
        self.change(WRITE, path, |disk, _| disk.write(path, content, mode))
    }

    fn append(&self, path: &Utf8Path, content: &[u8]) -> Result<(), HostError> {
        self.change(APPEND, path, |disk, extent| disk.append(path, content, extent))
    }

    fn truncate(&self, path: &Utf8Path, length: u64) -> Result<(), HostError> {
        self.change(TRUNCATE, path, |disk, _| disk.truncate(path, length))
    }

    fn replace_link(&self, path: &Utf8Path, target: &Utf8Path) -> Result<(), HostError> {
        self.change(REPLACE_LINK, path, |disk, _| disk.replace_link(path, target))
    }

    fn remove(&self, path: &Utf8Path) -> Result<(), HostError> {
        self.change(REMOVE, path, |disk, _| disk.remove(path))
    }

    fn remove_tree(&self, path: &Utf8Path) -> Result<(), HostError> {
        self.change(REMOVE_TREE, path, |disk, extent| disk.remove_tree(path, extent))
    }

    fn copy(&self, from: &Utf8Path, to: &Utf8Path, paths: &[FilePath]) -> Result<(), HostError> {
        self.change(COPY, to, |disk, extent| disk.copy(from, to, paths, extent))
    }

    /// Each has files of its own here: nobody can tell.
    fn adopt(
        &self,
        from: &Utf8Path,
        to: &Utf8Path,
        paths: &[FilePath],
        _: Sharing,
    ) -> Result<(), HostError> {
        self.copy(from, to, paths)
    }

    fn adopt_renamed(
        &self,
        from: &Utf8Path,
        to: &Utf8Path,
        paths: &[FilePath],
        names: (&str, &str),
        _: Sharing,
    ) -> Result<FileRecords, HostError> {
        self.change(COPY, to, |disk, extent| disk.adopt_renamed(from, to, paths, names, extent))?;
        let mut records = self.tree(to, &[], &FileRecords::new())?;
        records.retain(|path, _| paths.contains(path));
        Ok(records)
    }

    fn unpack(&self, archive: &Utf8Path, to: &Utf8Path) -> Result<(), HostError> {
        self.change(UNPACK, archive, |disk, extent| disk.unpack(archive, to, extent))
    }

    fn seal(&self, dir: &Utf8Path) -> Result<(), HostError> {
        self.change(SEAL, dir, |disk, extent| disk.seal(dir, extent))
    }

    fn lock(&self, path: &Utf8Path, holder: &str) -> Result<Box<dyn HeldLock>, LockError> {
        let mut machine = self.machine();
        machine.alive("lock", path)?;
        let place = machine.disk.lock_place(path);
        let place = place.map_err(|source| HostError::new("lock", path, source))?;
        if let Some((_, holder)) = machine.locks.get(&place) {
            return Err(LockError::Held(holder.clone()));
        }
        let ticket = machine.hand_out(&place, holder);
        let ticket = ticket.map_err(|source| HostError::new("lock", path, source))?;
        Ok(Box::new(FakeLock { machine: Arc::clone(&self.machine), place, ticket }))
    }

    fn take_lock(&self, path: &Utf8Path, holder: &str) -> Result<Box<dyn HeldLock>, HostError> {
        let mut machine = self.machine();
        machine.alive("lock", path)?;
        let taken = machine.disk.lock_place(path).and_then(|place| {
            let ticket = machine.hand_out(&place, holder)?;
            Ok(FakeLock { machine: Arc::clone(&self.machine), place, ticket })
        });
        Ok(Box::new(taken.map_err(|source| HostError::new("lock", path, source))?))
    }
}

impl FakeHost {
    fn look<T>(
        &self,
        verb: &'static str,
        path: &Utf8Path,
        look: impl FnOnce(&Disk) -> io::Result<T>,
    ) -> Result<T, HostError> {
        let machine = self.machine();
        machine.alive(verb, path)?;
        look(&machine.disk).map_err(|source| HostError::new(verb, path, source))
    }

    fn change(
        &self,
        change: Change,
        path: &Utf8Path,
        effect: impl FnOnce(&mut Disk, Extent) -> io::Result<()>,
    ) -> Result<(), HostError> {
        let mut machine = self.machine();
        let turn = machine.begin(change, path.to_string())?;
        let result = effect(&mut machine.disk, turn.extent);
        machine.end(&turn, result.map_err(|source| HostError::new(change.verb, path, source)))
    }
}

/// A held lock. Its ticket keeps a guard that outlived its process from freeing the next one's.
struct FakeLock {
    machine: Arc<Mutex<Machine>>,
    place: Utf8PathBuf,
    ticket: u64,
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
