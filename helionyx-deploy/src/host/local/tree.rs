//! Whole trees: records of every file, and sealing. Does I/O.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;

use camino::Utf8Path;
use memchr::memmem::Finder;
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::super::{HostError, Searched};
use super::context::Context;
use super::files::{self, open_regular, open_regular_at};
use super::search::read_through;
use super::walk::{Entry, Then, open, open_inside, read_link, walk};
use super::{copy, owner, parallel, sync};
use crate::digest::{Digest, Digester};
use crate::release::{FilePath, FileRecord, FileRecords};

/// Every file and link below a directory, by relative path; without the entries, and all below
/// them, whose own name is in `exclude`; without reading what is as `known` has it.
pub fn tree(
    dir: &Utf8Path,
    exclude: &[String],
    known: &FileRecords,
) -> Result<FileRecords, HostError> {
    let (mut records, mut files) = (Vec::new(), Vec::new());
    walk(dir, &mut |entry| {
        let relative = entry.relative();
        if exclude.iter().any(|name| relative.rsplit('/').next() == Some(name)) {
            return Ok(Then::Pass);
        }
        entry.is_fit()?;
        let record = match entry.kind() {
            FileType::Directory => None,
            FileType::Symlink => Some(FileRecord::Link { target: entry.target() }),
            _ => {
                let record = same(known.get(&*relative), entry);
                files.extend(record.is_none().then(|| FilePath::from(&*relative)));
                record
            }
        };
        records.extend(record.map(|record| ((&*relative).into(), record)));
        Ok(Then::Enter)
    })?;
    let opened = open(CWD, dir.as_str()).at("list", dir)?;
    let read = parallel::each(&files, |path| {
        let told = || dir.join(path);
        let (file, metadata) = open_regular_at("read", &opened, path.as_str(), told)?;
        Ok((path.clone(), read_through(file, &metadata, None).at("read", told())?.0))
    })?;
    Ok(records.into_iter().chain(read).collect())
}

/// What is known of a file that has the same length and time of last change now.
fn same(known: Option<&FileRecord>, seen: &Entry<'_>) -> Option<FileRecord> {
    match *known? {
        FileRecord::File { blake3, size, modified_ns: at, .. }
            if (size, at) == (seen.size(), seen.modified_ns()) =>
        {
            Some(FileRecord::File { blake3, size, mode: seen.mode(), modified_ns: at })
        }
        _ => None,
    }
}

/// These files and links of a directory, as far as they are there, and which of them hold a text.
pub fn search(
    dir: &Utf8Path,
    paths: &[FilePath],
    text: &str,
) -> Result<BTreeMap<FilePath, Searched>, HostError> {
    let opened = open(CWD, dir.as_str()).at("list", dir)?;
    let needle = Finder::new(text);
    let found = parallel::each(paths, |path| {
        let (relative, told) = (path.as_str(), || dir.join(path));
        let file = match open_inside(&opened, relative, OFlags::RDONLY | OFlags::NONBLOCK) {
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(Errno::LOOP) => {
                let target = read_link(&opened, relative, told)?;
                return Ok(target.map(|target| {
                    let holds = target.as_str().contains(text);
                    Searched { record: FileRecord::Link { target }, holds }
                }));
            }
            file => File::from(file.at("read", told())?),
        };
        let metadata = file.metadata().at("read", told())?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let read = read_through(file, &metadata, Some(&needle)).at("read", told());
        read.map(|(record, holds)| Some(Searched { record, holds }))
    })?;
    let found = paths.iter().cloned().zip(found);
    Ok(found.filter_map(|(path, found)| Some((path, found?))).collect())
}

/// The SHA-256 of a regular file.
pub fn digest(path: &Utf8Path) -> Result<Digest, HostError> {
    let (mut file, _) = open_regular("read", path, OpenOptions::new().read(true))?;
    let mut digester = Digester::default();
    io::copy(&mut file, &mut digester).at("read", path)?;
    Ok(digester.finish())
}

/// Takes write permission from everything below a directory and from itself, and syncs its file
/// system. A file with other names (hard links) becomes a file of its own unless it is sealed
/// already: the others may lie outside, e.g. in a package cache, and are neither to be sealed nor to
/// change what is.
pub fn seal(dir: &Utf8Path) -> Result<(), HostError> {
    let mut directories = Vec::new();
    // From the top down: into what is ours already nobody else can put something else.
    owner::take(|| dir.to_owned(), &rustix::fs::lstat(dir.as_str()).at("seal", dir)?)?;
    walk(dir, &mut |entry| {
        entry.is_fit()?;
        owner::take(|| entry.path(), &entry.stat)?;
        match entry.kind() {
            // Closed last: in a sealed one, no file could be replaced.
            FileType::Directory => directories.push(entry.relative().into_owned()),
            FileType::RegularFile => seal_file(entry)?,
            _ => {}
        }
        Ok(Then::Enter)
    })?;
    let opened = open(CWD, dir.as_str()).at("seal", dir)?;
    for relative in &directories {
        files::set_dir_mode_at(&opened, relative, 0o555).at("seal", dir.join(relative))?;
    }
    files::set_dir_mode_at(&opened, ".", 0o555).at("seal", dir)?;
    sync::file_system(opened).at("sync", dir)
}

fn seal_file(entry: &Entry<'_>) -> Result<(), HostError> {
    if copy::is_sealed(&entry.stat) {
        // A second name of what is sealed elsewhere stays one: nobody can change either.
        return Ok(());
    }
    let mode = if entry.mode() & 0o111 == 0 { 0o444 } else { 0o555 };
    match entry.stat.st_nlink {
        0 | 1 => set_file_mode(&entry.path(), mode).at("seal", entry.path()),
        _ => copy::separate(&entry.path(), mode),
    }
}

fn set_file_mode(path: &Utf8Path, mode: u32) -> io::Result<()> {
    // Not through a descriptor of the file itself: its mode may not let us open it.
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(CWD, path.as_str(), flags, Mode::empty())?;
    super::remove::chmod_by_descriptor(&file, mode)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::super::scratch::{Scratch, mode_of};
    use super::super::whole;
    use super::*;
    use crate::digest::ContentDigest;

    fn sample() -> Scratch {
        let dir = Scratch::new();
        for (name, content, mode) in
            [("a", "abc", 0o640), ("b/tool", "", 0o755), (".git/x", "", 0o600)]
        {
            whole::create_dir(dir.join(name).parent().unwrap(), 0o755).unwrap();
            whole::write(&dir.join(name), content.as_bytes(), mode).unwrap();
        }
        whole::replace_link(&dir.join("b/link"), Utf8Path::new("/nowhere")).unwrap();
        dir
    }

    #[test]
    fn trees_record_files_and_links_by_relative_path() {
        let dir = sample();
        let records = tree(dir.path(), &[".git".to_owned()], &FileRecords::new()).unwrap();
        assert_eq!(
            records.keys().map(|path| path.as_str()).collect::<Vec<_>>(),
            ["a", "b/link", "b/tool"]
        );
        let FileRecord::File { blake3, size: 3, mode: 0o640, modified_ns } = records["a"] else {
            panic!("{records:?}");
        };
        assert_eq!(blake3, ContentDigest::of(b"abc"));
        let node = files::node(&dir.join("a")).unwrap();
        assert_eq!(node, crate::state::Node::File { mode: 0o640, size: 3, modified_ns });
        let link = FileRecord::Link { target: "/nowhere".into() };
        assert_eq!(records["b/link"], link);
        assert_eq!(digest(&dir.join("a")).unwrap(), Digest::of(b"abc"));
        assert!(digest(&dir.join("b/link")).is_err());
    }

    #[test]
    fn what_no_release_may_hold_is_refused_by_name() {
        use std::os::unix::ffi::OsStrExt;
        let dir = sample();
        let name = std::ffi::OsStr::from_bytes(b"bad\xff");
        let bad = dir.path().as_std_path().join(name);
        std::os::unix::fs::symlink("a", &bad).unwrap();
        assert_eq!(
            tree(dir.path(), &[], &FileRecords::new()).unwrap_err().source.to_string(),
            "its name is not UTF-8"
        );
        rustix::fs::unlink(&bad).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(dir.join("b/socket")).unwrap();
        let error = tree(dir.path(), &[], &FileRecords::new()).unwrap_err();
        assert_eq!(error.subject, dir.join("b/socket"));
        rustix::fs::unlink(dir.join("b/socket").as_str()).unwrap();
        let elsewhere = std::ffi::OsStr::from_bytes(b"else\xffwhere");
        std::os::unix::fs::symlink(elsewhere, dir.join("b/odd")).unwrap();
        let error = tree(dir.path(), &[], &FileRecords::new()).unwrap_err();
        assert_eq!(error.source.to_string(), "what it leads to is not UTF-8");
        assert!(
            tree(&dir.join("a"), &[], &FileRecords::new()).is_err()
                && tree(&dir.join("b/link"), &[], &FileRecords::new()).is_err()
        );
    }

    #[test]
    fn a_sealed_tree_has_no_write_permission_left() {
        let dir = sample();
        seal(&dir.join("b")).unwrap();
        seal(dir.path()).unwrap();
        for (name, mode) in [("", 0o555), ("a", 0o444), ("b", 0o555), ("b/tool", 0o555)] {
            assert_eq!(mode_of(&dir.join(name)), mode, "{name:?}");
        }
        super::super::remove::remove_tree(dir.path()).unwrap();
    }

    #[test]
    fn a_file_that_is_also_elsewhere_is_sealed_as_a_copy_and_nothing_else_changes() {
        let dir = sample();
        let (store, file) = (dir.join("store"), dir.join("b/closed/file"));
        for (mode, sealed) in [(0o640, 0o444), (0o750, 0o555)] {
            whole::write(&store, b"one", mode).unwrap();
            whole::create_dir(file.parent().unwrap(), 0o755).unwrap();
            for name in ["b/closed/file", "b/closed/again"] {
                rustix::fs::link(store.as_str(), dir.join(name).as_str()).unwrap();
            }
            files::set_dir_mode(file.parent().unwrap(), 0o555).unwrap();
            let before = tree(&dir.join("b"), &[], &FileRecords::new()).unwrap();
            seal(&dir.join("b")).unwrap();

            let (found, left) = (file.metadata().unwrap(), store.metadata().unwrap());
            assert_eq!((found.nlink(), left.nlink()), (1, 1));
            assert_eq!((mode_of(&file), mode_of(&store)), (sealed, mode));
            File::options().write(true).truncate(true).open(&store).unwrap();
            let mut after = tree(&dir.join("b"), &[], &FileRecords::new()).unwrap();
            assert_eq!(after.len(), before.len(), "nothing is left aside");
            for record in after.values_mut() {
                // Only the modes differ, and those are checked above.
                if let FileRecord::File { mode: found, .. } = record {
                    *found = mode;
                }
            }
            let path = "closed/file";
            assert_eq!(after[path], before[path], "content and time are kept");
            super::super::remove::remove_tree(&dir.join("b")).unwrap();
            whole::create_dir(&dir.join("b"), 0o755).unwrap();
        }
    }
}
