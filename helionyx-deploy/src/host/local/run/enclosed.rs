//! Commands of which nothing is to be left, and what they try in order to stay.

#![allow(clippy::print_stderr, reason = "what was skipped and why")]

use super::super::scratch::Scratch;
use super::super::{nap, proc};
use super::*;

/// A command that is to be enclosed; none, loudly, where the machine does not let us.
fn enclosed(script: &str) -> Option<Command> {
    if let Err(refused) = Enclosure::open() {
        assert!(
            !rustix::process::geteuid().is_root() || std::env::var_os("CI").is_none(),
            "root cannot enclose builds: {refused}"
        );
        eprintln!("SKIPPED: it takes root and pid namespaces: {refused}");
        return None;
    }
    let mut command = Command::new("/bin/sh", "/").args(["-c", script]);
    command.leftovers = Leftovers::End;
    Some(command)
}

fn run_it(command: &Command) -> Output {
    run(&LocalHost::new(), command, &mut |_| {}).unwrap()
}

/// An argument of `sleep` that no other process on this machine has.
fn unique(test: u32) -> String {
    format!("{}.{test}", 100_000 + std::process::id())
}

/// Whether a process sleeps so long.
fn sleeps(unique: &str) -> bool {
    let words = format!("sleep\0{unique}\0");
    let is_it =
        |pid| fs_err::read(format!("/proc/{pid}/cmdline")).is_ok_and(|w| w == words.as_bytes());
    proc::pids().unwrap().into_iter().any(is_it)
}

fn awaits(what: &str, mut holds: impl FnMut() -> bool) {
    let host = LocalHost::new();
    while !holds() {
        assert!(host.elapsed() < Duration::from_secs(60), "{what}");
        nap(Duration::from_millis(5));
    }
}

#[test]
fn what_detaches_itself_ends_with_the_command_and_is_named() {
    let unique = unique(1);
    for detached in [
        format!("sleep {unique} &"),
        format!("setsid sh -c 'cd /; exec sleep {unique}' >/dev/null 2>&1 &"),
        format!("(setsid setsid sleep {unique} </dev/null >/dev/null 2>&1 &)"),
        format!("(trap '' TERM HUP INT; setsid sh -c '(sleep {unique} &)')"),
    ] {
        let begun = "until grep -qsx sleep /proc/[0-9]*/comm; do :; done";
        let script = format!("{detached}\n{begun}; echo done; exit 3");
        let Some(command) = enclosed(&script) else { return };
        let output = run_it(&command);
        assert_eq!((output.status, output.text.as_str()), (ExitStatus::Code(3), "done\n"));
        let left: Vec<_> = output.left.iter().map(|left| left.command.join(" ")).collect();
        assert_eq!(left, [format!("sleep {unique}")], "{detached}");
        assert!(!sleeps(&unique), "{detached}");
    }
}

#[test]
fn helpers_that_end_by_themselves_are_awaited_and_buried() {
    let dir = Scratch::new();
    // It ends when the command does, and not before.
    let helper = format!("mkfifo {0}; (cat {0} > /dev/null &); exec 3> {0}", dir.join("end"));
    let buried = "while grep -qs '^State:.Z' /proc/[0-9]*/status; do :; done";
    let script = format!("{helper}; (true &); {buried}");
    let Some(command) = enclosed(&script) else { return };
    assert_eq!(run_it(&command), Output::new(ExitStatus::Code(0), ""));
}

#[test]
fn a_command_sees_itself_and_nobody_outside_and_is_no_first_process() {
    let script = "test $$ -gt 1 && read -r name < /proc/$$/comm && echo $name /proc/[0-9]*";
    let Some(command) = enclosed(script) else { return };
    assert_eq!(run_it(&command).text, "sh /proc/1 /proc/2\n");
    let Some(command) = enclosed("kill -9 $$") else { return };
    assert_eq!(run_it(&command).status, ExitStatus::Signal(9), "as without an enclosure");
    let Some(command) = enclosed("kill $$") else { return };
    assert_eq!(run_it(&command).status, ExitStatus::Signal(15), "as without an enclosure");
}

#[test]
fn later_commands_begin_where_we_are() {
    let Some(command) = enclosed("readlink /proc/self/ns/pid") else { return };
    let within = run_it(&command).text;
    let after = run_it(&Command { leftovers: Leftovers::Stay, ..command }).text;
    let ours = std::fs::read_link("/proc/self/ns/pid").unwrap();
    assert_eq!(after.trim_end(), ours.to_str().unwrap());
    assert_ne!(within, after);
}

#[test]
fn the_deadline_ends_what_has_left_the_group() {
    let unique = unique(2);
    let script = format!("setsid sleep {unique} & trap '' TERM; while :; do sleep 1; done");
    let Some(mut command) = enclosed(&script) else { return };
    command.deadline = Duration::from_millis(300);
    assert_eq!(run_it(&command).status, ExitStatus::TimedOut);
    assert!(!sleeps(&unique));
}

#[test]
fn where_it_cannot_be_enclosed_what_stays_in_its_group_is_ended() {
    let unique = unique(3);
    let mut command =
        Command::new("/bin/sh", "/").args(["-c", &format!("sleep {unique} & echo done")]);
    command.leftovers = Leftovers::EndWherePossible;
    let mut ignore = |_: &str| {};
    let mut running = start(&command, None, Transcript::new(&mut ignore)).unwrap();
    let end = Duration::from_secs(60);
    let (status, left) = finish(&LocalHost::new(), &mut running, end).unwrap();
    assert_eq!((status, left), (ExitStatus::Code(0), Vec::new()));
    awaits("it is left", || !sleeps(&unique));
}

/// It is its own deployer: with the variable set, it runs the command and is killed meanwhile.
#[test]
#[expect(clippy::disallowed_methods, reason = "a deployer that is killed is a process of its own")]
fn a_killed_deployer_leaves_nothing_of_what_it_had_enclosed() {
    const DIR: &str = "DIR_OF_THE_ENCLOSED_COMMAND";
    if let Some(dir) = std::env::var_os(DIR) {
        let dir = dir.display();
        let slept = fs_err::read_to_string(format!("{dir}/slept")).unwrap();
        let begun = format!("while ! : > {dir}/begun; do :; done");
        // As a build does that is nobody's friend: other sessions, another user, no wish to end.
        let script = format!(
            "trap '' TERM HUP; setsid sleep {slept}1 & {begun}; \
             exec setpriv --reuid=65534 --clear-groups --pdeathsig=clear sleep {slept}"
        );
        run_it(&enclosed(&script).unwrap());
        return;
    }
    if enclosed("").is_none() {
        return;
    }
    let dir = Scratch::new();
    let unique = unique(4);
    fs_err::write(dir.join("slept"), &unique).unwrap();
    let name =
        "host::local::run::enclosed::a_killed_deployer_leaves_nothing_of_what_it_had_enclosed";
    let mut deployer = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env(DIR, dir.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let all = [unique.clone(), format!("{unique}1")];
    awaits("it did not begin", || all.iter().all(|each| sleeps(each)));
    deployer.kill().unwrap();
    deployer.wait().unwrap();
    awaits("something is left", || !all.iter().any(|each| sleeps(each)));
}
