//! Sends signals to the very process that is meant. Does I/O.

use std::io;

use rustix::io::Errno;
use rustix::process::{self as sys, Pid, PidfdFlags};

use super::super::{HostError, Signal};
use super::context::Context;
use super::proc;
use crate::state::ProcessKey;

/// Sends a signal to this process and, where it leads one, to its whole process group; one that
/// has ended is no error.
pub fn signal(process: ProcessKey, signal: Signal) -> Result<(), HostError> {
    match send(process, signal) {
        // ESRCH: it ended while we looked.
        Err(error) if error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => Ok(()),
        sent => sent.at("signal", format!("pid {}", process.pid)),
    }
}

fn send(process: ProcessKey, signal: Signal) -> io::Result<()> {
    let Some(pid) = Pid::from_raw(process.pid.cast_signed()) else {
        return Ok(());
    };
    let signal = match signal {
        Signal::Term => sys::Signal::TERM,
        Signal::Kill => sys::Signal::KILL,
    };
    // Opened before the look: from here on the descriptor cannot come to mean another process.
    let handle = match sys::pidfd_open(pid, PidfdFlags::empty()) {
        Err(Errno::NOSYS | Errno::PERM) => None,
        handle => Some(handle?),
    };
    let Some(stat) = proc::stat(process.pid)? else {
        return Ok(());
    };
    if stat.started_ticks != process.started_ticks {
        return Ok(());
    }
    if stat.group == process.pid {
        return Ok(sys::kill_process_group(pid, signal)?);
    }
    match handle {
        Some(handle) => Ok(sys::pidfd_send_signal(handle, signal)?),
        None => Ok(sys::kill_process(pid, signal)?),
    }
}
