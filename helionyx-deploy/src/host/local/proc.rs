//! Reads processes from /proc. Does I/O, and changes nothing.

use std::io;
use std::os::fd::OwnedFd;

use camino::Utf8Path;
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use super::super::HostError;
use super::context::Context;
use crate::state::Process;

mod reader;

pub use reader::Reader;
use reader::read_into;

/// All living processes that we may look at, but for this one, that have a mark or run from below
/// `root`, and for whom `/` is what it is for us. Their paths begin like `root` as it is given.
pub fn processes(root: &Utf8Path) -> Result<Vec<Process>, HostError> {
    // The kernel shows paths without links.
    let real = root.canonicalize_utf8().unwrap_or_else(|_| root.to_owned());
    let us = std::process::id();
    let mut reader = Reader::new().at("read", "/proc")?;
    let ours = reader.see(us);
    let mut found = Vec::new();
    for pid in pids().at("list", "/proc")?.into_iter().filter(|pid| *pid != us) {
        let Some(mut seen) = reader.see(pid) else { continue };
        if ours.as_ref().is_some_and(|ours| seen.is_copy_of(ours)) {
            continue;
        }
        let mut runs_below = false;
        for path in [&mut seen.cwd, &mut seen.exe].into_iter().flatten() {
            if let Some(rest) = below(path, &real) {
                *path = format!("{root}{rest}").into();
                runs_below = true;
            }
        }
        if seen.marks.is_empty()
            && let Some(output) = seen.output()
        {
            // Who has lost its environment is known by where its output goes.
            seen.output = below(&output, &real).map(|rest| format!("{root}{rest}").into());
        }
        let ours = !seen.marks.is_empty() || seen.output.is_some();
        if (ours || runs_below) && reader.shares_root(&seen) {
            found.push(reader.complete(seen));
        }
    }
    Ok(found)
}

/// What `/proc/<pid>/stat` says that matters here.
#[derive(Debug, PartialEq, Eq)]
pub struct Stat {
    /// The state's letter.
    pub state: char,
    /// The parent.
    pub parent: u32,
    /// The process group.
    pub group: u32,
    /// The session.
    pub session: u32,
    /// When it began, in clock ticks since boot.
    pub started_ticks: u64,
}

impl Stat {
    /// A zombie does not live.
    fn lives(&self) -> bool {
        !matches!(self.state, 'Z' | 'X')
    }
}

/// What the kernel says about this pid; none when there is no such process.
pub fn stat(pid: u32) -> io::Result<Option<Stat>> {
    let mut buffer = Vec::new();
    let dir = match open_dir(pid) {
        Err(Errno::NOENT | Errno::SRCH) => return Ok(None),
        dir => dir?,
    };
    match read_into(&dir, c"stat", &mut buffer) {
        Err(Errno::NOENT | Errno::SRCH) => Ok(None),
        Err(error) => Err(error.into()),
        Ok(text) => parse_stat(&String::from_utf8_lossy(text))
            .map(Some)
            .ok_or_else(|| io::Error::other("/proc/<pid>/stat has an unknown form")),
    }
}

/// When this process began.
pub fn started_ticks(pid: u32) -> io::Result<u64> {
    let stat = stat(pid)?.ok_or_else(|| io::Error::other("it is gone"))?;
    Ok(stat.started_ticks)
}

/// Whether there is such a process, and no zombie.
pub fn is_living(pid: u32) -> bool {
    stat(pid).ok().flatten().is_some_and(|stat| stat.lives())
}

/// All process ids.
pub fn pids() -> io::Result<Vec<u32>> {
    let mut pids = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        pids.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    Ok(pids)
}

/// A process's directory; what is read through it is of this process, whoever has its pid later.
pub fn open_dir(pid: u32) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, format!("/proc/{pid}"), flags, Mode::empty())
}

/// The rest of a path that leads to this root or below it; also when the directory itself has been
/// deleted, which the kernel tells in the path.
fn below<'p>(path: &'p Utf8Path, root: &Utf8Path) -> Option<&'p str> {
    let rest = path.as_str().strip_prefix(root.as_str())?;
    (rest.is_empty() || rest.starts_with('/') || rest == " (deleted)").then_some(rest)
}

/// The program's name comes first, in parentheses, and may itself hold blanks and parentheses.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    // The start time is field 22; the six above, counted from 1, are used up.
    let started_ticks = fields.nth(15)?.parse().ok()?;
    Some(Stat { state, parent, group, session, started_ticks })
}

#[cfg(test)]
mod tests;
