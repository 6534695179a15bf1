//! How a command runs on the fake machine. No I/O.

use camino::Utf8Path;
use rustix::io::Errno;

use super::FakeHost;
use super::fault::Extent;
use super::machine::Program;
use crate::command::{Command, ExitStatus, OnInterrupt, Output};
use crate::host::Cause;

impl FakeHost {
    /// Runs a program without the machine's lock held: it may interrupt us.
    pub(super) fn output_of(
        &self,
        command: &Command,
        extent: Extent,
        line: &mut dyn FnMut(&str),
    ) -> Result<Output, Cause> {
        let told = self.machine().tell_systemd(command, extent);
        if let Some(output) = told {
            return Ok(self.hand_on(command, output, line));
        }
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

    fn program_of(&self, command: &Command) -> Result<Program, Cause> {
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
