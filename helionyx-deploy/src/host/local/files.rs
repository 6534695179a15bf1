//! Single files and directories: look, read, append, truncate. Does I/O.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{CWD, Dir, Mode, OFlags};
use rustix::io::Errno;

use super::super::HostError;
use super::context::Context;
use super::sync;
use crate::state::Node;

/// What is at this path; a link is looked at, not followed.
pub fn node(path: &Utf8Path) -> Result<Node, HostError> {
    let metadata = match path.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(error) if absent(error.kind()) => return Ok(Node::Missing),
        Err(error) => return Err(HostError::new("look at", path, error)),
    };
    let mode = metadata.permissions().mode() & 0o7777;
    if metadata.is_dir() {
        return Ok(Node::Directory { mode, uid: metadata.uid() });
    }
    if metadata.is_file() {
        let modified_ns = modified_ns(&metadata);
        return Ok(Node::File { mode, size: metadata.len(), modified_ns });
    }
    if metadata.is_symlink() {
        return Ok(Node::Link { target: link_target(path)? });
    }
    Ok(Node::Other)
}

/// What a link holds, as it is written.
pub fn link_target(path: &Utf8Path) -> Result<Utf8PathBuf, HostError> {
    path.read_link_utf8().at("read the link", path)
}

/// When the content was last changed, in nanoseconds since 1970.
pub fn modified_ns(metadata: &Metadata) -> i64 {
    metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec())
}

/// The names in a directory, sorted; none when there is none. What is not UTF-8 in a name is shown
/// as U+FFFD: such a name is never one of ours.
pub fn list(dir: &Utf8Path) -> Result<Vec<String>, HostError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = match rustix::fs::openat(CWD, dir.as_str(), flags, Mode::empty()) {
        Err(Errno::NOENT | Errno::NOTDIR) if node(dir)? == Node::Missing => return Ok(Vec::new()),
        opened => opened.at("list", dir)?,
    };
    let mut names = Vec::new();
    for entry in Dir::new(opened).at("list", dir)? {
        let entry = entry.at("list", dir)?;
        let name = entry.file_name().to_string_lossy();
        if name != "." && name != ".." {
            names.push(name.into_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// The content of a regular file, at most `limit` bytes.
pub fn read(path: &Utf8Path, limit: u64) -> Result<Vec<u8>, HostError> {
    let (file, metadata) = open_regular("read", path, OpenOptions::new().read(true))?;
    let too_long = || HostError::refused("read", path, format!("it is longer than {limit} bytes"));
    if metadata.len() > limit {
        return Err(too_long());
    }
    let mut content = room_for(metadata.len());
    file.take(limit.saturating_add(1)).read_to_end(&mut content).at("read", path)?;
    if content.len() as u64 > limit { Err(too_long()) } else { Ok(content) }
}

/// How many bytes may still be written to the file system of a directory, or of the first one above
/// it that is there.
pub fn free(dir: &Utf8Path) -> Result<u64, HostError> {
    let mut dir = dir;
    loop {
        match (rustix::fs::statvfs(dir.as_std_path()), dir.parent()) {
            (Err(Errno::NOENT | Errno::NOTDIR), Some(above)) => dir = above,
            (found, _) => {
                let found = found.at("look at the file system of", dir)?;
                return Ok(found.f_bavail.saturating_mul(found.f_frsize));
            }
        }
    }
}

/// The last bytes of a regular file, at most `limit`; empty when there is none.
pub fn read_tail(path: &Utf8Path, limit: u64) -> Result<Vec<u8>, HostError> {
    let (mut file, metadata) = match open_regular("read", path, OpenOptions::new().read(true)) {
        Err(error) if absent(error.source.kind()) => return Ok(Vec::new()),
        opened => opened?,
    };
    let start = metadata.len().saturating_sub(limit);
    file.seek(SeekFrom::Start(start)).at("read", path)?;
    let mut content = room_for(metadata.len() - start);
    file.take(limit).read_to_end(&mut content).at("read", path)?;
    Ok(content)
}

/// Room for as many bytes, and for the end to be noticed. The length of what the kernel makes up as
/// it is read is not known.
fn room_for(bytes: u64) -> Vec<u8> {
    Vec::with_capacity(usize::try_from(bytes).unwrap_or(0).saturating_add(1))
}

/// Adds to the end of a file with one write, and syncs it; makes it (0600) when missing.
pub fn append(path: &Utf8Path, content: &[u8]) -> Result<(), HostError> {
    let (mut file, created) = open_log("append to", path)?;
    let written = file.write(content).at("append to", path)?;
    if written != content.len() {
        let why = format!("only {written} of {} bytes were written", content.len());
        return Err(HostError::new("append to", path, io::Error::other(why)));
    }
    sync::content(&file).at("sync", path)?;
    if created { sync_parent(path) } else { Ok(()) }
}

/// A regular file to append to, made (0600) when missing, and whether it was made.
pub fn open_log(verb: &'static str, path: &Utf8Path) -> Result<(File, bool), HostError> {
    let mut options = OpenOptions::new();
    options.append(true);
    match open_regular(verb, path, &options) {
        Err(error) if error.source.kind() == io::ErrorKind::NotFound => {}
        opened => return opened.map(|(file, _)| (file, false)),
    }
    // Two that make it at once both append to the same file.
    let (file, _) = open_regular(verb, path, options.create(true).mode(0o600))?;
    file.set_permissions(PermissionsExt::from_mode(0o600)).at(verb, path)?;
    Ok((file, true))
}

/// Cuts a regular file to this length, and syncs it.
pub fn truncate(path: &Utf8Path, length: u64) -> Result<(), HostError> {
    let (file, _) = open_regular("truncate", path, OpenOptions::new().write(true))?;
    file.set_len(length).at("truncate", path)?;
    sync::all(&file).at("sync", path)
}

/// Opens a regular file, and nothing else: no link is followed, and a pipe does not hang us.
pub fn open_regular(
    verb: &'static str,
    path: &Utf8Path,
    options: &OpenOptions,
) -> Result<(File, Metadata), HostError> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = options.clone().custom_flags(flags.bits().cast_signed()).open(path);
    regular(verb, opened, || path.to_owned())
}

/// The same, to read and through no link on the way, by a path relative to an open directory; `path` tells the whole one.
pub fn open_regular_at(
    verb: &'static str,
    dir: impl AsFd,
    relative: &str,
    path: impl Fn() -> Utf8PathBuf,
) -> Result<(File, Metadata), HostError> {
    let opened = super::walk::open_inside(dir, relative, OFlags::RDONLY | OFlags::NONBLOCK);
    regular(verb, opened.map(File::from).map_err(io::Error::from), path)
}

fn regular(
    verb: &'static str,
    opened: io::Result<File>,
    path: impl Fn() -> Utf8PathBuf,
) -> Result<(File, Metadata), HostError> {
    let file = opened.map_err(|error| match error.raw_os_error() {
        Some(code) if code == Errno::LOOP.raw_os_error() => {
            HostError::refused(verb, path(), "it is a symbolic link")
        }
        _ => HostError::new(verb, path(), error),
    })?;
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Ok((file, metadata)),
        Ok(_) => Err(HostError::refused(verb, path(), "it is no regular file")),
        Err(error) => Err(HostError::new(verb, path(), error)),
    }
}

/// Makes what was put into or taken out of a path's directory durable.
pub fn sync_parent(path: &Utf8Path) -> Result<(), HostError> {
    let parent = parent_of(path);
    File::open(parent).and_then(|dir| sync::all(&dir)).at("sync", parent)
}

/// The directory of a path.
pub fn parent_of(path: &Utf8Path) -> &Utf8Path {
    path.parent().filter(|parent| !parent.as_str().is_empty()).unwrap_or(Utf8Path::new("."))
}

/// Gives a directory exactly these permission bits.
pub fn set_dir_mode(path: &Utf8Path, mode: u32) -> io::Result<()> {
    set_dir_mode_at(CWD, path.as_str(), mode)
}

/// The same, by a path relative to an open directory.
pub fn set_dir_mode_at(from: impl AsFd, relative: &str, mode: u32) -> io::Result<()> {
    let dir = super::walk::open(from, relative)?;
    Ok(rustix::fs::fchmod(dir, Mode::from_raw_mode(mode))?)
}

/// Whether there is nothing at a path; below a file there is nothing either.
pub fn absent(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::super::scratch::{Scratch, mode_of};
    use super::super::whole;
    use super::*;

    fn pipe(path: &Utf8Path) {
        let mode = Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(CWD, path.as_str(), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    }

    #[test]
    fn reading_takes_whole_regular_files_only() {
        let dir = Scratch::new();
        whole::write(&dir.join("file"), b"0123456789", 0o644).unwrap();
        whole::replace_link(&dir.join("link"), Utf8Path::new("file")).unwrap();
        pipe(&dir.join("pipe"));
        assert_eq!(read(&dir.join("file"), 10).unwrap(), b"0123456789");
        for (name, limit, why) in [
            ("file", 9, "it is longer than 9 bytes"),
            ("link", 99, "it is a symbolic link"),
            ("pipe", 99, "it is no regular file"),
            (".", 99, "it is no regular file"),
        ] {
            let error = read(&dir.join(name), limit).unwrap_err();
            assert_eq!(error.source.to_string(), why, "{name}");
        }
        let missing = read(&dir.join("missing"), 99).unwrap_err();
        assert_eq!(missing.source.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_file_whose_length_the_kernel_does_not_tell_is_limited_too() {
        assert!(read(Utf8Path::new("/proc/self/status"), 10).is_err());
        assert!(!read(Utf8Path::new("/proc/self/status"), 1 << 20).unwrap().is_empty());
    }

    #[test]
    fn the_tail_of_a_file_is_its_last_bytes() {
        let dir = Scratch::new();
        assert_eq!(read_tail(&dir.join("file"), 4).unwrap(), b"");
        whole::write(&dir.join("file"), b"0123456789", 0o644).unwrap();
        assert_eq!(read_tail(&dir.join("file"), 4).unwrap(), b"6789");
        assert_eq!(read_tail(&dir.join("file"), 40).unwrap(), b"0123456789");
    }

    #[test]
    fn appending_makes_a_private_file_and_keeps_the_mode_of_an_existing_one() {
        let dir = Scratch::new();
        let log = dir.join("log");
        append(&log, b"one\n").unwrap();
        assert_eq!(mode_of(&log), 0o600);
        whole::write(&log, b"one\n", 0o640).unwrap();
        append(&log, b"two\n").unwrap();
        assert_eq!((read(&log, 99).unwrap(), mode_of(&log)), (b"one\ntwo\n".to_vec(), 0o640));
        truncate(&log, 4).unwrap();
        assert_eq!(read(&log, 99).unwrap(), b"one\n");
        whole::replace_link(&dir.join("link"), Utf8Path::new("log")).unwrap();
        assert!(append(&dir.join("link"), b"x").is_err(), "(ALL-08)");
        assert!(truncate(&dir.join("link"), 0).is_err());
        assert_eq!(read(&log, 99).unwrap(), b"one\n");
    }

    #[test]
    fn nodes_and_lists_tell_what_is_there_and_follow_nothing() {
        let dir = Scratch::new();
        whole::create_dir(&dir.join("dir"), 0o750).unwrap();
        whole::write(&dir.join("file"), b"abc", 0o640).unwrap();
        whole::replace_link(&dir.join("link"), Utf8Path::new("dir")).unwrap();
        pipe(&dir.join("pipe"));
        let look = |name: &str| node(&dir.join(name)).unwrap();
        assert!(matches!(look("dir"), Node::Directory { mode: 0o750, .. }));
        assert!(matches!(look("file"), Node::File { mode: 0o640, size: 3, modified_ns: 1.. }));
        assert_eq!(look("link"), Node::Link { target: "dir".into() });
        assert_eq!(look("pipe"), Node::Other);
        assert_eq!(look("missing"), Node::Missing);
        assert_eq!(look("missing/below"), Node::Missing);
        assert_eq!(list(dir.path()).unwrap(), ["dir", "file", "link", "pipe"]);
        assert_eq!(list(&dir.join("missing")).unwrap(), Vec::<String>::new());
        assert!(list(&dir.join("link")).is_err() && list(&dir.join("file")).is_err());
    }
}
