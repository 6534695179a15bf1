//! Faults at every change that an operation makes to a machine: before its effect, after it with
//! the answer lost, in the middle of it, and the death of the deployer; then a look at the machine
//! by other code than that under test, and a fresh run.

use camino::Utf8Path;
use helionyx_deploy::command::OnDeath;
use helionyx_deploy::digest::ContentDigest;
use helionyx_deploy::event::{Outcome, Report};
use helionyx_deploy::host::Look as _;
use helionyx_deploy::host::fake::{FakeHealth, FakeService, Fault};
use helionyx_deploy::model::Supervisor;
use helionyx_deploy::operate::{Goal, OperateError};
use helionyx_deploy::release::{FileRecord, Manifest};
use helionyx_deploy::state::Node;

use crate::world::{DATA, ROOT, World, deploy};

const FAULTS: [Fault; 5] =
    [Fault::Before, Fault::After, Fault::Torn, Fault::Kill, Fault::KillAfter];

/// One test for each operation under each supervisor: each is disturbed at every change that it makes.
macro_rules! sweep {
    ($($test:ident: $begin:expr, $goal:expr;)*) => {
        mod process {
            use super::*;
            $(#[test]
            fn $test() {
                sweep(stringify!($test), Supervisor::Process, $begin, &$goal);
            })*
        }
        mod systemd {
            use super::*;
            $(#[test]
            fn $test() {
                sweep(stringify!($test), Supervisor::Systemd, $begin, &$goal);
            })*
        }
    };
}

sweep! {
    first_deploy: World::under, deploy();
    second_deploy: |supervisor| {
        let world = World::deployed_under(supervisor);
        world.ship(&FakeService { ready_after_ms: 20, ..FakeService::default() });
        world
    }, deploy();
    deploy_that_prunes: |supervisor| {
        let world = World::shipped_under(supervisor, &["2", "3", "4", "5"]);
        world.ship_readme("6");
        world
    }, deploy();
    deploy_of_a_sick_release: |supervisor| {
        let world = World::deployed_under(supervisor);
        world.ship(&FakeService { health: FakeHealth::Sick, ..FakeService::default() });
        world
    }, deploy();
    rollback: |supervisor| World::shipped_under(supervisor, &["2", "3", "4"]), Goal::Rollback(None);
    restart: World::deployed_under, Goal::Restart;
    stop: World::deployed_under, Goal::Stop;
    start: |supervisor| {
        let world = World::deployed_under(supervisor);
        world.run(&Goal::Stop);
        world
    }, Goal::Start;
}

/// After each fault the machine is whole, the report is true, and a fresh run converges.
fn sweep(name: &str, supervisor: Supervisor, begin: fn(Supervisor) -> World, goal: &Goal) {
    let mut points = 0;
    for fault in FAULTS {
        for nth in 1.. {
            let world = begin(supervisor);
            world.host.fail_at(nth, fault);
            let context = format!("{name} under {supervisor}, {fault:?} at change {nth}");
            let result = world.operate(goal);
            if !world.host.fault_fired() {
                assert!(nth > 3, "{context}: the sweep ended at once");
                break;
            }
            check(&world, goal, result, &context);
            points += 1;
        }
    }
    eprintln!("{name} under {supervisor}: {points} faults, 0 violations");
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
        let before = changes(world);
        assert_eq!(world.run(&deploy()).outcome, Outcome::Unchanged, "{context}: I7");
        assert_eq!(changes(world), before, "{context}: an empty plan touches nothing");
    }
}

/// How many changes there were, without the commands that only look.
fn changes(world: &World) -> usize {
    let looks = world.host.commands().into_iter().filter(|one| one.on_death == OnDeath::GoesOn);
    world.host.mutations() - looks.count()
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
    let list = world.host.read_text(format!("{dir}/release.files.json"));
    let files = list.and_then(|list| manifest.files.read(list.as_bytes()));
    let files = files.unwrap_or_else(|| panic!("{context}: I1: {dir} has no list of its files"));
    assert!(files.contains_key("bin/web"), "{context}");
    for (path, record) in &files {
        let text = world.host.read_text(format!("{dir}/{path}"));
        let text = text.unwrap_or_else(|| panic!("{context}: I1: {dir}/{path} is missing"));
        let FileRecord::File { blake3, .. } = record else { panic!("{path} is no file") };
        assert_eq!(*blake3, ContentDigest::of(text.as_bytes()), "{context}: I1: {path}");
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
        // Also where the release was sick and the fault lay in the way back: it is tried once more.
        (Outcome::Stuck, _) => panic!("{context}: one fault may not leave us stuck"),
    }
}

/// I3: what runs is what `current` names, once.
fn check_running(world: &World, context: &str) {
    let state = world.observe();
    let main: Vec<_> = state.services.values().flat_map(|service| &service.instances).collect();
    assert_eq!(main.len(), 1, "{context}: one process runs");
    assert_eq!(world.running().as_ref(), state.current.release(), "{context}: I3");
}
