//! Real disks in the way: one that is full, one that is read-only, files that nobody may change.
//! Does I/O.

use std::fmt;

use anyhow::Result;
use fs_err::File;

use super::check::{self, Seen};
use super::inject::Choice;
use super::medium::run;
use super::operation::Operation;
use super::place::{Ended, Place};
use super::tally::Tally;
use crate::node::program;

/// How much is left on the disk, in KiB: from nothing to more than a release needs.
const LEFT: [u64; 24] = [
    0, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 64, 96, 128, 256, 512, 1024, 1400, 1480, 1500, 1520,
    1540, 1600, 2200,
];

/// What stands in the way when it cannot be changed, below the disk.
const IN_THE_WAY: [&str; 10] = [
    "root",
    "root/releases",
    "root/verified",
    "root/journal.jsonl",
    "root/journal.head",
    "root/lock",
    "root/log",
    "root/log/web.log",
    "root/shared",
    "data",
];

/// What is in the way of a deploy.
#[derive(Clone, Copy)]
enum Obstacle {
    /// So many KiB are left on the disk.
    Full(u64),
    /// Nothing can be written.
    ReadOnly,
    /// This file or directory has this attribute.
    Attribute(&'static str, char),
}

/// A deploy in each of these states; whether all was as it must be.
pub fn sweep(place: &Place, choice: Choice) -> Result<bool> {
    Operation::Prune.prepare(place)?;
    let attributes = |path| ['i', 'a'].map(|flag| Obstacle::Attribute(path, flag));
    let mut all: Vec<_> = LEFT.into_iter().map(Obstacle::Full).collect();
    all.push(Obstacle::ReadOnly);
    all.extend(IN_THE_WAY.into_iter().flat_map(attributes));
    let mut tally = Tally::new("full");
    for number in choice.of(all.len()) {
        let Some(obstacle) = all.get(number - 1) else { break };
        tally.tried += 1;
        let found = one(place, *obstacle, &mut tally)?;
        let repeat = format!("cargo xtask sweep full --at {number}");
        tally.note(&obstacle.to_string(), &repeat, &found);
        tally.progress(all.len());
    }
    Ok(tally.end())
}

impl Obstacle {
    /// Puts it in the way.
    fn put(self, place: &Place) -> Result<()> {
        match self {
            Obstacle::Full(left) => fill(place, left),
            Obstacle::ReadOnly => {
                // As long as the service can write to it, the kernel refuses.
                place.end()?;
                place.medium.set_read_only(true)
            }
            Obstacle::Attribute(path, flag) => chattr(place, &format!("+{flag}"), path),
        }
    }

    /// Takes it away again.
    fn clear(self, place: &Place) -> Result<()> {
        match self {
            Obstacle::Full(_) => Ok(fs_err::remove_file(place.beside("disk/ballast"))?),
            Obstacle::ReadOnly => place.medium.set_read_only(false),
            Obstacle::Attribute(path, flag) => chattr(place, &format!("-{flag}"), path),
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::Full(left) => write!(f, "{left} KiB left on a disk of 8 MB"),
            Obstacle::ReadOnly => f.write_str("a read-only disk"),
            Obstacle::Attribute(path, flag) => write!(f, "`chattr +{flag}` on {path}"),
        }
    }
}

fn chattr(place: &Place, word: &str, path: &str) -> Result<()> {
    run(duct::cmd!(program("chattr")?, word, place.beside("disk").join(path)))
}

/// A deploy with something in its way, and the next one without.
fn one(place: &Place, obstacle: Obstacle, tally: &mut Tally) -> Result<Vec<String>> {
    let before = Operation::Prune.begin(place)?;
    obstacle.put(place)?;
    let before = Seen { running: check::look(place)?.running, ..before };
    let ended = Operation::Prune.run(place, &[]);
    let seen = check::look(place);
    obstacle.clear(place)?;
    let (ended, seen) = (ended?, seen?);
    tally.fired += usize::from(ended.code != Some(0));
    let mut found = truth(&ended, &seen, &before);
    found.extend(check::instant(place, &before, true)?);
    let again = place.run(&["deploy", "--env", "dev"])?;
    if again.code != Some(0) {
        found.push(format!("I7: the next one ends with {:?}: {}", again.code, again.said));
    }
    found.extend(check::instant(place, &before, true)?);
    found.extend(check::settled(place, true)?);
    let last = place.run(&["deploy", "--env", "dev"])?;
    if last.outcome() != "unchanged" {
        found.push(format!("I7: once more, it is `{}`: {}", last.outcome(), last.said));
    }
    Ok(found)
}

/// I8. What stays in the way may also be in the way back: then it must say so (7), and `current`
/// must name the release before.
fn truth(ended: &Ended, seen: &Seen, before: &Seen) -> Vec<String> {
    let runs = seen.running.len() == 1 && seen.running.first() == seen.current.as_ref();
    let same = seen.current == before.current;
    let is_so = match ended.code {
        Some(0) => runs && !same,
        Some(1) => same && seen.running == before.running,
        Some(6) => runs && same,
        Some(7) => true,
        _ => false,
    };
    let error = ended.report["error"].as_str().unwrap_or(&ended.said);
    let text = format!(
        "I8: exit code {:?} ({error}), current {:?}, running {:?}",
        ended.code, seen.current, seen.running
    );
    if is_so { Vec::new() } else { vec![text] }
}

/// Leaves so much on the disk.
fn fill(place: &Place, left_kib: u64) -> Result<()> {
    let path = place.beside("disk/ballast");
    let ballast = File::create(&path)?;
    let found = rustix::fs::statvfs(place.root())?;
    let size = (found.f_bavail * found.f_frsize).saturating_sub(left_kib << 10);
    let flags = rustix::fs::FallocateFlags::empty();
    let mut size = size.max(4096);
    // What the file system needs to know of the file itself is taken from the same space.
    while rustix::fs::fallocate(&ballast, flags, 0, size).is_err() && size > 4096 {
        size -= 4096;
    }
    Ok(())
}
