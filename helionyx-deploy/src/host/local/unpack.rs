//! Unpacks archives that nobody has looked at yet. Does I/O, only below the given directory.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{self, BufReader, Read, Seek};

use camino::{Utf8Path, Utf8PathBuf};
use flate2::read::MultiGzDecoder;
use tar::EntryType;

use super::super::{Cause, HostError};
use super::context::Context;
use super::copy::new_file;
use super::files::open_regular;
use super::place::{Place, inside};

/// How many entries an archive may have.
pub const ENTRY_LIMIT: u64 = 200_000;
/// How many bytes an archive may unpack to.
pub const SIZE_LIMIT: u64 = 4 * 1024 * 1024 * 1024;
/// How many bytes may describe one entry: its name and the like, which are held in memory.
const HEADER_LIMIT: u64 = 1024 * 1024;

/// Unpacks an archive into an existing directory, or refuses it; what was unpacked until then
/// stays there.
///
/// Durable only once the tree is sealed.
pub fn unpack(archive: &Utf8Path, to: &Utf8Path) -> Result<(), HostError> {
    unpack_within(archive, to, Limits { entries: ENTRY_LIMIT, bytes: SIZE_LIMIT })
}

#[derive(Clone, Copy)]
struct Limits {
    entries: u64,
    bytes: u64,
}

fn unpack_within(archive: &Utf8Path, to: &Utf8Path, limits: Limits) -> Result<(), HostError> {
    let (mut file, _) = open_regular("unpack", archive, OpenOptions::new().read(true))?;
    let mut magic = Vec::new();
    (&mut file).take(2).read_to_end(&mut magic).at("unpack", archive)?;
    file.rewind().at("unpack", archive)?;
    let plain = BufReader::new(file);
    if magic == [0x1f, 0x8b] {
        return unpack_tar(archive, MultiGzDecoder::new(plain), to, limits);
    }
    unpack_tar(archive, plain, to, limits)
}

fn unpack_tar(
    archive: &Utf8Path,
    reader: impl Read,
    to: &Utf8Path,
    limits: Limits,
) -> Result<(), HostError> {
    let budget = Cell::new(HEADER_LIMIT);
    let mut tar = tar::Archive::new(Metered { reader, budget: &budget });
    let mut unpacking = Unpacking {
        to,
        place: Place::below(to)?,
        files: BTreeSet::new(),
        others: BTreeSet::new(),
        bytes_left: limits.bytes,
    };
    let mut count = 0;
    for entry in tar.entries().at("unpack", archive)? {
        let mut entry = entry.at("unpack", archive)?;
        count += 1;
        if count > limits.entries {
            let why = format!("it has more than {} entries", limits.entries);
            return Err(HostError::refused("unpack", archive, why));
        }
        budget.set(u64::MAX);
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        unpacking.take(&mut entry).map_err(|error| within(archive, &name, error))?;
        budget.set(HEADER_LIMIT);
    }
    if count == 0 {
        return Err(HostError::refused("unpack", archive, "it has no entries"));
    }
    Ok(())
}

/// Stops reading where more is asked for than was allowed.
struct Metered<'a, R> {
    reader: R,
    budget: &'a Cell<u64>,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        match self.budget.get().checked_sub(count as u64) {
            Some(left) => self.budget.set(left),
            None => return Err(io::Error::other("the description of an entry is too long")),
        }
        Ok(count)
    }
}

/// Why an entry is not unpacked.
enum Refusal {
    Words(&'static str),
    Host(HostError),
}

impl From<HostError> for Refusal {
    fn from(error: HostError) -> Refusal {
        Refusal::Host(error)
    }
}

fn within(archive: &Utf8Path, entry: &str, refusal: Refusal) -> HostError {
    let cause = match refusal {
        Refusal::Words(why) => Cause::refused(format!("entry {entry:?} {why}")),
        Refusal::Host(error) => {
            let why = format!("entry {entry:?}: {error}: {}", error.source);
            match error.source {
                Cause::Machine(error) => io::Error::new(error.kind(), why).into(),
                Cause::Refused(_) => Cause::Refused(why),
            }
        }
    };
    HostError::new("unpack", archive, cause)
}

struct Unpacking<'a> {
    to: &'a Utf8Path,
    place: Place<'a>,
    files: BTreeSet<Utf8PathBuf>,
    others: BTreeSet<Utf8PathBuf>,
    bytes_left: u64,
}

const OUTSIDE: Refusal = Refusal::Words("lies outside of the archive");
const LINK_OUTSIDE: Refusal = Refusal::Words("is a link that leads outside of the archive");

impl Unpacking<'_> {
    fn take<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>) -> Result<(), Refusal> {
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            return Ok(());
        }
        let path = utf8(&entry.path_bytes()).and_then(|path| inside(&path).ok_or(OUTSIDE))?;
        match kind {
            EntryType::Directory => return Ok(self.directory(&path)?),
            _ if path.as_str().is_empty() => return Err(OUTSIDE),
            _ => {}
        }
        if self.files.contains(&path) || self.others.contains(&path) {
            return Err(Refusal::Words("is there twice"));
        }
        match kind {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                self.file(path, entry)
            }
            EntryType::Symlink => self.symlink(path, &target(entry)?),
            EntryType::Link => self.hard_link(path, &target(entry)?),
            _ => Err(Refusal::Words("is neither file, directory nor link")),
        }
    }

    fn directory(&mut self, path: &Utf8Path) -> Result<(), HostError> {
        self.place.directory(path)
    }

    fn file<R: Read>(
        &mut self,
        path: Utf8PathBuf,
        entry: &mut tar::Entry<'_, R>,
    ) -> Result<(), Refusal> {
        let size = entry.size();
        let Some(left) = self.bytes_left.checked_sub(size) else {
            return Err(Refusal::Words("makes the archive unpack to more than the limit"));
        };
        self.bytes_left = left;
        let executable = entry.header().mode().is_ok_and(|mode| mode & 0o111 != 0);
        let full = self.place.prepare(&path)?;
        let mut file = new_file(&full, executable)?;
        let written = io::copy(entry, &mut file).at("write", &full)?;
        if written != size {
            return Err(Refusal::Words("is cut short"));
        }
        self.files.insert(path);
        Ok(())
    }

    fn symlink(&mut self, path: Utf8PathBuf, target: &str) -> Result<(), Refusal> {
        if !stays_inside(&path, target) {
            return Err(LINK_OUTSIDE);
        }
        let full = self.place.prepare(&path)?;
        rustix::fs::symlink(target, full.as_str()).at("link", &full)?;
        self.others.insert(path);
        Ok(())
    }

    /// Only to a file that this archive brought: nothing else can be meant.
    fn hard_link(&mut self, path: Utf8PathBuf, target: &str) -> Result<(), Refusal> {
        let target = inside(target).ok_or(LINK_OUTSIDE)?;
        if !self.files.contains(&target) {
            return Err(Refusal::Words("is a link to no file of the archive"));
        }
        let (full, existing) = (self.place.prepare(&path)?, self.to.join(&target));
        rustix::fs::link(existing.as_str(), full.as_str()).at("link", &full)?;
        self.files.insert(path);
        Ok(())
    }
}

fn target<R: Read>(entry: &tar::Entry<'_, R>) -> Result<String, Refusal> {
    let target = entry.link_name_bytes().ok_or(Refusal::Words("is a link to nothing"))?;
    utf8(&target)
}

fn utf8(bytes: &[u8]) -> Result<String, Refusal> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Refusal::Words("has a name that is not UTF-8"))
}

/// Whether a link at this path stays inside.
///
/// `..` counts only at the begin of its target, where it climbs from a real directory; further on
/// it could climb from wherever another link leads.
fn stays_inside(path: &Utf8Path, target: &str) -> bool {
    let mut rest = target;
    let mut depth = path.components().count() - 1;
    while let Some(above) = rest.strip_prefix("..").filter(|r| r.is_empty() || r.starts_with('/')) {
        let Some(less) = depth.checked_sub(1) else {
            return false;
        };
        depth = less;
        rest = above.trim_start_matches('/');
    }
    !target.is_empty() && (rest.is_empty() || inside(rest).is_some())
}

#[cfg(test)]
mod tests;
