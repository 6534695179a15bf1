//! Gives trees from one user to another, while he may be changing them. Does I/O.
//!
//! Nothing is looked up by a path that leads through what he may write to: he could put a link in its
//! place at the right moment, and what root gives away would be somebody else's.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};

use super::super::HostError;
use super::context::Context;
use crate::state::Account;

/// Makes a directory with all below it ours, from the top down: into what is ours already nobody
/// else can put something else.
pub fn take_back(dir: &Utf8Path) -> Result<(), HostError> {
    let ours = ours();
    let mut pending = vec![Vec::new()];
    while let Some(place) = pending.pop() {
        let (opened, path) = open(dir, &place)?;
        give(&opened, ours).at("take back", &path)?;
        close_to_others(&opened).at("take back", &path)?;
        each(&opened, &path, ours, &mut |name| pending.push(below(&place, name)))?;
    }
    Ok(())
}

/// Makes one thing ours that lies in what is ours, as it was just seen there. Nobody else can put
/// something else in its place meanwhile.
pub fn take(path: impl FnOnce() -> Utf8PathBuf, seen: &Stat) -> Result<(), HostError> {
    let (ours, is_open) = (ours(), is_dir(seen) && seen.st_mode & 0o022 != 0);
    if (seen.st_uid, seen.st_gid) == (ours.uid, ours.gid) && !is_open {
        return Ok(());
    }
    let path = &path();
    let how = if is_dir(seen) { OFlags::RDONLY | OFlags::DIRECTORY } else { OFlags::PATH };
    let flags = how | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = enter(CWD, path.as_str(), flags).at("take back", path)?;
    give(&opened, ours).at("take back", path)?;
    if is_open { close_to_others(&opened).at("take back", path) } else { Ok(()) }
}

fn is_dir(seen: &Stat) -> bool {
    FileType::from_raw_mode(seen.st_mode) == FileType::Directory
}

fn ours() -> Account {
    Account { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() }
}

/// Gives a directory with all below it to another user, the directories last, and from the bottom up:
/// until then he can change nothing in them. A file of ours that has other names stays ours: what it
/// is elsewhere is not his.
pub fn give_away(dir: &Utf8Path, owner: Account) -> Result<(), HostError> {
    let mut pending = vec![Vec::new()];
    let mut directories = Vec::new();
    while let Some(place) = pending.pop() {
        let (opened, path) = open(dir, &place)?;
        each(&opened, &path, owner, &mut |name| pending.push(below(&place, name)))?;
        directories.push(place);
    }
    directories.iter().rev().try_for_each(|place| {
        let (opened, path) = open(dir, place)?;
        give(&opened, owner).at("give away", path)
    })
}

/// The names that lead to a directory from the one at hand.
type Names = Vec<CString>;

fn below(place: &Names, name: CString) -> Names {
    place.iter().cloned().chain([name]).collect()
}

/// Opens a directory below another, name by name and through no link; and its path, to be told.
fn open(dir: &Utf8Path, place: &Names) -> Result<(OwnedFd, Utf8PathBuf), HostError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut path = dir.to_owned();
    let mut opened = enter(CWD, dir.as_str(), flags).at("list", dir)?;
    for name in place {
        path.push(&*name.to_string_lossy());
        opened = enter(&opened, name.as_c_str(), flags).at("list", &path)?;
    }
    Ok((opened, path))
}

fn enter(from: impl AsFd, name: impl rustix::path::Arg, flags: OFlags) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(from, name, flags, Mode::empty())
}

/// Gives all in a directory but directories to a user, and tells of these.
fn each(
    dir: &OwnedFd,
    path: &Utf8Path,
    owner: Account,
    directory: &mut dyn FnMut(CString),
) -> Result<(), HostError> {
    let is_ours = owner.uid == rustix::process::geteuid().as_raw();
    for entry in Dir::read_from(dir).at("list", path)? {
        let name = entry.at("list", path)?.file_name().to_owned();
        if name.as_bytes() == b"." || name.as_bytes() == b".." {
            continue;
        }
        let told = || path.join(&*name.to_string_lossy());
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = match enter(dir, name.as_c_str(), flags) {
            // Removed or renamed meanwhile, by one who may.
            Err(Errno::NOENT) => continue,
            opened => opened.at("look at", told())?,
        };
        let stat = rustix::fs::fstat(&opened).at("look at", told())?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => directory(name),
            FileType::RegularFile if stat.st_nlink > 1 && !is_ours => {}
            _ => give(&opened, owner).at("give away", told())?,
        }
    }
    Ok(())
}

/// Gives one thing to a user; nothing where it is his already.
fn give(thing: &OwnedFd, owner: Account) -> Result<(), Errno> {
    let stat = rustix::fs::fstat(thing)?;
    if (stat.st_uid, stat.st_gid) == (owner.uid, owner.gid) {
        return Ok(());
    }
    let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
    rustix::fs::chownat(thing, c"", Some(uid), Some(gid), AtFlags::EMPTY_PATH)
}

/// Whoever it belongs to, its group and others could write to a directory that lets them.
fn close_to_others(dir: &OwnedFd) -> Result<(), Errno> {
    let mode = rustix::fs::fstat(dir)?.st_mode & 0o7777;
    match mode & 0o022 {
        0 => Ok(()),
        _ => rustix::fs::fchmod(dir, Mode::from_raw_mode(mode & !0o022)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::super::scratch::{Scratch, mode_of};
    use super::super::whole;
    use super::*;

    const SOMEBODY: Account = Account { uid: 4711, gid: 4711 };

    fn owner(path: &Utf8Path) -> u32 {
        path.symlink_metadata().unwrap().uid()
    }

    #[test]
    fn into_what_is_taken_back_nobody_else_may_write() {
        let dir = Scratch::new();
        for name in ["", "open", "open/deep"] {
            let path = dir.join("tree").join(name);
            whole::create_dir(&path, 0o755).unwrap();
            super::super::files::set_dir_mode(&path, 0o777).unwrap();
        }
        take_back(&dir.join("tree")).unwrap();
        for name in ["tree", "tree/open", "tree/open/deep"] {
            assert_eq!(mode_of(&dir.join(name)), 0o755, "{name} (I8)");
        }
    }

    #[test]
    fn no_link_is_followed_and_no_file_with_other_names_is_given_away() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let dir = Scratch::new();
        let (tree, victim) = (dir.join("tree"), dir.join("victim"));
        for path in [&tree.join("a/b"), &victim] {
            whole::create_dir(path, 0o755).unwrap();
        }
        whole::write(&victim.join("secret"), b"x", 0o600).unwrap();
        whole::write(&tree.join("a/file"), b"x", 0o644).unwrap();
        whole::replace_link(&tree.join("link"), &victim).unwrap();
        rustix::fs::link(victim.join("secret").as_str(), tree.join("a/b/name").as_str()).unwrap();

        give_away(&tree, SOMEBODY).unwrap();
        for name in ["", "a", "a/b", "a/file", "link"] {
            assert_eq!(owner(&tree.join(name)), SOMEBODY.uid, "{name}");
        }
        for name in ["", "secret"] {
            assert_eq!(owner(&victim.join(name)), 0, "{name}");
        }
        let swapped = open(&tree, &vec![c"link".to_owned()]).unwrap_err();
        assert_eq!(swapped.subject, tree.join("link"), "a link in the place of a directory");

        take_back(&tree).unwrap();
        for name in ["", "a", "a/b", "a/file", "link"] {
            assert_eq!(owner(&tree.join(name)), 0, "{name}");
        }
    }

    /// What a build left running swaps directories for links all the time while trees change hands.
    #[test]
    fn whoever_swaps_directories_for_links_meanwhile_gets_nothing_outside() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let dir = Scratch::new();
        let (tree, victim) = (dir.join("tree"), dir.join("victim"));
        whole::create_dir(&victim, 0o755).unwrap();
        whole::write(&victim.join("secret"), b"x", 0o600).unwrap();
        let pairs: Vec<_> =
            (0..8).map(|n| (tree.join(format!("d{n}")), tree.join(format!("l{n}")))).collect();
        for (directory, link) in &pairs {
            whole::create_dir(directory, 0o755).unwrap();
            whole::write(&directory.join("secret"), b"y", 0o644).unwrap();
            whole::replace_link(link, &victim).unwrap();
        }
        let is_over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                    for (directory, link) in &pairs {
                        let (one, other) = (directory.as_str(), link.as_str());
                        rustix::fs::renameat_with(CWD, one, CWD, other, flags).unwrap();
                    }
                }
            });
            for _ in 0..200 {
                // Where a link is met in the place of a directory, it fails: it does not follow.
                let _ = give_away(&tree, SOMEBODY);
                let _ = take_back(&tree);
            }
            is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        let (mode, uid) = (mode_of(&victim.join("secret")), owner(&victim.join("secret")));
        assert_eq!((mode, uid, owner(&victim)), (0o600, 0, 0));
    }
}
