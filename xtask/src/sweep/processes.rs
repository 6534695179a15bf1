//! The processes of a swept environment, found by their marks in `/proc`. Reads it, ends processes.

use std::path::{Path, PathBuf};

use anyhow::Result;
use rustix::process::{Pid, Signal, kill_process};

use crate::node::wait;

/// A process of the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Which.
    pub pid: i32,
    /// The release whose directory it runs in; none where that is gone.
    pub release: Option<String>,
}

/// All that bear the mark of this root.
pub fn of(root: &Path) -> Result<Vec<Process>> {
    let mark = format!("HELIONYX_ROOT={}", root.display());
    let mut found = Vec::new();
    for entry in fs_err::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // It may have ended meanwhile; one that waits to be reaped has no environment any more.
        let environment = fs_err::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        if environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()) {
            found.push(Process { pid, release: release(root, pid) });
        }
    }
    Ok(found)
}

fn release(root: &Path, pid: i32) -> Option<String> {
    let directory: PathBuf = fs_err::read_link(format!("/proc/{pid}/cwd")).ok()?;
    let name = directory.strip_prefix(root.join("releases")).ok()?.to_str()?.to_owned();
    (!name.ends_with(" (deleted)")).then_some(name)
}

/// Ends all of them, and waits until they are gone.
pub fn end(root: &Path) -> Result<()> {
    wait::for_kernel("end the service", || {
        let found = of(root)?;
        for process in &found {
            // It may have ended before.
            let _ = Pid::from_raw(process.pid).map(|pid| kill_process(pid, Signal::KILL));
        }
        Ok(found.is_empty())
    })
}
