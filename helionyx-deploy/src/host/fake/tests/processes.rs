//! Processes, what they answer, and time.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::Utf8Path;

use super::super::{FakeHealth, FakeHost, FakeService};
use crate::command::{Command, ExitStatus, Output};
use crate::host::{Clock, Host, Launch, Look, ProbeError, Signal};
use crate::name::Port;
use crate::secret::Secret;
use crate::state::{Node, Process, ProcessKey};
use crate::time::Timestamp;

const SECOND: Duration = Duration::from_secs(1);

fn port() -> Port {
    Port::try_from(8080).unwrap()
}

fn launch(exec: &[&str]) -> Launch {
    let variables = [
        ("PORT", "8080"),
        ("HELIONYX_RELEASE", "one"),
        ("HELIONYX_ENVIRONMENT", "live"),
        ("TOKEN", "secret"),
        ("HELIONYX_TOKEN", "secret"),
    ];
    let variable = |(name, value): (&str, &str)| (name.to_owned(), Secret::new(value.to_owned()));
    Launch {
        exec: exec.iter().map(|word| (*word).to_owned()).collect(),
        directory: "/app/current".into(),
        variables: variables.map(variable).into(),
        log: "/app/log".into(),
    }
}

/// A machine on which such a service lies in a release, and `current` points to it.
fn host_with(service: &FakeService) -> FakeHost {
    let fake = FakeHost::new();
    fake.put_file("/app/releases/one/run", service.content(), 0o755);
    fake.put_link("/app/current", "releases/one");
    fake
}

fn started(service: &FakeService) -> (FakeHost, ProcessKey) {
    let fake = host_with(service);
    let key = fake.spawn(&launch(&["/app/current/run"])).unwrap();
    (fake, key)
}

fn ask(fake: &FakeHost, path: &str) -> String {
    match fake.get(port(), path, SECOND) {
        Ok(answer) => format!("{} {}", answer.status, String::from_utf8(answer.body).unwrap()),
        Err(error) => error.to_string(),
    }
}

fn pids(processes: &[Process]) -> Vec<u32> {
    processes.iter().map(|process| process.key.pid).collect()
}

#[test]
fn a_service_shows_where_it_runs_from_and_never_a_secret() {
    let (fake, key) = started(&FakeService::default());
    let processes = fake.processes("/elsewhere".into()).unwrap();
    let [process] = processes.as_slice() else { panic!("{processes:?}") };
    assert_eq!((process.key, process.session), (key, key.pid));
    assert_eq!(process.cwd.as_deref(), Some(Utf8Path::new("/app/releases/one")));
    assert_eq!(process.exe.as_deref(), Some(Utf8Path::new("/app/releases/one/run")));
    assert_eq!(process.command, ["/app/current/run"]);
    let marks: Vec<&str> = process.marks.keys().map(String::as_str).collect();
    assert_eq!(marks, ["HELIONYX_ENVIRONMENT", "HELIONYX_RELEASE"]);
    assert_eq!(process.since, fake.now());
    assert_eq!(fake.read_text("/app/log").unwrap(), "started\n");
    assert!(!fake.snapshot().contains("secret"));
}

#[test]
fn a_process_shows_paths_below_the_root_as_it_is_asked_for() {
    let (fake, _) = started(&FakeService::default());
    fake.put_link("/link", "/app");
    for root in ["/link", "/app"] {
        let [process] = fake.processes(root.into()).unwrap().try_into().unwrap();
        assert_eq!(process.cwd.unwrap(), format!("{root}/releases/one"));
        assert_eq!(process.exe.unwrap(), format!("{root}/releases/one/run"));
    }
}

#[test]
fn a_process_whose_files_are_gone_shows_it_even_when_others_took_their_place() {
    let (fake, _) = started(&FakeService::default());
    fake.write("/app/releases/one/run".into(), b"new", 0o755).unwrap();
    let exe = || fake.running()[0].exe.clone().unwrap();
    let cwd = || fake.running()[0].cwd.clone().unwrap();
    assert_eq!(exe(), "/app/releases/one/run (deleted)");
    assert_eq!(cwd(), "/app/releases/one");
    fake.remove_tree("/app/releases/one".into()).unwrap();
    assert_eq!(cwd(), "/app/releases/one (deleted)");
    fake.create_dir("/app/releases/one".into(), 0o755).unwrap();
    assert_eq!(cwd(), "/app/releases/one (deleted)");
}

#[test]
fn a_service_answers_as_its_file_says() {
    let healthy = ["200 {\"status\":\"healthy\"}"; 2];
    let sick = ["500 {\"status\":\"sick\"}"; 2];
    let silent = ["no whole answer within 1000 ms"; 2];
    for (health, answers) in [
        (FakeHealth::Ok, healthy),
        (FakeHealth::Sick, sick),
        (FakeHealth::Silent, silent),
        (FakeHealth::Flap, [healthy[0], sick[0]]),
    ] {
        let (fake, _) = started(&FakeService { health, ..FakeService::default() });
        let begin = fake.elapsed();
        assert_eq!([ask(&fake, "/health"), ask(&fake, "/health")], answers, "{health:?}");
        let waited = if health == FakeHealth::Silent { 2 * SECOND } else { Duration::ZERO };
        assert_eq!(fake.elapsed() - begin, waited, "{health:?}");
    }
}

#[test]
fn a_service_names_its_release_or_the_one_it_lies_about() {
    for (claim, named) in [(None, "one"), (Some("two".to_owned()), "two")] {
        let (fake, _) = started(&FakeService { release: claim, ..FakeService::default() });
        let ready = format!(r#""environment":"live","release":"{named}","status":"ready""#);
        assert_eq!(ask(&fake, "/health/ready"), format!("200 {{{ready}}}"));
        let root = format!(r#""environment":"live","pid":1000,"release":"{named}""#);
        assert_eq!(ask(&fake, "/"), format!("200 {{{root}}}"));
        assert!(ask(&fake, "/none").starts_with("404 "));
    }
}

#[test]
fn what_cannot_be_started_is_an_error() {
    let fake = host_with(&FakeService::default());
    fake.put_file("/app/plain", "", 0o644);
    fake.put_file("/app/misspelt", r#"{"heath": "sick"}"#, 0o755);
    let elsewhere = |name: &str| Launch { directory: name.into(), ..launch(&["/app/current/run"]) };
    let unlogged = Launch { log: "/none/log".into(), ..launch(&["/app/current/run"]) };
    for launch in [
        launch(&["/app/none"]),
        launch(&["/app/plain"]),
        launch(&["/app/misspelt"]),
        launch(&["/app/releases"]),
        launch(&[]),
        elsewhere("/none"),
        elsewhere("/app/plain"),
        unlogged,
    ] {
        assert!(fake.spawn(&launch).is_err(), "{launch:?}");
    }
    assert!(fake.running().is_empty());
    assert!(!fake.exists("/app/log"));
}

#[test]
fn a_script_behaves_as_its_own_file_says() {
    let fake = host_with(&FakeService { health: FakeHealth::Sick, ..FakeService::default() });
    fake.put_file("/usr/bin/node", "an interpreter", 0o755);
    fake.spawn(&launch(&["/usr/bin/node", "--flag", "run"])).unwrap();
    assert!(ask(&fake, "/health").starts_with("500"));
    assert_eq!(fake.running()[0].exe.as_deref(), Some(Utf8Path::new("/usr/bin/node")));
}

#[test]
fn time_brings_a_service_up_and_down() {
    let service = FakeService {
        ready_after_ms: 100,
        crash_after_ms: Some(300),
        exit_code: 7,
        ..FakeService::default()
    };
    let (fake, key) = started(&service);
    for (pause, answer, exit) in [
        (99, "connection refused", None),
        (1, "200", None),
        (199, "200", None),
        (1, "connection refused", Some(ExitStatus::Code(7))),
    ] {
        fake.pause(Duration::from_millis(pause));
        assert!(ask(&fake, "/health").starts_with(answer), "{pause} {answer}");
        assert_eq!(fake.exit_of(key), exit, "{pause} {answer}");
    }
    assert_eq!(fake.read_text("/app/log").unwrap(), "started\ncrashing\n");
    assert!(fake.processes("/app".into()).unwrap().is_empty(), "zombies do not live");
}

#[test]
fn a_service_whose_port_is_taken_ends() {
    let fake = host_with(&FakeService { ready_after_ms: 10, ..FakeService::default() });
    let key = fake.spawn(&launch(&["/app/current/run"])).unwrap();
    let stranger = fake.stranger_on(port(), "nginx -g daemon");
    fake.pause(SECOND);
    assert_eq!(fake.exit_of(key), Some(ExitStatus::Code(98)));
    let listeners = fake.listeners(port()).unwrap();
    assert_eq!(listeners.len(), 1);
    assert_eq!(pids(&listeners[0].holders), [stranger]);
    assert_eq!(listeners[0].describe(), format!("pid {stranger} (nginx -g daemon)"));
    assert!(ask(&fake, "/").contains(r#""release":null"#), "a stranger knows no release");
    assert!(fake.processes("/app".into()).unwrap().is_empty(), "it is none of ours");

    fake.kill(stranger);
    assert_eq!(fake.get(port(), "/", SECOND), Err(ProbeError::Refused));
    fake.spawn(&launch(&["/app/current/run"])).unwrap();
    fake.pause(SECOND);
    assert!(ask(&fake, "/health").starts_with("200"));
    let inside = fake.stranger_in("/app/current", "sh");
    assert!(pids(&fake.processes("/app/releases/one".into()).unwrap()).contains(&inside));
}

#[test]
fn a_service_may_run_and_never_listen() {
    let (fake, _) = started(&FakeService { deny_port: true, ..FakeService::default() });
    fake.pause(SECOND);
    assert_eq!((ask(&fake, "/").as_str(), fake.running().len()), ("connection refused", 1));
}

#[test]
fn signals_reach_the_whole_group_of_the_very_process() {
    let plain = FakeService::default();
    let deaf = FakeService { deaf: true, ..FakeService::default() };
    let parent = FakeService { child: true, ..FakeService::default() };
    for (service, signal, left, exit) in [
        (&plain, Signal::Term, 0, Some(ExitStatus::Signal(15))),
        (&plain, Signal::Kill, 0, Some(ExitStatus::Signal(9))),
        (&deaf, Signal::Term, 1, None),
        (&deaf, Signal::Kill, 0, Some(ExitStatus::Signal(9))),
        (&parent, Signal::Term, 0, Some(ExitStatus::Signal(15))),
        (&parent, Signal::Kill, 0, Some(ExitStatus::Signal(9))),
    ] {
        let (fake, key) = started(service);
        let before = fake.running().len();
        let another = ProcessKey { started_ticks: key.started_ticks + 1, ..key };
        fake.signal(another, Signal::Kill).unwrap();
        assert_eq!(fake.running().len(), before, "another process with the same pid");
        fake.signal(key, signal).unwrap();
        assert_eq!(fake.running().len(), left, "{service:?} {signal:?}");
        assert_eq!(fake.exit_of(key), exit, "{service:?} {signal:?}");
        fake.signal(key, signal).unwrap();
    }
}

#[test]
fn a_child_keeps_the_port_when_its_parent_has_crashed() {
    let (fake, key) = started(&FakeService { child: true, ..FakeService::default() });
    let holders = |fake: &FakeHost| -> Vec<u32> {
        fake.listeners(port()).unwrap().iter().flat_map(|one| pids(&one.holders)).collect()
    };
    assert_eq!(holders(&fake), [key.pid, key.pid + 1]);
    assert_eq!(fake.listeners(port()).unwrap().len(), 1, "they share one socket");
    fake.crash(key.pid);
    assert_eq!(fake.exit_of(key), Some(ExitStatus::Code(3)));
    assert_eq!(holders(&fake), [key.pid + 1]);
    let child = fake.running().remove(0);
    assert_eq!((child.parent, child.session), (1, key.pid));
    fake.signal(key, Signal::Kill).unwrap();
    assert_eq!(fake.running().len(), 1, "the parent is no more, nor its group known by it");
    fake.signal(child.key, Signal::Term).unwrap();
    assert_eq!(holders(&fake), [0; 0]);
}

#[test]
fn a_program_works_on_the_disk_and_its_lines_are_handed_on() {
    let fake = FakeHost::new();
    fake.put_dir("/src");
    fake.program("make", |command, disk| {
        disk.put_file(command.directory.join("out"), command.args.join(" "), 0o755);
        Output::new(ExitStatus::Code(2), "one\ntwo".to_owned())
    });
    let mut lines = Vec::new();
    let command = Command::new("/usr/bin/make", "/src").args(["all"]);
    let output = fake.run(&command, &mut |line| lines.push(line.to_owned())).unwrap();
    assert_eq!((output.status, output.text.as_str()), (ExitStatus::Code(2), "one\ntwo"));
    assert_eq!(lines, ["one", "two"]);
    assert_eq!(fake.read_text("/src/out").unwrap(), "all");

    for missing in [Command::new("cc", "/src"), Command::new("make", "/none")] {
        let error = fake.run(&missing, &mut |_| {}).unwrap_err();
        assert_eq!(error.source.kind(), std::io::ErrorKind::NotFound, "{missing}");
    }
    assert_eq!(fake.commands(), [command], "only what was found ran");
    assert_eq!(fake.mutation_log()[0], ("run", "/usr/bin/make all".to_owned()));
}

#[test]
fn a_program_ends_at_its_deadline_and_when_interrupted() {
    let fake = FakeHost::new();
    fake.program("slow", |_, _| Output::new(ExitStatus::TimedOut, ""));
    let begin = fake.elapsed();
    let output = fake.run(&Command::new("slow", "/"), &mut |_| {}).unwrap();
    assert_eq!(output.status, ExitStatus::TimedOut);
    assert!(fake.elapsed() - begin >= Duration::from_secs(600));

    fake.program("loud", |_, _| Output::new(ExitStatus::Code(0), "one\ntwo\n".to_owned()));
    let loud = Command::new("loud", "/");
    let output = fake.run(&loud, &mut |_| fake.interrupt()).unwrap();
    assert_eq!((output.status, output.text.as_str()), (ExitStatus::Interrupted, "one\n"));
    let output = fake.run(&loud, &mut |_| panic!("it was to be killed at once")).unwrap();
    assert_eq!(output.status, ExitStatus::Interrupted);

    fake.clear_interrupt();
    let same = fake.clone();
    fake.program("meddler", move |_, _| {
        same.interrupt();
        Output::new(ExitStatus::Code(0), "")
    });
    let output = fake.run(&Command::new("meddler", "/"), &mut |_| {}).unwrap();
    assert_eq!(output.status, ExitStatus::Interrupted);
}

#[test]
fn only_the_end_of_a_long_output_is_kept() {
    let fake = FakeHost::new();
    fake.program("long", |_, _| {
        Output::new(ExitStatus::Code(0), "é".repeat(Output::LIMIT / 2) + "x")
    });
    let output = fake.run(&Command::new("long", "/"), &mut |_| {}).unwrap();
    assert_eq!(output.text.len(), Output::LIMIT - 1, "no character is cut in two");
    assert!(output.text.ends_with('x'));
}

#[test]
fn time_passes_by_calls_and_pauses_only() {
    let fake = FakeHost::new();
    assert_eq!(fake.now().to_string(), "2026-01-01T00:00:00.000Z");
    fake.create_dir("/dir".into(), 0o755).unwrap();
    fake.list("/dir".into()).unwrap();
    fake.pause(SECOND);
    assert_eq!(fake.now().to_string(), "2026-01-01T00:00:01.001Z");
    fake.set_now(Timestamp::from_millis(0));
    assert_eq!(fake.elapsed(), Duration::from_millis(1001), "it never goes back");
    assert_eq!(fake.now().as_millis(), 0);

    fake.interrupt();
    fake.pause(SECOND);
    assert_eq!(fake.elapsed(), Duration::from_millis(1002), "the pause was cut short");
    fake.clear_interrupt();
    assert!(!fake.interrupted());
    assert_eq!(fake.actor().to_string(), "operator@node");
}

#[test]
fn contents_written_when_the_clock_stands_still_or_goes_back_still_look_newer() {
    let fake = FakeHost::new();
    let times = [1_800_000_000_000, 1_800_000_000_000, 1_700_000_000_000].map(|now| {
        fake.set_now(Timestamp::from_millis(now));
        fake.put_file("/file", "same", 0o644);
        match fake.node("/file".into()).unwrap() {
            Node::File { modified_ns, .. } => modified_ns,
            other => panic!("{other}"),
        }
    });
    assert!(times.is_sorted_by(|one, next| one < next), "{times:?}");
}

#[test]
fn services_outlive_us_and_are_nobodys_children_then() {
    let (fake, key) = started(&FakeService { crash_after_ms: Some(500), ..FakeService::default() });
    fake.fail_at(1, super::super::Fault::Kill);
    fake.append("/app/log".into(), b"").unwrap_err();
    fake.revive();
    assert_eq!(fake.running()[0].parent, 1);
    fake.pause(SECOND);
    assert!(fake.running().is_empty());
    assert_eq!(fake.exit_of(key), None, "another process started it");

    let (fake, _) = started(&FakeService::default());
    fake.reboot();
    assert!(fake.running().is_empty());
    assert_eq!(fake.listeners(port()).unwrap(), []);
    let none: BTreeMap<String, Secret> = BTreeMap::new();
    fake.spawn(&Launch { variables: none, ..launch(&["/app/current/run"]) }).unwrap();
    assert_eq!(ask(&fake, "/"), "connection refused", "no PORT, no listening");
}
