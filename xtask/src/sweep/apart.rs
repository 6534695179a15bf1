//! Sweeps see no processes but their own, and nothing of them outlives them. Does I/O.
//!
//! What else runs on a machine would move the number of a call from one run to the next: the
//! deployer looks at all of `/proc`. In a namespace of their own the numbers stay; processes end and
//! mounts go with the sweep, however that ends.

use anyhow::Result;

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

/// Runs this very command apart; whether it ended well.
pub fn run() -> Result<bool> {
    let unshare =
        ["--pid", "--fork", "--kill-child", "--mount-proc", "--", "sh", "-c", FIRST, "sh"];
    let ourselves = std::env::current_exe()?.into_os_string();
    let words =
        unshare.iter().map(Into::into).chain([ourselves]).chain(std::env::args_os().skip(1));
    let command = duct::cmd(program("unshare")?, words).env(APART, number().to_string());
    Ok(command.unchecked().run()?.status.success())
}
