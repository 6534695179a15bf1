//! A run in the foreground, disturbed at every change that it makes: nothing runs after it.

use std::time::Duration;

use helionyx_deploy::event::{Event, Outcome, Report};
use helionyx_deploy::host::fake::{FakeHealth, FakeService, Fault};
use helionyx_deploy::operate::{self, Goal, OperateError};

use crate::world::{World, deploy};

const FAULTS: [Fault; 5] =
    [Fault::Before, Fault::After, Fault::Torn, Fault::Kill, Fault::KillAfter];

fn stopped() -> World {
    let world = World::deployed();
    world.run(&Goal::Stop);
    world
}

/// Runs it; also whether it ran while somebody looked on.
fn run(world: &World) -> (Result<Report, OperateError>, bool) {
    let mut ran = false;
    let watch = &mut |events: &mut dyn FnMut(Event)| {
        events(Event::Log { line: "hello".to_owned() });
        ran = world.running().is_some();
        // Nobody has to wait for the fake service to end: somebody has seen enough.
        world.host.interrupt();
    };
    let (host, environment) = (&world.host, &world.environment);
    let report = operate::run_in_foreground(host, environment, Duration::ZERO, &mut |_| (), watch);
    (report, ran)
}

#[test]
fn whatever_fails_and_whenever_the_deployer_dies_nothing_is_left_running() {
    let mut points = 0;
    for fault in FAULTS {
        for nth in 1.. {
            let world = stopped();
            world.host.fail_at(nth, fault);
            let (result, _) = run(&world);
            if !world.host.fault_fired() {
                assert!(nth > 5, "{fault:?}: the sweep ended at once");
                break;
            }
            let context = format!("{fault:?} at change {nth}: {result:?}");
            world.host.revive();
            if !matches!(fault, Fault::Kill | Fault::KillAfter) {
                assert_eq!(world.running(), None, "{context}");
            }
            let (host, environment) = (&world.host, &world.environment);
            let recovered =
                operate::recover(host, environment, Duration::ZERO, &mut |_| ()).unwrap();
            let stuck = |report: &Report| report.outcome == Outcome::Stuck;
            assert!(!recovered.as_ref().is_some_and(stuck), "{context}: {recovered:?}");
            assert_eq!(world.running(), None, "{context} (HEL-29)");
            points += 1;
        }
    }
    eprintln!("run: {points} faults, 0 violations");
}

#[test]
fn it_runs_while_somebody_looks_on_and_counts_as_stopped_on_purpose_then() {
    let world = stopped();
    let (report, ran) = run(&world);
    let report = report.unwrap();
    assert_eq!((report.outcome, ran), (Outcome::Deployed, true), "{report:?} (HEL-29)");
    assert_eq!(report.downtime_ms, None, "it was not meant to answer");
    assert_eq!(world.running(), None);
    world.host.revive();
    world.ship(&FakeService { health: FakeHealth::Sick, ..FakeService::default() });
    assert_eq!(world.run(&deploy()).outcome, Outcome::Failed, "stopped, as before");
    assert_eq!(world.running(), None);
}

#[test]
fn a_service_that_does_not_stay_up_is_not_shown_and_evidence_is_kept() {
    let world = stopped();
    let sick = FakeService { crash_after_ms: Some(1), ..FakeService::default() };
    let path = format!("{}/releases/{}/bin/web", crate::world::ROOT, world.current());
    world.host.put_file(path, sick.content(), 0o555);
    let (report, ran) = run(&world);
    let report = report.unwrap();
    assert_eq!((report.outcome, ran), (Outcome::Failed, false), "{report:?}");
    assert_eq!((world.running(), report.evidence.is_some()), (None, true));
}
