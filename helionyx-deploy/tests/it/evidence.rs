//! What is kept of operations that failed: enough to understand them, not more than a little, and
//! nothing that was secret.

use camino::Utf8PathBuf;
use helionyx_deploy::command::{ExitStatus, Output};
use helionyx_deploy::event::{Outcome, Report};
use helionyx_deploy::host::Look as _;
use helionyx_deploy::host::fake::{FakeHealth, FakeService, Fault};
use helionyx_deploy::operate::Goal;
use helionyx_deploy::state::Node;

use crate::world::{ROOT, World, deploy};

fn fail(world: &World, note: &str) -> Report {
    world.ship_readme(note);
    world.ship(&FakeService { health: FakeHealth::Sick, ..FakeService::default() });
    let report = world.run(&deploy());
    assert_eq!(report.outcome, Outcome::RolledBack, "{report:?}");
    report
}

fn kept(world: &World, report: &Report) -> (Utf8PathBuf, Vec<serde_json::Value>) {
    let dir = report.evidence.clone().expect("something is kept");
    let text = world.host.read_text(dir.join("events.jsonl")).unwrap();
    (dir, text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn a_failed_deploy_keeps_its_steps_its_logs_and_what_was_answered() {
    let world = World::deployed();
    let report = fail(&world, "sick");
    let (dir, lines) = kept(&world, &report);
    assert!(dir.starts_with(format!("{ROOT}/evidence")), "{dir}");
    assert_eq!(lines[0]["event"], "failure");
    assert_eq!(lines[0]["outcome"], "rolled-back");
    assert!(lines[0]["error"].as_str().unwrap().contains("was not healthy within"));
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    for event in ["step-started", "step-finished", "step-failed", "service-log", "probe-answer"] {
        assert!(events.contains(&event), "{event}: {events:?}");
    }
    let answer = lines.iter().find(|line| line["event"] == "probe-answer").unwrap();
    assert_eq!((&answer["path"], &answer["service"]), (&"/health".into(), &"web".into()));
    assert!(answer["status"].is_number() && answer["body"].is_string(), "{answer}");
    assert!(world.host.exists(dir.join("web.log")));
    for (path, mode) in [(dir.parent().unwrap(), 0o700), (&dir, 0o700)] {
        let uid = 0;
        assert_eq!(world.host.node(path).unwrap(), Node::Directory { mode, uid }, "{path}");
    }
    for name in world.host.list(&dir).unwrap() {
        let node = world.host.node(&dir.join(&name)).unwrap();
        assert!(matches!(node, Node::File { mode: 0o600, .. }), "{name}: {node:?}");
    }
}

/// What systemd says of a unit whose process ended at once.
const CRASHED: &str = "Id=web-dev.service\nLoadState=loaded\nActiveState=failed\nSubState=failed\n\
                       UnitFileState=enabled\nResult=exit-code\nExecMainCode=1\nExecMainStatus=3\n";

/// What is kept of a deploy under systemd whose service wrote so many lines and ended.
fn crashed(lines: usize, unit: Option<&str>) -> (World, Utf8PathBuf) {
    let world = World::under_systemd(CRASHED);
    world.host.program("journalctl", move |command, _| {
        let wanted =
            command.args.iter().find_map(|word| word.strip_prefix("--lines=")?.parse().ok());
        let log: Vec<_> = (1..=lines).map(|line| format!("line {line} of web\n")).collect();
        let from = lines.saturating_sub(wanted.unwrap_or(0));
        Output::new(ExitStatus::Code(0), log[from..].concat())
    });
    for dir in ["/opt/shop/dev", "/var/lib/shop/backups", "/etc/systemd/system"] {
        world.host.put_dir(dir);
    }
    if let Some(text) = unit {
        world.host.put_file("/etc/systemd/system/web-dev.service", text, 0o644);
    }
    let report = world.run(&deploy());
    assert_eq!(report.outcome, Outcome::Failed, "{report:?}");
    assert!(report.error.as_deref().unwrap().contains("status 3"), "the exit status: {report:?}");
    (world, report.evidence.expect("something is kept"))
}

#[test]
fn a_failed_deploy_under_systemd_keeps_the_units_log_and_what_it_changed_in_the_unit() {
    let (world, dir) = crashed(500, None);
    let log = world.host.read_text(dir.join("web.log")).unwrap();
    assert_eq!(log.lines().count(), 200, "more than the report shows, and no more than that");
    assert!(log.starts_with("line 301 of web") && log.ends_with("line 500 of web\n"));
    let synced = world.host.commands().iter().any(|command| command.args == ["--sync"]);
    assert!(synced, "what the process wrote last may still be on its way");
    let diff = world.host.read_text(dir.join("web-dev.service.diff")).unwrap();
    assert!(diff.starts_with("--- /etc/systemd/system/web-dev.service\n+++ "), "{diff}");
    let added =
        |line: &str| line.starts_with('+') || line.starts_with("---") || line.starts_with("@@");
    assert!(diff.lines().all(added), "all of a new unit is new: {diff}");
    for name in ["web.log", "web-dev.service.diff"] {
        let node = world.host.node(&dir.join(name)).unwrap();
        assert!(matches!(node, Node::File { mode: 0o600, .. }), "{name}: {node:?}");
    }
}

#[test]
fn of_a_unit_that_was_there_only_what_differs_is_kept_and_a_huge_log_is_cut() {
    let first = crashed(1, None).0;
    // Taken back with the first deploy, so it is in what was kept only.
    let diff =
        first.host.paths().into_iter().find(|path| path.as_str().ends_with(".diff")).unwrap();
    let text = first.host.read_text(diff).unwrap();
    let unit: String = text.lines().skip(3).map(|line| format!("{}\n", &line[1..])).collect();
    let old = unit.replace("TimeoutStopSec=", "TimeoutStopSec=7");
    assert_ne!(old, unit, "{unit}");
    let (world, dir) = crashed(1, Some(&old));
    let diff = world.host.read_text(dir.join("web-dev.service.diff")).unwrap();
    let changed: Vec<_> =
        diff.lines().skip(2).filter(|line| line.starts_with(['+', '-'])).collect();
    assert_eq!(changed.len(), 2, "{diff}");
    assert!(changed[0].starts_with("-TimeoutStopSec=7"), "{diff}");

    let (world, dir) = crashed(20_000, None);
    let length = world.host.read_text(dir.join("web.log")).unwrap().len();
    assert!(length <= 64 * 1024, "{length}");
}

#[test]
fn a_failed_build_keeps_what_it_wrote_and_an_interruption_keeps_nothing() {
    let world = World::deployed();
    world.host.put_file("/src/lib/web", "broken", 0o644);
    let report = world.run(&deploy());
    assert_eq!(report.outcome, Outcome::Failed);
    let (_, lines) = kept(&world, &report);
    assert!(lines[0]["output"].to_string().contains("it does not compile"), "{}", lines[0]);
    world.ship_readme("interrupted");
    world.host.interrupt();
    let report = world.run(&deploy());
    assert_eq!((report.error.as_deref(), report.evidence), (Some("interrupted"), None));
}

#[test]
fn only_the_last_failures_are_kept_and_nothing_that_is_not_ours_goes_with_the_others() {
    let world = World::deployed();
    for path in ["notes/important", "00000001-mine/important"] {
        world.host.put_file(format!("{ROOT}/evidence/{path}"), "mine", 0o644);
    }
    let mut last = None;
    for number in 0..13 {
        last = fail(&world, &format!("{number}")).evidence;
    }
    let left = world.host.list(format!("{ROOT}/evidence").as_str().into()).unwrap();
    assert_eq!(left.len(), 10 + 2, "{left:?}");
    assert!(last.unwrap().file_name().is_some_and(|name| left.iter().any(|one| one == name)));
    assert!(world.host.exists(format!("{ROOT}/evidence/00000001-mine/important")));
}

#[test]
fn no_secret_gets_into_what_is_kept() {
    let mut world = World::new();
    world.declare("[variables.TOKEN]\nkind = \"secret\"\n");
    world.host.put_file(format!("{ROOT}/shared/.env"), "TOKEN=hunter2hunter2\n", 0o600);
    world.run(&deploy());
    let (dir, _) = kept(&world, &fail(&world, "sick"));
    for name in world.host.list(&dir).unwrap() {
        let text = world.host.read_text(dir.join(&name)).unwrap();
        assert!(!text.contains("hunter2"), "{name} (ALL-04)");
    }
}

#[test]
fn a_disk_that_takes_no_evidence_does_not_keep_the_state_before_from_coming_back() {
    for nth in 1..8 {
        let world = World::deployed();
        world.ship(&FakeService { health: FakeHealth::Sick, ..FakeService::default() });
        let mut armed = false;
        let report = world.operate_with(&deploy(), &mut |event| {
            let text = serde_json::to_string(&event).unwrap();
            if text.contains("rolling-back") && !armed {
                armed = true;
                // The way back takes fourteen changes; these come after it.
                world.host.fail_at(14 + nth, Fault::Before);
            }
        });
        assert_eq!(report.unwrap().outcome, Outcome::RolledBack);
        assert_eq!(world.running(), Some(world.current()));
        assert_eq!(world.run(&Goal::Start).outcome, Outcome::Unchanged);
    }
}
