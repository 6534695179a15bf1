//! [`Processes`] on the fake machine. No I/O.

use std::io;
use std::time::Duration;

use camino::Utf8Path;
use rustix::io::Errno;

use super::FakeHost;
use super::fault::{Change, gone};
use super::machine::Program;
use crate::command::{Command, ExitStatus, OnInterrupt, Output, words};
use crate::host::{Answer, HostError, Launch, ProbeError, Processes, Signal};
use crate::name::Port;
use crate::state::{Listener, Process, ProcessKey};

const RUN: Change = Change { method: "run", verb: "run", parts: false };
const SPAWN: Change = Change { method: "spawn", verb: "start", parts: false };
const ANNOUNCE: Change = Change { method: "announce", verb: "write to", parts: false };
const SIGNAL: Change = Change { method: "signal", verb: "signal", parts: false };

impl Processes for FakeHost {
    /// The program runs without the machine's lock held: it may interrupt us.
    fn run(&self, command: &Command, line: &mut dyn FnMut(&str)) -> Result<Output, HostError> {
        let turn = self.machine().begin(RUN, command.to_string())?;
        let result = self.output_of(command, line);
        let result = result.map_err(|source| HostError::new(RUN.verb, command, source));
        self.machine().end(&turn, result)
    }

    fn spawn(&self, launch: &Launch) -> Result<ProcessKey, HostError> {
        let subject = words(&launch.exec);
        let mut machine = self.machine();
        let turn = machine.begin(SPAWN, subject.clone())?;
        let result = machine.start(launch);
        machine.end(&turn, result.map_err(|source| HostError::new(SPAWN.verb, subject, source)))
    }

    fn exit_of(&self, process: ProcessKey) -> Option<ExitStatus> {
        let machine = self.machine();
        machine.alive("look at", process.pid).ok()?;
        machine.table.exit_of(process)
    }

    fn processes(&self, root: &Utf8Path) -> Result<Vec<Process>, HostError> {
        let machine = self.machine();
        machine.alive("list", "processes")?;
        let real = machine.disk.resolve(root).map_or_else(|_| root.to_owned(), |found| found.0);
        let mut found = Vec::new();
        for task in machine.table.living() {
            let mut process = task.show(&machine.disk);
            let mut runs_below = false;
            for path in [&mut process.cwd, &mut process.exe].into_iter().flatten() {
                if let Ok(rest) = path.strip_prefix(&real) {
                    *path = if rest == "" { root.to_owned() } else { root.join(rest) };
                    runs_below = true;
                }
            }
            if runs_below || !process.marks.is_empty() {
                found.push(process);
            }
        }
        Ok(found)
    }

    fn signal(&self, process: ProcessKey, signal: Signal) -> Result<(), HostError> {
        let mut machine = self.machine();
        let name = if signal == Signal::Term { "TERM" } else { "KILL" };
        let turn = machine.begin(SIGNAL, format!("{name} {}", process.pid))?;
        machine.table.signal(process, signal);
        machine.end(&turn, Ok(()))
    }

    fn listeners(&self, port: Port) -> Result<Vec<Listener>, HostError> {
        let machine = self.machine();
        machine.alive("look at", format!("port {port}"))?;
        let mut listeners: Vec<Listener> = Vec::new();
        for task in machine.table.living().filter(|task| task.listening && task.port == Some(port))
        {
            let process = task.show(&machine.disk);
            // A socket belongs to the session that opened it: its children share it.
            let inode = 50_000 + u64::from(process.session);
            match listeners.iter_mut().find(|listener| listener.inode == inode) {
                Some(listener) => listener.holders.push(process),
                None => listeners.push(Listener {
                    address: format!("{}:{port}", task.address),
                    inode,
                    uid: process.uid,
                    holders: vec![process],
                }),
            }
        }
        Ok(listeners)
    }

    fn connects(&self, name: &str, _: Port, timeout: Duration) -> Result<(), ProbeError> {
        let mut machine = self.machine();
        if machine.unreachable.contains(name) {
            machine.advance(timeout);
            return Err(ProbeError::TimedOut(timeout));
        }
        Ok(())
    }

    fn get(&self, port: Port, path: &str, timeout: Duration) -> Result<Answer, ProbeError> {
        let mut machine = self.machine();
        if machine.alive("ask", path).is_err() {
            return Err(ProbeError::Other(gone("ask", path).source.to_string()));
        }
        let task = machine.table.listener_mut(port).ok_or(ProbeError::Refused)?;
        let answer = task.service.clone().answer(&task.process, path, &mut task.visits);
        answer.ok_or_else(|| {
            machine.advance(timeout);
            ProbeError::TimedOut(timeout)
        })
    }

    fn announce(&self, entry: &[(&str, String)]) -> Result<(), HostError> {
        let mut machine = self.machine();
        let turn = machine.begin(ANNOUNCE, "the system's journal".to_owned())?;
        let fields = entry.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        machine.announced.push(fields.collect());
        machine.end(&turn, Ok(()))
    }
}

impl FakeHost {
    fn output_of(&self, command: &Command, line: &mut dyn FnMut(&str)) -> io::Result<Output> {
        let program = self.program_of(command)?;
        if self.ends(command) {
            return Ok(Output::new(ExitStatus::Interrupted, ""));
        }
        let mut disk = self.machine().lend_disk();
        let output = program(command, &mut disk);
        let mut machine = self.machine();
        machine.take_back(disk);
        if output.status == ExitStatus::TimedOut {
            machine.advance(command.deadline);
        }
        drop(machine);
        Ok(self.hand_on(command, output, line))
    }

    /// Whether the operator has interrupted, and that ends it.
    fn ends(&self, command: &Command) -> bool {
        command.on_interrupt == OnInterrupt::Ends && self.machine().time.interrupted
    }

    fn program_of(&self, command: &Command) -> io::Result<Program> {
        let mut machine = self.machine();
        let name = Utf8Path::new(&command.program).file_name().unwrap_or_default();
        let program = machine.programs.get(name).cloned().ok_or(Errno::NOENT)?;
        let (directory, _) = machine.disk.resolve(&command.directory)?;
        machine.disk.list(&directory)?;
        machine.commands.push(command.clone());
        Ok(program)
    }

    /// Hands on the lines of an output until the operator interrupts.
    fn hand_on(&self, command: &Command, output: Output, line: &mut dyn FnMut(&str)) -> Output {
        let mut text = String::new();
        for each in output.text.split_inclusive('\n') {
            if self.ends(command) {
                return Output::new(ExitStatus::Interrupted, kept(text));
            }
            line(each.strip_suffix('\n').unwrap_or(each));
            text.push_str(each);
        }
        let status = if self.ends(command) { ExitStatus::Interrupted } else { output.status };
        Output { status, text: kept(text), left: output.left }
    }
}

/// The end of an output, as much as is kept.
fn kept(mut text: String) -> String {
    let mut from = text.len().saturating_sub(Output::LIMIT);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text.split_off(from)
}
