//! Makes things at a name aside, and renames them to their place in one step. Does I/O.

use std::sync::atomic::{AtomicU64, Ordering};

use camino::{Utf8Path, Utf8PathBuf};

use super::super::HostError;
use super::context::Context;
use super::files::parent_of;

/// Makes something at a new name in the same directory; says which.
pub fn aside<T>(
    path: &Utf8Path,
    make: impl Fn(&Utf8Path) -> std::io::Result<T>,
) -> Result<(T, Utf8PathBuf), HostError> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!(".aside-{}-{number}", std::process::id());
        let aside = parent_of(path).join(name);
        match make(&aside) {
            Ok(made) => return Ok((made, aside)),
            // Left by a process that was killed and had the same pid.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(HostError::new("write", path, error)),
        }
    }
}

/// Renames what was made aside to its path; leaves nothing aside when that or making it failed.
/// Durable only once the directory is synced.
pub fn put(
    aside: &Utf8Path,
    path: &Utf8Path,
    made: Result<(), HostError>,
) -> Result<(), HostError> {
    let renamed =
        made.and_then(|()| rustix::fs::rename(aside.as_str(), path.as_str()).at("replace", path));
    if renamed.is_err() {
        // The first error is the one that tells.
        let _ = rustix::fs::unlink(aside.as_str());
    }
    renamed
}
