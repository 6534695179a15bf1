//! Several services: started in their order, stopped in the other one, and brought back as they ran.

use helionyx_deploy::event::Outcome;
use helionyx_deploy::host::fake::{FakeHealth, FakeService, Fault};
use helionyx_deploy::operate::{self, Goal};
use helionyx_deploy::plan::select::Act;

use crate::world::{World, deploy};

/// `bot` cannot do without `web`; `metrics` needs nobody.
const MORE: &str = r#"
[[service]]
name = "bot"
exec = ["{release}/silent"]
requires = ["web"]
[[service]]
name = "metrics"
exec = ["{release}/silent"]
"#;

fn declared() -> World {
    let mut world = World::new();
    let silent = FakeService { deny_port: true, ..FakeService::default() };
    world.host.put_file("/src/silent", silent.content(), 0o755);
    world.declare(MORE);
    world
}

fn deployed() -> World {
    let world = declared();
    assert_eq!(world.run(&deploy()).outcome, Outcome::Deployed);
    world
}

/// The services that run, in one line.
fn running(world: &World) -> String {
    let state = world.observe();
    let alive = state.services.iter().filter(|(_, state)| !state.instances.is_empty());
    alive.map(|(name, _)| name.to_string()).collect::<Vec<_>>().join(" ")
}

fn named(act: Act, names: &[&str]) -> Goal {
    Goal::Services(act, names.iter().map(|name| name.parse().unwrap()).collect())
}

#[test]
fn what_needs_another_service_is_started_after_it_is_proven() {
    let world = declared();
    let plan = world.plan(&deploy()).unwrap();
    let about = |step: &&String| ["start ", "prove "].iter().any(|verb| step.starts_with(verb));
    let steps: Vec<String> = plan.steps.iter().map(ToString::to_string).collect();
    let steps: Vec<&String> = steps.iter().filter(about).collect();
    insta::assert_snapshot!(format!("{steps:#?}"), @r#"
    [
        "start web",
        "start metrics",
        "prove that web runs this release and is healthy",
        "prove that metrics runs this release",
        "start bot",
        "prove that bot runs this release",
    ]
    "#);
}

#[test]
fn a_service_that_is_needed_takes_down_and_brings_back_what_needs_it() {
    let world = deployed();
    assert_eq!(running(&world), "bot metrics web");
    insta::assert_snapshot!(world.shown(&named(Act::Stop, &["web"])), @r"
    - stop bot
    - stop web
    ");
    assert_eq!(world.run(&named(Act::Stop, &["web"])).outcome, Outcome::Deployed);
    assert_eq!(running(&world), "metrics", "REE-50");
    assert_eq!(world.run(&named(Act::Start, &["web"])).outcome, Outcome::Deployed);
    assert_eq!(running(&world), "bot metrics web", "REE-50: it was brought back");

    let before = world.host.running().len();
    insta::assert_snapshot!(world.shown(&named(Act::Restart, &["web"])), @r"
    because web is to be restarted
    because bot is to be restarted
    - stop bot
    - stop web
    - start web
    - prove that web runs this release and is healthy
    - start bot
    - prove that bot runs this release
    ");
    world.run(&named(Act::Restart, &["web"]));
    assert_eq!(world.host.running().len(), before);
    assert_eq!(world.run(&named(Act::Start, &["bot"])).outcome, Outcome::Unchanged);
}

#[test]
fn what_was_stopped_by_name_stays_down_until_it_is_named_or_all_are_started() {
    let world = deployed();
    world.run(&named(Act::Stop, &["bot"]));
    assert_eq!(running(&world), "metrics web");
    world.run(&named(Act::Stop, &["web"]));
    world.run(&named(Act::Start, &["web"]));
    assert_eq!(running(&world), "metrics web", "bot did not go down with it");
    world.run(&named(Act::Start, &["bot"]));
    assert_eq!(running(&world), "bot metrics web");
    world.run(&named(Act::Stop, &["web"]));
    world.run(&named(Act::Start, &["bot"]));
    assert_eq!(running(&world), "bot metrics web", "what bot needs is started, too");
    world.run(&named(Act::Stop, &["web", "metrics"]));
    assert_eq!(running(&world), "");
    world.run(&Goal::Start);
    assert_eq!(running(&world), "bot metrics web");
}

#[test]
fn a_way_back_brings_back_only_what_ran() {
    let world = deployed();
    world.run(&named(Act::Stop, &["metrics"]));
    world.ship(&FakeService { health: FakeHealth::Sick, ..FakeService::default() });
    let report = world.run(&deploy());
    assert_eq!(report.outcome, Outcome::RolledBack, "{report:?}");
    assert_eq!(running(&world), "bot web", "metrics was stopped by name");
}

#[test]
fn a_service_that_the_release_does_not_have_is_refused() {
    let world = deployed();
    insta::assert_snapshot!(world.shown(&named(Act::Restart, &["wep", "nothing-like-it"])), @r"
    refused: the release in use has no service nothing-like-it [unknown-service]
      help: name one of web, bot, metrics
    refused: the release in use has no service wep [unknown-service]
      help: did you mean `web`?
    ");
}

/// The deployer dies at every change that it makes; a recovery brings either the state before or what
/// was asked for, never something between.
#[test]
fn whatever_dies_in_between_what_ran_before_runs_after() {
    type Begin = fn(&World);
    let all: Begin = |_| ();
    let without_bot: Begin = |world| drop(world.run(&named(Act::Stop, &["bot"])));
    let without_web: Begin = |world| drop(world.run(&named(Act::Stop, &["web"])));
    let sick: Begin = |world| {
        world.run(&named(Act::Stop, &["metrics"]));
        world.ship(&FakeService { health: FakeHealth::Sick, ..FakeService::default() });
    };
    let mut points = 0;
    for (begin, goal, before, after) in [
        (all, named(Act::Stop, &["web"]), "bot metrics web", "metrics"),
        (without_web, named(Act::Start, &["web"]), "metrics", "bot metrics web"),
        (without_bot, named(Act::Restart, &["web"]), "metrics web", "metrics web"),
        (sick, deploy(), "bot web", "bot web"),
    ] {
        for nth in 1.. {
            let world = deployed();
            begin(&world);
            assert_eq!(running(&world), before, "{goal:?}");
            world.host.fail_at(nth, Fault::KillAfter);
            let _ = world.operate(&goal);
            if !world.host.fault_fired() {
                break;
            }
            world.host.revive();
            let mut drop_events = |_| ();
            let wait = std::time::Duration::ZERO;
            let context = format!("{goal:?}, dead after change {nth}");
            operate::recover(&world.host, &world.environment, wait, &mut drop_events)
                .unwrap_or_else(|error| panic!("{context}: {error}"));
            let now = running(&world);
            assert!(now == before || now == after, "{context}: {now:?}");
            points += 1;
        }
    }
    assert!(points > 40, "only {points} points");
}
