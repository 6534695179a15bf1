//! The processes of a node, found by their control group; its first one; the end of all. Does I/O.

use anyhow::{Context as _, Result};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::place::Place;
use super::{cgroup, wait};

/// The node's first process, its systemd, by its number on this machine.
pub fn leader(place: &Place) -> Result<Option<i32>> {
    Ok(all(place)?.into_iter().find(|pid| is_first(*pid)))
}

/// Whether its first process is the one that ends what services have left, and then the node.
pub fn is_ending(place: &Place) -> Result<bool> {
    let Some(leader) = leader(place)? else { return Ok(false) };
    let name = fs_err::read_to_string(format!("/proc/{leader}/comm")).unwrap_or_default();
    // The kernel keeps fifteen characters of `systemd-shutdown`.
    Ok(name.trim_end() == "systemd-shutdow")
}

/// Whether any process of the node is left.
pub fn is_empty(place: &Place) -> Result<bool> {
    Ok(all(place)?.is_empty())
}

/// Kills all at once, as when the power is cut, and waits until they are gone.
pub fn kill_all(place: &Place) -> Result<()> {
    let goal = format!("end the processes of {}", place.name);
    wait::for_kernel(&goal, || {
        let found = all(place)?;
        for pid in &found {
            kill(place, *pid);
        }
        Ok(found.is_empty())
    })
}

fn all(place: &Place) -> Result<Vec<i32>> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir("/proc")? {
        let name = entry?.file_name();
        let pid = name.to_str().and_then(|name| name.parse().ok());
        found.extend(pid.filter(|pid| is_of(place, *pid) && is_alive(*pid)));
    }
    Ok(found)
}

fn is_of(place: &Place, pid: i32) -> bool {
    fs_err::read_to_string(format!("/proc/{pid}/cgroup"))
        .is_ok_and(|text| cgroup::is_of(place, &text))
}

/// One that has ended and waits to be reaped is gone for all that matters here.
fn is_alive(pid: i32) -> bool {
    let stat = fs_err::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Whether it is the first one of a namespace right below ours.
fn is_first(pid: i32) -> bool {
    let numbers = |pid: &str| {
        let status = fs_err::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        line.map(|line| line.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>())
            .unwrap_or_default()
    };
    let (theirs, ours) = (numbers(&pid.to_string()), numbers("self"));
    theirs.len() == ours.len() + 1 && theirs.last().is_some_and(|last| last == "1")
}

/// By a descriptor, so that a number that was given to another process in between harms nobody.
fn kill(place: &Place, pid: i32) {
    let killed = Pid::from_raw(pid).context("no process").and_then(|number| {
        let descriptor = pidfd_open(number, PidfdFlags::empty())?;
        if is_of(place, pid) {
            pidfd_send_signal(descriptor, Signal::KILL)?;
        }
        Ok(())
    });
    // It may have ended before.
    drop(killed);
}
