//! The fake machine's processes: what they do as time passes. No I/O.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::disk::Disk;
use super::service::FakeService;
use crate::command::ExitStatus;
use crate::host::Signal;
use crate::name::Port;
use crate::state::{Process, ProcessKey};

/// Linux's number of the signal that asks to end.
const SIGTERM: i32 = 15;
/// Linux's number of the signal that ends.
pub(super) const SIGKILL: i32 = 9;
/// The exit code of a service whose port is taken: the number of EADDRINUSE.
const PORT_TAKEN: i32 = 98;
/// The parent of those whose parent has ended.
pub(super) const INIT: u32 = 1;
/// Our own process.
pub(super) const DEPLOYER: u32 = 900;

/// A process, living or ended.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) process: Process,
    /// The inodes of its directory and of its program.
    pub(super) inodes: [Option<u64>; 2],
    pub(super) service: FakeService,
    pub(super) port: Option<Port>,
    pub(super) address: &'static str,
    pub(super) listening: bool,
    pub(super) ready_at: Option<Duration>,
    pub(super) crash_at: Option<Duration>,
    pub(super) log: Option<Utf8PathBuf>,
    pub(super) ended: Option<ExitStatus>,
    /// How often each path was asked for.
    pub(super) visits: BTreeMap<String, u32>,
}

/// All processes.
#[derive(Debug, Default)]
pub(super) struct Table {
    tasks: Vec<Task>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Ready,
    Crash,
}

impl Table {
    /// The key of the next process to be added, at this time.
    pub(super) fn next_key(&self, elapsed: Duration) -> ProcessKey {
        let pid = 1000 + u32::try_from(self.tasks.len()).unwrap_or(u32::MAX - 1000);
        let ticks = u64::try_from(elapsed.as_millis() / 10).unwrap_or(u64::MAX);
        ProcessKey { pid, started_ticks: 5_000 + ticks }
    }

    pub(super) fn add(&mut self, task: Task) {
        self.tasks.push(task);
    }

    pub(super) fn living(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter(|task| task.ended.is_none())
    }

    fn living_mut(&mut self) -> impl Iterator<Item = &mut Task> {
        self.tasks.iter_mut().filter(|task| task.ended.is_none())
    }

    /// The process that takes the connections of a port.
    pub(super) fn listener_mut(&mut self, port: Port) -> Option<&mut Task> {
        self.living_mut().find(|task| task.listening && task.port == Some(port))
    }

    /// How a child of ours ended.
    pub(super) fn exit_of(&self, key: ProcessKey, deployer: u32) -> Option<ExitStatus> {
        let mut ours = self.tasks.iter().filter(|task| task.process.parent == deployer);
        ours.find(|task| task.process.key == key)?.ended
    }

    /// How a process ended, if it has.
    pub(super) fn ended(&self, key: ProcessKey) -> Option<ExitStatus> {
        self.tasks.iter().find(|task| task.process.key == key)?.ended
    }

    /// When something happens next.
    pub(super) fn next_at(&self) -> Option<Duration> {
        self.next_event().map(|(at, ..)| at)
    }

    /// Asks one process to end.
    pub(super) fn terminate(&mut self, key: ProcessKey) {
        let hears = |task: &Task| task.process.key == key && !task.service.deaf;
        for pid in self.pids(hears) {
            self.end(pid, ExitStatus::Signal(SIGTERM));
        }
    }

    /// Ends all processes of a session.
    pub(super) fn end_session(&mut self, leader: u32) {
        for pid in self.pids(|task| task.process.session == leader) {
            self.end(pid, ExitStatus::Signal(SIGKILL));
        }
    }

    /// Our children lose their parent.
    pub(super) fn orphan(&mut self, deployer: u32) {
        self.adopt(deployer);
    }

    /// Brings about what was to happen up to now, in its order.
    pub(super) fn settle(&mut self, now: Duration, disk: &mut Disk) {
        while let Some((_, event, pid)) = self.next_event().filter(|(at, ..)| *at <= now) {
            match event {
                Event::Ready => self.listen(pid),
                Event::Crash => self.crash(pid, disk),
            }
        }
    }

    /// A process crashes: it says so in its log.
    pub(super) fn crash(&mut self, pid: u32, disk: &mut Disk) {
        let Some(task) = self.living_mut().find(|task| task.process.key.pid == pid) else { return };
        let code = task.service.exit_code;
        if let Some(log) = task.log.as_ref().filter(|log| disk.exists(log)) {
            // A service whose log is gone still crashes.
            let _ = disk.append(log, b"crashing\n", super::fault::Extent::All);
        }
        self.end(pid, ExitStatus::Code(code));
    }

    /// Ends one process, and nothing else.
    pub(super) fn end(&mut self, pid: u32, status: ExitStatus) {
        for task in self.living_mut().filter(|task| task.process.key.pid == pid) {
            task.ended = Some(status);
            task.listening = false;
        }
        self.adopt(pid);
    }

    /// Ends all processes.
    pub(super) fn end_all(&mut self) {
        for pid in self.pids(|_| true) {
            self.end(pid, ExitStatus::Signal(SIGKILL));
        }
    }

    /// Sends a signal to a process and, where it leads one, to its group.
    pub(super) fn signal(&mut self, key: ProcessKey, signal: Signal) {
        let Some(task) = self.living().find(|task| task.process.key == key) else { return };
        let leads = task.process.session == key.pid;
        let reached = |task: &Task| {
            let of_group = leads && task.process.session == key.pid;
            (of_group || task.process.key == key) && !(signal == Signal::Term && task.service.deaf)
        };
        let number = if signal == Signal::Term { SIGTERM } else { SIGKILL };
        for pid in self.pids(reached) {
            self.end(pid, ExitStatus::Signal(number));
        }
    }

    fn pids(&self, wanted: impl Fn(&Task) -> bool) -> Vec<u32> {
        self.living().filter(|task| wanted(task)).map(|task| task.process.key.pid).collect()
    }

    fn adopt(&mut self, parent: u32) {
        for task in self.tasks.iter_mut().filter(|task| task.process.parent == parent) {
            task.process.parent = INIT;
        }
    }

    fn next_event(&self) -> Option<(Duration, Event, u32)> {
        let events = self.living().flat_map(|task| {
            let pid = task.process.key.pid;
            let ready = task.ready_at.map(|at| (at, Event::Ready, pid));
            ready.into_iter().chain(task.crash_at.map(|at| (at, Event::Crash, pid)))
        });
        events.min()
    }

    /// A service takes its port, with its children; or ends with them when the port is taken.
    fn listen(&mut self, pid: u32) {
        let Some(task) = self.living_mut().find(|task| task.process.key.pid == pid) else { return };
        task.ready_at = None;
        let port = task.port;
        if self.living().any(|task| task.listening && task.port == port) {
            for pid in self.pids(|task| task.process.session == pid) {
                self.end(pid, ExitStatus::Code(PORT_TAKEN));
            }
            return;
        }
        for task in self.living_mut().filter(|task| task.process.session == pid) {
            task.listening = true;
        }
    }
}

impl Task {
    /// The process as the kernel shows it: files that are gone are marked so.
    pub(super) fn show(&self, disk: &Disk) -> Process {
        let mark = |path: &Option<Utf8PathBuf>, inode: Option<u64>| {
            path.as_ref().map(|path| shown_path(path, inode, disk))
        };
        let [directory, program] = self.inodes;
        Process {
            cwd: mark(&self.process.cwd, directory),
            exe: mark(&self.process.exe, program),
            ..self.process.clone()
        }
    }
}

fn shown_path(path: &Utf8Path, inode: Option<u64>, disk: &Disk) -> Utf8PathBuf {
    let found = disk.resolve(path).ok().map(|(_, inode)| inode);
    if inode.is_none() || inode == found {
        return path.to_owned();
    }
    Utf8PathBuf::from(format!("{path} (deleted)"))
}
