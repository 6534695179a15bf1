//! The Makefile is a thin layer: what is typed reaches the tool as it stands.

#![allow(clippy::print_stderr, reason = "what was skipped and why")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic where it stands")]

/// What the tool would be called with, its words parted by `|`.
fn made(words: &[&str]) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let command = duct::cmd("make", [&["-s", "XTASK=printf '%s|'"], words].concat());
    command.dir(root).stderr_to_stdout().unchecked().read().unwrap()
}

#[test]
fn each_target_calls_the_command_of_its_name_with_what_was_typed() {
    if which::which("make").is_err() {
        let in_ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
        assert!(!in_ci, "CI needs make: install it");
        eprintln!("SKIPPED: there is no make here; install it");
        return;
    }
    for (words, called) in [
        (&["deploy", "ENV=dev"][..], "deploy|--env=dev|"),
        (&["deploy", "ENV=staging", "REF=v1.4.0"], "deploy|--env=staging|--ref=v1.4.0|"),
        (&["deploy", "ENV=live"], "deploy|--env=live|"),
        (&["status"], "status|"),
        (&["status", "ENV=staging"], "status|--env=staging|"),
        (&["restart", "ENV=live"], "restart|--env=live|"),
        (&["logs", "ENV=dev", "N=50"], "logs|--env=dev|--lines=50|"),
        (&["run", "ENV=dev"], "run|--env=dev|"),
        (&["stop", "ENV=dev"], "stop|--env=dev|"),
        (&["rollback", "ENV=dev"], "rollback|--env=dev|--|"),
        // What is not typed is not made up, and what is typed is no command.
        (&["deploy"], "deploy|"),
        (&["deploy", "ENV=dev;id $(id) `id` \"x"], "deploy|--env=dev;id $(id) `id` \"x|"),
    ] {
        assert_eq!(made(words), called, "HEL-29, HEL-35, HEL-96, HEL-100: make {words:?}");
    }
}
