//! The machine that we run on: files, processes and clock of Linux itself. All of it is I/O.

use std::collections::BTreeMap;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};

use super::{
    Answer, Change, Changed, Clock, HeldLock, Host, HostError, Launch, LockError, Look, OpenFile,
    Ourselves, ProbeError, Searched,
};
use crate::command::ExitStatus;
use crate::digest::Digest;
use crate::name::Port;
use crate::release::{Actor, FilePath, FileRecords};
use crate::state::{Listener, Node, Process, ProcessKey};
use crate::time::Timestamp;

mod context;
mod nodes;
mod owner;
mod place;

mod actor;
mod adopt;
mod aside;
mod child;
mod connect;
mod copy;
mod enclosure;
mod files;
mod http;
mod journald;
mod listeners;
mod lock;
mod open;
mod parallel;
mod proc;
mod recovery;
mod remove;
mod run;
#[cfg(test)]
pub(in crate::host) mod scratch;
mod search;
mod signal;
mod spawn;
mod sync;
mod transcript;
mod tree;
mod unpack;
mod walk;
mod whole;

pub use recovery::RecoveryProgram;

/// The machine that we run on.
///
/// It remembers the services that it started, to tell how they ended. Dropping it leaves them
/// running.
#[derive(Debug)]
pub struct LocalHost {
    began: Instant,
    interrupt: Arc<AtomicBool>,
    /// Whether a wait has ended because of the interrupt.
    heeded: AtomicBool,
    children: Mutex<BTreeMap<ProcessKey, Child>>,
    recovering: recovery::Recovering,
}

/// The longest wait between two looks at the interrupt flag.
const SLICE: Duration = Duration::from_millis(20);

impl LocalHost {
    /// This machine; nothing interrupts us, and no program of ours recovers.
    #[must_use]
    pub fn new() -> LocalHost {
        LocalHost::with_interrupt(Arc::default())
    }

    /// This machine; setting `interrupt`, e.g. from a signal handler, ends waits and commands.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the door of the clock")]
    pub fn with_interrupt(interrupt: Arc<AtomicBool>) -> LocalHost {
        let (heeded, children) = (AtomicBool::default(), Mutex::default());
        let recovering = recovery::Recovering::by(RecoveryProgram::None);
        LocalHost { began: Instant::now(), interrupt, heeded, children, recovering }
    }

    /// The same machine, where this program recovers environments under systemd.
    #[must_use]
    pub fn recovered_by(self, program: RecoveryProgram) -> LocalHost {
        LocalHost { recovering: recovery::Recovering::by(program), ..self }
    }
}

impl Default for LocalHost {
    fn default() -> LocalHost {
        LocalHost::new()
    }
}

impl Clock for LocalHost {
    #[expect(clippy::disallowed_methods, reason = "the door of the clock")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    fn pause(&self, duration: Duration) {
        let end = self.elapsed().saturating_add(duration);
        loop {
            // Only once: who goes on after an interrupt, to bring things to a safe end, must still
            // be able to wait.
            if self.interrupted() && !self.heeded.swap(true, Ordering::Relaxed) {
                return;
            }
            let left = end.saturating_sub(self.elapsed());
            if left.is_zero() {
                return;
            }
            nap(left.min(SLICE));
        }
    }

    fn interrupted(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed)
    }

    fn actor(&self) -> Actor {
        actor::actor()
    }

    fn key(&self) -> Result<[u8; 32], HostError> {
        let mut key = [0; 32];
        // From 256 bytes down the kernel gives all or nothing.
        let flags = rustix::rand::GetRandomFlags::empty();
        rustix::rand::getrandom(&mut key, flags)
            .map_err(|error| HostError::new("make", "a random key", error))?;
        Ok(key)
    }

    fn ourselves(&self) -> Ourselves {
        actor::ourselves()
    }

    fn recovery_program(&self) -> Result<Option<Utf8PathBuf>, HostError> {
        self.recovering.path()
    }

    fn syncing(&self) -> Duration {
        sync::waited()
    }
}

#[expect(clippy::disallowed_methods, reason = "the door of the clock")]
fn nap(duration: Duration) {
    std::thread::sleep(duration);
}

impl Look for LocalHost {
    fn node(&self, path: &Utf8Path) -> Result<Node, HostError> {
        files::node(path)
    }

    fn list(&self, dir: &Utf8Path) -> Result<Vec<String>, HostError> {
        files::list(dir)
    }

    fn nodes(&self, dir: &Utf8Path) -> Result<BTreeMap<FilePath, Node>, HostError> {
        nodes::nodes(dir)
    }

    fn read(&self, path: &Utf8Path, limit: u64) -> Result<Vec<u8>, HostError> {
        files::read(path, limit)
    }

    fn read_tail(&self, path: &Utf8Path, limit: u64) -> Result<Vec<u8>, HostError> {
        files::read_tail(path, limit)
    }

    fn open(&self, path: &Utf8Path) -> Result<Option<Box<dyn OpenFile>>, HostError> {
        open::open(path)
    }

    fn free(&self, dir: &Utf8Path) -> Result<u64, HostError> {
        files::free(dir)
    }

    fn digest(&self, path: &Utf8Path) -> Result<Digest, HostError> {
        tree::digest(path)
    }

    fn tree(
        &self,
        dir: &Utf8Path,
        exclude: &[String],
        known: &FileRecords,
    ) -> Result<FileRecords, HostError> {
        tree::tree(dir, exclude, known)
    }

    fn search(
        &self,
        dir: &Utf8Path,
        paths: &[FilePath],
        text: &str,
    ) -> Result<BTreeMap<FilePath, Searched>, HostError> {
        tree::search(dir, paths, text)
    }

    fn exit_of(&self, process: ProcessKey) -> Option<ExitStatus> {
        self.with_children(|children| {
            let status = children.get_mut(&process)?.try_wait().ok()??;
            Some(spawn::exit_status(status))
        })
    }

    fn processes(&self, root: &Utf8Path) -> Result<Vec<Process>, HostError> {
        self.with_children(|children| {
            for child in children.values_mut() {
                // Reaps; what it says is remembered in the child, for `exit_of`.
                let _ = child.try_wait();
            }
        });
        proc::processes(root)
    }

    fn listeners(&self, port: Port) -> Result<Vec<Listener>, HostError> {
        listeners::listeners(port)
    }

    fn connects(&self, name: &str, port: Port, timeout: Duration) -> Result<(), ProbeError> {
        connect::connects(name, port, timeout)
    }

    fn get(&self, port: Port, path: &str, timeout: Duration) -> Result<Answer, ProbeError> {
        http::get(port, path, timeout)
    }

    fn both(&self, one: &mut (dyn FnMut() + Send), other: &mut (dyn FnMut() + Send)) {
        std::thread::scope(|scope| {
            scope.spawn(other);
            one();
        });
    }
}

impl Host for LocalHost {
    fn change(&self, change: Change<'_>) -> Result<Changed, HostError> {
        match change {
            Change::CreateDir { path, mode, owner: None } => whole::create_dir(path, mode)?,
            Change::CreateDir { path, mode, owner: Some(owner) } => {
                whole::create_dir_for(path, mode, owner)?;
            }
            Change::GiveAway { dir, owner } => owner::give_away(dir, owner)?,
            Change::TakeBack { dir } => owner::take_back(dir)?,
            Change::Write { path, content, mode } => whole::write(path, content, mode)?,
            Change::Append { path, content } => files::append(path, content)?,
            Change::Truncate { path, length } => files::truncate(path, length)?,
            Change::ReplaceLink { path, target } => whole::replace_link(path, target)?,
            Change::Remove { path } => remove::remove(path)?,
            Change::RemoveTree { path } => remove::remove_tree(path)?,
            Change::Copy { from, to, paths } => copy::copy(from, to, paths)?,
            Change::Adopt { from, to, paths, sharing } => adopt::adopt(from, to, paths, sharing)?,
            Change::AdoptRenamed { from, to, paths, names, sharing } => {
                return adopt::adopt_renamed(from, to, paths, names, sharing)
                    .map(Changed::Recorded);
            }
            Change::Unpack { archive, to } => unpack::unpack(archive, to)?,
            Change::Seal { dir } => tree::seal(dir)?,
            Change::Run { command, line } => {
                return run::run(self, command, line).map(Changed::Ran);
            }
            Change::Spawn { launch } => return self.start(launch).map(Changed::Started),
            Change::Signal { process, signal } => signal::signal(process, signal)?,
            Change::Announce { entry } => journald::announce(entry)?,
        }
        Ok(Changed::Done)
    }

    fn lock(&self, path: &Utf8Path, holder: &str) -> Result<Box<dyn HeldLock>, LockError> {
        lock::lock(path, holder)
    }

    fn take_lock(&self, path: &Utf8Path, holder: &str) -> Result<Box<dyn HeldLock>, HostError> {
        lock::take(path, holder)
    }
}

impl LocalHost {
    fn start(&self, launch: &Launch) -> Result<ProcessKey, HostError> {
        let (key, child) = spawn::spawn(launch)?;
        self.with_children(|children| children.insert(key, child));
        Ok(key)
    }

    fn with_children<T>(&self, look: impl FnOnce(&mut BTreeMap<ProcessKey, Child>) -> T) -> T {
        look(&mut self.children.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_when_its_time_is_up_and_when_it_is_interrupted() {
        let interrupt = Arc::new(AtomicBool::new(false));
        let host = LocalHost::with_interrupt(interrupt.clone());
        let begin = host.elapsed();
        host.pause(Duration::from_millis(30));
        assert!(host.elapsed() - begin >= Duration::from_millis(30));
        assert!(!host.interrupted());
        std::thread::scope(|scope| {
            let pausing = scope.spawn(|| host.pause(Duration::from_secs(60)));
            interrupt.store(true, Ordering::Relaxed);
            pausing.join().unwrap();
        });
        assert!(host.interrupted());
        assert!(host.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn what_goes_on_after_an_interrupt_can_still_wait() {
        let host = LocalHost::with_interrupt(Arc::new(AtomicBool::new(true)));
        host.pause(Duration::from_secs(60));
        let begin = host.elapsed();
        assert!(begin < Duration::from_secs(30), "the first wait ends early");
        host.pause(Duration::from_millis(30));
        assert!(host.elapsed() - begin >= Duration::from_millis(30), "the next one does not");
    }

    #[test]
    fn the_time_of_day_is_after_this_was_written() {
        assert!(LocalHost::new().now() > "2025-01-01T00:00:00Z".parse().unwrap());
    }
}
