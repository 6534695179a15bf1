//! Looks at one process after the other in /proc. Does I/O, and changes nothing.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use camino::Utf8PathBuf;
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;

use super::super::nap;
use super::{Stat, open_dir, parse_stat};
use crate::state::{Process, ProcessKey, mark};
use crate::time::Timestamp;

/// Looks at processes, one after the other.
pub struct Reader {
    buffer: Vec<u8>,
    booted_secs: i64,
    uid: u32,
    root: (u64, u64),
}

/// What is seen of a process at first sight: enough to tell whether it is of interest.
pub struct Seen {
    dir: OwnedFd,
    pid: u32,
    uid: u32,
    stat: Stat,
    /// Its marks.
    pub marks: BTreeMap<String, String>,
    /// Where it runs.
    pub cwd: Option<Utf8PathBuf>,
    /// Its program.
    pub exe: Option<Utf8PathBuf>,
    /// The file that its output goes to, once it was looked for.
    pub output: Option<Utf8PathBuf>,
}

impl Seen {
    /// Whether it is a command of that process that is not yet the program that it is to be: it still
    /// has that one's environment. A service has a session of its own, also one of the same program.
    pub fn is_copy_of(&self, other: &Seen) -> bool {
        let Stat { parent, session, .. } = self.stat;
        (parent, session) == (other.pid, other.stat.session)
            && self.exe.is_some()
            && self.exe == other.exe
    }

    /// What its standard output, or else its standard error, leads to.
    pub fn output(&self) -> Option<Utf8PathBuf> {
        [c"fd/1", c"fd/2"]
            .into_iter()
            .filter_map(|fd| link(&self.dir, fd))
            .find(|path| path.is_absolute())
    }
}

/// The kernel's USER_HZ: 100 on every architecture that Rust's standard library runs on.
const TICKS_PER_SEC: u64 = 100;
/// How much is read of one file in /proc, in bytes; an environment is rarely a tenth of it.
const LIMIT: usize = 1024 * 1024;
const ROOM: usize = 8 * 1024;
/// How often the environment of a process is looked for that is just being executed: on a busy
/// machine it may have to wait for its turn.
const LOOKS: u32 = 500;
const BETWEEN_LOOKS: Duration = Duration::from_micros(100);

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
        let root = identity(&rustix::fs::stat(c"/")?);
        Ok(Reader { buffer, booted_secs, uid, root })
    }

    /// A living process that we may look at, whole; of one in another root, which has marks and
    /// paths of its own, without them.
    pub fn process(&mut self, pid: u32) -> Option<Process> {
        let mut seen = self.see(pid)?;
        if !self.shares_root(&seen) {
            (seen.marks, seen.cwd, seen.exe) = (BTreeMap::new(), None, None);
        } else if seen.marks.is_empty() {
            seen.output = seen.output();
        }
        Some(self.complete(seen))
    }

    /// Whether its root is ours: in a chroot or a container, the same paths are other files.
    pub fn shares_root(&self, seen: &Seen) -> bool {
        rustix::fs::statat(&seen.dir, c"root", AtFlags::empty())
            .is_ok_and(|root| identity(&root) == self.root)
    }

    /// A living process that we may look at, at first sight.
    pub fn see(&mut self, pid: u32) -> Option<Seen> {
        let dir = open_dir(pid).ok()?;
        let uid = rustix::fs::fstat(&dir).ok()?.st_uid;
        if self.uid != 0 && uid != self.uid {
            return None;
        }
        let text = read_into(&dir, c"stat", &mut self.buffer).ok()?;
        let stat = parse_stat(&String::from_utf8_lossy(text)).filter(Stat::lives)?;
        let marks = self.marks_of(&dir);
        let (cwd, exe) = (link(&dir, c"cwd"), link(&dir, c"exe"));
        Some(Seen { dir, pid, uid, stat, marks, cwd, exe, output: None })
    }

    /// While a process executes a program, there is an instant at which the program is there and
    /// its environment is not: that is awaited.
    fn marks_of(&mut self, dir: &OwnedFd) -> BTreeMap<String, String> {
        for _ in 0..LOOKS {
            let environ = read_into(dir, c"environ", &mut self.buffer).unwrap_or_default();
            if !environ.is_empty() {
                return marks(environ);
            }
            if !self.is_being_executed(dir) {
                break;
            }
            nap(BETWEEN_LOOKS);
        }
        BTreeMap::new()
    }

    /// Kernel threads have no program, and programs without an environment have an empty place for
    /// it: neither is worth waiting for.
    fn is_being_executed(&mut self, dir: &OwnedFd) -> bool {
        link(dir, c"exe").is_some()
            && read_into(dir, c"stat", &mut self.buffer)
                .is_ok_and(|text| !has_empty_environment(&String::from_utf8_lossy(text)))
    }

    /// What there is more to see of it.
    pub fn complete(&mut self, seen: Seen) -> Process {
        let Seen { dir, pid, uid, stat, marks, cwd, exe, output } = seen;
        let cmdline = read_into(&dir, c"cmdline", &mut self.buffer);
        let command = cmdline.map(|words| strings(words).map(text).collect());
        let status = read_into(&dir, c"status", &mut self.buffer);
        let memory = status.map(|status| resident(&String::from_utf8_lossy(status)));
        let started_millis = stat.started_ticks.saturating_mul(1000 / TICKS_PER_SEC);
        let since = Timestamp::from_millis(self.booted_secs.saturating_mul(1000))
            .plus(Duration::from_millis(started_millis));
        Process {
            key: ProcessKey { pid, started_ticks: stat.started_ticks },
            parent: stat.parent,
            session: stat.session,
            uid,
            command: command.unwrap_or_default(),
            cwd,
            exe,
            marks,
            output,
            since,
            memory_bytes: memory.unwrap_or_default(),
        }
    }
}

fn identity(stat: &rustix::fs::Stat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

/// Reads a file of /proc into a buffer that keeps its length: filling it anew for every file would
/// cost more than reading.
pub fn read_into<'b>(
    dir: &OwnedFd,
    name: &CStr,
    buffer: &'b mut Vec<u8>,
) -> Result<&'b [u8], Errno> {
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
    let mark = |string: &CStr| {
        let bytes = string.to_bytes();
        let (name, value) = bytes.split_at(bytes.iter().position(|byte| *byte == b'=')?);
        let name = mark::ALL.into_iter().find(|mark| mark.as_bytes() == name)?;
        Some((name.to_owned(), String::from_utf8_lossy(&value[1..]).into_owned()))
    };
    strings(environ).filter_map(mark).collect()
}

/// Fields 50 and 51: where the environment begins and ends; both are 0 until there is one.
fn has_empty_environment(stat: &str) -> bool {
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_ascii_whitespace());
    // Field 3 is the first after the name.
    let place = fields.and_then(|mut fields| Some((fields.nth(47)?, fields.next()?)));
    place.is_some_and(|(begin, end)| begin == end && end != "0")
}

fn resident(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
    kilobytes.unwrap_or(0_u64).saturating_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marks_are_kept_of_an_environment() {
        let environ = b"HOME=/root\0HELIONYX_APP=x=y\0TOKEN=HELIONYX_APP=z\0HELIONYX_TOKEN=x\0\
            HELIONYX_ROOT\0HELIONYX_APPS=x\0\0HELIONYX_SERVICE=cut";
        let expected = BTreeMap::from([("HELIONYX_APP".to_owned(), "x=y".to_owned())]);
        assert_eq!(marks(environ), expected);
        assert!(marks(b"").is_empty());
    }

    #[test]
    fn an_environment_that_is_not_yet_there_is_not_an_empty_one() {
        for (place, expected) in
            [("0 0", false), ("70 0", false), ("70 90", false), ("70 70", true)]
        {
            let stat = format!("43 (a) b) S {} {place} 0\n", "7 ".repeat(46));
            assert_eq!(has_empty_environment(&stat), expected, "{place}");
        }
        assert!(!has_empty_environment("43 (sh) S 1 2"));
    }

    #[test]
    fn memory_is_told_in_bytes() {
        assert_eq!(resident("Name:\tx\nVmRSS:\t    1384 kB\nThreads: 1\n"), 1384 * 1024);
        assert_eq!(resident("Name:\tkthreadd\n"), 0);
    }

    #[test]
    fn a_command_that_is_not_executed_yet_is_a_copy_of_us_and_a_service_of_our_own_program_is_none()
    {
        let mut reader = Reader::new().unwrap();
        let mut see = || reader.see(std::process::id()).unwrap();
        let (ours, mut child) = (see(), see());
        assert!(!child.is_copy_of(&ours), "we are not our own child");
        (child.stat.parent, child.pid) = (ours.pid, ours.pid + 1);
        assert!(child.is_copy_of(&ours));
        child.stat.session = child.pid;
        assert!(!child.is_copy_of(&ours), "a service leads a session");
        child.stat.session = ours.stat.session;
        child.exe = Some("/usr/bin/systemctl".into());
        assert!(!child.is_copy_of(&ours), "it is the program that it is to be");
    }
}
