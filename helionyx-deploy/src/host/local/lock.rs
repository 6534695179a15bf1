//! The lock of a file, with its holder written into it. Does I/O.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::super::{Clock, HeldLock, HostError, LockError};
use super::aside::{aside, put};
use super::context::Context;
use super::files::{open_regular, sync_parent};
use super::{LocalHost, proc, sync};

/// Takes the lock of this file without waiting, and leaves `holder` in it.
///
/// The kernel frees it when its process ends, however that is: there are no stale locks.
pub fn lock(path: &Utf8Path, holder: &str) -> Result<Box<dyn HeldLock>, LockError> {
    for _ in 0..ATTEMPTS {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o644);
        let (file, _) = open_regular("lock", path, &options)?;
        have_descriptors(&file).at("lock", path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held(holder_of(&file, PATIENCE)));
            }
            Err(TryLockError::Error(error)) => {
                return Err(HostError::new("lock", path, error).into());
            }
        }
        // Whoever locks a file that was replaced meanwhile holds nothing.
        if names_this(path, &file).at("lock", path)? {
            write_holder(&file, holder).at("write", path)?;
            return Ok(Box::new(Held { file, path: path.to_owned(), before: None }));
        }
    }
    let replaced = io::Error::other("it is replaced again and again");
    Err(HostError::new("lock", path, replaced).into())
}

/// Takes the lock of this file, whoever holds it: another file takes its place, locked before it is
/// there.
pub fn take(path: &Utf8Path, holder: &str) -> Result<Box<dyn HeldLock>, HostError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let (before, _) = open_regular("lock", path, &options)?;
    have_descriptors(&before).at("lock", path)?;
    let (file, aside) =
        aside(path, |aside| options.clone().create_new(true).mode(0o644).open(aside))?;
    let written = file.try_lock().map_err(io::Error::from);
    let written = written.and_then(|()| write_holder(&file, holder)).at("lock", path);
    put(&aside, path, written)?;
    sync_parent(path)?;
    Ok(Box::new(Held { file, path: path.to_owned(), before: Some(before) }))
}

/// Who holds the lock goes on to stop services: then it must be able to open what it needs to start
/// them again.
fn have_descriptors(file: &File) -> io::Result<()> {
    let spare: Result<Vec<_>, _> =
        (0..SPARE).map(|_| rustix::io::fcntl_dupfd_cloexec(file, 0)).collect();
    spare.map(drop).map_err(|error| {
        let limit = "raise `ulimit -n`, or what the whole system may open";
        io::Error::other(format!("fewer than {SPARE} more files can be opened ({error}): {limit}"))
    })
}

const ATTEMPTS: usize = 10;
/// So many files more than are open must be to be had: some four times what was ever seen at work.
const SPARE: usize = 32;
/// How long we wait for the winner to say who he is.
const PATIENCE: Duration = Duration::from_millis(200);
const NAP: Duration = Duration::from_millis(2);
const HOLDER_LIMIT: u64 = 64 * 1024;

struct Held {
    file: File,
    path: Utf8PathBuf,
    /// The file that it was taken from.
    before: Option<File>,
}

impl HeldLock for Held {
    fn is_held(&self) -> Result<bool, HostError> {
        names_this(&self.path, &self.file).at("look at", &self.path)
    }

    /// The kernel frees a lock when its process is gone, and not before.
    fn is_alone(&self) -> bool {
        self.before.as_ref().is_none_or(|before| before.try_lock().is_ok())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Closing alone would not free it at once: a process that we are just starting has a copy
        // of the descriptor until it executes its program.
        let _ = self.file.unlock();
    }
}

fn names_this(path: &Utf8Path, file: &File) -> io::Result<bool> {
    let ours = file.metadata()?;
    match path.symlink_metadata() {
        Ok(named) => Ok((named.dev(), named.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn write_holder(file: &File, holder: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.write_all_at(holder.as_bytes(), 0)?;
    sync::content(file)
}

/// What the holder left; what a dead one left before counts only when nothing else comes in time.
fn holder_of(file: &File, patience: Duration) -> String {
    let clock = LocalHost::new();
    loop {
        let text = content(file);
        if names_a_living_process(&text) || clock.elapsed() >= patience {
            return text;
        }
        clock.pause(NAP);
    }
}

fn content(file: &File) -> String {
    let mut file = file;
    let mut bytes = Vec::new();
    let read = io::Seek::rewind(&mut file)
        .and_then(|()| file.take(HOLDER_LIMIT).read_to_end(&mut bytes).map(drop));
    if read.is_err() {
        return String::new();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn names_a_living_process(text: &str) -> bool {
    let holder: Option<serde_json::Value> = serde_json::from_str(text).ok();
    holder
        .and_then(|holder| holder.get("pid")?.as_u64())
        .and_then(|pid| u32::try_from(pid).ok())
        .is_some_and(proc::is_living)
}

#[cfg(test)]
mod tests {
    use super::super::scratch::Scratch;
    use super::super::whole;
    use super::*;

    fn held_by(path: &Utf8Path) -> String {
        match lock(path, "intruder") {
            Err(LockError::Held(holder)) => holder,
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("the lock was had"),
        }
    }

    #[test]
    fn a_lock_is_had_once_and_names_its_holder() {
        let dir = Scratch::new();
        let path = dir.join("lock");
        whole::write(&path, &[b'x'; 500], 0o644).unwrap();
        let us = format!("{{\"pid\":{}}}\n", std::process::id());
        let first = lock(&path, &us).unwrap();
        assert_eq!(held_by(&path), us, "and nothing of what was there before");
        drop(first);
        lock(&path, &us).unwrap();
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a holder that is another process")]
    fn a_lock_is_free_when_its_holder_was_killed() {
        let dir = Scratch::new();
        let path = dir.join("lock");
        let file = File::create_new(&path).unwrap();
        file.try_lock().unwrap();
        let mut command = std::process::Command::new("/bin/sleep");
        let mut sleep = command.arg("600").stdin(file).spawn().unwrap();
        // Ours is closed now: the lock lives on in the other process alone.
        drop(command);
        let holder = format!("{{\"pid\":{}}}", sleep.id());
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .write_all_at(holder.as_bytes(), 0)
            .unwrap();
        assert_eq!(held_by(&path), holder);
        sleep.kill().unwrap();
        sleep.wait().unwrap();
        lock(&path, "next").unwrap();
        assert_eq!(super::super::files::read(&path, 99).unwrap(), b"next");
    }

    #[test]
    fn the_winner_is_given_time_to_say_who_he_is() {
        let dir = Scratch::new();
        let path = dir.join("lock");
        // No process has this number: the one who left it is dead.
        whole::write(&path, b"{\"pid\":4194999}", 0o644).unwrap();
        let winner = File::options().write(true).open(&path).unwrap();
        winner.try_lock().unwrap();
        assert_eq!(held_by(&path), "{\"pid\":4194999}", "nothing better comes");
        let us = format!("{{\"pid\":{}}}", std::process::id());
        std::thread::scope(|scope| {
            let seen = File::open(&path).unwrap();
            let loser = scope.spawn(move || holder_of(&seen, Duration::from_secs(60)));
            write_holder(&winner, &us).unwrap();
            assert_eq!(loser.join().unwrap(), us);
        });
    }

    #[test]
    fn a_lock_that_was_taken_over_is_held_by_the_new_one_alone() {
        let dir = Scratch::new();
        let path = dir.join("lock");
        let us = format!("{{\"pid\":{}}}\n", std::process::id());
        let first = lock(&path, "first").unwrap();
        assert!(first.is_held().unwrap() && first.is_alone());
        let second = take(&path, &us).unwrap();
        assert!(!first.is_held().unwrap() && second.is_held().unwrap());
        assert!(!second.is_alone(), "the first one has not let go");
        assert_eq!(held_by(&path), us);
        drop(first);
        assert!(second.is_alone() && second.is_held().unwrap(), "what is dropped was none");
        assert_eq!(held_by(&path), us);
        let third = take(&path, "third").unwrap();
        assert!(!second.is_held().unwrap() && third.is_held().unwrap());
        drop((second, third));
        lock(&path, "next").unwrap();
        assert_eq!(super::super::files::list(dir.path()).unwrap(), ["lock"]);
        assert!(take(&dir.join("none"), "x").is_err(), "there is nothing to take");
    }

    #[test]
    fn a_link_is_no_lock() {
        let dir = Scratch::new();
        whole::write(&dir.join("precious"), b"x", 0o644).unwrap();
        whole::replace_link(&dir.join("lock"), Utf8Path::new("precious")).unwrap();
        assert!(matches!(lock(&dir.join("lock"), "us"), Err(LockError::Host(_))));
        assert_eq!(super::super::files::read(&dir.join("precious"), 9).unwrap(), b"x");
    }
}
