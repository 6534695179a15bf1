//! Makes things at a name aside, and renames them to their place in one step. Does I/O.

use std::sync::atomic::{AtomicU64, Ordering};

use camino::{Utf8Path, Utf8PathBuf};

use super::super::HostError;
use super::context::Context;
use super::files::{self, parent_of};
use super::proc;

/// Makes something at a new name in the same directory; says which.
pub fn aside<T>(
    path: &Utf8Path,
    make: impl Fn(&Utf8Path) -> std::io::Result<T>,
) -> Result<(T, Utf8PathBuf), HostError> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}", std::process::id());
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

/// Removes what was left aside beside this path by those that were killed. What cannot be removed
/// stays: it is in nobody's way.
pub fn tidy(path: &Utf8Path) {
    let dir = parent_of(path);
    for name in files::list(dir).unwrap_or_default() {
        if owner(&name).is_some_and(|pid| proc::stat(pid).is_ok_and(|found| found.is_none())) {
            let _ = rustix::fs::unlink(dir.join(name).as_str());
        }
    }
}

const PREFIX: &str = ".aside-";

/// The process that made this name aside.
fn owner(name: &str) -> Option<u32> {
    let (pid, number) = name.strip_prefix(PREFIX)?.split_once('-')?;
    number.parse::<u64>().ok().and(pid.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::super::scratch::Scratch;
    use super::super::whole;
    use super::*;

    #[test]
    fn what_the_killed_left_aside_is_removed_and_nothing_else_is() {
        let dir = Scratch::new();
        // No pid is this large.
        let dead = u32::MAX;
        let living = std::process::id();
        let kept = [
            format!(".aside-{living}-{}", u64::MAX),
            format!(".aside-{dead}"),
            format!(".aside-{dead}-x"),
            format!("aside-{dead}-1"),
        ];
        for name in kept.iter().chain([&format!(".aside-{dead}-1"), &format!(".aside-{dead}-2")]) {
            std::fs::File::create(dir.join(name)).unwrap();
        }
        whole::create_dir(&dir.join(format!(".aside-{dead}-3")), 0o755).unwrap();
        whole::replace_link(&dir.join("link"), "nowhere".into()).unwrap();
        let mut expected = kept.to_vec();
        expected.extend([format!(".aside-{dead}-3"), "link".to_owned()]);
        expected.sort_unstable();
        assert_eq!(files::list(dir.path()).unwrap(), expected);
    }
}
