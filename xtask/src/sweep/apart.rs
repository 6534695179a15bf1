//! Sweeps see no processes but their own, and nothing of them outlives them. Does I/O.
//!
//! What else runs on a machine would move the number of a call from one run to the next: the
//! deployer looks at all of `/proc`. In a namespace of their own the numbers stay; processes end and
//! mounts go with the sweep, however that ends.

use std::convert::Infallible;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::node::program;

/// Set where we are apart already: to a number that no other sweep has at this time.
const APART: &str = "HELIONYX_SWEEP";

/// The first process of a namespace must reap what others leave; a shell that waits does.
const FIRST: &str = "\"$@\"; exit $?";

/// Whether we are to run ourselves once more. Without root, sweeps run among all others.
pub fn is_needed() -> bool {
    std::env::var_os(APART).is_none() && rustix::process::geteuid().is_root()
}

/// The number of this sweep.
pub fn number() -> u32 {
    let given = std::env::var(APART).ok().and_then(|number| number.parse().ok());
    given.unwrap_or_else(std::process::id)
}

/// Becomes this very command, apart: whoever ends us ends all of it.
///
/// # Errors
/// When it cannot be run.
#[expect(clippy::disallowed_methods, reason = "a task of developers becomes another program")]
pub fn become_apart() -> Result<Infallible> {
    let unshare =
        ["--pid", "--fork", "--kill-child", "--mount-proc", "--", "sh", "-c", FIRST, "sh"];
    let mut command = Command::new(program("unshare")?);
    command.args(unshare).arg(std::env::current_exe()?).args(std::env::args_os().skip(1));
    let error = command.env(APART, number().to_string()).exec();
    Err(error).context("failed to run `unshare`")
}
