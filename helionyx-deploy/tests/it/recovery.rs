//! The way back from single mishaps: what was cut short, touched, lost or taken in the middle of an
//! operation, and what is said about it.

use helionyx_deploy::event::{Event, Operation, Outcome};
use helionyx_deploy::host::fake::{FakeHealth, FakeService, Fault};
use helionyx_deploy::host::{Host as _, Look as _};
use helionyx_deploy::journal::audit;
use helionyx_deploy::operate::{self, Goal};

use crate::world::{ROOT, World, deploy};

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
    let world = World::shipped(&["2"]);
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
    let world = World::shipped(&["2"]);
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
    assert!(audit::verify(&world.host, &world.environment).unwrap().is_whole());

    world.host.append(&world.environment.layout.journal(), b"more garbage\n").unwrap();
    let report = operate::recover(&world.host, &world.environment, wait, &mut |_| ());
    let report = report.unwrap().unwrap();
    assert_eq!(report.outcome, Outcome::Unchanged, "nothing had begun");
    assert_eq!(report.error.as_deref(), Some("13 bytes of a torn entry were cut off"));
    assert!(!world.observe().unfinished);
}

#[test]
fn a_port_that_a_stranger_takes_in_the_middle_does_not_keep_current_on_the_failed_release() {
    let world = World::deployed();
    let before = world.current();
    world.ship_readme("2");
    let mut strangers = Vec::new();
    let report = world.operate_with(&deploy(), &mut |event| {
        let starting = matches!(&event, Event::StepStarted { text, .. } if text == "start web");
        if starting && world.host.running().is_empty() {
            strangers.push(world.host.stranger_on(crate::world::port(8000), "nginx"));
        }
    });
    let report = report.unwrap();
    assert_eq!(report.outcome, Outcome::Stuck, "{report:?}");
    assert_eq!(world.current(), before, "the way back was gone as far as it led");
    let recover = || {
        let wait = std::time::Duration::ZERO;
        operate::recover(&world.host, &world.environment, wait, &mut |_| ()).unwrap()
    };
    let again = recover().expect("what is stuck is not done with");
    assert_eq!(again.outcome, Outcome::Stuck, "the stranger is still there: {again:?}");
    strangers.into_iter().for_each(|stranger| world.host.kill(stranger));
    let again = recover().expect("what is stuck is not done with");
    assert_eq!(again.outcome, Outcome::RolledBack, "{again:?}");
    assert_eq!(world.running(), Some(before), "I7: tried again, it comes back");
    assert!(recover().is_none(), "and then there is nothing left to recover");
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

/// What is said while a sick release is taken back, with something done when that begins.
fn taken_back(world: &World, meddle: impl Fn(&World)) -> (Outcome, Vec<Event>) {
    world.ship(&FakeService { health: FakeHealth::Sick, ..FakeService::default() });
    let mut events = Vec::new();
    let report = world.operate_with(&deploy(), &mut |event| {
        if matches!(event, Event::RollingBack { .. }) {
            meddle(world);
        }
        events.push(event);
    });
    let back = events.iter().position(|event| matches!(event, Event::RollingBack { .. })).unwrap();
    (report.unwrap().outcome, events.split_off(back))
}

fn told(events: &[Event], text: &str) -> usize {
    events.iter().filter(|event| serde_json::to_string(event).unwrap().contains(text)).count()
}

#[test]
fn a_way_back_that_the_machine_refused_once_is_tried_once_more() {
    let mut again = 0;
    for nth in 1..20 {
        let world = World::deployed();
        let before = world.current();
        let (outcome, events) = taken_back(&world, |world| world.host.fail_at(nth, Fault::Before));
        assert_eq!(outcome, Outcome::RolledBack, "change {nth}: {events:#?}");
        assert_eq!(world.running(), Some(before), "change {nth}");
        let tries = told(&events, "the way back is tried once more");
        assert!(tries <= 1, "change {nth}: bounded");
        again += tries;
    }
    assert!(again > 3, "only {again} of the changes were such that it had to be tried again");
}

#[test]
fn a_way_back_that_the_service_itself_spoils_is_not_tried_again() {
    let world = World::deployed();
    let program = world.environment.layout.release(&world.current()).join("bin/web");
    let sick = FakeService { health: FakeHealth::Sick, ..FakeService::default() };
    let (outcome, events) =
        taken_back(&world, |world| world.host.put_file(&program, sick.content(), 0o555));
    assert_eq!(outcome, Outcome::Stuck, "{events:#?}");
    assert_eq!(told(&events, "tried once more"), 0);
    let starts = events
        .iter()
        .filter(|event| matches!(event, Event::StepStarted { text, .. } if text == "start web"));
    assert_eq!(starts.count(), 1, "no ping-pong");
}

#[test]
fn a_proof_that_cannot_be_written_down_is_a_warning_where_the_state_before_is_back() {
    let world = World::deployed();
    let before = world.current();
    let record = world.environment.layout.verification(&before);
    world.host.delete(&record);
    // No file can take its place, now or at a second try.
    world.host.put_dir(&record);
    let (outcome, events) = taken_back(&world, |_| ());
    assert_eq!(outcome, Outcome::RolledBack, "{events:#?}");
    assert_eq!(told(&events, "the proof is not recorded"), 1, "{events:#?}");
    assert_eq!(world.running(), Some(before));
}

#[test]
fn what_a_removal_left_half_done_is_removed_by_the_next_deploy_even_if_it_has_nothing_else_to_do() {
    let mut left = 0;
    for nth in 1..12 {
        let world = World::shipped(&["2", "3", "4", "5"]);
        world.ship_readme("6");
        let report = world.operate_with(&deploy(), &mut |event| {
            let removing = matches!(&event, Event::StepStarted { text, .. } if text.starts_with("remove release"));
            if removing && !world.host.fault_fired() {
                world.host.fail_at(nth, Fault::Torn);
            }
        });
        assert_eq!(report.unwrap().outcome, Outcome::Deployed, "change {nth}");
        let marks = |world: &World| {
            let names = world.host.list(&world.environment.layout.releases()).unwrap();
            names.iter().filter(|name| name.ends_with(".unfinished")).count()
        };
        left += marks(&world);
        world.run(&deploy());
        assert_eq!(marks(&world), 0, "I6: change {nth}");
        assert_eq!(world.run(&deploy()).outcome, Outcome::Unchanged, "I7: change {nth}");
    }
    assert!(left > 1, "only {left} removals were left half done");
}
