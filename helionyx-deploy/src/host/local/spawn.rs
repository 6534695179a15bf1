//! Starts a service detached: a session of its own, its output to a log. Does I/O.

use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};

use super::super::{HostError, Launch};
use super::context::Context;
use super::files::{open_log, parent_of};
use super::{child, proc, whole};
use crate::command::ExitStatus;
use crate::state::ProcessKey;

/// Starts a service and returns at once.
pub fn spawn(launch: &Launch) -> Result<(ProcessKey, Child), HostError> {
    let Some((program, args)) = launch.exec.split_first() else {
        return Err(HostError::refused("start", &launch.directory, "there is no program"));
    };
    if !launch.directory.is_dir() {
        let missing = io::Error::new(io::ErrorKind::NotFound, "no such directory");
        return Err(HostError::new("enter", &launch.directory, missing));
    }
    let log = open(&launch.log)?;
    let mut command = detached(program, args, launch);
    command.stdout(log.try_clone().at("start", program)?).stderr(log);
    let child = command.spawn().at("start", program)?;
    // It cannot be gone: until it is reaped, its entry stays.
    let started_ticks = proc::started_ticks(child.id()).at("look at", program)?;
    Ok((ProcessKey { pid: child.id(), started_ticks }, child))
}

/// How a process ended.
pub fn exit_status(status: std::process::ExitStatus) -> ExitStatus {
    match (status.code(), status.signal()) {
        (Some(code), _) => ExitStatus::Code(code),
        (None, signal) => ExitStatus::Signal(signal.unwrap_or_default()),
    }
}

/// A log of this size, in bytes, makes room for a new one.
const LOG_LIMIT: u64 = 10 * 1024 * 1024;

#[expect(clippy::disallowed_methods, reason = "the door of services")]
fn detached(program: &str, args: &[String], launch: &Launch) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(&launch.directory).stdin(Stdio::null()).env_clear();
    command.envs(launch.variables.iter().map(|(name, value)| (name, value.expose())));
    child::detach(&mut command);
    command
}

fn open(log: &Utf8Path) -> Result<File, HostError> {
    whole::create_dir(parent_of(log), 0o755)?;
    let full = log.symlink_metadata().is_ok_and(|found| found.is_file() && found.len() > LOG_LIMIT);
    if full {
        let old = Utf8PathBuf::from(format!("{log}.1"));
        rustix::fs::rename(log.as_str(), old.as_str()).at("rename", log)?;
    }
    let (file, _) = open_log("append to", log)?;
    // The flag that keeps us from hanging on a pipe is not for the service.
    rustix::fs::fcntl_setfl(&file, rustix::fs::OFlags::APPEND).at("open", log)?;
    Ok(file)
}

#[cfg(test)]
mod tests;
