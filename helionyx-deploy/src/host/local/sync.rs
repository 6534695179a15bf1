//! Waits until the disk has what was written, and counts how long. Does I/O.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::super::Clock as _;
use super::LocalHost;

/// For people, so that one sum for the whole process is enough.
static WAITED_NS: AtomicU64 = AtomicU64::new(0);

/// How long this process has waited for the disk until now.
pub fn waited() -> Duration {
    Duration::from_nanos(WAITED_NS.load(Ordering::Relaxed))
}

/// A file's content, and what is needed to find it.
pub fn content(file: &File) -> io::Result<()> {
    counted(|| file.sync_data())
}

/// A file or directory, with all that is known of it.
pub fn all(file: &File) -> io::Result<()> {
    counted(|| file.sync_all())
}

/// The whole file system on which this lies.
pub fn file_system(file: impl AsFd) -> io::Result<()> {
    counted(|| Ok(rustix::fs::syncfs(file)?))
}

fn counted<T>(wait: impl FnOnce() -> T) -> T {
    let clock = LocalHost::new();
    let done = wait();
    let waited = u64::try_from(clock.elapsed().as_nanos()).unwrap_or(u64::MAX);
    WAITED_NS.fetch_add(waited, Ordering::Relaxed);
    done
}
