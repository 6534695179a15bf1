//! The files of a release as plain data: by their paths, with digests, and how they look. No I/O.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::digest::ContentDigest;
use crate::state::Node;

/// Files and links, by their paths inside a release.
pub type FileRecords = BTreeMap<FilePath, FileRecord>;

/// A path inside of a release. It is ordered by its text: paths by their components take ten times
/// as long to compare, and releases have thousands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FilePath(String);

impl From<Utf8PathBuf> for FilePath {
    fn from(path: Utf8PathBuf) -> FilePath {
        FilePath(path.into_string())
    }
}

impl From<String> for FilePath {
    fn from(path: String) -> FilePath {
        FilePath(path)
    }
}

impl From<&str> for FilePath {
    fn from(path: &str) -> FilePath {
        FilePath(path.to_owned())
    }
}

impl std::ops::Deref for FilePath {
    type Target = Utf8Path;

    fn deref(&self) -> &Utf8Path {
        Utf8Path::new(&self.0)
    }
}

impl AsRef<Utf8Path> for FilePath {
    fn as_ref(&self) -> &Utf8Path {
        self
    }
}

impl std::borrow::Borrow<str> for FilePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The list of a release's files, `release.files.json`, which lies beside the manifest: some ten
/// thousand files are a megabyte, and only what is in use is looked at file by file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileList {
    /// The digest of the list.
    pub list: ContentDigest,
    /// How all of them looked when they were sealed, the list included: see [`look_of`].
    pub look: ContentDigest,
    /// How many files and links it names.
    pub count: usize,
    /// How long they are together, in bytes.
    pub bytes: u64,
}

impl FileList {
    /// What stands for these files, of which `text` is the list, and which look like this.
    #[must_use]
    pub fn of(files: &FileRecords, text: &[u8], look: ContentDigest) -> FileList {
        let sizes = files.values().map(|record| match record {
            FileRecord::File { size, .. } => *size,
            FileRecord::Link { .. } => 0,
        });
        let (list, count) = (ContentDigest::of(text), files.len());
        FileList { list, look, count, bytes: sizes.sum() }
    }

    /// The files that a list names; none where it is not this one.
    #[must_use]
    pub fn read(&self, text: &[u8]) -> Option<FileRecords> {
        let same = ContentDigest::of(text) == self.list;
        same.then(|| serde_json::from_slice(text).ok()).flatten()
    }
}

/// How files and links look, in one digest: their paths, lengths, times of last change and targets.
/// What has the same look was hardly touched since, which is known without reading any of it; what is
/// no file and no link has no look, and is told from one.
#[must_use]
pub fn look_of(nodes: &BTreeMap<FilePath, Node>) -> ContentDigest {
    let mut text = String::new();
    for (path, node) in nodes {
        // Writing to a string cannot fail.
        let _ = match node {
            Node::File { size, modified_ns, .. } => write!(text, "{path}\0{size} {modified_ns}\0"),
            Node::Link { target } => write!(text, "{path}\0>{target}\0"),
            Node::Missing | Node::Directory { .. } | Node::Other => write!(text, "{path}\0?\0"),
        };
    }
    ContentDigest::of(text.as_bytes())
}

/// One file or symbolic link of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileRecord {
    /// A file.
    File {
        /// The digest of its content.
        blake3: ContentDigest,
        /// Its length in bytes.
        size: u64,
        /// Its permission bits, e.g. 0o555.
        mode: u32,
        /// When its content was last changed, in nanoseconds since 1970: with the length, a cheap
        /// sign that nobody has touched it since.
        modified_ns: i64,
    },
    /// A symbolic link.
    Link {
        /// What it points to.
        target: Utf8PathBuf,
    },
}

impl FileRecord {
    /// What is seen of it without reading it.
    #[must_use]
    pub fn node(&self) -> Node {
        match self {
            FileRecord::File { size, mode, modified_ns, .. } => {
                Node::File { mode: *mode, size: *size, modified_ns: *modified_ns }
            }
            FileRecord::Link { target } => Node::Link { target: target.clone() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_touched_added_or_removed_looks_otherwise() {
        let file = |size, modified_ns| Node::File { mode: 0o444, size, modified_ns };
        let link = |target: &str| Node::Link { target: target.into() };
        let nodes = |all: &[(&str, Node)]| -> BTreeMap<FilePath, Node> {
            all.iter().map(|(path, node)| (FilePath::from(*path), node.clone())).collect()
        };
        let all = [
            nodes(&[]),
            nodes(&[("a", file(1, 2))]),
            nodes(&[("a", file(1, 3))]),
            nodes(&[("a", file(12, 3))]),
            nodes(&[("a", file(1, 23))]),
            nodes(&[("b", file(1, 2))]),
            nodes(&[("a", link("1 2"))]),
            nodes(&[("a", Node::Other)]),
            nodes(&[("a", file(1, 2)), ("b", link("c"))]),
            nodes(&[("a", file(1, 2)), ("b", link("d"))]),
        ];
        let looks: std::collections::BTreeSet<_> = all.iter().map(look_of).collect();
        assert_eq!(looks.len(), all.len());
        let closed = nodes(&[("a", Node::File { mode: 0o400, size: 1, modified_ns: 2 })]);
        assert_eq!(look_of(&closed), look_of(&all[1]), "modes are no content");
    }

    #[test]
    fn paths_are_ordered_by_their_text_and_compared_by_their_parts() {
        let mut paths = ["a/b", "a.b", "a", "ab/c"].map(FilePath::from);
        paths.sort();
        assert_eq!(paths.each_ref().map(|path| path.as_str()), ["a", "a.b", "a/b", "ab/c"]);
        assert!(paths[2].starts_with("a") && !paths[3].starts_with("a"));
    }
}
