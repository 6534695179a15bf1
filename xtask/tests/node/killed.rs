//! Callers that are killed: whoever comes next removes what they left.

use std::path::Path;
use std::time::Duration;

use xtask::node::wait::until;
use xtask::node::{Layer, Node, Options, remains};

use super::point::{Point, every, points};
use super::{name, possible};

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_xtask");
/// What the program changes a node with. It looks at a node's first group by statx, when that boots.
const CALLS: [&str; 9] =
    ["mkdir", "mkdirat", "mount", "umount2", "unlink", "rename", "ioctl", "syncfs", "statx"];
/// The group of a booting node's first process.
const FIRST: &str = "/payload/init.scope";

/// The program itself, as a person calls it.
fn xtask(words: &[&str]) -> duct::Expression {
    captured(duct::cmd(PROGRAM, words))
}

fn captured(command: duct::Expression) -> duct::Expression {
    command.stdin_null().stdout_capture().stderr_capture().unchecked()
}

/// The paths of a node by which it is changed: what is done to others, or with them, does not count.
fn paths(name: &str) -> Vec<String> {
    let below = ["", "/layer", "/root", "/root/", "/node.unfinished"];
    let below = below.map(|part| format!("/run/helionyx-nodes/{name}{part}"));
    let hierarchies = ["", "/unified", "/systemd"];
    let groups = hierarchies.map(|one| format!("/sys/fs/cgroup{one}/helionyx-node-{name}{FIRST}"));
    let image = format!("/var/tmp/helionyx-node-{name}.ext4");
    below.into_iter().chain(groups).chain([image]).collect()
}

/// The same under strace, which writes this log; killed at a point, if one is given.
fn traced(log: &Path, killed_at: Option<&Point>, words: &[&str]) -> duct::Expression {
    let (log, calls) = (log.to_str().unwrap(), format!("trace=?{}", CALLS.join(",?")));
    let strace = ["-qq", "-o", log, "-e", "signal=none", "-e", &calls].map(str::to_owned);
    let paths = paths(words.last().unwrap()).into_iter().flat_map(|path| ["-P".to_owned(), path]);
    let inject = killed_at.map(|point| ["-e".to_owned(), point.inject("KILL")]);
    let program = ["--", PROGRAM].iter().chain(words).map(|word| (*word).to_owned());
    let all = strace.into_iter().chain(paths).chain(inject.into_iter().flatten()).chain(program);
    captured(duct::cmd("strace", all))
}

/// The calls of the program in a run that nobody disturbs, but for those that another run may not
/// come to: it may unmount at the first try, and look less often whether the node is up.
fn certain(log: &Path, words: &[&str]) -> Vec<Point> {
    let output = traced(log, None, words).run().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut points = points(&fs_err::read_to_string(log).unwrap(), &CALLS);
    points.retain(|point| match &*point.call {
        "umount2" => point.number <= 2,
        "statx" => point.number <= 4,
        _ => true,
    });
    points
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
    let scratch = tempfile::tempdir().unwrap();
    let log = scratch.path().join("trace");
    let names = |number| name(&format!("killed-{number}"));
    let whole = names(0);
    let kept = Kept(&whole);
    let points = certain(&log, &up(&whole));
    drop(kept);
    let mut killed = 0;
    // What is there when it is killed: first nothing, last a node that is up.
    for point in points.iter().step_by(every(2)) {
        killed += 1;
        let name = names(killed);
        let ended = traced(&log, Some(point), &up(&name)).run().unwrap();
        assert!(!ended.status.success(), "{point:?}: it was not killed");
        let left = remains(&name).unwrap();
        // Whoever calls next, for whatever: here to list them.
        let listed = xtask(&["node", "list"]).run().unwrap();
        assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
        // Another test may have called before us, and be at it.
        let gone = || Ok(remains(&name)?.is_empty().then_some(()));
        until(&format!("see {left:?} gone"), Duration::from_secs(60), gone).unwrap();
    }
    eprintln!("killed at {killed} of {} points: nothing left behind", points.len());
}

/// What boots a node with a small disk.
fn up(name: &str) -> [&str; 7] {
    ["node", "up", "--disk", "--size", "128", "--name", name]
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
    let scratch = tempfile::tempdir().unwrap();
    let log = scratch.path().join("trace");
    let cut = ["node", "cut", "--name", &name];
    let points = certain(&log, &cut);
    for (index, point) in points.iter().enumerate() {
        let ended = traced(&log, Some(point), &cut).run().unwrap();
        assert!(!ended.status.success(), "{point:?}: it was not killed");
        let action = if index.is_multiple_of(2) { "reboot" } else { "cut" };
        let again = xtask(&["node", action, "--name", &name]).run().unwrap();
        let said = String::from_utf8_lossy(&again.stderr);
        assert!(again.status.success(), "{action} after {point:?}: {said}");
        let node = Node::find(&name).unwrap();
        let told = node.run(&["sh", "-c", "systemctl is-system-running; cat /var/lib/synced"]);
        let told = told.unwrap().stdout;
        assert_eq!(String::from_utf8_lossy(&told), "running\n1\n", "{point:?}");
    }
    drop(kept);
    assert_eq!(remains(&name).unwrap(), [] as [&str; 0]);
    eprintln!("killed in {} power cuts: each was made good", points.len());
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
