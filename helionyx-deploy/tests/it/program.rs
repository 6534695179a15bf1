//! The installed program, as operators and CI call it: several at once, and killed at any time.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use helionyx_deploy::digest::Digest;
use helionyx_deploy::host::{Clock as _, LocalHost};
use serde_json::Value;

use crate::rig::{APP, Rig, fill_in};

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

    fn start(&self, args: &[&str]) -> duct::ReaderHandle {
        let envs = self.rig.dir.join("envs");
        let global = ["--envs-dir", envs.as_str(), "--json"];
        duct::cmd(env!("CARGO_BIN_EXE_helionyx-deploy"), global.iter().chain(args))
            .dir(&self.rig.dir)
            .stderr_null()
            .unchecked()
            .reader()
            .unwrap()
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

    /// The outcomes in the journal, whose chain of digests must be whole.
    fn outcomes(&self) -> BTreeMap<String, usize> {
        let path: Utf8PathBuf = self.rig.environment.layout.journal();
        let text = fs_err::read_to_string(path).unwrap();
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
    let (mut locked, mut unchanged) = (0, 0);
    for round in 0..100 {
        project.rig.change(&format!("round {round}"));
        let args = ["deploy", "--env", "shop/dev"];
        let both = [project.start(&args), project.start(&args)].map(Project::end);
        let deployed = both.iter().filter(|one| one.report["outcome"] == "deployed").count();
        assert_eq!(deployed, 1, "round {round}: never two winners, and never none (ALL-03)");
        let winner = both.iter().find(|one| one.report["outcome"] == "deployed").unwrap();
        let loser = both.iter().find(|one| one.pid != winner.pid).unwrap();
        assert_eq!(winner.code, 0);
        if loser.code == 5 {
            let holder = loser.report["holder"].to_string();
            assert!(holder.contains(&winner.pid.to_string()), "{holder} names {}", winner.pid);
            locked += 1;
        } else {
            // It came when the other one had ended already.
            assert_eq!((loser.code, &loser.report["outcome"]), (0, &Value::from("unchanged")));
            unchanged += 1;
        }
    }
    assert_eq!(project.outcomes(), BTreeMap::from([("deployed".to_owned(), 100)]));
    assert!(locked > 50, "the two hardly ever met: {locked} locked, {unchanged} unchanged");
    eprintln!("100 rounds: {locked} locked out, {unchanged} too late, 0 double winners");
}

#[test]
fn a_deployer_that_is_killed_at_any_time_leaves_a_whole_release_and_the_next_command_recovers() {
    let project = Project::new();
    let args = ["deploy", "--env", "shop/dev"];
    assert_eq!(project.run(&args).code, 0);
    let host = LocalHost::new();
    let mut killed = 0;
    for delay_ms in (0..160).step_by(4) {
        project.rig.change(&format!("killed after {delay_ms} ms"));
        let handle = project.start(&args);
        host.pause(std::time::Duration::from_millis(delay_ms));
        handle.kill().unwrap();
        let ended = Project::end(handle);
        killed += usize::from(ended.code == -1);
        let manifest = project.rig.environment.layout.current().join("release.json");
        assert!(manifest.exists(), "after {delay_ms} ms: I1");
        let again = project.run(&args);
        assert_eq!(again.code, 0, "after {delay_ms} ms: {} (ALL-02)", again.report);
        assert_eq!(project.rig.ask("/")["release"], again.report["release"], "I3");
        assert_eq!(project.run(&args).report["outcome"], "unchanged", "I7");
    }
    project.outcomes();
    assert!(killed > 20, "only {killed} were killed before they had ended");
    eprintln!("{killed} deployers killed, 0 violations");
}
