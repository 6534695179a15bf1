//! The installed program, as operators and CI call it: several at once, and killed at any time.

use std::collections::BTreeMap;

use helionyx_deploy::digest::Digest;
use helionyx_deploy::event::Outcome;
use helionyx_deploy::host::{Host as _, Look as _};
use rustix::process::Signal;
use serde_json::Value;

use crate::rig::{APP, Rig, fill_in};

mod foreground;
mod held;

use held::Held;

/// A project on the disk, whose models the program reads.
struct Project {
    rig: Rig,
}

/// How a run of the program ended.
struct Ended {
    code: i32,
    pid: u32,
    report: Value,
}

impl Project {
    fn new() -> Project {
        let source = "[source.path]\ndir = \"DIR/source\"";
        let rig = Rig::with_source(source, "");
        let app = fill_in(APP, &rig.dir, source, rig.port, "")
            .replace("passes = 3", "passes = 1")
            .replace("stable_ms = 300", "stable_ms = 0");
        let dev = fill_in(crate::rig::DEV, &rig.dir, source, rig.port, "");
        let dir = rig.dir.join("envs/shop");
        fs_err::create_dir_all(&dir).unwrap();
        fs_err::write(dir.join("app.toml"), app).unwrap();
        fs_err::write(dir.join("dev.toml"), dev).unwrap();
        Project { rig }
    }

    fn command(&self, args: &[&str]) -> duct::Expression {
        let envs = self.rig.dir.join("envs");
        let global = ["--envs-dir", envs.as_str(), "--json"];
        duct::cmd(env!("CARGO_BIN_EXE_helionyx-deploy"), global.iter().chain(args))
            .dir(&self.rig.dir)
            .stderr_null()
            .unchecked()
    }

    fn start(&self, args: &[&str]) -> duct::ReaderHandle {
        self.command(args).reader().unwrap()
    }

    fn end(mut handle: duct::ReaderHandle) -> Ended {
        let pid = handle.pids()[0];
        let mut text = String::new();
        std::io::Read::read_to_string(&mut handle, &mut text).unwrap();
        let status = handle.try_wait().unwrap().expect("it has ended").status;
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut reports = lines.filter(|line| line["event"] == "report");
        let report = reports.next_back().unwrap_or_default();
        Ended { code: status.code().unwrap_or(-1), pid, report }
    }

    fn run(&self, args: &[&str]) -> Ended {
        Project::end(self.start(args))
    }

    fn wait_until_locked_by(&self, pid: u32) {
        let lock = self.rig.environment.layout.lock();
        let named = format!("{{\"pid\":{pid},");
        self.rig.wait_until("the run has the lock", || {
            fs_err::read_to_string(&lock).is_ok_and(|text| text.starts_with(&named))
        });
    }

    fn journal(&self) -> String {
        fs_err::read_to_string(self.rig.environment.layout.journal()).unwrap()
    }

    /// The outcomes in the journal, whose chain of digests must be whole.
    fn outcomes(&self) -> BTreeMap<String, usize> {
        let text = self.journal();
        let mut previous = Digest::of(b"");
        let mut outcomes = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let entry: Value = serde_json::from_str(line).unwrap();
            assert_eq!(entry["number"], index + 1);
            assert_eq!(entry["previous_line"], previous.to_string(), "line {}", index + 1);
            previous = Digest::of(line.as_bytes());
            if entry["entry"] == "end" {
                *outcomes.entry(entry["outcome"].as_str().unwrap().to_owned()).or_default() += 1;
            }
        }
        outcomes
    }
}

#[test]
fn of_two_deploys_at_once_one_hundred_times_never_two_win_and_the_loser_names_the_holder() {
    let project = Project::new();
    for round in 0..100 {
        project.rig.change(&format!("round {round}"));
        let args = ["deploy", "--env", "shop/dev"];
        // The winner waits, with its lock, until the loser has met it.
        let mut both = [project.hold(&args), project.hold(&args)];
        project.rig.wait_until("the loser has ended", || both.iter().any(Held::has_ended));
        let both = both.each_mut().map(Held::end);
        let deployed = both.iter().filter(|one| one.report["outcome"] == "deployed").count();
        assert_eq!(deployed, 1, "round {round}: never two winners, and never none (ALL-03)");
        let winner = both.iter().find(|one| one.report["outcome"] == "deployed").unwrap();
        let loser = both.iter().find(|one| one.pid != winner.pid).unwrap();
        assert_eq!((winner.code, loser.code), (0, 5), "round {round}: {}", loser.report);
        let holder = loser.report["holder"].to_string();
        assert!(holder.contains(&winner.pid.to_string()), "{holder} names {}", winner.pid);
    }
    assert_eq!(project.outcomes(), BTreeMap::from([("deployed".to_owned(), 100)]));
}

#[test]
fn a_deployer_that_is_killed_at_any_time_leaves_a_whole_release_and_the_next_command_recovers() {
    let project = Project::new();
    let args = ["deploy", "--env", "shop/dev"];
    assert_eq!(project.run(&args).code, 0);
    for events in 0.. {
        project.rig.change(&format!("killed after {events} events"));
        let mut run = project.hold(&args);
        run.read(events);
        let last = run.is_at_its_last_step();
        run.kill();
        assert_eq!(run.end().code, -1, "after {events} events");
        let manifest = project.rig.environment.layout.current().join("release.json");
        assert!(manifest.exists(), "after {events} events: I1");
        let again = project.run(&args);
        assert_eq!(again.code, 0, "after {events} events: {} (ALL-02)", again.report);
        assert_eq!(project.rig.ask("/")["release"], again.report["release"], "I3");
        assert_eq!(project.run(&args).report["outcome"], "unchanged", "I7");
        if last {
            eprintln!("{} deployers killed, 0 violations", events + 1);
            break;
        }
    }
    project.outcomes();
}

#[test]
fn a_deployer_that_is_suspended_and_overtaken_changes_nothing_more_and_the_next_command_works() {
    let project = Project::new();
    let args = ["deploy", "--env", "shop/dev"];
    assert_eq!(project.run(&args).code, 0);
    for events in 0.. {
        project.rig.change(&format!("suspended after {events} events"));
        let mut run = project.hold(&args);
        let pid = run.pid();
        project.wait_until_locked_by(pid);
        run.read(events);
        if run.is_at_its_last_step() {
            eprintln!("{events} deployers suspended and overtaken, 0 writes after it");
            assert_eq!(run.end().code, 0);
            break;
        }
        send(pid, Signal::STOP);
        let context = format!("after {events} events");
        let locked = project.run(&args);
        assert_eq!((locked.code, &locked.report["holder"]["pid"]), (5, &pid.into()), "{context}");
        let hint = locked.report["hint"].as_str().unwrap();
        let wanted = format!("recover --env shop/dev --take-over {pid}");
        assert!(hint.contains(&wanted), "{hint}");
        let way = ["recover", "--env", "shop/dev", "--take-over", &pid.to_string()];
        assert_eq!(project.run(&way).code, 0, "{context}");
        let journal = project.journal();
        send(pid, Signal::CONT);
        assert_ne!(run.end().code, 0, "{context}: never two winners");
        assert_eq!(project.journal(), journal, "{context}: no write after being overtaken");
        assert_eq!(project.run(&args).code, 0, "{context}: I6, I7");
        assert_eq!(project.rig.processes().len(), 1, "{context}");
        assert_eq!(project.rig.ask("/")["release"], project.run(&args).report["release"], "I3");
    }
    project.outcomes();
    assert_eq!(project.run(&["audit", "verify", "--env", "shop/dev"]).code, 0);
}

#[test]
fn a_signal_at_any_time_ends_a_deploy_whole() {
    let project = Project::new();
    let args = ["deploy", "--env", "shop/dev"];
    assert_eq!(project.run(&args).code, 0);
    let mut codes: BTreeMap<i32, usize> = BTreeMap::new();
    for events in 0.. {
        let signal = [Signal::INT, Signal::TERM, Signal::HUP][events % 3];
        project.rig.change(&format!("{signal:?} after {events} events"));
        let mut run = project.hold(&args);
        // Before that, a signal may be ignored, or end the program: that is for its caller to choose.
        project.wait_until_locked_by(run.pid());
        run.read(events);
        let last = run.is_at_its_last_step();
        send(run.pid(), signal);
        let ended = run.end();
        let context = format!("{signal:?} after {events} events: {}", ended.report);
        // From the begin of the switch on, a deploy goes on to its end whatever comes.
        let switch = run.events.iter().position(|event| !event["step"]["switch-current"].is_null());
        match ended.code {
            0 => {
                assert_eq!(ended.report["outcome"], "deployed", "{context}");
                // The run is up to two events ahead of those that were read. It looks for signals for
                // the last time before it tells the begin of the step before the switch; the end of
                // that step and the begin of the switch are two more events.
                assert!(events + 3 >= switch.unwrap(), "{context}");
            }
            1 => {
                assert_eq!(ended.report["error"], "interrupted", "{context}");
                assert_eq!(switch, None, "{context}");
            }
            code => panic!("{code}: {context}"),
        }
        *codes.entry(ended.code).or_default() += 1;
        let open =
            helionyx_deploy::journal::tip(&project.rig.host, &project.rig.environment.layout);
        assert!(!open.unwrap().unwrap().is_open(), "{context}: nothing is left to recover");
        assert_eq!(project.rig.processes().len(), 1, "{context}");
        assert_eq!(project.run(&args).code, 0, "{context}");
        if last {
            break;
        }
    }
    eprintln!("signals, exit codes: {codes:?}");
    assert!(codes[&0] > 0 && codes[&1] > 0, "{codes:?}");
}

#[test]
fn with_too_few_file_descriptors_a_deploy_fails_before_it_touches_a_service() {
    let project = Project::new();
    let args = ["deploy", "--env", "shop/dev"];
    assert_eq!(project.run(&args).code, 0);
    let mut refused = 0;
    for limit in [4, 5, 6, 7, 8, 10, 16, 32, 40, 64] {
        let before = project.rig.main().key;
        project.rig.change(&format!("with {limit} descriptors"));
        let envs = project.rig.dir.join("envs");
        let program = env!("CARGO_BIN_EXE_helionyx-deploy");
        let limited = format!("ulimit -n {limit}; exec '{program}' --envs-dir '{envs}' \"$@\"");
        let mut words = vec!["-c", &limited, "sh"];
        words.extend(args);
        let run = duct::cmd("/bin/sh", words).dir(&project.rig.dir).stderr_null().stdout_null();
        let code = run.unchecked().run().unwrap().status.code();
        match code {
            Some(0) => {}
            Some(1) => {
                refused += 1;
                assert_eq!(project.rig.main().key, before, "{limit}: the service was not touched");
            }
            code => panic!("{limit}: {code:?}"),
        }
    }
    assert!((1..10).contains(&refused), "{refused} refused");
    assert_eq!(project.run(&args).code, 0);
}

#[test]
fn paths_longer_than_the_system_takes_are_an_error_before_anything_runs() {
    for (name, length) in [("a part", 256), ("the root", 4100), ("a release below it", 4060)] {
        let mut rig = Rig::new();
        let deep = match length {
            256 => "x".repeat(256),
            length => {
                let parts = format!("{}/", "x".repeat(99)).repeat(41);
                parts[..length - rig.dir.as_str().len() - 1].to_owned()
            }
        };
        rig.environment.layout.root = rig.dir.join(deep.trim_end_matches('/'));
        let outcome = rig.operate(&crate::world::deploy());
        match outcome {
            Err(error) => assert!(error.to_string().starts_with("failed to "), "{name}: {error}"),
            Ok(report) => {
                assert_eq!(report.outcome, Outcome::Failed, "{name}: {report:?}");
                assert_eq!(report.release, None, "{name}");
            }
        }
        assert!(rig.host.listeners(rig.port).unwrap().is_empty(), "{name}: nothing runs");
    }
}

fn send(pid: u32, signal: Signal) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    // It may have ended already.
    let _ = rustix::process::kill_process(pid, signal);
}
