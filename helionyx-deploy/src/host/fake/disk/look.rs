//! What the reading calls of [`Look`](crate::host::Look) do on the fake disk. No I/O.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::io::Errno;

use super::{Disk, Kind};
use crate::digest::{ContentDigest, Digest};
use crate::host::{Cause, Searched};
use crate::release::{FilePath, FileRecord, FileRecords};
use crate::state::Node;

/// Longer content is shown by its digest.
const SHOWN_BYTES: usize = 80;

impl Disk {
    pub(in crate::host::fake) fn node(&self, path: &Utf8Path) -> Result<Node, Cause> {
        Ok(self.at(path)?.map_or(Node::Missing, node_of))
    }

    pub(in crate::host::fake) fn list(&self, path: &Utf8Path) -> Result<Vec<String>, Cause> {
        if self.at(path)?.is_none() {
            return Ok(Vec::new());
        }
        let dir = self.dir(path)?;
        let children = self.below(&dir).filter(|(path, _)| path.parent() == Some(&dir));
        Ok(children.filter_map(|(path, _)| path.file_name()).map(str::to_owned).collect())
    }

    pub(in crate::host::fake) fn nodes(
        &self,
        path: &Utf8Path,
    ) -> Result<BTreeMap<FilePath, Node>, Cause> {
        let dir = self.dir(path)?;
        let mut nodes = BTreeMap::new();
        for (path, kind) in self.below(&dir) {
            if let (Ok(relative), false) =
                (path.strip_prefix(&dir), matches!(kind, Kind::Dir { .. }))
            {
                nodes.insert(relative.to_owned().into(), node_of(kind));
            }
        }
        Ok(nodes)
    }

    pub(in crate::host::fake) fn read(
        &self,
        path: &Utf8Path,
        limit: u64,
    ) -> Result<Vec<u8>, Cause> {
        let content = self.file(path)?;
        if content.len() as u64 > limit {
            return Err(Cause::refused(format!("it is longer than {limit} bytes")));
        }
        Ok(content.to_vec())
    }

    pub(in crate::host::fake) fn tail(
        &self,
        path: &Utf8Path,
        limit: u64,
    ) -> Result<Vec<u8>, Cause> {
        if self.at(path)?.is_none() {
            return Ok(Vec::new());
        }
        let content = self.file(path)?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(content[content.len().saturating_sub(limit)..].to_vec())
    }

    /// The inode of a regular file, and its content; none where there is nothing.
    pub(in crate::host::fake) fn open(
        &self,
        path: &Utf8Path,
    ) -> Result<Option<(u64, Vec<u8>)>, Cause> {
        if self.at(path)?.is_none() {
            return Ok(None);
        }
        let content = self.file(path)?.to_vec();
        Ok(Some((self.resolve(path)?.1, content)))
    }

    /// The content of a regular file.
    pub(in crate::host::fake) fn file(&self, path: &Utf8Path) -> Result<&[u8], Cause> {
        match self.at(path)? {
            Some(Kind::File { content, .. }) => Ok(content),
            Some(Kind::Dir { .. }) => Err(Errno::ISDIR.into()),
            Some(Kind::Link { .. }) => Err(Cause::refused("it is a symbolic link")),
            Some(Kind::Other) => Err(Cause::refused("it is no regular file")),
            None => Err(Errno::NOENT.into()),
        }
    }

    pub(in crate::host::fake) fn tree(
        &self,
        path: &Utf8Path,
        exclude: &[String],
    ) -> Result<FileRecords, Cause> {
        let dir = self.dir(path)?;
        let mut records = FileRecords::new();
        for (path, kind) in self.below(&dir) {
            let Ok(relative) = path.strip_prefix(&dir) else { continue };
            if relative.iter().any(|name| exclude.iter().any(|excluded| excluded == name)) {
                continue;
            }
            if let Some(record) = record_of(relative, kind)? {
                records.insert(relative.to_owned().into(), record);
            }
        }
        Ok(records)
    }

    pub(in crate::host::fake) fn search(
        &self,
        dir: &Utf8Path,
        paths: &[FilePath],
        text: &str,
    ) -> Result<BTreeMap<FilePath, Searched>, Cause> {
        let mut all = BTreeMap::new();
        for (path, record) in self.tree(dir, &[])? {
            if !paths.contains(&path) {
                continue;
            }
            let holds = match &record {
                FileRecord::File { .. } => {
                    String::from_utf8_lossy(self.file(&dir.join(&path))?).contains(text)
                }
                FileRecord::Link { target } => target.as_str().contains(text),
            };
            all.insert(path, Searched { record, holds });
        }
        Ok(all)
    }

    /// Whether a file that a path leads to may be executed.
    pub(in crate::host::fake) fn is_executable(&self, place: &Utf8Path) -> bool {
        matches!(self.kind(place), Some(Kind::File { mode, .. }) if mode & 0o111 != 0)
    }

    /// One line for everything there is.
    pub(in crate::host::fake) fn describe(&self) -> String {
        let mut text = String::new();
        for (path, entry) in self.entries.iter().skip(1) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{path}{}", describe_kind(&entry.kind));
        }
        text
    }

    /// The place of a directory; a link to one is none.
    pub(super) fn dir(&self, path: &Utf8Path) -> Result<Utf8PathBuf, Cause> {
        let place = self.locate(path)?;
        match self.kind(&place) {
            Some(Kind::Dir { .. }) => Ok(place),
            Some(_) => Err(Errno::NOTDIR.into()),
            None => Err(Errno::NOENT.into()),
        }
    }

    /// What is at a path; nothing where a part of the path is missing or no directory.
    pub(super) fn at(&self, path: &Utf8Path) -> Result<Option<&Kind>, Cause> {
        match self.locate(path) {
            Ok(place) => Ok(self.kind(&place)),
            Err(error) if means_nothing_there(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Whether an error says that there is nothing at a path.
pub(super) fn means_nothing_there(error: &Cause) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn node_of(kind: &Kind) -> Node {
    match kind {
        Kind::Dir { mode, uid } => Node::Directory { mode: *mode, uid: *uid },
        Kind::File { mode, content, modified_ns } => {
            Node::File { mode: *mode, size: content.len() as u64, modified_ns: *modified_ns }
        }
        Kind::Link { target } => Node::Link { target: target.clone() },
        Kind::Other => Node::Other,
    }
}

fn record_of(relative: &Utf8Path, kind: &Kind) -> Result<Option<FileRecord>, Cause> {
    Ok(match kind {
        Kind::Dir { .. } => None,
        Kind::File { mode, content, modified_ns } => Some(FileRecord::File {
            blake3: ContentDigest::of(content),
            size: content.len() as u64,
            mode: *mode,
            modified_ns: *modified_ns,
        }),
        Kind::Link { target } => Some(FileRecord::Link { target: target.clone() }),
        Kind::Other => {
            let why = format!("`{relative}` is a device, socket or pipe");
            return Err(Cause::refused(why));
        }
    })
}

fn describe_kind(kind: &Kind) -> String {
    match kind {
        Kind::Dir { mode, .. } => format!("/ {mode:04o}"),
        Kind::File { mode, content, .. } => format!(" {mode:04o} {}", describe_content(content)),
        Kind::Link { target } => format!(" -> {target}"),
        Kind::Other => " (pipe)".to_owned(),
    }
}

fn describe_content(content: &[u8]) -> String {
    match std::str::from_utf8(content) {
        Ok(text) if content.len() <= SHOWN_BYTES => format!("{text:?}"),
        _ => format!("{} bytes, sha256 {}", content.len(), Digest::of(content).short()),
    }
}
