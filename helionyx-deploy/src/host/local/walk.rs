//! Walks through what lies below a directory, by names relative to open directories: a whole path is
//! long, and a release has thousands of files. Does I/O.

use std::borrow::Cow;
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use super::super::HostError;
use super::context::Context;
use super::parallel;

/// Something below a directory, as it was seen there.
pub struct Entry<'a> {
    root: &'a Utf8Path,
    relative: Vec<u8>,
    target: Option<CString>,
    /// What the system says of it.
    pub stat: Stat,
}

impl Entry<'_> {
    /// What it is; a link is one, whatever it leads to.
    pub fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }

    /// Its permission bits.
    pub fn mode(&self) -> u32 {
        self.stat.st_mode & 0o7777
    }

    /// Its length in bytes.
    pub fn size(&self) -> u64 {
        u64::try_from(self.stat.st_size).unwrap_or(0)
    }

    /// When its content was last changed, in nanoseconds since 1970.
    pub fn modified_ns(&self) -> i64 {
        let nanoseconds = i64::try_from(self.stat.st_mtime_nsec).unwrap_or(0);
        self.stat.st_mtime.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
    }

    /// Its path below the directory that is walked through. What is not UTF-8 in a name is shown as
    /// U+FFFD: such a name is never one of ours.
    pub fn relative(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.relative)
    }

    /// Its whole path.
    pub fn path(&self) -> Utf8PathBuf {
        self.root.join(&*self.relative())
    }

    /// What a link holds, as it is written and as far as it is UTF-8; empty for what is no link.
    pub fn target(&self) -> Utf8PathBuf {
        let target = self.target.as_ref();
        target.map_or_else(String::new, |text| text.to_string_lossy().into_owned()).into()
    }

    /// Refuses what no release may hold: devices, sockets, pipes, and what cannot be written down.
    pub fn is_fit(&self) -> Result<(), HostError> {
        let is_text = self.target.as_ref().is_none_or(|target| target.to_str().is_ok());
        let why = match self.kind() {
            _ if std::str::from_utf8(&self.relative).is_err() => "its name is not UTF-8",
            FileType::Symlink if !is_text => NO_TEXT,
            FileType::RegularFile | FileType::Directory | FileType::Symlink => return Ok(()),
            _ => "it is a device, socket or pipe",
        };
        Err(HostError::refused("take in", self.path(), why))
    }
}

/// Whether to go into a directory that was just seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Look at what lies in it; of what is no directory, go on to the next.
    Enter,
    /// Go past it.
    Pass,
}

/// So few directories are listed one after the other.
const FEW: usize = 32;
const NO_TEXT: &str = "what it leads to is not UTF-8";

/// Hands everything below a directory to `visit`, a directory before what is in it, and no link is
/// followed. What is removed meanwhile is left out.
pub fn walk(
    root: &Utf8Path,
    visit: &mut dyn FnMut(&Entry<'_>) -> Result<Then, HostError>,
) -> Result<(), HostError> {
    let opened = open(CWD, root.as_str()).at("list", root)?;
    // All directories of the same depth at once.
    let mut level = vec![Vec::new()];
    while !level.is_empty() {
        let listed = parallel::each_unless_fewer(FEW, &level, |dir| list(root, &opened, dir))?;
        level.clear();
        for entry in listed.into_iter().flatten() {
            if visit(&entry)? == Then::Enter && entry.kind() == FileType::Directory {
                level.push(entry.relative);
            }
        }
    }
    Ok(())
}

/// What lies in a directory below the root.
fn list<'a>(root: &'a Utf8Path, opened: &OwnedFd, dir: &[u8]) -> Result<Vec<Entry<'a>>, HostError> {
    let failed = |verb, relative: &[u8], error: Errno| {
        // Joining an empty path would end in a slash.
        let path = match relative {
            [] => root.to_owned(),
            relative => root.join(&*String::from_utf8_lossy(relative)),
        };
        HostError::new(verb, path, error)
    };
    let unlisted = |error| failed("list", dir, error);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let listed = match open_inside(opened, if dir.is_empty() { b"." } else { dir }, flags) {
        Err(Errno::NOENT) => return Ok(Vec::new()),
        listed => listed.map_err(unlisted)?,
    };
    let mut listed = Dir::new(listed).map_err(unlisted)?;
    let mut entries = Vec::new();
    while let Some(entry) = listed.read() {
        let entry = entry.map_err(unlisted)?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let mut relative = dir.to_vec();
        if !dir.is_empty() {
            relative.push(b'/');
        }
        relative.extend(name.to_bytes());
        let here = listed.fd().map_err(unlisted)?;
        let seen = rustix::fs::statat(here, name, AtFlags::SYMLINK_NOFOLLOW).and_then(|stat| {
            let is_link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
            let target = is_link.then(|| rustix::fs::readlinkat(here, name, Vec::new()));
            Ok((stat, target.transpose()?))
        });
        let (stat, target) = match seen {
            // Removed or renamed meanwhile, by one who may.
            Err(Errno::NOENT) => continue,
            seen => seen.map_err(|error| failed("look at", &relative, error))?,
        };
        entries.push(Entry { root, relative, target, stat });
    }
    Ok(entries)
}

/// Opens a directory, and no link to one.
pub fn open(from: impl AsFd, name: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(from, name, flags, Mode::empty())
}

/// Opens what lies below an open directory, and passes through no link on the way.
pub fn open_inside(
    from: impl AsFd,
    relative: impl rustix::path::Arg + Copy,
    flags: OFlags,
) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    match rustix::fs::openat2(from.as_fd(), relative, flags, Mode::empty(), resolve) {
        // Before Linux 5.6, and in sandboxes that do not know the call.
        Err(Errno::NOSYS | Errno::PERM) => rustix::fs::openat(from, relative, flags, Mode::empty()),
        opened => opened,
    }
}

/// What a link below an open directory holds; none where no link is there.
pub fn read_link(
    from: impl AsFd,
    relative: &str,
    path: impl Fn() -> Utf8PathBuf,
) -> Result<Option<Utf8PathBuf>, HostError> {
    let link = match open_inside(from, relative, OFlags::PATH) {
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
        link => link.at("read the link", path())?,
    };
    match rustix::fs::readlinkat(&link, c"", Vec::new()) {
        Err(Errno::NOENT | Errno::INVAL) => Ok(None),
        target => {
            let text = target.at("read the link", path())?.into_string();
            let text = text.map_err(|_| HostError::refused("take in", path(), NO_TEXT))?;
            Ok(Some(text.into()))
        }
    }
}
