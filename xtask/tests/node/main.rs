//! Everything that needs a machine with a systemd of its own, on throw-away nodes.

#![allow(clippy::print_stderr, reason = "figures, and what was skipped and why")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic where it stands")]

use xtask::node::Options;
use xtask::site::missing;

mod cut_short;
mod documented;
mod fastapi;
mod foreground;
mod helionyx;
mod installed;
mod killed;
mod lifecycle;
mod mishaps;
#[path = "../../../helionyx-deploy/unit-file/tests/it/nasty.rs"]
mod nasty;
mod operating;
mod overridden;
mod point;
mod prerequisites;
mod received;
mod record;
mod site;
mod trip;

/// Whether this machine can boot nodes. Says loudly where it cannot; in CI it must.
fn possible(options: Options) -> bool {
    let Some(missing) = missing(options) else { return true };
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
    assert!(!in_ci, "no node can be booted in CI, where it must be possible: {missing}");
    eprintln!("SKIPPED: {missing}");
    false
}

/// A name that no test and no other run has.
fn name(test: &str) -> String {
    format!("{test}-{}", std::process::id())
}
