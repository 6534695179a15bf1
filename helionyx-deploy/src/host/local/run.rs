//! Runs a command to its end in a process group of its own, and a build in an enclosure. Does I/O.
//!
//! The command is started and awaited by one thread: were that to end, however we are killed, the
//! kernel would kill the command, unless it only looks; and with an enclosure all that is in it.
//!
//! The output is read without blocking, in the thread that waits: what the command leaves running
//! may hold its output open for ever, and neither hangs us nor leaves a thread behind.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};

use super::super::{Clock, HostError};
use super::context::Context;
use super::enclosure::Enclosure;
use super::transcript::Transcript;
use super::{LocalHost, child, spawn};
use crate::command::{Command, ExitStatus, Inherit, Leftovers, OnDeath, OnInterrupt, Output};
use crate::state::Process;

/// Runs a command to its end; hands on its lines as they come.
pub fn run(
    host: &LocalHost,
    command: &Command,
    line: &mut dyn FnMut(&str),
) -> Result<Output, HostError> {
    let end = host.elapsed().saturating_add(command.deadline);
    let mut running = start(command, enclosure(command)?, Transcript::new(line))?;
    let (status, left) = finish(host, &mut running, end).at("run", &command.program)?;
    Ok(Output { status, text: running.transcript.finish(), left })
}

/// From asking the group to end to killing it.
const TERM_GRACE: Duration = Duration::from_secs(2);
/// How long output is awaited that others hold open after the command has ended.
const PIPE_GRACE: Duration = Duration::from_millis(100);
/// How long what an enclosed command left running may take to end by itself: helpers that notice the
/// end of their parent.
const LEFT_GRACE: Duration = Duration::from_secs(1);
/// How long a killed command may take to end; longer only where the kernel holds it.
const KILL_GRACE: Duration = Duration::from_secs(2);
const LONGEST_NAP: Duration = Duration::from_millis(10);

const BASICS: [&str; 6] = ["PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR"];

struct Running<'a> {
    handle: duct::Handle,
    group: Pid,
    /// Becomes readable when the command ends; none once it has, or where the kernel has no such.
    ending: Option<OwnedFd>,
    pipe: Option<PipeReader>,
    transcript: Transcript<'a>,
    buffer: Vec<u8>,
    nap: Duration,
    on_interrupt: OnInterrupt,
    leftovers: Leftovers,
    enclosure: Option<Enclosure>,
}

fn start<'a>(
    command: &Command,
    enclosure: Option<Enclosure>,
    transcript: Transcript<'a>,
) -> Result<Running<'a>, HostError> {
    let variables = environment(command, std::env::vars_os());
    let program = resolve(command, &variables)?;
    if !command.directory.is_dir() {
        let missing = io::Error::new(io::ErrorKind::NotFound, "no such directory");
        return Err(HostError::new("enter", &command.directory, missing));
    }
    let (enclosed, on_death) = (enclosure.is_some(), command.on_death);
    let (pipe, writer) = io::pipe().at("run", &command.program)?;
    rustix::fs::fcntl_setfl(&pipe, OFlags::NONBLOCK).at("run", &command.program)?;
    let expression = duct::cmd(program.as_std_path(), &command.args)
        .dir(&command.directory)
        .full_env(variables)
        .stdin_null()
        // The later call is the outer one: standard error goes where the output will go.
        .stderr_to_stdout()
        .stdout_file(writer)
        .unchecked()
        .before_spawn(move |command| {
            match on_death {
                _ if enclosed => child::enclose(command),
                OnDeath::Ends => child::bind(command),
                OnDeath::GoesOn => child::lead(command),
            }
            Ok(())
        });
    let handle = match &enclosure {
        Some(enclosure) => enclosure.within(|| expression.start()),
        None => expression.start(),
    };
    let handle = handle.at("run", &command.program)?;
    let pid = handle.pids().first().and_then(|pid| Pid::from_raw(pid.cast_signed()));
    let Some(group) = pid else {
        let nobody = io::Error::other("it has no process id");
        return Err(HostError::new("run", &command.program, nobody));
    };
    Ok(Running {
        handle,
        group,
        ending: rustix::process::pidfd_open(group, PidfdFlags::empty()).ok(),
        pipe: Some(pipe),
        transcript,
        buffer: vec![0; 64 * 1024],
        nap: Duration::ZERO,
        on_interrupt: command.on_interrupt,
        leftovers: command.leftovers,
        enclosure,
    })
}

/// What the command is to be enclosed in, if it is.
fn enclosure(command: &Command) -> Result<Option<Enclosure>, HostError> {
    match command.leftovers {
        Leftovers::Stay => Ok(None),
        Leftovers::EndWherePossible => Ok(Enclosure::open().ok()),
        Leftovers::End => Enclosure::open().map(Some).map_err(|error| {
            let why = format!(
                "the kernel refuses a pid namespace, without which it could leave processes behind: \
                 {error}"
            );
            HostError::new("run", &command.program, io::Error::other(why))
        }),
    }
}

/// Waits for the command and ends what is to end with it: its status, and what it left running.
fn finish(
    host: &LocalHost,
    running: &mut Running<'_>,
    end: Duration,
) -> io::Result<(ExitStatus, Vec<Process>)> {
    let killed = loop {
        if running.has_ended()? {
            break None;
        }
        if running.on_interrupt == OnInterrupt::Ends && host.interrupted() {
            break Some(ExitStatus::Interrupted);
        }
        if host.elapsed() >= end {
            break Some(ExitStatus::TimedOut);
        }
        running.listen()?;
    };
    if let Some(status) = killed {
        running.kill(host)?;
        return Ok((status, Vec::new()));
    }
    let left = running.leave(host)?;
    running.hear_the_rest(host, PIPE_GRACE)?;
    let status = spawn::exit_status(running.handle.wait()?.status);
    running.close(host)?;
    Ok((status, left))
}

impl Running<'_> {
    /// Takes in what output there is; where there is none, waits until there is or the command ends,
    /// but only a little, and each time longer: for what is waited for besides.
    fn listen(&mut self) -> io::Result<()> {
        if let Some(pipe) = &mut self.pipe {
            match pipe.read(&mut self.buffer) {
                // Nothing is left to wait for, perhaps: that is for the caller to see.
                Ok(0) => {
                    self.pipe = None;
                    return Ok(());
                }
                Ok(count) => {
                    self.nap = Duration::ZERO;
                    self.transcript.hear(&self.buffer[..count]);
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        self.nap = (self.nap * 2).clamp(Duration::from_micros(500), LONGEST_NAP);
        let awaited = self.pipe.iter().map(AsFd::as_fd).chain(self.ending.iter().map(AsFd::as_fd));
        let mut awaited: Vec<_> =
            awaited.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        match rustix::event::poll(&mut awaited, Timespec::try_from(self.nap).ok().as_ref()) {
            Err(Errno::INTR) => Ok(()),
            polled => Ok(polled.map(drop)?),
        }
    }

    /// Whether the command itself has ended. It is not reaped yet: until then its process group
    /// cannot become another's.
    fn has_ended(&mut self) -> io::Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let ended = rustix::process::waitid(WaitId::Pid(self.group), options)?.is_some();
        self.ending.take_if(|_| ended);
        Ok(ended)
    }

    /// Ends what the command left running, if that is to end; what it was, if that can be told. The
    /// command has ended.
    fn leave(&mut self, host: &LocalHost) -> io::Result<Vec<Process>> {
        if self.leftovers != Leftovers::Stay && self.enclosure.is_none() {
            self.signal_group(Signal::KILL)?;
        }
        let grace = host.elapsed() + LEFT_GRACE;
        let left = loop {
            let Some(enclosure) = &self.enclosure else { return Ok(Vec::new()) };
            let (left, is_all) = enclosure.orphans();
            if (left.is_empty() && is_all) || host.elapsed() >= grace {
                break left;
            }
            self.listen()?;
        };
        self.enclosure.as_mut().map_or(Ok(()), Enclosure::kill)?;
        Ok(left)
    }

    /// Sees to it that nothing is left of what the command was enclosed in. The command itself was
    /// waited for.
    fn close(&mut self, host: &LocalHost) -> io::Result<()> {
        self.enclosure.as_mut().map_or(Ok(()), |enclosure| enclosure.wait(host, KILL_GRACE))
    }

    /// Ends the whole group: asks, waits until the command has ended and nobody holds its output,
    /// then kills.
    fn kill(&mut self, host: &LocalHost) -> io::Result<()> {
        self.signal_group(Signal::TERM)?;
        let grace = host.elapsed() + TERM_GRACE;
        while host.elapsed() < grace && !(self.has_ended()? && self.pipe.is_none()) {
            self.listen()?;
        }
        self.signal_group(Signal::KILL)?;
        self.enclosure.as_mut().map_or(Ok(()), Enclosure::kill)?;
        let grace = host.elapsed() + KILL_GRACE;
        while host.elapsed() < grace && !self.has_ended()? {
            self.listen()?;
        }
        if self.has_ended()? {
            self.handle.wait()?;
            self.close(host)?;
        }
        self.hear_the_rest(host, PIPE_GRACE)
    }

    /// Takes in the last output. All that the command itself wrote lies in the pipe by now and is
    /// read, however long this process waits for a processor; what others may write is awaited no
    /// longer than `grace`.
    fn hear_the_rest(&mut self, host: &LocalHost, grace: Duration) -> io::Result<()> {
        let grace = host.elapsed() + grace;
        while self.pipe.is_some() {
            self.listen()?;
            if host.elapsed() >= grace {
                break;
            }
        }
        Ok(())
    }

    fn signal_group(&self, signal: Signal) -> io::Result<()> {
        match rustix::process::kill_process_group(self.group, signal) {
            Err(rustix::io::Errno::SRCH) => Ok(()),
            sent => Ok(sent?),
        }
    }
}

/// The whole environment of a command, with what it takes over of ours.
fn environment(
    command: &Command,
    ours: impl Iterator<Item = (OsString, OsString)>,
) -> BTreeMap<OsString, OsString> {
    let inherited = |name: &OsString| match &command.inherit {
        Inherit::Basics(more) => {
            BASICS.iter().any(|basic| name == basic)
                || more.iter().any(|more| name == more.as_str())
        }
        Inherit::AllBut(less) => !less.iter().any(|less| name == less.as_str()),
    };
    let mut variables: BTreeMap<OsString, OsString> =
        ours.filter(|(name, _)| inherited(name)).collect();
    variables.extend(command.variables.iter().map(|(name, value)| (name.into(), value.into())));
    variables
}

/// The program's full path.
fn resolve(
    command: &Command,
    variables: &BTreeMap<OsString, OsString>,
) -> Result<Utf8PathBuf, HostError> {
    let program = Utf8Path::new(&command.program);
    if command.program.contains('/') {
        return Ok(command.directory.join(program));
    }
    let path = variables.get(&OsString::from("PATH"));
    let found = which::which_in(&command.program, path, &command.directory)
        .ok()
        .and_then(|found| Utf8PathBuf::from_path_buf(found).ok());
    found.ok_or_else(|| {
        let absent = io::Error::new(io::ErrorKind::NotFound, "there is no such program on PATH");
        HostError::new("run", &command.program, absent)
    })
}

#[cfg(test)]
mod enclosed;
#[cfg(test)]
mod tests;
