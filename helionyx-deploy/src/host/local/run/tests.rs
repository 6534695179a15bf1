//! Commands that end, fail, hang and leave others behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::scratch::Scratch;
use super::super::{files, proc};
use super::*;

fn shell(script: &str) -> Command {
    Command::new("/bin/sh", "/").args(["-c", script])
}

fn check(command: &Command) -> (Output, Vec<String>) {
    let mut lines = Vec::new();
    let host = LocalHost::new();
    let output = run(&host, command, &mut |line| lines.push(line.to_owned())).unwrap();
    (output, lines)
}

#[test]
fn status_and_output_are_those_of_the_command() {
    let (output, lines) = check(&shell("echo one; echo two >&2; printf three; exit 7"));
    assert_eq!(output.status, ExitStatus::Code(7));
    assert_eq!(lines, ["one", "two", "three"]);
    assert_eq!(output.text, "one\ntwo\nthree");
    let (output, _) = check(&shell("kill -9 $$"));
    assert_eq!(output.status, ExitStatus::Signal(9));
    let (output, _) = check(&shell("cat; exit 0"));
    assert_eq!((output.status.success(), output.text.as_str()), (true, ""), "no standard input");
}

#[test]
fn much_output_arrives_whole() {
    let (output, lines) =
        check(&shell("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done"));
    assert_eq!(lines.len(), 20_000);
    assert_eq!(lines[19_999], "line 19999");
    assert!(output.text.ends_with("line 19999\n"));
}

#[test]
fn lines_are_handed_on_as_they_come() {
    let dir = Scratch::new();
    let go = dir.join("go");
    // It ends only when its first line was heard.
    let script = format!("echo ready; while [ ! -e {go} ]; do sleep 0.01; done; echo done");
    let mut lines = Vec::new();
    let output = run(&LocalHost::new(), &shell(&script), &mut |line| {
        lines.push(line.to_owned());
        std::fs::File::create(&go).unwrap();
    });
    assert_eq!(output.unwrap().status, ExitStatus::Code(0));
    assert_eq!(lines, ["ready", "done"]);
}

/// Whether the process whose id was left in this file ends soon.
fn ends(pid_file: &Utf8Path) -> bool {
    let text = String::from_utf8(files::read(pid_file, 99).unwrap()).unwrap();
    let pid = text.trim().parse().unwrap();
    let host = LocalHost::new();
    while host.elapsed() < Duration::from_secs(60) {
        if !proc::is_living(pid) {
            return true;
        }
        host.pause(Duration::from_millis(5));
    }
    false
}

/// Its deadline comes when this file is there; what it said.
fn times_out(command: &Command, file: &Utf8Path) -> String {
    let host = LocalHost::new();
    let mut ignore = |_: &str| {};
    let mut running = start(command, None, Transcript::new(&mut ignore)).unwrap();
    while !file.exists() {
        assert!(host.elapsed() < Duration::from_secs(60), "it did not begin");
        host.pause(Duration::from_millis(5));
    }
    let (status, _) = finish(&host, &mut running, host.elapsed()).unwrap();
    assert_eq!(status, ExitStatus::TimedOut);
    running.transcript.finish()
}

#[test]
fn the_deadline_ends_the_whole_group() {
    let dir = Scratch::new();
    let pid = dir.join("pid");
    let asked = "trap 'echo asked; exit' TERM";
    let grandchild = format!("{asked}; echo $$ > {pid}.new; mv {pid}.new {pid}; sleep 600 & wait");
    let command = shell("echo started; sh -c \"$0\" & wait").args([&grandchild]);
    assert_eq!(times_out(&command, &pid), "started\nasked\n", "nobody was killed the hard way");
    assert!(ends(&pid), "the grandchild is left");
}

#[test]
fn the_deadline_kills_what_ignores_the_request() {
    let dir = Scratch::new();
    let pid = dir.join("pid");
    let orphan = "(while :; do sleep 0.05; done)";
    let script = format!("{orphan} & echo $! > {pid}.new; mv {pid}.new {pid}");
    let words = "trap '' TERM; sh -c \"$0\"; while :; do sleep 1; done";
    assert_eq!(times_out(&shell(words).args([&script]), &pid), "");
    assert!(ends(&pid), "the grandchild is left");
}

#[test]
fn a_flood_of_output_does_not_hide_the_deadline() {
    let mut command = shell("while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done");
    command.deadline = Duration::from_millis(300);
    let (output, _) = check(&command);
    assert_eq!(output.status, ExitStatus::TimedOut);
    assert!(output.text.len() <= Output::LIMIT);
}

#[test]
fn a_grandchild_that_keeps_the_output_open_does_not_hang_us() {
    let dir = Scratch::new();
    let pid = dir.join("pid");
    let host = LocalHost::new();
    let command = shell(&format!("sleep 600 & echo $! > {pid}; echo done"));
    let output = run(&host, &command, &mut |_| {}).unwrap();
    assert_eq!((output.status, output.text.as_str()), (ExitStatus::Code(0), "done\n"));
    assert!(host.elapsed() < Duration::from_secs(60), "{:?}", host.elapsed());
    let text = String::from_utf8(files::read(&pid, 99).unwrap()).unwrap();
    let left = Pid::from_raw(text.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(left, Signal::KILL).unwrap();
}

#[test]
fn the_last_words_of_a_command_are_heard_however_late_we_come_to_listen() {
    let host = LocalHost::new();
    let mut ignore = |_: &str| {};
    let mut running = start(&shell("echo done"), None, Transcript::new(&mut ignore)).unwrap();
    while !running.has_ended().unwrap() {
        assert!(host.elapsed() < Duration::from_secs(60), "the command does not end");
        host.pause(Duration::from_millis(1));
    }
    running.hear_the_rest(&host, Duration::ZERO).unwrap();
    assert_eq!(running.transcript.finish(), "done\n");
    running.handle.wait().unwrap();
}

#[test]
fn an_interruption_ends_the_command() {
    let interrupt = Arc::new(AtomicBool::new(false));
    let host = LocalHost::with_interrupt(interrupt.clone());
    let output = run(&host, &shell("echo started; sleep 600"), &mut |_| {
        interrupt.store(true, Ordering::Relaxed);
    });
    assert_eq!(output.unwrap().status, ExitStatus::Interrupted);
    assert!(host.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_command_that_an_interruption_does_not_end_comes_to_its_own() {
    let host = LocalHost::with_interrupt(Arc::new(AtomicBool::new(true)));
    let command = Command { on_interrupt: OnInterrupt::GoesOn, ..shell("echo done") };
    let output = run(&host, &command, &mut |_| {}).unwrap();
    assert_eq!((output.status, output.text.as_str()), (ExitStatus::Code(0), "done\n"), "ALL-03");
}

/// It is its own deployer: with the variable set, it runs the command and is killed meanwhile.
#[test]
#[expect(clippy::disallowed_methods, reason = "a deployer that is killed is a process of its own")]
fn a_killed_deployer_does_not_leave_its_command_running() {
    const PID_FILE: &str = "PID_FILE_OF_THE_COMMAND";
    if let Some(pid) = std::env::var_os(PID_FILE) {
        let script = format!("echo $$ > {0}.new; mv {0}.new {0}; exec sleep 600", pid.display());
        run(&LocalHost::new(), &shell(&script), &mut |_| {}).unwrap();
        return;
    }
    let dir = Scratch::new();
    let pid = dir.join("pid");
    let name = "host::local::run::tests::a_killed_deployer_does_not_leave_its_command_running";
    let mut deployer = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env(PID_FILE, &pid)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let host = LocalHost::new();
    while !pid.exists() {
        assert!(host.elapsed() < Duration::from_secs(60), "it did not begin");
        host.pause(Duration::from_millis(5));
    }
    deployer.kill().unwrap();
    deployer.wait().unwrap();
    assert!(ends(&pid), "the command is left");
}

#[test]
fn what_cannot_be_run_is_named() {
    let dir = Scratch::new();
    whole_script(&dir.join("plain"), 0o644);
    let run_it = |program: &str, directory: &Utf8Path| {
        let error = run(&LocalHost::new(), &Command::new(program, directory), &mut |_| {});
        let error = error.unwrap_err();
        (error.to_string(), error.source.kind())
    };
    let absent = run_it("no-such-program-here", dir.path());
    assert_eq!(absent.0, "failed to run `no-such-program-here`");
    assert_eq!(absent.1, io::ErrorKind::NotFound);
    assert_eq!(run_it("./missing", dir.path()).1, io::ErrorKind::NotFound);
    assert_eq!(run_it("./plain", dir.path()).1, io::ErrorKind::PermissionDenied);
    let nowhere = run_it("sh", &dir.join("nowhere"));
    assert_eq!(nowhere.0, format!("failed to enter `{}`", dir.join("nowhere")));
}

#[test]
fn a_program_is_found_by_path_or_in_the_directory_of_the_command() {
    let dir = Scratch::new();
    whole_script(&dir.join("tool"), 0o755);
    let (output, _) = check(&Command::new("./tool", dir.path()));
    assert_eq!(output.text, format!("{}\n", dir.path()));
    let by_path = Command::new("tool", "/").variable("PATH", format!("{}:/bin", dir.path()));
    assert_eq!(check(&by_path).0.text, "/\n");
}

fn whole_script(path: &Utf8Path, mode: u32) {
    super::super::whole::write(path, b"#!/bin/sh\npwd\n", mode).unwrap();
}

#[test]
fn the_environment_is_what_the_command_inherits_and_sets() {
    let names = ["PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "AGENT", "TOKEN"];
    let ours = || names.iter().map(|name| (OsString::from(name), OsString::from("ours")));
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    for (inherit, expected) in [
        (Inherit::Basics(list(&[])), "HOME=its LANG PATH TMPDIR TZ USER X=its"),
        (Inherit::Basics(list(&["AGENT"])), "AGENT HOME=its LANG PATH TMPDIR TZ USER X=its"),
        (Inherit::AllBut(list(&["TOKEN", "TZ"])), "AGENT HOME=its LANG PATH TMPDIR USER X=its"),
    ] {
        let mut command = shell("").variable("HOME", "its").variable("X", "its");
        command.inherit = inherit;
        let found = environment(&command, ours()).into_iter().map(|(name, value)| {
            let (name, value) = (name.into_string().unwrap(), value.into_string().unwrap());
            if value == "ours" { name } else { format!("{name}={value}") }
        });
        assert_eq!(found.collect::<Vec<_>>().join(" "), expected, "{:?}", command.inherit);
    }
    let mut command = Command::new("/usr/bin/env", "/").variable("X", "a b");
    command.inherit = Inherit::AllBut(std::env::vars().map(|(name, _)| name).collect());
    assert_eq!(check(&command).0.text, "X=a b\n", "exactly that arrives");
}
