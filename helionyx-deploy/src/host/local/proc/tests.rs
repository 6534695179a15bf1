//! Processes as they are executed, in another root, and in a root that a link leads to.

use std::io::Write;
use std::process::{Child, Command, Stdio};
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
    while looks < 50 || host.elapsed() < Duration::from_secs(1) {
        looks += 1;
        misses += u32::from(other.find("/nowhere".into()).is_none());
    }
    assert_eq!(misses, 0, "of {looks} looks");
}

/// It is its own neighbour: with the variable set, it moves to another root and waits.
#[test]
fn a_process_in_another_root_is_named_as_a_holder_and_is_none_of_ours() {
    const NEW_ROOT: &str = "NEW_ROOT_OF_THE_PROCESS";
    if let Ok(root) = std::env::var(NEW_ROOT) {
        rustix::process::chroot(root.as_str()).unwrap();
        std::io::stdin().read_line(&mut String::new()).unwrap();
        return;
    }
    if rustix::process::geteuid().as_raw() != 0 {
        let reason = "only root may change the root of a process: not checked here\n";
        std::io::stderr().write_all(reason.as_bytes()).unwrap();
        return;
    }
    let (dir, host) = (Scratch::new(), LocalHost::new());
    let name = "host::local::proc::tests::\
        a_process_in_another_root_is_named_as_a_holder_and_is_none_of_ours";
    let other = Other::start(
        command(std::env::current_exe().unwrap().to_str().unwrap())
            .args(["--exact", name])
            .current_dir(dir.path())
            .envs([(NEW_ROOT, dir.path().as_str()), (mark::SERVICE, "web")])
            .stdin(Stdio::piped())
            .stdout(Stdio::null()),
    );
    let root = format!("/proc/{}/root", other.0.id());
    while std::fs::read_link(&root).unwrap() != dir.path().as_std_path() {
        assert!(host.elapsed() < Duration::from_secs(60), "it did not move");
        host.pause(Duration::from_millis(5));
    }
    assert_eq!(other.find(dir.path()), None);
    let holder = Reader::new().unwrap().process(other.0.id()).unwrap();
    assert!(holder.command.contains(&name.to_owned()), "{holder:?}");
    assert_eq!((holder.marks.len(), holder.cwd, holder.exe), (0, None, None));
}

#[test]
fn the_release_of_a_process_is_told_in_a_root_that_a_link_leads_to() {
    let (dir, host) = (Scratch::new(), LocalHost::new());
    whole::replace_link(&dir.join("link"), "real".into()).unwrap();
    let (root, id) = (dir.join("link/root"), "20260102T030405Z-0123456");
    let release = dir.join("real/root/releases").join(id);
    whole::create_dir(&release, 0o755).unwrap();
    let other = Other::start(command("/bin/sleep").arg("600").current_dir(&release));
    let release = |name: &str| {
        let found = other.find(&dir.join(name))?;
        found.release(&dir.join(name).join("releases")).map(|id| id.to_string())
    };
    while release("link/root").is_none() {
        assert!(host.elapsed() < Duration::from_secs(60), "it is not found");
        host.pause(Duration::from_millis(5));
    }
    assert_eq!([release("link/root"), release("real/root")], [(); 2].map(|()| Some(id.to_owned())));
    assert_eq!(other.find(&root.join("releases")).unwrap().exe.unwrap().file_name(), Some("sleep"));
    assert_eq!(other.find(&dir.join("link/roo")), None);
    std::fs::remove_dir(dir.join("real/root/releases").join(id)).unwrap();
    assert_eq!(release("link/root"), None, "it is deleted");
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
        ("/opt/x", Some("")),
        ("/opt/x/releases", Some("/releases")),
        ("/opt/x (deleted)", Some(" (deleted)")),
        ("/opt/xy", None),
        ("/opt", None),
    ] {
        assert_eq!(below(path.into(), "/opt/x".into()), expected, "{path}");
    }
}
