//! What lies below a directory, looked at by names relative to open directories: a whole path is long,
//! and a release has thousands of files. Does I/O.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};

use camino::Utf8Path;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::super::HostError;
use super::context::Context;
use crate::release::FilePath;
use crate::state::Node;

/// All but directories, by relative path. What is not UTF-8 in a name is shown as U+FFFD: such a name
/// is never one of ours.
pub fn nodes(dir: &Utf8Path) -> Result<BTreeMap<FilePath, Node>, HostError> {
    let mut all = Vec::new();
    let mut prefix = String::new();
    let opened = open(CWD, dir.as_str()).at("list", dir)?;
    add(&opened, dir, &mut prefix, &mut all)?;
    Ok(all.into_iter().collect())
}

fn open(from: impl AsFd, name: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(from, name, flags, Mode::empty())
}

/// Adds what is in an open directory; of those above it, only their descriptors are open.
fn add(
    opened: &OwnedFd,
    dir: &Utf8Path,
    prefix: &mut String,
    all: &mut Vec<(FilePath, Node)>,
) -> Result<(), HostError> {
    let told = |prefix: &str, name: &CStr| dir.join(format!("{prefix}{}", name.to_string_lossy()));
    let mut below: Vec<CString> = Vec::new();
    for entry in Dir::read_from(opened).at("list", dir.join(&*prefix))? {
        let entry = entry.at("list", dir.join(&*prefix))?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        if entry.file_type() == FileType::Directory {
            below.push(name.to_owned());
            continue;
        }
        let stat = match rustix::fs::statat(opened, name, AtFlags::SYMLINK_NOFOLLOW) {
            // Removed or renamed meanwhile, by one who may.
            Err(Errno::NOENT) => continue,
            stat => stat.at("look at", told(prefix, name))?,
        };
        match FileType::from_raw_mode(stat.st_mode) {
            // Not every file system says in a directory what is one.
            FileType::Directory => below.push(name.to_owned()),
            kind => {
                let node = node(opened, name, kind, &stat).at("look at", told(prefix, name))?;
                all.push((format!("{prefix}{}", name.to_string_lossy()).into(), node));
            }
        }
    }
    let length = prefix.len();
    for name in below {
        let inner = match open(opened, name.as_c_str()) {
            Err(Errno::NOENT) => continue,
            inner => inner.at("list", told(prefix, &name))?,
        };
        prefix.push_str(&name.to_string_lossy());
        prefix.push('/');
        add(&inner, dir, prefix, all)?;
        prefix.truncate(length);
    }
    Ok(())
}

fn node(dir: &OwnedFd, name: &CStr, kind: FileType, stat: &Stat) -> Result<Node, Errno> {
    Ok(match kind {
        FileType::RegularFile => Node::File {
            mode: stat.st_mode & 0o7777,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified_ns: modified_ns(stat),
        },
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(dir, name, Vec::new())?;
            Node::Link { target: target.to_string_lossy().into_owned().into() }
        }
        _ => Node::Other,
    })
}

fn modified_ns(stat: &Stat) -> i64 {
    let nanoseconds = i64::try_from(stat.st_mtime_nsec).unwrap_or(0);
    stat.st_mtime.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}
