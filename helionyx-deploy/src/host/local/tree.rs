//! Whole trees: records of every file, and sealing. Does I/O.

use std::collections::BTreeMap;
use std::fs::{Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{CWD, Mode, OFlags};

use super::super::{HostError, Searched};
use super::context::Context;
use super::copy;
use super::files::{self, link_target, modified_ns, open_regular};
use super::parallel;
use super::search::{Needle, read_through};
use super::{owner, sync};
use crate::digest::{Digest, Digester};
use crate::release::{FilePath, FileRecord, FileRecords};

/// Every file and link below a directory, by relative path; without the entries, and all below
/// them, whose own name is in `exclude`; without reading what is as `known` has it.
pub fn tree(
    dir: &Utf8Path,
    exclude: &[String],
    known: &FileRecords,
) -> Result<FileRecords, HostError> {
    let (mut records, mut files) = (FileRecords::new(), Vec::new());
    walk(dir, exclude, &mut |entry, relative| {
        let record = match entry {
            Entry::Directory(..) => return Ok(()),
            Entry::Link(path, _) => FileRecord::Link { target: link_target(path)? },
            Entry::File(path, metadata) => match same(known.get(relative.as_str()), metadata) {
                Some(record) => record,
                None => {
                    files.push((relative.to_owned(), path.to_owned()));
                    return Ok(());
                }
            },
        };
        records.insert(relative.to_owned().into(), record);
        Ok(())
    })?;
    let read = parallel::each(&files, |(_, path)| Ok(read_through(path, None)?.0))?;
    records.extend(files.into_iter().map(|(relative, _)| relative.into()).zip(read));
    Ok(records)
}

/// What is known of a file that has the same length and time of last change now.
fn same(known: Option<&FileRecord>, metadata: &Metadata) -> Option<FileRecord> {
    match *known? {
        FileRecord::File { blake3, size, modified_ns: at, .. }
            if (size, at) == (metadata.len(), modified_ns(metadata)) =>
        {
            let mode = metadata.permissions().mode() & 0o7777;
            Some(FileRecord::File { blake3, size, mode, modified_ns: at })
        }
        _ => None,
    }
}

/// Every file and link at these places of a directory and below them, and which of them hold a text.
pub fn search(
    dir: &Utf8Path,
    places: &[Utf8PathBuf],
    text: &str,
) -> Result<BTreeMap<FilePath, Searched>, HostError> {
    dir.symlink_metadata().at("list", dir)?;
    let (mut all, mut files) = (BTreeMap::new(), Vec::new());
    let mut take = |entry: Entry<'_>, relative: &Utf8Path| {
        match entry {
            Entry::File(path, _) => files.push((relative.to_owned(), path.to_owned())),
            Entry::Link(path, _) => {
                let target = link_target(path)?;
                let holds = target.as_str().contains(text);
                let record = FileRecord::Link { target };
                all.insert(relative.to_owned().into(), Searched { record, holds });
            }
            Entry::Directory(..) => {}
        }
        Ok(())
    };
    for place in places {
        let path = dir.join(place);
        match path.symlink_metadata() {
            Err(error) if files::absent(&error) => {}
            Ok(metadata) if metadata.is_dir() => {
                walk(&path, &[], &mut |entry, below| take(entry, &place.join(below)))?;
            }
            found => take(entry(&path, &found.at("look at", &path)?)?, place)?,
        }
    }
    let needle = Needle::new(text.as_bytes());
    let read = parallel::each(&files, |(_, path)| {
        let (record, holds) = read_through(path, Some(&needle))?;
        Ok(Searched { record, holds })
    })?;
    all.extend(files.into_iter().map(|(relative, _)| relative.into()).zip(read));
    Ok(all)
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
    let mut directories = vec![dir.to_owned()];
    // From the top down: into what is ours already nobody else can put something else.
    owner::take(dir, &dir.symlink_metadata().at("seal", dir)?)?;
    walk(dir, &[], &mut |entry, _| match entry {
        Entry::File(path, metadata) => {
            owner::take(path, metadata)?;
            let mode = if executable(metadata) { 0o555 } else { 0o444 };
            // A second name of what is sealed elsewhere stays one: nobody can change either.
            if metadata.nlink() > 1 && !copy::is_sealed(metadata) {
                return copy::separate(path, mode);
            }
            match metadata.permissions().mode() & 0o7777 == mode {
                true => Ok(()),
                false => set_file_mode(path, mode).at("seal", path),
            }
        }
        // Closed last: in a sealed one, no file could be replaced.
        Entry::Directory(path, metadata) => {
            directories.push(path.to_owned());
            owner::take(path, metadata)
        }
        Entry::Link(path, metadata) => owner::take(path, metadata),
    })?;
    for path in directories {
        files::set_dir_mode(&path, 0o555).at("seal", &path)?;
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::openat(CWD, dir.as_str(), flags, Mode::empty()).at("sync", dir)?;
    sync::file_system(opened).at("sync", dir)
}

/// Whether anybody may execute it.
pub fn executable(metadata: &Metadata) -> bool {
    metadata.permissions().mode() & 0o111 != 0
}

enum Entry<'a> {
    File(&'a Utf8Path, &'a Metadata),
    Link(&'a Utf8Path, &'a Metadata),
    Directory(&'a Utf8Path, &'a Metadata),
}

/// Hands every entry below a directory, with its relative path, to `visit`.
fn walk(
    root: &Utf8Path,
    exclude: &[String],
    visit: &mut dyn FnMut(Entry<'_>, &Utf8Path) -> Result<(), HostError>,
) -> Result<(), HostError> {
    let metadata = root.symlink_metadata().at("list", root)?;
    if !metadata.is_dir() {
        return Err(HostError::refused("list", root, "it is no directory"));
    }
    let mut pending = vec![Utf8PathBuf::new()];
    while let Some(relative) = pending.pop() {
        // Joining an empty path would end in a slash.
        let dir = if relative.as_str().is_empty() { root.to_owned() } else { root.join(&relative) };
        for name in names(&dir)?.into_iter().filter(|name| !exclude.contains(name)) {
            let (path, below) = (dir.join(&name), relative.join(&name));
            let metadata = path.symlink_metadata().at("look at", &path)?;
            visit(entry(&path, &metadata)?, &below)?;
            if metadata.is_dir() {
                pending.push(below);
            }
        }
    }
    Ok(())
}

fn entry<'a>(path: &'a Utf8Path, metadata: &'a Metadata) -> Result<Entry<'a>, HostError> {
    if metadata.is_dir() {
        return Ok(Entry::Directory(path, metadata));
    }
    if metadata.is_symlink() {
        return Ok(Entry::Link(path, metadata));
    }
    if metadata.is_file() {
        return Ok(Entry::File(path, metadata));
    }
    Err(HostError::refused("take in", path, "it is a device, socket or pipe"))
}

fn names(dir: &Utf8Path) -> Result<Vec<String>, HostError> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).at("list", dir)? {
        let name = entry.at("list", dir)?.file_name().into_string().map_err(|name| {
            let path = std::path::Path::new(dir.as_str()).join(name);
            HostError::refused("take in", path.display(), "its name is not UTF-8")
        })?;
        names.push(name);
    }
    Ok(names)
}

fn set_file_mode(path: &Utf8Path, mode: u32) -> io::Result<()> {
    // Not through a descriptor of the file itself: its mode may not let us open it.
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(CWD, path.as_str(), flags, Mode::empty())?;
    super::remove::chmod_by_descriptor(&file, mode)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

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
