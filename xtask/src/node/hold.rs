//! Who may change a node: a lock that the kernel frees, however its holder ends. Does I/O.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use anyhow::{Result, bail};
use fs_err::File;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::place::Place;
use super::wait;

/// Others may have it for a moment, to see whether there is something to clean up.
const BRIEFLY: Duration = Duration::from_secs(3);

/// The right to change a node.
#[derive(Debug)]
pub struct Hold {
    file: File,
}

impl Hold {
    /// Takes it.
    ///
    /// # Errors
    /// Who has it.
    pub fn take(place: &Place) -> Result<Hold> {
        if let Ok(hold) = wait::until("take it", BRIEFLY, || Hold::try_take(place)) {
            return Ok(hold);
        }
        let mut holder = String::new();
        let _ = File::open(&place.lock).and_then(|mut file| file.read_to_string(&mut holder));
        let (name, pid) = (&place.name, holder.trim());
        bail!("{name} is in use by process {pid}: wait until it ends, or choose another --name")
    }

    /// Takes it; none when another process has it.
    pub fn try_take(place: &Place) -> Result<Option<Hold>> {
        loop {
            if let Some(directory) = place.lock.parent() {
                fs_err::create_dir_all(directory)?;
            }
            let mut options = fs_err::OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(false);
            let file = match file.open(&place.lock) {
                // Whoever had the last node has just removed the directory.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                file => file?,
            };
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(error) => bail!("failed to lock `{}`: {error}", place.lock.display()),
            }
            // Its holder may have removed it while we opened it: then it locks nothing.
            let inode = |found: std::fs::Metadata| found.ino();
            let there = fs_err::metadata(&place.lock).map(inode).ok();
            if there == Some(file.metadata().map(inode)?) {
                return Hold { file }.signed().map(Some);
            }
        }
    }

    /// Gives it back when nothing is left of the node, and removes the lock, too.
    pub fn forget(self) -> Result<()> {
        let path = self.file.path();
        fs_err::remove_file(path)?;
        if let Some(directory) = path.parent() {
            // Others may have nodes in it.
            let _ = fs_err::remove_dir(directory);
        }
        Ok(())
    }

    fn signed(mut self) -> Result<Hold> {
        self.file.file_mut().set_len(0)?;
        writeln!(self.file, "{}", std::process::id())?;
        Ok(self)
    }
}
