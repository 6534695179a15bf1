//! Processes as they are executed, in another root, and in a root that a link leads to.

use std::process::{Child, Command};
use std::time::Duration;

use super::super::scratch::Scratch;
use super::super::{LocalHost, whole};
use super::*;
use crate::host::Clock;
use crate::state::mark;

/// A process that is killed when the test ends.
struct Other(Child);

impl Other {
    fn start(command: &mut Command) -> Other {
        Other(command.spawn().unwrap())
    }

    fn find(&self, root: &Utf8Path) -> Option<Process> {
        processes(root).unwrap().into_iter().find(|process| process.key.pid == self.0.id())
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "a process that no host started")]
fn command(program: &str) -> Command {
    Command::new(program)
}

#[test]
fn a_process_is_found_also_while_it_is_being_executed() {
    let (dir, host) = (Scratch::new(), LocalHost::new());
    let script = dir.join("again");
    whole::write(&script, b"#!/bin/sh\nexec \"$0\"\n", 0o755).unwrap();
    let other = Other::start(command(script.as_str()).env_clear().env(mark::SERVICE, "web"));
    let (mut looks, mut misses) = (0, 0);
    while host.elapsed() < Duration::from_secs(1) {
        looks += 1;
        misses += u32::from(other.find("/nowhere".into()).is_none());
    }
    assert!(looks > 20, "it was hardly looked for: {looks}");
    assert_eq!(misses, 0, "of {looks} looks");
}

#[test]
fn stat_is_read_after_the_last_parenthesis() {
    let numbers = "1 42 40 0 -1 4194560 0 0 0 0 1 2 0 0 20 0 1 0 5120131 4096 128";
    for name in ["sh", "a) Z 9 9 (b", "x y", ""] {
        let parsed = parse_stat(&format!("43 ({name}) S {numbers}\n"));
        let expected =
            Stat { state: 'S', parent: 1, group: 42, session: 40, started_ticks: 5_120_131 };
        assert_eq!(parsed, Some(expected), "{name:?}");
    }
    for bad in ["", "43 (sh", "43 (sh) S 1 2", "43 (sh) S a 42 40"] {
        assert_eq!(parse_stat(bad), None, "{bad:?}");
    }
}

#[test]
fn below_a_root_is_not_beside_it() {
    for (path, expected) in [
        ("/opt/x", true),
        ("/opt/x/releases", true),
        ("/opt/x (deleted)", true),
        ("/opt/xy", false),
        ("/opt", false),
    ] {
        assert_eq!(is_below(path.into(), "/opt/x".into()), expected, "{path}");
    }
}
