//! How a process comes to be on the fake machine. No I/O.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::io::Errno;

use super::fault::Extent;
use super::machine::{Machine, OPERATORS, deployer};
use super::service::FakeService;
use super::table::{INIT, Task};
use crate::host::{Cause, Launch, Signal};
use crate::name::Port;
use crate::state::{Process, ProcessKey, mark};

/// What every fake process occupies.
const MEMORY_BYTES: u64 = 1024 * 1024;
/// Us, and what we start.
pub(super) const OUR_UID: u32 = 1000;
/// All others.
const STRANGER_UID: u32 = 33;

/// A place on the disk, and the inode that was there.
type Found = (Utf8PathBuf, u64);

impl Machine {
    /// Starts a service.
    pub(super) fn start(&mut self, launch: &Launch) -> Result<ProcessKey, Cause> {
        let directory = self.disk.resolve(&launch.directory)?;
        self.disk.list(&directory.0)?;
        let program = self.program_of(launch)?;
        let service = self.behaviour_of(launch, &program)?;
        self.disk.append(&launch.log, b"started\n", Extent::All)?;
        let task = self.service_task(launch, service, directory, program);
        let (key, has_child) = (task.process.key, task.service.child);
        self.table.add(task);
        if has_child {
            self.add_child(key.pid);
        }
        Ok(key)
    }

    /// Sends a signal to a process, which may be one of ours.
    pub(super) fn signal(&mut self, process: ProcessKey, signal: Signal) {
        let operator = process.pid.checked_sub(OPERATORS);
        match operator.filter(|operator| !self.hanging.contains(operator)) {
            Some(operator) if signal == Signal::Kill => {
                let caller = std::mem::replace(&mut self.operator, operator);
                self.die();
                self.operator = caller;
            }
            _ => self.table.signal(process, signal),
        }
    }

    /// Starts the process of a unit as this user; systemd is its parent, and takes its output.
    pub(super) fn start_for_systemd(
        &mut self,
        launch: &Launch,
        uid: u32,
    ) -> Result<ProcessKey, Cause> {
        let directory = self.disk.resolve(&launch.directory)?;
        let program = self.program_of(launch)?;
        let service = self.behaviour_of(launch, &program)?;
        let mut task = self.service_task(launch, service, directory, program);
        (task.process.parent, task.process.uid) = (INIT, uid);
        (task.process.output, task.log) = (None, None);
        let (key, has_child) = (task.process.key, task.service.child);
        self.table.add(task);
        if has_child {
            self.add_child(key.pid);
        }
        Ok(key)
    }

    /// A process that is none of ours, listening on this port or running in this directory.
    pub(super) fn add_stranger(
        &mut self,
        port: Option<Port>,
        directory: &Utf8Path,
        command: &str,
    ) -> u32 {
        let key = self.table.next_key(self.time.elapsed());
        let found = self.disk.resolve(directory).ok();
        let process = Process {
            key,
            parent: 1,
            session: key.pid,
            uid: STRANGER_UID,
            command: command.split_whitespace().map(str::to_owned).collect(),
            cwd: Some(found.as_ref().map_or_else(|| directory.to_owned(), |found| found.0.clone())),
            exe: None,
            marks: BTreeMap::new(),
            output: None,
            since: self.time.now(),
            memory_bytes: MEMORY_BYTES,
        };
        let mut task = task_of(process, FakeService::default());
        task.inodes = [found.map(|(_, inode)| inode), None];
        task.port = port;
        task.address = "0.0.0.0";
        task.listening = port.is_some();
        self.table.add(task);
        key.pid
    }

    /// The program's file; the reasons why it cannot be executed are those of `execve`.
    fn program_of(&self, launch: &Launch) -> Result<Found, Cause> {
        let name = launch.exec.first().ok_or(Errno::INVAL)?;
        let found = self.disk.resolve(&launch.directory.join(name))?;
        if self.disk.is_executable(&found.0) { Ok(found) } else { Err(Errno::ACCESS.into()) }
    }

    /// What the program asks for, or else the first argument that is such a file: a script that
    /// the program is to run.
    fn behaviour_of(&self, launch: &Launch, program: &Found) -> Result<FakeService, Cause> {
        if let Some(service) = FakeService::parse(self.disk.file(&program.0)?)? {
            return Ok(service);
        }
        let script = launch.exec.iter().skip(1).find_map(|word| {
            let (place, _) = self.disk.resolve(&launch.directory.join(word)).ok()?;
            FakeService::parse(self.disk.file(&place).ok()?).ok()?
        });
        Ok(script.unwrap_or_default())
    }

    fn service_task(
        &self,
        launch: &Launch,
        service: FakeService,
        directory: Found,
        program: Found,
    ) -> Task {
        let elapsed = self.time.elapsed();
        let key = self.table.next_key(elapsed);
        let marked = launch.variables.iter().filter(|(name, _)| mark::ALL.contains(&name.as_str()));
        let process = Process {
            key,
            parent: deployer(self.operator),
            session: key.pid,
            uid: OUR_UID,
            command: launch.exec.clone(),
            cwd: Some(directory.0),
            exe: Some(program.0),
            marks: marked.map(|(name, value)| (name.clone(), value.expose().to_owned())).collect(),
            output: Some(launch.log.clone()),
            since: self.time.now(),
            memory_bytes: MEMORY_BYTES,
        };
        let after = |millis| elapsed.saturating_add(Duration::from_millis(millis));
        let mut task = task_of(process, service);
        task.inodes = [Some(directory.1), Some(program.1)];
        task.port = port_of(launch);
        let listens = task.port.is_some() && !task.service.deny_port;
        task.ready_at = listens.then(|| after(task.service.ready_after_ms));
        task.crash_at = task.service.crash_after_ms.map(after);
        task.log = Some(launch.log.clone());
        task
    }

    /// A child of a service, in its group: it shares the socket, and lives on its own.
    fn add_child(&mut self, parent: u32) {
        let key = self.table.next_key(self.time.elapsed());
        let Some(main) = self.table.living().find(|task| task.process.key.pid == parent) else {
            return;
        };
        let process = Process { key, parent, ..main.process.clone() };
        let mut child = task_of(process, main.service.clone());
        child.inodes = main.inodes;
        child.port = main.port;
        self.table.add(child);
    }
}

fn task_of(process: Process, service: FakeService) -> Task {
    Task {
        process,
        inodes: [None, None],
        service,
        port: None,
        address: "127.0.0.1",
        listening: false,
        ready_at: None,
        crash_at: None,
        log: None,
        ended: None,
        visits: BTreeMap::new(),
    }
}

fn port_of(launch: &Launch) -> Option<Port> {
    let number: i64 = launch.variables.get("PORT")?.expose().parse().ok()?;
    Port::try_from(number).ok()
}
