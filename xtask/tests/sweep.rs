//! A bounded part of every sweep, as `cargo xtask sweep` runs all of it.

#![allow(clippy::print_stderr, reason = "figures, and what was skipped and why")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic where it stands")]

/// Runs a part of a sweep: whatever it finds is a failure, with the command that repeats it.
fn sweep(words: &[&str]) {
    if let Some(missing) = xtask::sweep::missing() {
        let in_ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
        assert!(!in_ci, "there can be no sweep in CI, where it must be possible: {missing}");
        eprintln!("SKIPPED: {missing}");
        return;
    }
    let words = ["sweep"].iter().chain(words);
    let command = duct::cmd(env!("CARGO_BIN_EXE_xtask"), words).stdin_null();
    let output = command.stderr_to_stdout().stdout_capture().unchecked().run().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    eprintln!("{said}");
    assert!(output.status.success(), "{said}");
}

#[test]
fn a_deploy_that_is_killed_at_a_system_call_leaves_the_host_whole() {
    sweep(&["kill", "--operation", "deploy", "--every", "7"]);
}

#[test]
fn a_rollback_that_is_killed_at_a_system_call_leaves_the_host_whole() {
    sweep(&["kill", "--operation", "rollback", "--every", "7"]);
}

#[test]
fn a_system_call_that_fails_is_told_as_it_is_and_leaves_the_host_whole() {
    sweep(&["error", "--operation", "deploy", "--points", "6"]);
}

#[test]
fn one_failed_call_in_a_recovery_or_a_removal_leaves_nobody_stuck_and_nothing_half_removed() {
    for operation in ["recover", "prune"] {
        sweep(&["error", "--operation", operation, "--errno", "EIO", "--points", "12"]);
    }
}

#[test]
fn what_was_done_outlives_a_power_cut_and_what_was_not_is_done_anew() {
    sweep(&["cut", "--operation", "deploy", "--points", "6"]);
}

#[test]
fn a_full_or_read_only_disk_or_a_file_that_cannot_be_changed_leaves_the_host_whole() {
    sweep(&["full", "--every", "5"]);
}

#[test]
fn of_two_deployers_one_wins_and_who_was_overtaken_writes_nothing_more() {
    sweep(&["twice", "--rounds", "10"]);
}
