//! Callers that are killed: whoever comes next removes what they left.

use std::time::Duration;

use xtask::node::wait::until;
use xtask::node::{Layer, Node, Options, remains};

use super::{name, possible};

/// The program itself, as a person calls it.
fn xtask(words: &[&str]) -> duct::Expression {
    let program = env!("CARGO_BIN_EXE_xtask");
    duct::cmd(program, words).stdin_null().stdout_capture().stderr_capture().unchecked()
}

/// Takes a node away that was kept, also when the test fails.
struct Kept<'n>(&'n str);

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        if let Ok(node) = Node::find(self.0) {
            node.down().unwrap();
        }
    }
}

#[test]
fn a_caller_that_is_killed_at_any_time_is_cleaned_up_after_at_the_next_call() {
    let disk = Options { layer: Layer::Disk, ..Options::default() };
    if !possible(disk) {
        return;
    }
    let mut points = 0;
    // What is there when it is killed: first nothing, last a node that is nearly up.
    for parts in 0..9 {
        let name = name(&format!("killed-{parts}"));
        let up =
            xtask(&["node", "up", "--disk", "--size", "128", "--name", &name]).start().unwrap();
        let far_enough = || {
            let ended = up.try_wait()?.is_some();
            Ok((ended || remains(&name)?.len() >= parts).then_some(ended))
        };
        let ended = until("see it at work", Duration::from_secs(60), far_enough).unwrap();
        up.kill().unwrap();
        let left = remains(&name).unwrap();
        // Whoever calls next, for whatever: here to list them.
        let listed = xtask(&["node", "list"]).run().unwrap();
        assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
        match ended {
            true => Node::find(&name).unwrap().down().unwrap(),
            false => points += 1,
        }
        // Another test may have called before us, and be at it.
        let gone = || Ok(remains(&name)?.is_empty().then_some(()));
        until(&format!("see {left:?} gone"), Duration::from_secs(30), gone).unwrap();
    }
    eprintln!("killed at {points} points: nothing left behind");
    assert!(points >= 5);
}

#[test]
fn a_power_cut_that_is_killed_at_any_time_can_be_repeated_or_made_good_by_a_reboot() {
    let disk = Options { layer: Layer::Disk, size_mib: 128, ..Options::default() };
    if !possible(disk) {
        return;
    }
    let name = name("half-cut");
    let node = Node::up(&name, disk).unwrap();
    node.run(&["sh", "-c", "echo 1 > /var/lib/synced; sync -f /var/lib/synced"]).unwrap();
    let kept = Kept(&name);
    node.keep().unwrap();
    let mut killed = 0;
    for step in 0..12_u64 {
        let cut = xtask(&["node", "cut", "--name", &name]).start().unwrap();
        // It takes half a second or more; the steps are taken through all of it.
        let done = cut.wait_timeout(Duration::from_millis(step * 50)).unwrap().is_some();
        cut.kill().unwrap();
        killed += usize::from(!done);
        let action = if step.is_multiple_of(2) { "reboot" } else { "cut" };
        let again = xtask(&["node", action, "--name", &name]).run().unwrap();
        let said = String::from_utf8_lossy(&again.stderr);
        assert!(again.status.success(), "{action} after {step}: {said}");
        let node = Node::find(&name).unwrap();
        let told = node.run(&["sh", "-c", "systemctl is-system-running; cat /var/lib/synced"]);
        assert_eq!(String::from_utf8_lossy(&told.unwrap().stdout), "running\n1\n", "{step}");
    }
    drop(kept);
    assert_eq!(remains(&name).unwrap(), [] as [&str; 0]);
    eprintln!("killed in {killed} power cuts: each was made good");
    assert!(killed >= 3);
}

#[test]
fn the_commands_do_what_they_say_and_end_with_codes_that_tell() {
    if !possible(Options::default()) {
        return;
    }
    let name = name("typed");
    let _kept = Kept(&name);
    let run = |action: &str, words: &[&str]| {
        let output = xtask(&[&["node", action, "--name", &name], words].concat()).run().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    };
    let (code, said) = run("run", &["--", "true"]);
    assert!(code == 125 && said.contains("cargo xtask node up --name"), "{code}: {said}");
    assert_eq!(run("up", &[]).0, 0);
    let (code, said) = run("up", &[]);
    assert!(code == 1 && said.contains("is there already"), "{code}: {said}");
    assert_eq!(run("run", &["--", "systemctl", "is-system-running"]), (0, "running\n".to_owned()));
    assert_eq!(run("run", &["--", "sh", "-c", "exit 3"]).0, 3);
    assert_eq!(run("run", &["--", "sh", "-c", "kill -9 $$"]).0, 137);
    let (code, said) = run("cut", &[]);
    assert!(code == 1 && said.contains("has no disk"), "{code}: {said}");
    assert_eq!(run("reboot", &[]).0, 0);
    let listed = xtask(&["node", "list"]).read().unwrap();
    assert!(
        listed.lines().any(|line| line.starts_with(&name) && line.contains(" up ")),
        "{listed}"
    );
    assert_eq!(run("down", &[]).0, 0);
    assert_eq!(remains(&name).unwrap(), [] as [&str; 0]);
    let (code, said) = run("down", &[]);
    assert!(code == 1 && said.contains("there is no"), "{code}: {said}");
    let wrong = xtask(&["node", "up", "--name", "../x"]).run().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}
