//! Faults at every change that an operation makes to a machine: before its effect, after it with
//! the answer lost, in the middle of it, and the death of the deployer; then a look at the machine
//! by other code than that under test, and a fresh run.

use camino::Utf8Path;
use helionyx_deploy::digest::Digest;
use helionyx_deploy::event::{Event, Operation, Outcome, Report};
use helionyx_deploy::host::Files as _;
use helionyx_deploy::host::fake::{FakeHealth, FakeService, Fault};
use helionyx_deploy::operate::{self, Goal, OperateError};
use helionyx_deploy::release::{FileRecord, Manifest};
use helionyx_deploy::state::Node;

use crate::world::{DATA, ROOT, World, deploy};

const FAULTS: [Fault; 5] =
    [Fault::Before, Fault::After, Fault::Torn, Fault::Kill, Fault::KillAfter];

/// One test for each operation: each is disturbed at every change that it makes.
macro_rules! sweep {
    ($($test:ident: $begin:expr, $goal:expr;)*) => {$(
        #[test]
        fn $test() {
            sweep(stringify!($test), $begin, &$goal);
        }
    )*};
}

sweep! {
    first_deploy: World::new, deploy();
    second_deploy: || {
        let world = World::deployed();
        world.ship(&FakeService { ready_after_ms: 20, ..FakeService::default() });
        world
    }, deploy();
    deploy_that_prunes: || {
        let world = shipped(&["2", "3", "4", "5"]);
        world.ship_readme("6");
        world
    }, deploy();
    deploy_of_a_sick_release: || {
        let world = World::deployed();
        world.ship(&FakeService { health: FakeHealth::Sick, ..FakeService::default() });
        world
    }, deploy();
    rollback: || shipped(&["2", "3", "4"]), Goal::Rollback(None);
    restart: World::deployed, Goal::Restart;
    stop: World::deployed, Goal::Stop;
    start: || {
        let world = World::deployed();
        world.run(&Goal::Stop);
        world
    }, Goal::Start;
}

/// A machine with one release after the other on it.
fn shipped(readmes: &[&str]) -> World {
    let world = World::deployed();
    for text in readmes {
        world.ship_readme(text);
        world.run(&deploy());
    }
    world
}

/// After each fault the machine is whole, the report is true, and a fresh run converges.
fn sweep(name: &str, begin: fn() -> World, goal: &Goal) {
    let mut points = 0;
    for fault in FAULTS {
        for nth in 1.. {
            let world = begin();
            world.host.fail_at(nth, fault);
            let context = format!("{name}, {fault:?} at change {nth}");
            let result = world.operate(goal);
            if !world.host.fault_fired() {
                assert!(nth > 3, "{context}: the sweep ended at once");
                break;
            }
            check(&world, goal, result, &context);
            points += 1;
        }
    }
    eprintln!("{name}: {points} faults, 0 violations");
}

fn check(world: &World, goal: &Goal, result: Result<Report, OperateError>, context: &str) {
    world.host.revive();
    check_instant(world, !context.starts_with("first"), context);
    // A deployer that was killed reports nothing.
    let lives = !context.contains("Kill");
    if let Some(report) = result.as_ref().ok().filter(|_| lives) {
        check_report(world, report.outcome, goal, context);
    }
    let again = recovered(world, context);
    let sick = context.contains("sick");
    let expected = if sick { Outcome::RolledBack } else { Outcome::Deployed };
    assert!(
        again == expected || again == Outcome::Unchanged,
        "{context}: the next deploy ends as {again:?}, after {result:?}"
    );
    check_running(world, context);
    if !sick {
        let mutations = world.host.mutations();
        assert_eq!(world.run(&deploy()).outcome, Outcome::Unchanged, "{context}: I7");
        assert_eq!(world.host.mutations(), mutations, "{context}: an empty plan touches nothing");
    }
}

/// The next ordinary deploy, with no repair by hand in between.
fn recovered(world: &World, context: &str) -> Outcome {
    let mut events = Vec::new();
    let report = world.operate_with(&deploy(), &mut |event| events.push(event));
    report
        .unwrap_or_else(|error| panic!("{context}: the next deploy: {error}\n{events:#?}"))
        .outcome
}

/// I1, I5: at every instant `current` names a whole release, and the data is as it was.
fn check_instant(world: &World, deployed_before: bool, context: &str) {
    let host = &world.host;
    match host.node(Utf8Path::new(&format!("{ROOT}/current"))).expect("a look does not fail") {
        Node::Missing => assert!(!deployed_before, "{context}: I1: current is gone"),
        Node::Link { target } => check_whole(world, target.as_str(), context),
        other => panic!("{context}: I1: current is {other}"),
    }
    if deployed_before {
        let events = host.read_text(format!("{DATA}/events.jsonl"));
        assert_eq!(events.as_deref(), Some("{\"event\":1}\n"), "{context}: I5, ALL-06");
    }
}

fn check_whole(world: &World, target: &str, context: &str) {
    let dir = format!("{ROOT}/{target}");
    let manifest = world.host.read_text(format!("{dir}/release.json"));
    let manifest = manifest.unwrap_or_else(|| panic!("{context}: I1: {dir} has no manifest"));
    let manifest: Manifest = serde_json::from_str(&manifest).expect("the manifest is whole");
    assert!(manifest.files.contains_key(Utf8Path::new("bin/web")), "{context}");
    for (path, record) in &manifest.files {
        let text = world.host.read_text(format!("{dir}/{path}"));
        let text = text.unwrap_or_else(|| panic!("{context}: I1: {dir}/{path} is missing"));
        let FileRecord::File { sha256, .. } = record else { panic!("{path} is no file") };
        assert_eq!(*sha256, Digest::of(text.as_bytes()), "{context}: I1: {path}");
    }
}

/// I3, I8: what the report says is so.
fn check_report(world: &World, outcome: Outcome, goal: &Goal, context: &str) {
    let current = world.observe().current.release().cloned();
    let running = world.running();
    match (outcome, goal) {
        (Outcome::Deployed | Outcome::Unchanged, Goal::Stop) => {
            assert_eq!(running, None, "{context}");
        }
        (Outcome::Deployed | Outcome::Unchanged | Outcome::RolledBack, _) => {
            assert!(current.is_some() && current == running, "{context}: I3: {outcome:?}");
        }
        (Outcome::Failed, _) => {
            assert!(running.is_none() || running == current, "{context}: I3: {outcome:?}");
        }
        // The release was sick, and then the way back met the fault: two failures.
        (Outcome::Stuck, _) if context.contains("sick") => {}
        (Outcome::Stuck, _) => panic!("{context}: one fault may not leave us stuck"),
    }
}

/// I3: what runs is what `current` names, once.
fn check_running(world: &World, context: &str) {
    let state = world.observe();
    let main: Vec<_> = state.services.values().flat_map(|service| &service.processes).collect();
    assert_eq!(main.len(), 1, "{context}: one process runs");
    assert_eq!(world.running().as_ref(), state.current.release(), "{context}: I3");
}

#[test]
fn a_command_that_finds_an_unfinished_operation_recovers_and_says_so() {
    let world = World::deployed();
    let first = world.current();
    world.ship_readme("second");
    let changes_until_switch = {
        let other = World::deployed();
        other.ship_readme("second");
        let before = other.host.mutation_log().len();
        other.run(&deploy());
        let log = other.host.mutation_log();
        log[before..].iter().position(|(verb, _)| *verb == "replace_link").unwrap() + 1
    };
    world.host.fail_at(changes_until_switch, Fault::KillAfter);
    let _ = world.operate(&deploy());
    world.host.revive();
    assert_ne!(world.current(), first, "the deployer died right after the switch");
    let report =
        operate::recover(&world.host, &world.environment, std::time::Duration::ZERO, &mut |_| ());
    let report = report.unwrap().expect("there was something to recover");
    assert_eq!(report.outcome, Outcome::RolledBack, "ALL-02");
    assert_eq!(report.release.as_ref(), Some(&first));
    assert_eq!(world.running().as_ref(), Some(&first));
}

#[test]
fn an_interruption_is_heeded_before_the_switch_and_not_after() {
    let world = World::deployed();
    let first = world.current();
    world.ship_readme("second");
    let mut steps = 0;
    let report = world.operate_with(&deploy(), &mut |event| {
        if matches!(event, helionyx_deploy::event::Event::StepStarted { .. }) {
            steps += 1;
            if steps == 3 {
                world.host.interrupt();
            }
        }
    });
    let report = report.unwrap();
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(report.error.as_deref(), Some("interrupted"));
    assert_eq!(world.running(), Some(first));
    world.host.clear_interrupt();
    let left = world.observe().releases.len();
    assert_eq!(left, 1, "the half-built release is gone");
}

#[test]
fn a_touched_file_in_the_current_release_costs_no_running_service() {
    for goal in [Goal::Start, Goal::Restart] {
        let world = World::deployed();
        let current = world.current();
        let path = world.environment.layout.release(&current).join("lib/web");
        let text = world.host.read_text(&path).unwrap();
        world.host.put_file(path, text, 0o444);
        let report = world.run(&goal);
        assert!(matches!(report.outcome, Outcome::Unchanged | Outcome::Deployed), "{report:?}");
        assert_eq!((world.current(), world.running()), (current.clone(), Some(current)));
    }
}

#[test]
fn a_lost_record_of_a_proof_costs_no_running_service() {
    let world = World::deployed();
    let current = world.current();
    world.host.delete(world.environment.layout.verification(&current));
    world.ship(&FakeService { health: FakeHealth::Sick, ..FakeService::default() });
    assert_eq!(world.run(&deploy()).outcome, Outcome::RolledBack);
    assert_eq!((world.current(), world.running()), (current.clone(), Some(current)));
}

#[test]
fn a_full_disk_after_the_switch_is_a_report_and_the_state_before() {
    let world = World::deployed();
    let before = world.current();
    world.ship(&FakeService { health: FakeHealth::Sick, ..FakeService::default() });
    let mut full = false;
    let report = world.operate_with(&deploy(), &mut |event| {
        if matches!(event, Event::RollingBack { .. }) {
            full = true;
            world.host.fail_at(1, Fault::Before);
        }
    });
    assert!(full && world.host.fault_fired(), "a write failed on the way back");
    let report = report.expect("what has begun ends in a report");
    assert_eq!(report.outcome, Outcome::RolledBack, "{report:?}");
    assert_eq!((world.current(), world.running()), (before.clone(), Some(before)));
}

#[test]
fn a_release_whose_proof_did_not_hold_is_no_target_of_a_rollback() {
    // It crashes between its proof and the last look.
    let mut withdrawn = 0;
    for crash_after_ms in 100..120 {
        let world = World::deployed();
        world.ship(&FakeService { crash_after_ms: Some(crash_after_ms), ..FakeService::default() });
        let report = world.run(&deploy());
        if report.outcome == Outcome::Deployed {
            continue;
        }
        assert_eq!(report.outcome, Outcome::RolledBack, "{crash_after_ms}: {report:?}");
        let failed = report.failed.unwrap();
        assert!(!world.observe().is_verified(&failed), "{crash_after_ms}");
        withdrawn += usize::from(report.error.unwrap().contains("one is still needed"));
    }
    assert!(withdrawn > 0, "no crash fell between the proof and the last look");
}

#[test]
fn an_operation_that_was_cut_short_before_it_did_anything_is_not_said_to_be_done() {
    let stopped = || {
        let world = World::deployed();
        world.run(&Goal::Stop);
        world
    };
    for (begin, goal) in
        [(World::deployed as fn() -> World, Goal::Stop), (stopped as fn() -> World, Goal::Start)]
    {
        let world = begin();
        let running = world.running();
        // The first change makes sure of the root, the second is the begin in the journal.
        world.host.fail_at(2, Fault::KillAfter);
        let _ = world.operate(&goal);
        world.host.revive();
        let wait = std::time::Duration::ZERO;
        let report = operate::recover(&world.host, &world.environment, wait, &mut |_| ());
        assert_eq!(report.unwrap().unwrap().outcome, Outcome::Failed, "{goal:?}: I8");
        assert_eq!(world.running(), running, "{goal:?}");
    }
}

#[test]
fn a_rollback_that_recovers_goes_one_release_back_not_two() {
    let world = shipped(&["2"]);
    let second = world.current();
    world.ship_readme("3");
    let mut steps = 0;
    let _ = world.operate_with(&deploy(), &mut |event| {
        steps += usize::from(matches!(event, Event::StepStarted { .. }));
        let proving = matches!(&event, Event::StepStarted { text, .. } if text.contains("prove"));
        if proving {
            world.host.fail_at(1, Fault::Kill);
        }
    });
    assert!(world.host.fault_fired() && steps > 0);
    world.host.revive();
    let report = world.run(&Goal::Rollback(None));
    assert_eq!((report.outcome, report.operation), (Outcome::Deployed, Operation::Rollback));
    assert_eq!((report.release, world.running()), (Some(second.clone()), Some(second)));
}

#[test]
fn a_rollback_that_is_cut_short_on_a_release_gone_sick_returns_to_where_it_came_from() {
    let world = World::deployed();
    let first = world.current();
    world.ship_readme("2");
    world.run(&deploy());
    let second = world.current();
    let sick = FakeService { health: FakeHealth::Sick, ..FakeService::default() };
    let _ = world.operate_with(&Goal::Rollback(None), &mut |event| {
        let proving = matches!(&event, Event::StepStarted { text, .. } if text.contains("prove"));
        if proving {
            world.host.fail_at(1, Fault::Kill);
        }
    });
    world.host.revive();
    world.host.put_file(
        world.environment.layout.release(&first).join("bin/web"),
        sick.content(),
        0o555,
    );
    let wait = std::time::Duration::ZERO;
    let report = operate::recover(&world.host, &world.environment, wait, &mut |_| ());
    let report = report.unwrap().unwrap();
    assert_eq!(report.outcome, Outcome::RolledBack, "{report:?}");
    assert_eq!((world.current(), world.running()), (second.clone(), Some(second)));
}

#[test]
fn a_stop_works_whatever_lies_in_the_place_of_current() {
    let world = World::deployed();
    world.host.delete(format!("{ROOT}/current"));
    world.host.put_dir(format!("{ROOT}/current"));
    assert_eq!(world.run(&Goal::Stop).outcome, Outcome::Deployed);
    assert!(world.host.running().is_empty());
}

#[test]
fn what_is_in_use_is_not_pruned_before_its_successor_has_held() {
    for crash_after_ms in 100..120 {
        let world = World::deployed();
        let current = world.current();
        world.host.delete(world.environment.layout.verification(&current));
        world.ship(&FakeService { crash_after_ms: Some(crash_after_ms), ..FakeService::default() });
        let report = world.run(&deploy());
        assert_ne!(report.outcome, Outcome::Stuck, "{crash_after_ms}: {report:?}");
        assert!(world.host.exists(world.environment.layout.release(&current)));
    }
}

#[test]
fn a_rollback_again_after_a_rollback_that_was_cut_short_goes_where_it_was_to_go() {
    let world = shipped(&["2"]);
    let first = world.observe().releases.keys().next().cloned();
    let _ = world.operate_with(&Goal::Rollback(None), &mut |event| {
        let proving = matches!(&event, Event::StepStarted { text, .. } if text.contains("prove"));
        if proving {
            world.host.fail_at(1, Fault::Kill);
        }
    });
    assert!(world.host.fault_fired());
    world.host.revive();
    let report = world.run(&Goal::Rollback(None));
    assert_eq!((report.outcome, &report.release), (Outcome::Deployed, &first), "HEL-85");
    assert_eq!(world.running(), first);
}

#[test]
fn a_line_that_nobody_can_read_does_not_hide_what_was_cut_short() {
    let world = World::deployed();
    let before = world.current();
    world.ship(&FakeService { health: FakeHealth::Sick, ..FakeService::default() });
    let _ = world.operate_with(&deploy(), &mut |event| {
        let proving = matches!(&event, Event::StepStarted { text, .. } if text.contains("prove"));
        if proving {
            world.host.fail_at(1, Fault::Kill);
        }
    });
    world.host.revive();
    world.host.append(&world.environment.layout.journal(), b"garbage\n").unwrap();
    assert!(world.observe().unfinished, "status says so");
    let wait = std::time::Duration::ZERO;
    let report = operate::recover(&world.host, &world.environment, wait, &mut |_| ());
    assert_eq!(report.unwrap().unwrap().outcome, Outcome::RolledBack);
    assert_eq!((world.current(), world.running()), (before.clone(), Some(before)));
    assert!(!world.observe().unfinished);

    world.host.append(&world.environment.layout.journal(), b"more garbage\n").unwrap();
    let report = operate::recover(&world.host, &world.environment, wait, &mut |_| ());
    assert_eq!(report.unwrap().unwrap().outcome, Outcome::Unchanged, "nothing had begun");
    assert!(!world.observe().unfinished);
}

#[test]
fn a_port_that_a_stranger_takes_in_the_middle_does_not_keep_current_on_the_failed_release() {
    let world = World::deployed();
    let before = world.current();
    world.ship_readme("2");
    let report = world.operate_with(&deploy(), &mut |event| {
        let starting = matches!(&event, Event::StepStarted { text, .. } if text == "start web");
        if starting && world.host.running().is_empty() {
            world.host.stranger_on(crate::world::port(8000), "nginx");
        }
    });
    let report = report.unwrap();
    assert_eq!(report.outcome, Outcome::Stuck, "{report:?}");
    assert_eq!(world.current(), before, "the way back was gone as far as it led");
}

#[test]
fn a_restart_is_refused_when_the_program_is_gone_or_the_release_cannot_be_read() {
    let world = World::deployed();
    world.host.delete(world.environment.layout.release(&world.current()).join("bin/web"));
    let refused = world.operate(&Goal::Restart).unwrap_err().to_string();
    assert!(refused.contains("[start-in-vain]"), "{refused}");
    assert_eq!(world.host.running().len(), 1, "nothing was stopped for it");
}

#[test]
fn what_ran_without_a_manifest_and_cannot_be_brought_back_is_said_to_need_somebody() {
    let world = World::deployed();
    world.host.put_file(world.environment.layout.manifest(&world.current()), "{", 0o444);
    world.ship(&FakeService { health: FakeHealth::Sick, ..FakeService::default() });
    assert_eq!(world.run(&deploy()).outcome, Outcome::Stuck, "I8");
}
