//! Reads processes from /proc. Does I/O, and changes nothing.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::io;
use std::os::fd::OwnedFd;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use super::super::HostError;
use super::context::Context;
use crate::state::{Process, ProcessKey};
use crate::time::Timestamp;

/// All living processes that we may look at, but for this one, that have a mark or run from below
/// `root`.
pub fn processes(root: &Utf8Path) -> Result<Vec<Process>, HostError> {
    // The kernel shows paths without links.
    let real = root.canonicalize_utf8().unwrap_or_else(|_| root.to_owned());
    let us = std::process::id();
    let mut reader = Reader::new().at("read", "/proc")?;
    let mut found = Vec::new();
    for pid in pids().at("list", "/proc")?.into_iter().filter(|pid| *pid != us) {
        let Some(seen) = reader.see(pid) else { continue };
        let runs_below = |path: &Utf8PathBuf| is_below(path, root) || is_below(path, &real);
        if !seen.marks.is_empty() || [&seen.cwd, &seen.exe].into_iter().flatten().any(runs_below) {
            found.push(reader.complete(seen));
        }
    }
    Ok(found)
}

/// What /proc/<pid>/stat says that matters here.
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

/// Looks at processes, one after the other.
pub struct Reader {
    buffer: Vec<u8>,
    booted_secs: i64,
    uid: u32,
}

/// What is seen of a process at first sight: enough to tell whether it is of interest.
pub struct Seen {
    dir: OwnedFd,
    pid: u32,
    uid: u32,
    stat: Stat,
    marks: BTreeMap<String, String>,
    cwd: Option<Utf8PathBuf>,
    exe: Option<Utf8PathBuf>,
}

/// The kernel's USER_HZ: 100 on every architecture that Rust's standard library runs on.
const TICKS_PER_SEC: u64 = 100;
const MARK: &str = "HELIONYX_";
/// How much is read of one file in /proc, in bytes; an environment is rarely a tenth of it.
const LIMIT: usize = 1024 * 1024;
const ROOM: usize = 8 * 1024;

impl Reader {
    /// A reader for this machine.
    pub fn new() -> io::Result<Reader> {
        let mut buffer = vec![0; 8 * ROOM];
        let proc =
            rustix::fs::openat(CWD, c"/proc", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let text = String::from_utf8_lossy(read_into(&proc, c"stat", &mut buffer)?);
        let booted = text.lines().find_map(|line| line.strip_prefix("btime "));
        let booted_secs = booted.and_then(|secs| secs.trim().parse().ok()).unwrap_or_default();
        let uid = rustix::process::geteuid().as_raw();
        Ok(Reader { buffer, booted_secs, uid })
    }

    /// A living process that we may look at, whole.
    pub fn process(&mut self, pid: u32) -> Option<Process> {
        let seen = self.see(pid)?;
        Some(self.complete(seen))
    }

    fn see(&mut self, pid: u32) -> Option<Seen> {
        let dir = open_dir(pid).ok()?;
        let uid = rustix::fs::fstat(&dir).ok()?.st_uid;
        if self.uid != 0 && uid != self.uid {
            return None;
        }
        let text = read_into(&dir, c"stat", &mut self.buffer).ok()?;
        let stat = parse_stat(&String::from_utf8_lossy(text)).filter(Stat::lives)?;
        let environ = read_into(&dir, c"environ", &mut self.buffer);
        let marks = environ.map(marks).unwrap_or_default();
        let (cwd, exe) = (link(&dir, c"cwd"), link(&dir, c"exe"));
        Some(Seen { dir, pid, uid, stat, marks, cwd, exe })
    }

    fn complete(&mut self, seen: Seen) -> Process {
        let Seen { dir, pid, uid, stat, marks, cwd, exe } = seen;
        let cmdline = read_into(&dir, c"cmdline", &mut self.buffer);
        let command = cmdline.map(|words| strings(words).map(text).collect());
        let status = read_into(&dir, c"status", &mut self.buffer);
        let memory = status.map(|status| resident(&String::from_utf8_lossy(status)));
        let started_millis = stat.started_ticks.saturating_mul(1000 / TICKS_PER_SEC);
        let since = Timestamp::from_millis(self.booted_secs.saturating_mul(1000))
            .plus(std::time::Duration::from_millis(started_millis));
        Process {
            key: ProcessKey { pid, started_ticks: stat.started_ticks },
            parent: stat.parent,
            session: stat.session,
            uid,
            command: command.unwrap_or_default(),
            cwd,
            exe,
            marks,
            since,
            memory_bytes: memory.unwrap_or_default(),
        }
    }
}

/// Reads a file of /proc into a buffer that keeps its length: filling it anew for every file would
/// cost more than reading.
fn read_into<'b>(dir: &OwnedFd, name: &CStr, buffer: &'b mut Vec<u8>) -> Result<&'b [u8], Errno> {
    let file = rustix::fs::openat(dir, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut length = 0;
    loop {
        if buffer.len() < length + ROOM {
            buffer.resize(2 * (length + ROOM), 0);
        }
        let room = buffer.len() - length;
        match rustix::io::read(&file, &mut buffer[length..]) {
            Ok(count) => {
                length += count;
                // With this much room, these files come in one piece: short means the end.
                if count < room || length >= LIMIT {
                    return Ok(&buffer[..length]);
                }
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

fn link(dir: &OwnedFd, name: &CStr) -> Option<Utf8PathBuf> {
    let target = rustix::fs::readlinkat(dir, name, Vec::new()).ok()?;
    Some(text(&target).into())
}

/// The strings in a block of them, each ended by a NUL.
fn strings(block: &[u8]) -> impl Iterator<Item = &CStr> {
    let mut rest = block;
    std::iter::from_fn(move || {
        let string = CStr::from_bytes_until_nul(rest).ok()?;
        rest = &rest[string.count_bytes() + 1..];
        Some(string)
    })
}

fn text(string: &CStr) -> String {
    string.to_string_lossy().into_owned()
}

fn marks(environ: &[u8]) -> BTreeMap<String, String> {
    let ours = strings(environ).filter(|string| string.to_bytes().starts_with(MARK.as_bytes()));
    ours.filter_map(|string| {
        let string = text(string);
        string.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
    })
    .collect()
}

fn resident(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
    kilobytes.unwrap_or(0_u64).saturating_mul(1024)
}

/// Also when the directory itself has been deleted, which the kernel tells in the path.
fn is_below(path: &Utf8Path, root: &Utf8Path) -> bool {
    path.as_str()
        .strip_prefix(root.as_str())
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest == " (deleted)")
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
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_after_the_last_parenthesis() {
        let numbers = "1 42 40 0 -1 4194560 0 0 0 0 1 2 0 0 20 0 1 0 5120131 4096 128";
        for name in ["sh", "a) Z 9 9 (b", "x y", ""] {
            let parsed = parse_stat(&format!("43 ({name}) S {numbers}\n"));
            let expected =
                Stat { state: 'S', parent: 1, group: 42, session: 40, started_ticks: 5_120_131 };
            assert_eq!(parsed, Some(expected), "{name:?}");
        }
        for bad in ["", "43 (sh", "43 (sh) S 1 2", "43 (sh) S a 42 40"] {
            assert_eq!(parse_stat(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn only_our_variables_are_kept_of_an_environment() {
        let environ = b"HOME=/root\0HELIONYX_APP=x=y\0TOKEN=HELIONYX_APP=z\0HELIONYX_BARE\0cut";
        let expected = BTreeMap::from([("HELIONYX_APP".to_owned(), "x=y".to_owned())]);
        assert_eq!(marks(environ), expected);
        assert!(marks(b"").is_empty());
    }

    #[test]
    fn below_a_root_is_not_beside_it() {
        for (path, expected) in [
            ("/opt/x", true),
            ("/opt/x/releases", true),
            ("/opt/x (deleted)", true),
            ("/opt/xy", false),
            ("/opt", false),
        ] {
            assert_eq!(is_below(path.into(), "/opt/x".into()), expected, "{path}");
        }
    }

    #[test]
    fn memory_is_told_in_bytes() {
        assert_eq!(resident("Name:\tx\nVmRSS:\t    1384 kB\nThreads: 1\n"), 1384 * 1024);
        assert_eq!(resident("Name:\tkthreadd\n"), 0);
    }
}
