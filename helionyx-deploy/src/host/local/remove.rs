//! Removes files and trees, inside one file system and never through a link. Does I/O.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use camino::Utf8Path;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::super::HostError;
use super::context::Context;
use super::files::{parent_of, sync_parent};

/// Removes a file or link; nothing there is no error.
pub fn remove(path: &Utf8Path) -> Result<(), HostError> {
    match rustix::fs::unlink(path.as_str()) {
        Ok(()) => sync_parent(path),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
        Err(error) => Err(HostError::new("remove", path, error)),
    }
}

/// Removes a directory with all below it, also where it was sealed; nothing there is no error.
pub fn remove_tree(path: &Utf8Path) -> Result<(), HostError> {
    let Some(name) = path.file_name().and_then(|name| CString::new(name).ok()) else {
        return Err(HostError::refused("remove", path, "it has no name"));
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent = match rustix::fs::openat(CWD, parent_of(path).as_str(), flags, Mode::empty()) {
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
        parent => parent.at("remove", path)?,
    };
    match rustix::fs::statat(&parent, &*name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(()),
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) != FileType::Directory => {
            return Err(HostError::refused("remove", path, "it is no directory"));
        }
        stat => stat.at("remove", path)?,
    };
    remove_dir(parent.as_fd(), &name, path)?;
    sync_parent(path)
}

/// Sets the mode of what a descriptor stands for, also where it was opened with `O_PATH`.
pub fn chmod_by_descriptor(file: impl AsFd, mode: u32) -> io::Result<()> {
    let path = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    Ok(rustix::fs::chmod(path.as_str(), Mode::from_raw_mode(mode))?)
}

fn remove_dir(parent: BorrowedFd<'_>, name: &CStr, path: &Utf8Path) -> Result<(), HostError> {
    let dir = enter(parent, name).map_err(|error| explain(error, path))?;
    for (name, directory) in entries(&dir).at("list", path)? {
        let below = || path.join(&*name.to_string_lossy());
        if directory {
            remove_dir(dir.as_fd(), &name, &below())?;
        } else if let Err(error) = rustix::fs::unlinkat(&dir, &*name, AtFlags::empty()) {
            return Err(HostError::new("remove", below(), error));
        }
    }
    rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR).at("remove", path)
}

/// Opens a directory in a directory, and makes sure that we may empty it.
fn enter(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<OwnedFd> {
    let found = open_below(parent, name, OFlags::PATH)?;
    let stat = rustix::fs::fstat(&found)?;
    if stat.st_dev != rustix::fs::fstat(parent)?.st_dev {
        return Err(Errno::XDEV.into());
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || rustix::fs::openat(&found, c".", flags, Mode::empty());
    let opened = match open() {
        Err(Errno::ACCESS) => {
            chmod_by_descriptor(&found, 0o700)?;
            open()
        }
        opened => opened,
    }?;
    if stat.st_mode & 0o700 != 0o700 {
        rustix::fs::fchmod(&opened, Mode::RWXU)?;
    }
    Ok(opened)
}

fn open_below(parent: BorrowedFd<'_>, name: &CStr, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // NO_XDEV also sees what is mounted from the same file system.
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS;
    match rustix::fs::openat2(parent, name, flags, Mode::empty(), resolve) {
        // Before Linux 5.6, and in sandboxes that do not know the call.
        Err(Errno::NOSYS | Errno::PERM) => {
            Ok(rustix::fs::openat(parent, name, flags, Mode::empty())?)
        }
        opened => Ok(opened?),
    }
}

/// The entries of a directory, and whether each is a directory itself.
fn entries(dir: &OwnedFd) -> io::Result<Vec<(CString, bool)>> {
    let mut entries = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let mut kind = entry.file_type();
        if kind == FileType::Unknown {
            let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
            kind = FileType::from_raw_mode(stat.st_mode);
        }
        entries.push((name.to_owned(), kind == FileType::Directory));
    }
    Ok(entries)
}

fn explain(error: io::Error, path: &Utf8Path) -> HostError {
    if error.raw_os_error() == Some(Errno::XDEV.raw_os_error()) {
        return HostError::refused("remove", path, "something is mounted there");
    }
    HostError::new("remove", path, error)
}

#[cfg(test)]
mod tests {
    use super::super::scratch::Scratch;
    use super::super::{files, tree, whole};
    use super::*;

    #[test]
    fn a_sealed_tree_is_removed_and_what_its_links_lead_to_is_not() {
        let dir = Scratch::new();
        let (doomed, outside) = (dir.join("doomed"), dir.join("outside"));
        whole::create_dir(&doomed.join("a/b"), 0o755).unwrap();
        whole::create_dir(&doomed.join("closed"), 0o755).unwrap();
        whole::create_dir(&outside, 0o755).unwrap();
        whole::write(&outside.join("file"), b"x", 0o644).unwrap();
        whole::write(&doomed.join("a/b/file"), b"x", 0o644).unwrap();
        whole::replace_link(&doomed.join("a/dir"), &outside).unwrap();
        whole::replace_link(&doomed.join("a/b/file-link"), &outside.join("file")).unwrap();
        tree::seal(&doomed).unwrap();
        files::set_dir_mode(&doomed.join("closed"), 0).unwrap();

        remove_tree(&doomed).unwrap();

        assert_eq!(files::list(dir.path()).unwrap(), ["outside"]);
        assert_eq!(files::list(&outside).unwrap(), ["file"]);
        remove_tree(&doomed).unwrap();
        remove_tree(&doomed.join("missing/below")).unwrap();
    }

    #[test]
    fn what_is_swapped_for_a_link_while_it_is_removed_leads_nowhere() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let dir = Scratch::new();
        let (doomed, outside) = (dir.join("doomed"), dir.join("outside"));
        whole::create_dir(&outside.join("a"), 0o755).unwrap();
        whole::write(&outside.join("a/file"), b"x", 0o644).unwrap();
        let done = AtomicBool::new(false);
        let swaps = std::thread::scope(|scope| {
            let racer = scope.spawn(|| {
                let mut swaps = 0;
                while !done.load(Ordering::Relaxed) {
                    let (real, aside) = (doomed.join("a"), doomed.join("aside"));
                    let swapped = rustix::fs::rename(real.as_str(), aside.as_str())
                        .and_then(|()| rustix::fs::symlink(outside.as_str(), real.as_str()));
                    swaps += u32::from(swapped.is_ok());
                }
                swaps
            });
            for _ in 0..2000 {
                whole::create_dir(&doomed.join("a/a"), 0o755).ok();
                std::fs::File::create(doomed.join("a/a/file")).ok();
                // What a racer puts there may be left; it is removed with the next one.
                remove_tree(&doomed).ok();
            }
            done.store(true, Ordering::Relaxed);
            racer.join().unwrap()
        });
        assert!(swaps > 20, "the racer hardly ran: {swaps}");
        assert_eq!(files::list(&outside.join("a")).unwrap(), ["file"]);
    }

    #[test]
    fn a_tree_is_a_directory_and_a_file_is_none() {
        let dir = Scratch::new();
        whole::create_dir(&dir.join("dir"), 0o755).unwrap();
        whole::write(&dir.join("dir/file"), b"x", 0o644).unwrap();
        whole::replace_link(&dir.join("link"), Utf8Path::new("dir")).unwrap();
        for name in ["link", "dir/file"] {
            let error = remove_tree(&dir.join(name)).unwrap_err();
            assert_eq!(error.source.to_string(), "it is no directory", "{name}");
        }
        assert!(remove(&dir.join("dir")).is_err());
        assert_eq!(files::list(&dir.join("dir")).unwrap(), ["file"]);
        remove(&dir.join("link")).unwrap();
        remove(&dir.join("link")).unwrap();
        assert_eq!(files::list(dir.path()).unwrap(), ["dir"]);
    }
}
