//! Copies files and links between trees: content and execute bits only. Does I/O.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::super::HostError;
use super::aside::{aside, put};
use super::context::Context;
use super::files::{open_regular, open_regular_at, parent_of, set_dir_mode};
use super::place::{Place, inside};
use super::walk::{open, read_link};
use crate::release::FilePath;

/// Copies files and links, by relative path, from one directory to another that exists; replaces
/// files and links that are there.
///
/// Durable only once the tree is sealed: syncing each of some ten thousand files takes minutes.
pub fn copy(from: &Utf8Path, to: &Utf8Path, paths: &[FilePath]) -> Result<(), HostError> {
    let ends = Ends::open(from, to)?;
    ends.prepare(paths)?.iter().try_for_each(|path| copy_one(&ends, path.as_str()))
}

fn copy_one(ends: &Ends<'_>, path: &str) -> Result<(), HostError> {
    let seen = ends.look(path)?;
    if let Some(link) = ends.link_of(path, &seen)? {
        return ends.link_to(path, &link);
    }
    let (mut content, metadata) = ends.read(path)?;
    let executable = metadata.permissions().mode() & 0o111 != 0;
    let mut file = ends.new_file(path, if executable { 0o755 } else { 0o644 })?;
    fill(&mut file, &mut content).at("copy", ends.from.join(path))
}

/// Two open directories, from one of which files go to the other, by the same relative path.
pub struct Ends<'a> {
    /// The path of the one.
    pub from: &'a Utf8Path,
    /// The path of the other.
    pub to: &'a Utf8Path,
    source: OwnedFd,
    target: OwnedFd,
}

impl<'a> Ends<'a> {
    /// These two, which exist.
    pub fn open(from: &'a Utf8Path, to: &'a Utf8Path) -> Result<Ends<'a>, HostError> {
        // Where it is taken from, its owner may have put a link.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let source = rustix::fs::openat(CWD, from.as_str(), flags, Mode::empty());
        let source = source.at("copy", from)?;
        let target = open(CWD, to.as_str()).at("fill", to)?;
        Ok(Ends { from, to, source, target })
    }

    /// Paths that stay inside, in their plain form; the directories that they go to are there then.
    pub fn prepare(&self, paths: &[FilePath]) -> Result<Vec<Utf8PathBuf>, HostError> {
        let mut place = Place::below(self.to)?;
        let prepared = paths.iter().map(|path| {
            let Some(path) = inside(path.as_str()).filter(|path| !path.as_str().is_empty()) else {
                return Err(HostError::refused("copy", path, "it is not inside the directory"));
            };
            place.prepare(&path)?;
            Ok(path)
        });
        prepared.collect()
    }

    /// What is to go.
    pub fn look(&self, path: &str) -> Result<Stat, HostError> {
        let seen = rustix::fs::statat(&self.source, path, AtFlags::SYMLINK_NOFOLLOW);
        seen.at("copy", self.from.join(path))
    }

    /// What it holds, if it is a link.
    pub fn link_of(&self, path: &str, seen: &Stat) -> Result<Option<Utf8PathBuf>, HostError> {
        match FileType::from_raw_mode(seen.st_mode) {
            FileType::Symlink => read_link(&self.source, path, || self.from.join(path)),
            _ => Ok(None),
        }
    }

    /// The file that is to go.
    pub fn read(&self, path: &str) -> Result<(File, Metadata), HostError> {
        open_regular_at("copy", &self.source, path, || self.from.join(path))
    }

    /// A new file in the place of what is there, to fill, with this mode whatever the umask is.
    pub fn new_file(&self, path: &str, mode: u32) -> Result<File, HostError> {
        let made = self.replacing(path, || create(&self.target, path, mode));
        made.at("make", self.to.join(path))
    }

    /// A link in the place of what is there.
    pub fn link_to(&self, path: &str, target: &Utf8Path) -> Result<(), HostError> {
        let link = || rustix::fs::symlinkat(target.as_str(), &self.target, path);
        self.replacing(path, link).at("link", self.to.join(path))
    }

    /// A second name of the file in the place of what is there; refused where the file system has
    /// no such.
    pub fn share(&self, path: &str) -> Result<(), Errno> {
        let (from, to, flags) = (&self.source, &self.target, AtFlags::empty());
        self.replacing(path, || rustix::fs::linkat(from, path, to, path, flags))
    }

    fn replacing<T>(&self, path: &str, make: impl Fn() -> Result<T, Errno>) -> Result<T, Errno> {
        match make() {
            Err(Errno::EXIST) => {
                rustix::fs::unlinkat(&self.target, path, AtFlags::empty())?;
                make()
            }
            made => made,
        }
    }
}

/// Whether a file is as sealing leaves it: ours, and nobody may write to it.
pub fn is_sealed(seen: &Stat) -> bool {
    seen.st_uid == rustix::process::geteuid().as_raw()
        && matches!(seen.st_mode & 0o7777, 0o444 | 0o555)
}

/// Replaces a file by a copy of its own with this mode, with the same content and the same time of
/// its last change: what has other names of the old one has nothing to do with it any more.
///
/// Durable only once the tree is sealed. Leaves its directory open for its owner to write.
pub fn separate(path: &Utf8Path, mode: u32) -> Result<(), HostError> {
    let (mut content, metadata) = open_regular("copy", path, OpenOptions::new().read(true))?;
    let parent = parent_of(path);
    set_dir_mode(parent, 0o755).at("open", parent)?;
    let (mut file, aside) = aside(path, |aside| {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(aside)
    })?;
    let modified = metadata.modified();
    let copied = fill(&mut file, &mut content)
        .and_then(|()| file.set_permissions(PermissionsExt::from_mode(mode)))
        .and_then(|()| file.set_modified(modified?))
        .at("copy", path);
    put(&aside, path, copied)
}

/// A new file to fill, with 0755 or 0644 whatever the umask is.
pub fn new_file(path: &Utf8Path, executable: bool) -> Result<File, HostError> {
    create(CWD, path.as_str(), if executable { 0o755 } else { 0o644 }).at("make", path)
}

/// A new file with this mode, where nothing is.
fn create(dir: impl AsFd, path: &str, mode: u32) -> Result<File, Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let file = rustix::fs::openat(dir, path, flags, Mode::RUSR | Mode::WUSR)?;
    rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
    Ok(file.into())
}

/// Fills a file with the content of another; on file systems that can, they share it.
pub fn fill(file: &mut File, content: &mut File) -> io::Result<()> {
    if rustix::fs::ioctl_ficlone(&*file, &*content).is_ok() {
        return Ok(());
    }
    // Between two files this is copy_file_range(2), and falls back by itself.
    io::copy(content, file).map(drop)
}

#[cfg(test)]
mod tests {
    use super::super::scratch::{Scratch, mode_of};
    use super::super::{files, whole};
    use super::*;

    #[test]
    fn content_execute_bits_and_links_are_copied_and_nothing_else() {
        let dir = Scratch::new();
        let (from, to) = (dir.join("from"), dir.join("to"));
        whole::create_dir(&from.join("bin"), 0o700).unwrap();
        whole::create_dir(&to, 0o755).unwrap();
        whole::write(&from.join("bin/tool"), b"tool", 0o4510).unwrap();
        whole::write(&from.join("data"), &vec![7; 300_000], 0o400).unwrap();
        whole::replace_link(&from.join("link"), Utf8Path::new("nowhere")).unwrap();
        whole::write(&to.join("data"), b"older", 0o600).unwrap();

        copy(&from, &to, &["bin/tool", "data", "link"].map(FilePath::from)).unwrap();

        assert_eq!(mode_of(&to.join("bin")), 0o755);
        assert_eq!(mode_of(&to.join("bin/tool")), 0o755);
        assert_eq!(mode_of(&to.join("data")), 0o644);
        assert_eq!(files::read(&to.join("data"), 1 << 20).unwrap(), vec![7; 300_000]);
        assert_eq!(files::link_target(&to.join("link")).unwrap(), "nowhere");
    }

    #[test]
    fn what_lies_in_a_directory_that_a_link_leads_to_is_copied() {
        let dir = Scratch::new();
        let (from, to) = (dir.join("latest"), dir.join("to"));
        whole::create_dir(&dir.join("1.2"), 0o755).unwrap();
        whole::create_dir(&to, 0o755).unwrap();
        whole::write(&dir.join("1.2/app"), b"app", 0o755).unwrap();
        whole::replace_link(&from, Utf8Path::new("1.2")).unwrap();
        copy(&from, &to, &["app".into()]).unwrap();
        assert_eq!(files::read(&to.join("app"), 9).unwrap(), b"app");
    }

    #[test]
    fn nothing_is_copied_out_of_or_into_another_place() {
        let dir = Scratch::new();
        let (from, to) = (dir.join("from"), dir.join("to"));
        whole::create_dir(&from.join("out"), 0o755).unwrap();
        whole::create_dir(&to, 0o755).unwrap();
        whole::write(&dir.join("secret"), b"secret", 0o644).unwrap();
        whole::write(&from.join("out/file"), b"x", 0o644).unwrap();
        // The target's `out` leads elsewhere.
        whole::replace_link(&to.join("out"), Utf8Path::new("..")).unwrap();
        for path in ["../secret", "out/../../secret", "", "out/file", "missing", "out"] {
            assert!(copy(&from, &to, &[path.into()]).is_err(), "{path:?} (ALL-08)");
        }
        let absolute = dir.join("secret");
        assert!(copy(&from, &to, &[absolute.into()]).is_err());
        assert_eq!(files::list(dir.path()).unwrap(), ["from", "secret", "to"]);
    }
}
