//! The fake machine's disk: directories, files and links in a map. No I/O.

use std::collections::BTreeMap;
use std::ops::Bound;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use rustix::io::Errno;

use crate::host::Cause;

mod change;
mod look;

/// The disk of a [`FakeHost`](super::FakeHost), as fake programs see it.
///
/// What the methods here put in place makes its own way: missing parents are made (0755), and
/// whatever stands at the path or in the place of a parent is replaced. Paths are absolute.
#[derive(Debug)]
pub struct Disk {
    entries: BTreeMap<Utf8PathBuf, Entry>,
    /// The time of day, in nanoseconds since 1970.
    now_ns: i64,
    last_modified_ns: i64,
    last_inode: u64,
}

/// One thing on the disk.
#[derive(Debug)]
struct Entry {
    /// Another one after each replacement: tells a running program that its file is gone even
    /// when another lies at the same path.
    inode: u64,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Dir { mode: u32, uid: u32 },
    File { mode: u32, content: Vec<u8>, modified_ns: i64 },
    Link { target: Utf8PathBuf },
    Other,
}

/// As many links as Linux follows in one path.
const MAX_LINKS: usize = 40;

impl Default for Disk {
    fn default() -> Self {
        let root = Entry { inode: 1, kind: Kind::Dir { mode: 0o755, uid: 0 } };
        Disk {
            entries: BTreeMap::from([(Utf8PathBuf::from("/"), root)]),
            now_ns: 0,
            last_modified_ns: 0,
            last_inode: 1,
        }
    }
}

impl Disk {
    /// Puts a file in place with these permission bits.
    pub fn put_file(&mut self, path: impl AsRef<Utf8Path>, content: impl AsRef<[u8]>, mode: u32) {
        let place = self.make_way(path.as_ref());
        self.insert_file(place, content.as_ref().to_vec(), mode);
    }

    /// Puts a directory in place (0755); one that is there stays as it is.
    pub fn put_dir(&mut self, path: impl AsRef<Utf8Path>) {
        self.make_dirs(path.as_ref());
    }

    /// Puts a symbolic link in place.
    pub fn put_link(&mut self, path: impl AsRef<Utf8Path>, target: impl AsRef<Utf8Path>) {
        let place = self.make_way(path.as_ref());
        self.insert(place, Kind::Link { target: target.as_ref().to_owned() });
    }

    /// Puts in place what is neither file, directory nor link.
    pub fn put_pipe(&mut self, path: impl AsRef<Utf8Path>) {
        let place = self.make_way(path.as_ref());
        self.insert(place, Kind::Other);
    }

    /// The text of a file, through links; none where there is no file or no UTF-8 in it.
    #[must_use]
    pub fn read_text(&self, path: impl AsRef<Utf8Path>) -> Option<String> {
        let place = self.follow(path.as_ref()).ok()?;
        match self.kind(&place)? {
            Kind::File { content, .. } => String::from_utf8(content.clone()).ok(),
            _ => None,
        }
    }

    /// Whether anything is at this path, be it a link to nothing.
    #[must_use]
    pub fn exists(&self, path: impl AsRef<Utf8Path>) -> bool {
        self.locate(path.as_ref()).is_ok_and(|place| self.entries.contains_key(&place))
    }

    /// All paths but `/`, sorted.
    #[must_use]
    pub fn paths(&self) -> Vec<Utf8PathBuf> {
        self.entries.keys().skip(1).cloned().collect()
    }

    /// Deletes what is at this path, with all below it; a link, not what it points to.
    pub fn delete(&mut self, path: impl AsRef<Utf8Path>) {
        if let Ok(place) = self.locate(path.as_ref()) {
            self.clear(&place);
        }
    }

    /// Tells the time of day, in nanoseconds since 1970: what is written from now on bears it.
    pub(super) fn set_time(&mut self, now_ns: i64) {
        self.now_ns = now_ns;
    }

    /// Where a path leads, through links in its last part too, and the inode that is there.
    pub(super) fn resolve(&self, path: &Utf8Path) -> Result<(Utf8PathBuf, u64), Cause> {
        let place = self.follow(path)?;
        let inode = self.entries.get(&place).ok_or(Errno::NOENT)?.inode;
        Ok((place, inode))
    }

    /// The place of a path: links are followed in all parts but the last.
    fn locate(&self, path: &Utf8Path) -> Result<Utf8PathBuf, Cause> {
        self.walk(path, Last::Keep)
    }

    /// The place that a path leads to: links are followed in all parts.
    fn follow(&self, path: &Utf8Path) -> Result<Utf8PathBuf, Cause> {
        self.walk(path, Last::Follow)
    }

    fn walk(&self, path: &Utf8Path, last: Last) -> Result<Utf8PathBuf, Cause> {
        if !path.is_absolute() {
            return Err(Errno::INVAL.into());
        }
        let mut here = Utf8PathBuf::from("/");
        let mut parts = parts_reversed(path);
        let mut links = 0;
        while let Some(part) = parts.pop() {
            if part == ".." {
                here.pop();
                continue;
            }
            let next = here.join(part);
            if parts.is_empty() && last == Last::Keep {
                return Ok(next);
            }
            match self.kind(&next) {
                Some(Kind::Link { target }) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(Errno::LOOP.into());
                    }
                    if target.is_absolute() {
                        here = Utf8PathBuf::from("/");
                    }
                    parts.extend(parts_reversed(target));
                }
                Some(Kind::Dir { .. }) => here = next,
                _ if parts.is_empty() => here = next,
                Some(_) => return Err(Errno::NOTDIR.into()),
                None => return Err(Errno::NOENT.into()),
            }
        }
        Ok(here)
    }

    fn kind(&self, place: &Utf8Path) -> Option<&Kind> {
        self.entries.get(place).map(|entry| &entry.kind)
    }

    fn is_dir(&self, place: &Utf8Path) -> bool {
        matches!(self.kind(place), Some(Kind::Dir { .. }))
    }

    /// What lies below a directory, parents first.
    fn below<'a>(&'a self, dir: &'a Utf8Path) -> impl Iterator<Item = (&'a Utf8PathBuf, &'a Kind)> {
        let range = (Bound::Excluded(dir), Bound::Unbounded);
        let rest = self.entries.range::<Utf8Path, _>(range);
        rest.take_while(move |(path, _)| path.starts_with(dir))
            .map(|(path, entry)| (path, &entry.kind))
    }

    fn insert(&mut self, place: Utf8PathBuf, kind: Kind) {
        self.last_inode += 1;
        self.entries.insert(place, Entry { inode: self.last_inode, kind });
    }

    fn insert_file(&mut self, place: Utf8PathBuf, content: Vec<u8>, mode: u32) {
        let modified_ns = self.next_modified_ns();
        self.insert(place, Kind::File { mode: mode & 0o7777, content, modified_ns });
    }

    /// Later with every write, also when the clock stands still or goes back: a change of content
    /// must never go unseen.
    fn next_modified_ns(&mut self) -> i64 {
        self.last_modified_ns = self.now_ns.max(self.last_modified_ns + 1);
        self.last_modified_ns
    }

    fn clear(&mut self, place: &Utf8Path) {
        self.entries.retain(|path, _| !path.starts_with(place) || path == "/");
    }

    /// Clears the place of a path, and makes what must be above it.
    fn make_way(&mut self, path: &Utf8Path) -> Utf8PathBuf {
        let parent = self.make_dirs(path.parent().unwrap_or(path));
        let place = path.file_name().map_or_else(|| parent.clone(), |name| parent.join(name));
        self.clear(&place);
        place
    }

    fn make_dirs(&mut self, path: &Utf8Path) -> Utf8PathBuf {
        let mut here = Utf8PathBuf::from("/");
        for part in parts_reversed(path).into_iter().rev() {
            let next = here.join(part);
            here = match self.follow(&next) {
                Ok(place) if self.is_dir(&place) => place,
                _ => {
                    self.clear(&next);
                    self.insert(next.clone(), Kind::Dir { mode: 0o755, uid: 0 });
                    next
                }
            };
        }
        here
    }
}

/// Whether a link in the last part of a path is followed.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    Keep,
    Follow,
}

fn parts_reversed(path: &Utf8Path) -> Vec<String> {
    let parts = path.components().rev().filter_map(|component| match component {
        Utf8Component::Normal(name) => Some(name.to_owned()),
        Utf8Component::ParentDir => Some("..".to_owned()),
        Utf8Component::RootDir | Utf8Component::CurDir | Utf8Component::Prefix(_) => None,
    });
    parts.collect()
}
