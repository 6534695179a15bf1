//! What a [`Change`](crate::host::Change) does on the fake disk. No I/O.

use std::collections::BTreeMap;
use std::io;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use rustix::io::Errno;

use super::look::means_nothing_there;
use super::{Disk, Kind};
use crate::host::Cause;
use crate::host::fake::fault::Extent;
use crate::release::{FilePath, FileRecords};
use crate::state::{Account, Node};

/// Memory is dearer than disk: no file is made longer than this by cutting it.
const MAX_LENGTH: u64 = 64 * 1024 * 1024;

impl Disk {
    pub(in crate::host::fake) fn create_dir(
        &mut self,
        path: &Utf8Path,
        mode: u32,
        owner: Option<Account>,
    ) -> Result<(), Cause> {
        let is_new = self.node(path)? == Node::Missing;
        self.make_dir(path, mode)?;
        let place = self.locate(path)?;
        let entry = self.entries.get_mut(&place).filter(|_| is_new);
        if let (Some(owner), Some(Kind::Dir { uid, .. })) =
            (owner, entry.map(|entry| &mut entry.kind))
        {
            *uid = owner.uid;
        }
        Ok(())
    }

    fn make_dir(&mut self, path: &Utf8Path, mode: u32) -> Result<(), Cause> {
        let mut above: Vec<&Utf8Path> = path.ancestors().collect();
        above.reverse();
        for dir in above {
            let place = self.locate(dir)?;
            match self.kind(&place) {
                Some(Kind::Dir { .. }) => {}
                None => self.insert(place, Kind::Dir { mode: mode & 0o7777, uid: 0 }),
                Some(Kind::Link { .. }) if dir != path => {
                    self.follow(&place).and_then(|place| self.dir(&place))?;
                }
                Some(_) if dir == path => return Err(Cause::refused("it is no directory")),
                Some(_) => return Err(Errno::NOTDIR.into()),
            }
        }
        Ok(())
    }

    pub(in crate::host::fake) fn write(
        &mut self,
        path: &Utf8Path,
        content: &[u8],
        mode: u32,
    ) -> Result<(), Cause> {
        let place = self.place_for_new(path)?;
        match self.kind(&place) {
            Some(Kind::Dir { .. }) => Err(Errno::ISDIR.into()),
            _ => {
                self.insert_file(place, content.to_vec(), mode);
                Ok(())
            }
        }
    }

    pub(in crate::host::fake) fn append(
        &mut self,
        path: &Utf8Path,
        content: &[u8],
        extent: Extent,
    ) -> Result<(), Cause> {
        let added = &content[..extent.of(content.len())];
        let place = self.place_for_new(path)?;
        if self.kind(&place).is_none() {
            self.insert_file(place, added.to_vec(), 0o600);
            return Ok(());
        }
        self.edit(path, |content| content.extend_from_slice(added))
    }

    pub(in crate::host::fake) fn truncate(
        &mut self,
        path: &Utf8Path,
        length: u64,
    ) -> Result<(), Cause> {
        if length > MAX_LENGTH {
            return Err(Errno::FBIG.into());
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.edit(path, |content| content.resize(length, 0))
    }

    pub(in crate::host::fake) fn replace_link(
        &mut self,
        path: &Utf8Path,
        target: &Utf8Path,
    ) -> Result<(), Cause> {
        let place = self.place_for_new(path)?;
        match self.kind(&place) {
            None | Some(Kind::Link { .. }) => {
                self.insert(place, Kind::Link { target: target.to_owned() });
                Ok(())
            }
            Some(_) => Err(Cause::refused("what is there is no symbolic link")),
        }
    }

    pub(in crate::host::fake) fn remove(&mut self, path: &Utf8Path) -> Result<(), Cause> {
        let place = match self.locate(path) {
            Err(error) if means_nothing_there(&error) => return Ok(()),
            other => other?,
        };
        if self.is_dir(&place) {
            return Err(Errno::ISDIR.into());
        }
        self.entries.remove(&place);
        Ok(())
    }

    /// Removes files in the order of their paths, then directories from the deepest up. A real
    /// machine removes in any order: this is the one in which marks that begin with a dot go
    /// first, so that nobody comes to rely on them being left.
    pub(in crate::host::fake) fn remove_tree(
        &mut self,
        path: &Utf8Path,
        extent: Extent,
    ) -> Result<(), Cause> {
        let dir = match self.at(path)? {
            None => return Ok(()),
            Some(Kind::Dir { .. }) => self.dir(path)?,
            Some(_) => return Err(Cause::refused("it is no directory")),
        };
        let all = std::iter::once(&dir).chain(self.below(&dir).map(|(path, _)| path)).cloned();
        let (mut dirs, mut order): (Vec<_>, Vec<_>) = all.partition(|path| self.is_dir(path));
        dirs.reverse();
        order.append(&mut dirs);
        for path in &order[..extent.of(order.len())] {
            self.entries.remove(path);
        }
        Ok(())
    }

    pub(in crate::host::fake) fn copy(
        &mut self,
        from: &Utf8Path,
        to: &Utf8Path,
        paths: &[FilePath],
        extent: Extent,
    ) -> Result<(), Cause> {
        let (from, to) = (self.dir(from)?, self.dir(to)?);
        for path in &paths[..extent.of(paths.len())] {
            check_inside(path)?;
            let found = self.locate(&from.join(path))?;
            let kind = match self.kind(&found).ok_or(Errno::NOENT)? {
                Kind::File { mode, content, .. } => {
                    let mode = if mode & 0o111 == 0 { 0o644 } else { 0o755 };
                    Kind::File { mode, content: content.clone(), modified_ns: 0 }
                }
                Kind::Link { target } => Kind::Link { target: target.clone() },
                Kind::Dir { .. } => return Err(Errno::ISDIR.into()),
                Kind::Other => return Err(Cause::refused("it is no regular file")),
            };
            self.place_inside(&to, path, kind)?;
        }
        Ok(())
    }

    pub(in crate::host::fake) fn adopt_renamed(
        &mut self,
        from: &Utf8Path,
        to: &Utf8Path,
        paths: &[FilePath],
        (old, new): (&str, &str),
        extent: Extent,
    ) -> Result<FileRecords, Cause> {
        self.copy(from, to, paths, extent)?;
        let to = self.dir(to)?;
        for path in &paths[..extent.of(paths.len())] {
            let found = self.locate(&to.join(path))?;
            match self.entries.get_mut(&found).map(|entry| &mut entry.kind) {
                Some(Kind::File { content, .. }) => {
                    if let Ok(text) = std::str::from_utf8(content) {
                        *content = text.replace(old, new).into_bytes();
                    }
                }
                Some(Kind::Link { target }) => *target = target.as_str().replace(old, new).into(),
                _ => {}
            }
        }
        let mut records = self.tree(&to, &[])?;
        records.retain(|path, _| paths.contains(path));
        Ok(records)
    }

    /// A fake archive is a JSON object of contents by path.
    pub(in crate::host::fake) fn unpack(
        &mut self,
        archive: &Utf8Path,
        to: &Utf8Path,
        extent: Extent,
    ) -> Result<(), Cause> {
        if ![".tar", ".tar.gz", ".tgz"].iter().any(|ending| archive.as_str().ends_with(ending)) {
            return Err(Cause::refused("it is no .tar, .tar.gz or .tgz"));
        }
        let files: BTreeMap<Utf8PathBuf, String> = serde_json::from_slice(self.file(archive)?)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let to = self.dir(to)?;
        for (path, content) in files.iter().take(extent.of(files.len())) {
            check_inside(path)?;
            let content = content.clone().into_bytes();
            self.place_inside(&to, path, Kind::File { mode: 0o755, content, modified_ns: 0 })?;
        }
        Ok(())
    }

    /// Seals from the deepest up, so that the directory itself is sealed last.
    pub(in crate::host::fake) fn seal(
        &mut self,
        path: &Utf8Path,
        extent: Extent,
    ) -> Result<(), Cause> {
        let dir = self.dir(path)?;
        let mut places: Vec<Utf8PathBuf> = self.below(&dir).map(|(path, _)| path.clone()).collect();
        places.insert(0, dir);
        places.reverse();
        for place in &places[..extent.of(places.len())] {
            match self.entries.get_mut(place).map(|entry| &mut entry.kind) {
                Some(Kind::Dir { mode, .. }) => *mode = 0o555,
                Some(Kind::File { mode, .. }) => {
                    *mode = if *mode & 0o111 == 0 { 0o444 } else { 0o555 };
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The place of a path whose directory exists.
    fn place_for_new(&self, path: &Utf8Path) -> Result<Utf8PathBuf, Cause> {
        let place = self.locate(path)?;
        match place.parent() {
            Some(parent) if !self.entries.contains_key(parent) => Err(Errno::NOENT.into()),
            Some(parent) if !self.is_dir(parent) => Err(Errno::NOTDIR.into()),
            _ => Ok(place),
        }
    }

    /// The place of a lock's file: a regular one, or none yet.
    pub(in crate::host::fake) fn lock_place(&self, path: &Utf8Path) -> Result<Utf8PathBuf, Cause> {
        let place = self.place_for_new(path)?;
        if self.entries.contains_key(&place) {
            self.file(&place)?;
        }
        Ok(place)
    }

    /// Changes a regular file in its place: it keeps its inode.
    fn edit(&mut self, path: &Utf8Path, change: impl FnOnce(&mut Vec<u8>)) -> Result<(), Cause> {
        self.file(path)?;
        let place = self.locate(path)?;
        let now = self.next_modified_ns();
        if let Some(Kind::File { content, modified_ns, .. }) =
            self.entries.get_mut(&place).map(|entry| &mut entry.kind)
        {
            change(content);
            *modified_ns = now;
        }
        Ok(())
    }

    fn place_inside(&mut self, to: &Utf8Path, path: &Utf8Path, kind: Kind) -> Result<(), Cause> {
        let target = to.join(path);
        if let Some(parent) = target.parent() {
            self.make_dir(parent, 0o755)?;
        }
        let place = self.locate(&target)?;
        match kind {
            _ if self.is_dir(&place) => return Err(Errno::ISDIR.into()),
            Kind::File { mode, content, .. } => self.insert_file(place, content, mode),
            other => self.insert(place, other),
        }
        Ok(())
    }
}

fn check_inside(path: &Utf8Path) -> Result<(), Cause> {
    let plain = path.components().all(|part| matches!(part, Utf8Component::Normal(_)));
    if plain && !path.as_str().is_empty() {
        return Ok(());
    }
    Err(Cause::refused(format!("`{path}` lies outside of the directory")))
}
