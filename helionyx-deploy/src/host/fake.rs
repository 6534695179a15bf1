//! [`FakeHost`]: a machine in memory, for tests and for programs that embed the library. No I/O.
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::time::Duration;
//!
//! use helionyx_deploy::host::fake::FakeHost;
//! use helionyx_deploy::host::{Host, Launch, Look};
//! use helionyx_deploy::name::Port;
//! use helionyx_deploy::secret::Secret;
//!
//! let fake = FakeHost::new();
//! fake.put_dir("/var/log");
//! fake.put_file("/opt/app/service", r#"{"ready_after_ms": 250}"#, 0o755);
//! fake.spawn(&Launch {
//!     exec: vec!["/opt/app/service".to_owned()],
//!     directory: "/opt/app".into(),
//!     variables: BTreeMap::from([("PORT".to_owned(), Secret::new("8080".to_owned()))]),
//!     log: "/var/log/app.log".into(),
//! })?;
//!
//! let (port, second) = (Port::try_from(8080)?, Duration::from_secs(1));
//! assert!(fake.get(port, "/health", second).is_err());
//! fake.advance(second);
//! assert_eq!(fake.get(port, "/health", second)?.status, 200);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use crate::command::{Command, ExitStatus, Output, words};
use crate::name::Port;
use crate::state::Process;
use crate::time::Timestamp;

mod change;
mod clock;
mod disk;
mod fault;
mod lock;
mod look;
mod machine;
mod open;
mod run;
mod service;
mod start;
mod systemd;
mod table;
#[cfg(test)]
pub(in crate::host) mod tests;
mod turns;

pub use disk::Disk;
pub use fault::{FAULTS, Fault};
pub use service::{FakeHealth, FakeService};
pub use systemd::FakeUnit;
pub use turns::{Chooser, Operator};

use machine::Machine;

/// A machine in memory. A clone is the same machine.
///
/// Nothing happens on it but by calls, and no time passes but by changing calls (a millisecond
/// each), pauses and timeouts: what it does is the same in every run.
#[derive(Clone, Default)]
pub struct FakeHost {
    machine: Arc<Mutex<Machine>>,
    /// Which process of ours uses it.
    operator: u32,
    turns: Option<Arc<turns::Turns>>,
}

/// Files, as tests and embedders lay them out: no fault is met, and nothing is counted.
/// [`Disk`] says how these behave.
impl FakeHost {
    /// An empty machine, at 2026-01-01T00:00:00Z.
    #[must_use]
    pub fn new() -> FakeHost {
        FakeHost::default()
    }

    /// Puts a file in place with these permission bits.
    pub fn put_file(&self, path: impl AsRef<Utf8Path>, content: impl AsRef<[u8]>, mode: u32) {
        self.machine().disk.put_file(path, content, mode);
    }

    /// Puts a directory in place.
    pub fn put_dir(&self, path: impl AsRef<Utf8Path>) {
        self.machine().disk.put_dir(path);
    }

    /// Puts a symbolic link in place.
    pub fn put_link(&self, path: impl AsRef<Utf8Path>, target: impl AsRef<Utf8Path>) {
        self.machine().disk.put_link(path, target);
    }

    /// Puts in place what is neither file, directory nor link.
    pub fn put_pipe(&self, path: impl AsRef<Utf8Path>) {
        self.machine().disk.put_pipe(path);
    }

    /// The text of a file, through links.
    #[must_use]
    pub fn read_text(&self, path: impl AsRef<Utf8Path>) -> Option<String> {
        self.machine().disk.read_text(path)
    }

    /// Whether anything is at this path.
    #[must_use]
    pub fn exists(&self, path: impl AsRef<Utf8Path>) -> bool {
        self.machine().disk.exists(path)
    }

    /// All paths but `/`, sorted.
    #[must_use]
    pub fn paths(&self) -> Vec<Utf8PathBuf> {
        self.machine().disk.paths()
    }

    /// Deletes what is at this path, with all below it.
    pub fn delete(&self, path: impl AsRef<Utf8Path>) {
        self.machine().disk.delete(path);
    }
}

/// Programs and processes.
impl FakeHost {
    /// Says what running a program does, by its file name; one that is not told of is not found.
    ///
    /// It reaches the disk by its argument only: the host shows an empty one while it runs. One
    /// that returns [`ExitStatus::TimedOut`] lets the command's deadline pass.
    pub fn program(
        &self,
        name: &str,
        run: impl Fn(&Command, &mut Disk) -> Output + Send + Sync + 'static,
    ) {
        self.machine().programs.insert(name.to_owned(), Arc::new(run));
    }

    /// All commands that were run, in their order.
    #[must_use]
    pub fn commands(&self) -> Vec<Command> {
        self.machine().commands.clone()
    }

    /// What the system's journal was told, entry by entry, each with its fields by name.
    #[must_use]
    pub fn announced(&self) -> Vec<BTreeMap<String, String>> {
        self.machine().announced.clone()
    }

    /// Says how many bytes may still be written.
    pub fn set_free(&self, bytes: u64) {
        self.machine().free = Some(bytes);
    }

    /// Says that a machine of this name cannot be connected to.
    pub fn cut_off(&self, name: &str) {
        self.machine().unreachable.insert(name.to_owned());
    }

    /// Says as which user we change things.
    pub fn act_as(&self, uid: u32) {
        self.machine().uid = Some(uid);
    }

    /// Says which program systemd is to recover environments with: a file of this machine.
    pub fn recover_by(&self, program: Option<Utf8PathBuf>) {
        self.machine().recovery_program = program;
    }

    /// Starts a process that is none of ours and listens on this port on all addresses; its pid.
    /// It answers as a healthy service that knows neither release nor environment.
    pub fn stranger_on(&self, port: Port, command: &str) -> u32 {
        self.machine().add_stranger(Some(port), Utf8Path::new("/"), command)
    }

    /// Starts a process that is none of ours and runs in this directory; its pid.
    pub fn stranger_in(&self, directory: impl AsRef<Utf8Path>, command: &str) -> u32 {
        self.machine().add_stranger(None, directory.as_ref(), command)
    }

    /// Kills one process from outside, and not its group.
    pub fn kill(&self, pid: u32) {
        self.machine().table.end(pid, ExitStatus::Signal(table::SIGKILL));
    }

    /// Makes one process crash: it says so in its log.
    pub fn crash(&self, pid: u32) {
        let machine = &mut *self.machine();
        machine.table.crash(pid, &mut machine.disk);
    }

    /// All living processes, by pid.
    #[must_use]
    pub fn running(&self) -> Vec<Process> {
        let machine = self.machine();
        machine.table.living().map(|task| task.show(&machine.disk)).collect()
    }
}

/// Time, interrupts and faults.
impl FakeHost {
    /// Lets time pass.
    pub fn advance(&self, duration: Duration) {
        self.machine().advance(duration);
    }

    /// Sets the time of day; what was measured is not affected.
    pub fn set_now(&self, now: Timestamp) {
        self.machine().time.set_now(now);
    }

    /// The operator asks us to stop.
    pub fn interrupt(&self) {
        self.machine().time.interrupted = true;
    }

    /// Nobody asks us to stop any more.
    pub fn clear_interrupt(&self) {
        self.machine().time.interrupted = false;
    }

    /// Makes the n-th changing call from now (1: the next one) go wrong, in place of any fault
    /// that was to come.
    pub fn fail_at(&self, nth: usize, fault: Fault) {
        self.machine().faults.arm(nth, fault);
    }

    /// Lets no fault come that has not come yet.
    pub fn disarm(&self) {
        self.machine().faults.disarm();
    }

    /// Whether the fault that was asked for last has come.
    #[must_use]
    pub fn fault_fired(&self) -> bool {
        self.machine().faults.fired
    }

    /// How many changing calls there were, those that failed included. Locks do not count.
    #[must_use]
    pub fn mutations(&self) -> usize {
        self.machine().faults.log.len()
    }

    /// The changing calls: the method and its subject.
    #[must_use]
    pub fn mutation_log(&self) -> Vec<(&'static str, String)> {
        self.machine().faults.log.clone()
    }

    /// Another process of ours takes over after a kill: files and services are as they were, locks
    /// are free, nobody asks it to stop.
    pub fn revive(&self) {
        let mut machine = self.machine();
        machine.faults.gone.remove(&self.operator);
        machine.time.interrupted = false;
    }

    /// The machine starts again: no process is left, ours neither, whose place another one takes;
    /// under systemd those run again that are enabled.
    pub fn reboot(&self) {
        let mut machine = self.machine();
        machine.die();
        machine.table.end_all();
        machine.boot();
        drop(machine);
        self.revive();
    }

    /// Whether our process is gone.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.machine().faults.gone.contains(&self.operator)
    }

    /// Our process is killed from outside.
    pub fn die(&self) {
        self.machine().die();
    }

    /// Says that nobody can kill our process: it hangs in the kernel until it wakes up.
    pub fn hang(&self) {
        self.machine().hanging.insert(self.operator);
    }

    /// What is written fails from now on, as long as the disk is full.
    pub fn fill_up(&self) {
        self.machine().faults.full = true;
    }

    /// There is room on the disk again.
    pub fn make_room(&self) {
        self.machine().faults.full = false;
    }

    /// How many changes our process made after its lock had been taken from it.
    #[must_use]
    pub fn intrusions(&self) -> usize {
        self.machine().intrusions.get(&self.operator).copied().unwrap_or(0)
    }

    /// All paths and all living processes as text: for snapshots, and to see that nothing changed.
    #[must_use]
    pub fn snapshot(&self) -> String {
        let mut text = self.machine().disk.describe();
        let machine = self.machine();
        for task in machine.table.living() {
            let process = task.show(&machine.disk);
            let path = process.cwd.as_deref().map_or("?", Utf8Path::as_str);
            let command = words(&process.command);
            let port = task.port.filter(|_| task.listening);
            let port = port.map_or_else(String::new, |port| format!(" on port {port}"));
            // Writing to a string cannot fail.
            let _ = writeln!(text, "process {} in {path}{port}: {command}", process.key.pid);
        }
        text
    }

    /// The machine, after all that was to happen up to now.
    fn machine(&self) -> MutexGuard<'_, Machine> {
        // What a panicking test leaves behind is still a machine.
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        machine.operator = self.operator;
        machine.settle();
        machine
    }
}

impl fmt::Debug for FakeHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeHost").finish_non_exhaustive()
    }
}
