//! Services in the foreground: shown until somebody has seen enough, and stopped as they were found.

use std::io::{BufRead as _, BufReader, Write as _};

use helionyx_deploy::host::Signal as Ends;

use super::*;

const RUN: [&str; 3] = ["run", "--env", "shop/dev"];

impl Project {
    /// With a release, and nothing that runs.
    fn stopped() -> Project {
        let project = Project::new();
        for command in ["deploy", "stop"] {
            assert_eq!(project.run(&[command, "--env", "shop/dev"]).code, 0);
        }
        project
    }

    /// Writes a line as the service would.
    fn write_log(&self, line: &str) {
        let path = self.rig.environment.layout.log(&"web".parse().unwrap());
        let mut log = fs_err::OpenOptions::new().append(true).open(path).unwrap();
        writeln!(log, "{line}").unwrap();
    }

    /// In the foreground, up to a line that was written to the log meanwhile.
    fn foreground(&self) -> duct::ReaderHandle {
        self.write_log("before");
        let handle = self.start(&RUN);
        let mut lines = BufReader::new(&handle).lines().map_while(Result::ok);
        let is = |event: &str, line: &str| {
            let line: Value = serde_json::from_str(line).unwrap();
            (line["event"] == event).then_some(line)
        };
        let serves = |line: &Value| {
            let line = line["line"].as_str().unwrap();
            assert_ne!(line, "before", "only what is written from here on (HEL-29)");
            line.contains("serving on")
        };
        assert!(lines.any(|line| is("log", &line).is_some_and(|line| serves(&line))), "HEL-29");
        handle
    }
}

#[test]
fn services_run_in_the_foreground_until_they_are_interrupted_and_are_stopped_then() {
    let project = Project::stopped();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let handle = project.foreground();
        assert_eq!(project.rig.ask("/")["environment"], "dev", "HEL-29");
        let other = project.run(&["deploy", "--env", "shop/dev"]);
        assert_eq!(other.code, 5, "the lock is held: {}", other.report);
        send(handle.pids()[0], signal);
        let ended = Project::end(handle);
        assert_eq!((ended.code, &ended.report["operation"]), (0, &"run".into()), "{signal:?}");
        assert_eq!(ended.report["outcome"], "deployed", "{}", ended.report);
        assert_eq!(project.rig.processes(), [], "it is as it was found");
    }
    // Stopped on purpose: what fails now does not start it either.
    project.rig.change_fault("crash");
    assert_eq!(project.run(&["deploy", "--env", "shop/dev"]).code, 1);
    assert_eq!(project.rig.processes(), []);
}

#[test]
fn what_runs_already_is_not_run_in_the_foreground() {
    let project = Project::new();
    let nothing = project.run(&RUN);
    assert_eq!(nothing.code, 1, "nothing is deployed: {}", nothing.report);
    assert_eq!(project.run(&["deploy", "--env", "shop/dev"]).code, 0);
    let before = (project.rig.main().key, project.journal());
    let ended = project.run(&RUN);
    assert_eq!((ended.code, &ended.report["outcome"]), (1, &"failed".into()));
    let refusal = &ended.report["refusals"][0];
    assert_eq!(refusal["code"], "runs-already", "{}", ended.report);
    assert_eq!(refusal["hint"], "stop it first: `stop --env shop/dev`");
    assert_eq!((project.rig.main().key, project.journal()), before, "nothing was changed");
    let dry = project.run(&[&RUN[..], &["--dry-run"]].concat());
    assert_eq!(dry.code, 1, "a dry run says so, too");
}

#[test]
fn a_service_that_ends_by_itself_ends_its_run_with_a_failure() {
    let project = Project::stopped();
    let handle = project.foreground();
    project.rig.host.signal(project.rig.main().key, Ends::Kill).unwrap();
    let ended = Project::end(handle);
    assert_eq!((ended.code, &ended.report["outcome"]), (1, &"failed".into()), "{}", ended.report);
    assert_eq!(ended.report["error"], "it ended by itself");
    assert_eq!(project.rig.processes(), []);
}

#[test]
fn of_a_run_that_was_killed_the_next_command_stops_the_service() {
    let project = Project::stopped();
    for next in ["recover", "stop", "run"] {
        let handle = project.foreground();
        handle.kill().unwrap();
        assert_eq!(Project::end(handle).code, -1);
        assert_eq!(project.rig.ask("/")["environment"], "dev", "nobody was there to stop it");
        if next == "run" {
            let handle = project.foreground();
            send(handle.pids()[0], Signal::INT);
            assert_eq!(Project::end(handle).code, 0, "stopped, and run anew");
        } else {
            assert_eq!(project.run(&[next, "--env", "shop/dev"]).code, 0);
        }
        assert_eq!(project.rig.processes(), [], "{next}");
    }
}
