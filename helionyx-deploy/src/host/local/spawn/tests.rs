//! Services that are started, seen in /proc, signalled, and that listen.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::Duration;

use super::super::scratch::{Scratch, mode_of};
use super::super::{LocalHost, files};
use super::*;
use crate::host::{Clock, Host, Look, Signal};
use crate::name::Port;
use crate::secret::Secret;
use crate::state::{Process, mark};

/// A service that is killed with all that it left behind when the test ends.
struct Service<'a> {
    host: &'a LocalHost,
    dir: &'a Scratch,
    key: ProcessKey,
}

impl Drop for Service<'_> {
    fn drop(&mut self) {
        let _ = self.host.signal(self.key, Signal::Kill);
        for left in seen(self.host, self.dir) {
            let _ = self.host.signal(left.key, Signal::Kill);
        }
    }
}

fn launch(dir: &Scratch, script: &str) -> Launch {
    let marks =
        [("PATH", "/usr/bin:/bin"), (mark::ROOT, dir.path().as_str()), (mark::SERVICE, "web")];
    Launch {
        exec: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        directory: dir.path().to_owned(),
        variables: marks
            .map(|(name, value)| (name.to_owned(), Secret::new(value.to_owned())))
            .into(),
        log: dir.join("logs/launch.log"),
    }
}

fn start<'a>(host: &'a LocalHost, dir: &'a Scratch, script: &str) -> Service<'a> {
    Service { host, dir, key: host.spawn(&launch(dir, script)).unwrap() }
}

/// Polls until something is there.
fn eventually<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let clock = LocalHost::new();
    while clock.elapsed() < Duration::from_secs(60) {
        if let Some(found) = look() {
            return found;
        }
        clock.pause(Duration::from_millis(5));
    }
    panic!("{what}: not within a minute");
}

fn log_has(dir: &Scratch, line: &str) -> Option<()> {
    let log =
        String::from_utf8(files::read_tail(&dir.join("logs/launch.log"), 9999).unwrap()).unwrap();
    log.lines().any(|found| found == line).then_some(())
}

/// What is of interest, without what other tests started.
fn seen(host: &LocalHost, dir: &Scratch) -> Vec<Process> {
    let ours = |process: &Process| {
        process.marks.get(mark::ROOT).is_some_and(|root| root == dir.path())
            || process.cwd.as_deref() == Some(dir.path())
    };
    host.processes(dir.path()).unwrap().into_iter().filter(ours).collect()
}

#[test]
fn a_service_leads_a_session_and_sees_exactly_its_environment() {
    let (host, dir) = (LocalHost::new(), Scratch::new());
    let mut launch = launch(&dir, "");
    launch.exec = vec!["/usr/bin/env".to_owned()];
    launch.variables.insert("SECRET".to_owned(), Secret::new("a b\nc=d".to_owned()));
    let key = host.spawn(&launch).unwrap();
    let status = eventually("its end", || host.exit_of(key));
    assert_eq!(status, ExitStatus::Code(0));
    assert_eq!(host.exit_of(key), Some(ExitStatus::Code(0)), "and it is remembered");
    let log = String::from_utf8(files::read(&launch.log, 9999).unwrap()).unwrap();
    let expected = format!(
        "HELIONYX_ROOT={}\nHELIONYX_SERVICE=web\nPATH=/usr/bin:/bin\nSECRET=a b\nc=d\n",
        dir.path()
    );
    assert_eq!(log, expected);
    assert_eq!(mode_of(&launch.log), 0o600);
}

#[test]
fn a_running_service_is_found_by_its_marks_and_ends_with_all_its_processes() {
    let (host, dir) = (LocalHost::new(), Scratch::new());
    let before = host.now();
    let service = start(&host, &dir, "trap 'exit 3' TERM; cat; sleep 600 & echo ready; wait");
    eventually("ready", || log_has(&dir, "ready"));
    // A shell that has not yet become `sleep` may still lose a signal to the trap it inherited.
    let found = eventually("its child", || {
        let found = seen(&host, &dir);
        found.iter().any(|process| process.command[0] == "sleep").then_some(found)
    });
    assert_eq!(found.len(), 2, "{found:?}");
    let leader = found.iter().find(|process| process.key == service.key).unwrap();
    let child = found.iter().find(|process| process.key != service.key).unwrap();
    assert!(leader.marks.get(mark::SERVICE).is_some_and(|name| name == "web"));
    assert_eq!(leader.marks.len(), 2, "{:?}", leader.marks);
    assert_eq!(leader.session, service.key.pid);
    assert_eq!((child.parent, child.session), (service.key.pid, service.key.pid));
    assert_eq!(leader.command[0], "/bin/sh");
    assert_eq!(leader.cwd.as_deref(), Some(dir.path()));
    assert!(leader.exe.is_some() && leader.memory_bytes > 10_000, "{leader:?}");
    assert_eq!(leader.uid, rustix::process::geteuid().as_raw());
    // The kernel counts from its boot in hundredths, and tells the boot in whole seconds.
    let after = host.now();
    let possible = before.as_millis() - 3000..after.as_millis() + 3000;
    assert!(possible.contains(&leader.since.as_millis()), "{before} {} {after}", leader.since);

    host.signal(service.key, Signal::Term).unwrap();
    assert_eq!(eventually("its end", || host.exit_of(service.key)), ExitStatus::Code(3));
    eventually("the end of its child", || seen(&host, &dir).is_empty().then_some(()));
}

#[test]
fn killing_a_service_kills_what_ignores_the_request() {
    let (host, dir) = (LocalHost::new(), Scratch::new());
    let service =
        start(&host, &dir, "trap '' TERM; (while :; do sleep 0.1; done) & echo ready; wait");
    eventually("ready", || log_has(&dir, "ready"));
    host.signal(service.key, Signal::Term).unwrap();
    assert!(seen(&host, &dir).iter().any(|process| process.key == service.key));
    host.signal(service.key, Signal::Kill).unwrap();
    assert_eq!(eventually("its end", || host.exit_of(service.key)), ExitStatus::Signal(9));
    eventually("the end of all", || seen(&host, &dir).is_empty().then_some(()));
    host.signal(service.key, Signal::Kill).unwrap();
}

#[test]
fn a_signal_is_for_the_very_process_that_is_meant() {
    let (host, dir) = (LocalHost::new(), Scratch::new());
    let service = start(&host, &dir, "echo ready; read forever < /dev/zero; sleep 600");
    let other = ProcessKey { started_ticks: service.key.started_ticks + 1, ..service.key };
    host.signal(other, Signal::Kill).unwrap();
    // A process that is no leader gets its signal alone.
    let child = start(&host, &dir, "sleep 600 & echo $!; wait; echo child is gone; sleep 600");
    let sleep = eventually("its child", || {
        let is_it = |it: &Process| it.parent == child.key.pid && it.command[0] == "sleep";
        seen(&host, &dir).into_iter().find(is_it)
    });
    host.signal(sleep.key, Signal::Term).unwrap();
    eventually("word of it", || log_has(&dir, "child is gone"));
    let found = seen(&host, &dir);
    for key in [service.key, child.key] {
        assert!(found.iter().any(|process| process.key == key), "{key:?} in {found:?}");
    }
}

#[test]
fn a_service_gets_no_descriptor_of_ours_and_we_keep_ours_as_they_are() {
    let (host, dir) = (LocalHost::new(), Scratch::new());
    // As it is handed down by `flock`, make and runners of jobs.
    let lock = File::create(dir.join("wrapper.lock")).unwrap();
    rustix::io::fcntl_setfd(&lock, rustix::io::FdFlags::empty()).unwrap();
    let service = start(&host, &dir, "echo ready; read forever < /dev/zero");
    eventually("ready", || log_has(&dir, "ready"));
    let open: Vec<_> = std::fs::read_dir(format!("/proc/{}/fd", service.key.pid))
        .unwrap()
        .map(|entry| std::fs::read_link(entry.unwrap().path()).unwrap())
        .filter(|path| path.starts_with("/proc") || path.starts_with(dir.path()))
        .collect();
    let log = dir.join("logs/launch.log");
    assert_eq!(open, [log.clone(), log], "only its own output");
    assert!(rustix::io::fcntl_getfd(&lock).unwrap().is_empty(), "a build still gets it");
}

#[test]
fn a_zombie_does_not_live_and_a_stranger_in_the_root_is_seen() {
    let (host, dir) = (LocalHost::new(), Scratch::new());
    // Nobody waits for this one: only `exit_of` and `processes` of its own host would.
    let (zombie, mut child) = spawn(&launch(&dir, "exit 0")).unwrap();
    eventually("a zombie", || (!proc::is_living(zombie.pid)).then_some(()));
    assert!(proc::stat(zombie.pid).unwrap().is_some(), "it is still there");
    assert_eq!(seen(&host, &dir), []);
    child.wait().unwrap();

    let mut stranger = launch(&dir, "sleep 600");
    stranger.variables = BTreeMap::new();
    let stranger = Service { host: &host, dir: &dir, key: host.spawn(&stranger).unwrap() };
    let found = eventually("the stranger", || seen(&host, &dir).into_iter().next());
    assert_eq!((found.key, found.marks.len()), (stranger.key, 0));
    let elsewhere = Scratch::new();
    assert!(seen(&host, &elsewhere).iter().all(|process| process.key != stranger.key));
}

#[test]
fn we_are_no_service_of_ours() {
    let host = LocalHost::new();
    let found = host.processes(Utf8Path::new(&std::env::current_dir().unwrap().to_string_lossy()));
    assert!(found.unwrap().iter().all(|process| process.key.pid != std::process::id()));
}

#[test]
fn what_cannot_be_started_is_named() {
    let (host, dir) = (LocalHost::new(), Scratch::new());
    let mut launch = launch(&dir, "");
    for (exec, directory, expected) in [
        (vec!["/no/such/program"], dir.path().to_owned(), "failed to start `/no/such/program`"),
        (vec!["/etc/passwd"], dir.path().to_owned(), "failed to start `/etc/passwd`"),
        (vec!["/bin/sh"], "/no/such/dir".into(), "failed to enter `/no/such/dir`"),
        (vec![], "/nowhere".into(), "failed to start `/nowhere`"),
    ] {
        launch.exec = exec.into_iter().map(str::to_owned).collect();
        launch.directory = directory;
        assert_eq!(host.spawn(&launch).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_log_grows_and_makes_room_when_it_is_large() {
    let (host, dir) = (LocalHost::new(), Scratch::new());
    let log = dir.join("logs/launch.log");
    let run = |script: &str| {
        let key = host.spawn(&launch(&dir, script)).unwrap();
        eventually("its end", || host.exit_of(key));
    };
    run("echo one");
    run("echo two >&2");
    assert_eq!(files::read(&log, 99).unwrap(), b"one\ntwo\n");
    File::options().write(true).open(&log).unwrap().set_len(LOG_LIMIT + 1).unwrap();
    run("echo three");
    assert_eq!(files::read(&log, 99).unwrap(), b"three\n");
    assert_eq!(files::list(&dir.join("logs")).unwrap(), ["launch.log", "launch.log.1"]);
}

#[test]
fn a_listener_is_found_with_its_address_and_its_process() {
    let host = LocalHost::new();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let number = socket.local_addr().unwrap().port();
    let port = Port::try_from(i64::from(number)).unwrap();
    let found = host.listeners(port).unwrap();
    let [listener] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(listener.address, format!("127.0.0.1:{number}"));
    assert_eq!(listener.uid, rustix::process::geteuid().as_raw());
    // Another test may fork while we look; a child has our sockets until it executes its program.
    assert!(listener.holders.iter().any(|holder| holder.key.pid == std::process::id()));
    drop(socket);
    eventually("nobody", || host.listeners(port).unwrap().is_empty().then_some(()));
}
