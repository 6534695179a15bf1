//! [`Host`] on the fake machine: every change meets the faults here. No I/O.

use camino::Utf8Path;

use super::FakeHost;
use super::lock::FakeLock;
use crate::host::{Cause, Change, Changed, HeldLock, Host, HostError, LockError};

impl Host for FakeHost {
    fn change(&self, change: Change<'_>) -> Result<Changed, HostError> {
        self.step();
        let mut machine = self.machine();
        let turn = machine.begin(&change)?;
        let (disk, extent) = (&mut machine.disk, turn.extent);
        let result = match change {
            Change::CreateDir { path, mode, owner } => done(disk.create_dir(path, mode, owner)),
            // Builds here run as nobody in particular.
            Change::GiveAway { .. } | Change::TakeBack { .. } => Ok(Changed::Done),
            Change::Write { path, content, mode } => done(disk.write(path, content, mode)),
            Change::Append { path, content } => done(disk.append(path, content, extent)),
            Change::Truncate { path, length } => done(disk.truncate(path, length)),
            Change::ReplaceLink { path, target } => done(disk.replace_link(path, target)),
            Change::Remove { path } => done(disk.remove(path)),
            Change::RemoveTree { path } => done(disk.remove_tree(path, extent)),
            // Each has files of its own here: nobody can tell.
            Change::Copy { from, to, paths } | Change::Adopt { from, to, paths, .. } => {
                done(disk.copy(from, to, paths, extent))
            }
            Change::AdoptRenamed { from, to, paths, names, .. } => {
                disk.adopt_renamed(from, to, paths, names, extent).map(Changed::Recorded)
            }
            Change::Unpack { archive, to } => done(disk.unpack(archive, to, extent)),
            Change::Seal { dir } => done(disk.seal(dir, extent)),
            Change::Run { command, line } => {
                drop(machine);
                let output = self.output_of(command, extent, line);
                machine = self.machine();
                output.map(Changed::Ran)
            }
            Change::Spawn { launch } => machine.start(launch).map(Changed::Started),
            Change::Signal { process, signal } => {
                machine.signal(process, signal);
                Ok(Changed::Done)
            }
            Change::Announce { entry } => {
                let fields = entry.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
                machine.announced.push(fields.collect());
                Ok(Changed::Done)
            }
        };
        machine.end(&turn, result)
    }

    fn lock(&self, path: &Utf8Path, holder: &str) -> Result<Box<dyn HeldLock>, LockError> {
        self.step();
        let mut machine = self.machine();
        machine.alive("lock", path)?;
        let place = machine.disk.lock_place(path);
        let place = place.map_err(|cause| HostError::new("lock", path, cause))?;
        if let Some(locked) = machine.locks.get(&place) {
            return Err(LockError::Held(locked.holder.clone()));
        }
        let ticket = machine.hand_out(&place, holder);
        let ticket = ticket.map_err(|cause| HostError::new("lock", path, cause))?;
        Ok(Box::new(FakeLock { host: self.clone(), place, ticket, from: None }))
    }

    fn take_lock(&self, path: &Utf8Path, holder: &str) -> Result<Box<dyn HeldLock>, HostError> {
        self.step();
        let mut machine = self.machine();
        machine.alive("lock", path)?;
        let taken = machine.disk.lock_place(path).and_then(|place| {
            let from = machine.locks.get(&place).map(|locked| locked.operator);
            let ticket = machine.hand_out(&place, holder)?;
            Ok(FakeLock { host: self.clone(), place, ticket, from })
        });
        Ok(Box::new(taken.map_err(|cause| HostError::new("lock", path, cause))?))
    }
}

fn done(result: Result<(), Cause>) -> Result<Changed, Cause> {
    result.map(|()| Changed::Done)
}
