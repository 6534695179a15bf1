//! Puts files, links and directories in place whole and durable. Does I/O.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

use camino::Utf8Path;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};

use super::super::HostError;
use super::aside::{aside, put, tidy};
use super::context::Context;
use super::files::{self, sync_parent};
use super::sync;
use crate::state::{Account, Node};

/// Puts a file in place, whole, with exactly this mode; replaces a file or link that is there.
pub fn write(path: &Utf8Path, content: &[u8], mode: u32) -> Result<(), HostError> {
    tidy(path);
    let (mut file, aside) = aside(path, |aside| {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(aside)
    })?;
    let written = file
        .write_all(content)
        .and_then(|()| file.set_permissions(PermissionsExt::from_mode(mode)))
        .and_then(|()| sync::all(&file))
        .at("write", path);
    put(&aside, path, written)?;
    sync_parent(path)
}

/// Points a link elsewhere in one step: it resolves at every instant.
pub fn replace_link(path: &Utf8Path, target: &Utf8Path) -> Result<(), HostError> {
    match files::node(path)? {
        Node::Link { .. } | Node::Missing => {}
        node => return Err(HostError::refused("link", path, format!("it is {node}, no link"))),
    }
    tidy(path);
    let ((), aside) =
        aside(path, |aside| Ok(rustix::fs::symlink(target.as_str(), aside.as_str())?))?;
    put(&aside, path, Ok(()))?;
    sync_parent(path)
}

/// Makes a directory with exactly this mode, and those above it that are missing (0755); one that
/// is there stays as it is.
pub fn create_dir(path: &Utf8Path, mode: u32) -> Result<(), HostError> {
    match files::node(path)? {
        Node::Directory { .. } => return Ok(()),
        Node::Missing => {}
        node => return Err(HostError::refused("make", path, format!("it is {node}"))),
    }
    let mut missing: Vec<&Utf8Path> = vec![path];
    let above = path.ancestors().skip(1).take_while(|dir| !dir.as_str().is_empty());
    missing.extend(above.take_while(|dir| !dir.exists()));
    for dir in missing.into_iter().rev() {
        create_one(dir, if dir == path { mode } else { 0o755 })?;
    }
    Ok(())
}

/// Makes a directory that is another user's when it appears at its path, and those above it that are
/// missing (0755, ours); one that is there stays as it is.
pub fn create_dir_for(path: &Utf8Path, mode: u32, owner: Account) -> Result<(), HostError> {
    if files::node(path)? != Node::Missing {
        return create_dir(path, mode);
    }
    create_dir(files::parent_of(path), 0o755)?;
    let ((), made) = aside(path, |aside| Ok(rustix::fs::mkdir(aside.as_str(), Mode::RWXU)?))?;
    let put = give(&made, mode, owner).and_then(|()| {
        // Onto something that has appeared meanwhile it is refused, unless that is empty.
        rustix::fs::rename(made.as_str(), path.as_str()).at("make", path)
    });
    if put.is_err() {
        // The first error is the one that tells.
        let _ = rustix::fs::rmdir(made.as_str());
    }
    put?;
    sync_parent(path)
}

/// Gives a directory that we have just made away. Its parent may be another user's, who could put a
/// link in its place: it is opened without following one, and looked at before.
fn give(dir: &Utf8Path, mode: u32, owner: Account) -> Result<(), HostError> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
    let open = rustix::fs::open(dir.as_str(), flags, Mode::empty()).at("open", dir)?;
    let found = rustix::fs::fstat(&open).at("look at", dir)?;
    if found.st_uid != rustix::process::geteuid().as_raw() {
        return Err(HostError::refused("give away", dir, "somebody has replaced it"));
    }
    rustix::fs::fchmod(&open, Mode::from_bits_truncate(mode)).at("set the mode of", dir)?;
    let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
    rustix::fs::fchown(&open, Some(uid), Some(gid)).at("give away", dir)?;
    rustix::fs::fsync(&open).at("sync", dir)
}

fn create_one(dir: &Utf8Path, mode: u32) -> Result<(), HostError> {
    match rustix::fs::mkdir(dir.as_str(), Mode::RWXU) {
        Ok(()) => files::set_dir_mode(dir, mode).at("make", dir)?,
        // Somebody was faster: it is his, and stays as it is.
        Err(Errno::EXIST) if dir.is_dir() => return Ok(()),
        Err(error) => return Err(HostError::new("make", dir, error)),
    }
    sync_parent(dir)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::atomic::{AtomicBool, Ordering};

    use camino::Utf8PathBuf;

    use super::super::scratch::{Scratch, mode_of};
    use super::*;

    #[test]
    fn a_written_file_is_whole_has_its_exact_mode_and_leaves_nothing_aside() {
        let dir = Scratch::new();
        let path = dir.join("file");
        let outside = dir.join("outside");
        write(&outside, b"untouched", 0o644).unwrap();
        std::os::unix::fs::symlink(&outside, &path).unwrap();
        for (content, mode) in [("one", 0o666), ("two", 0o600), ("three", 0o755), ("", 0o444)] {
            write(&path, content.as_bytes(), mode).unwrap();
            assert_eq!(files::read(&path, 100).unwrap(), content.as_bytes());
            assert_eq!(mode_of(&path), mode, "{mode:o}");
        }
        assert_eq!(files::read(&outside, 100).unwrap(), b"untouched");
        assert_eq!(files::list(dir.path()).unwrap(), ["file", "outside"]);
    }

    #[test]
    fn a_failed_write_leaves_what_was_there() {
        let dir = Scratch::new();
        create_dir(&dir.join("taken/below"), 0o755).unwrap();
        let error = write(&dir.join("taken"), b"x", 0o644).unwrap_err();
        assert!(error.to_string().contains("taken"), "{error}");
        assert_eq!(files::list(dir.path()).unwrap(), ["taken"]);
        assert!(write(&dir.join("missing/file"), b"x", 0o644).is_err());
    }

    #[test]
    fn a_link_resolves_at_every_instant() {
        let dir = Scratch::new();
        let link = dir.join("current");
        for release in ["a", "b"] {
            create_dir(&dir.join(release), 0o755).unwrap();
            write(&dir.join(release).join("file"), release.as_bytes(), 0o644).unwrap();
        }
        replace_link(&link, Utf8Path::new("a")).unwrap();
        let done = AtomicBool::new(false);
        let (looks, misses) = std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let (mut looks, mut misses) = (0, 0);
                while !done.load(Ordering::Relaxed) {
                    looks += 1;
                    misses += u32::from(File::open(link.join("file")).is_err());
                }
                (looks, misses)
            });
            for round in 0..2000 {
                replace_link(&link, Utf8Path::new(["b", "a"][round % 2])).unwrap();
            }
            done.store(true, Ordering::Relaxed);
            reader.join().unwrap()
        });
        assert!(looks > 100, "the reader hardly ran: {looks}");
        assert_eq!(misses, 0, "of {looks} looks");
        assert_eq!(files::list(dir.path()).unwrap(), ["a", "b", "current"]);
    }

    #[test]
    fn only_links_are_replaced_by_links() {
        let dir = Scratch::new();
        create_dir(&dir.join("dir"), 0o755).unwrap();
        write(&dir.join("file"), b"x", 0o644).unwrap();
        for name in ["dir", "file"] {
            let error = replace_link(&dir.join(name), Utf8Path::new("elsewhere")).unwrap_err();
            assert_eq!(error.to_string(), format!("failed to link `{}`", dir.join(name)));
        }
        replace_link(&dir.join("dangling"), Utf8Path::new("nowhere")).unwrap();
        replace_link(&dir.join("dangling"), Utf8Path::new("file")).unwrap();
        let target = Utf8PathBuf::from("file");
        assert_eq!(files::node(&dir.join("dangling")).unwrap(), Node::Link { target });
        assert_eq!(files::list(dir.path()).unwrap(), ["dangling", "dir", "file"]);
    }

    #[test]
    fn directories_get_their_mode_once_and_missing_parents_are_open() {
        let dir = Scratch::new();
        let deep = dir.join("a/b/c");
        create_dir(&deep, 0o2770).unwrap();
        assert_eq!([mode_of(&deep), mode_of(&dir.join("a"))], [0o2770, 0o755]);
        create_dir(&deep, 0o700).unwrap();
        assert_eq!(mode_of(&deep), 0o2770, "an existing directory stays as it is");
        write(&dir.join("file"), b"x", 0o644).unwrap();
        replace_link(&dir.join("link"), Utf8Path::new("a")).unwrap();
        for taken in ["file", "link", "file/below"] {
            assert!(create_dir(&dir.join(taken), 0o755).is_err(), "{taken}");
        }
    }
    #[test]
    #[expect(clippy::disallowed_methods, reason = "a umask belongs to a whole process")]
    fn modes_are_exact_whatever_the_umask_is() {
        let tests = [
            "a_written_file_is_whole_has_its_exact_mode_and_leaves_nothing_aside",
            "directories_get_their_mode_once_and_missing_parents_are_open",
        ];
        let output = std::process::Command::new("/bin/sh")
            .args(["-c", "umask 077; exec \"$0\" --exact \"$@\""])
            .arg(std::env::current_exe().unwrap())
            .args(tests.map(|test| format!("host::local::whole::tests::{test}")))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("2 passed"), "{text}");
    }
}
