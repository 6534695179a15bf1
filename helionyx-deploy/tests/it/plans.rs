//! What is planned for each goal in each state of a host: the words that operators read.

use helionyx_deploy::event::Outcome;
use helionyx_deploy::host::Look as _;
use helionyx_deploy::host::fake::FakeService;
use helionyx_deploy::operate::{Force, Goal};
use helionyx_deploy::source::Wish;
use insta::assert_snapshot;

use crate::world::{DATA, ROOT, World, deploy, port};

fn sick() -> FakeService {
    FakeService { health: helionyx_deploy::host::fake::FakeHealth::Sick, ..FakeService::default() }
}

#[test]
fn first_deploy() {
    assert_snapshot!(World::new().shown(&deploy()), @"
    because nothing is deployed yet; first release from /src (content d1f7764)
    because web does not run
    - create directory /opt/shop/dev
    - create directory /opt/shop/dev/releases
    - create directory /opt/shop/dev/verified
    - create directory /opt/shop/dev/shared
    - create directory /opt/shop/dev/cache
    - create directory /opt/shop/dev/log
    - create directory /var/lib/shop/dev
    - begin release 20260101T000000Z-d1f7764
    - copy /src
    - build compile: build --into bin
    - write release.env
    - seal release 20260101T000000Z-d1f7764
    - point current to 20260101T000000Z-d1f7764
    - start web
    - prove that web runs this release and is healthy
    - record 20260101T000000Z-d1f7764 as verified
    ");
}

#[test]
fn secrets_that_must_be_there_are_asked_for_before_anything_changes() {
    let mut world = World::new();
    let secret =
        |name: &str, more: &str| format!("[variables.{name}]\nkind = \"secret\"\n{more}\n");
    world.declare(&(secret("TOKEN", "") + &secret("CHAT", "required_in = []")));
    let path = format!("{ROOT}/shared/.env");
    assert_snapshot!(world.shown(&deploy()), @"
    refused: /opt/shop/dev/shared/.env has no value for TOKEN [missing-secret]
      help: run `setup --env shop/dev`: it makes the file, to be filled in
    ");
    world.host.put_file(&path, "TOKEN=your_token_here\n", 0o600);
    assert_snapshot!(world.shown(&deploy()), @"
    refused: /opt/shop/dev/shared/.env has no value for TOKEN [missing-secret]
      help: fill them in, and check with `env-file check /opt/shop/dev/shared/.env --env shop/dev`
    ");
    assert!(world.operate(&deploy()).is_err(), "HEL-05");
    assert!(!world.host.exists(format!("{ROOT}/releases")), "nothing is made (HEL-05)");
    world.host.put_file(&path, "TOKEN=hunter2\n", 0o600);
    assert_eq!(world.run(&deploy()).outcome, Outcome::Deployed, "HEL-05: CHAT may be missing");
}

#[test]
fn secrets_that_may_be_missing_keep_nothing_from_being_deployed() {
    let mut world = World::new();
    world.declare(
        "[variables.TOKEN]\nkind = \"secret\"\nrequired_in = []\n[[data]]\ndir = \"events\"\n",
    );
    assert_eq!(world.run(&deploy()).outcome, Outcome::Deployed, "HEL-05");
    let file = world.host.read_text(format!("{ROOT}/shared/.env")).unwrap();
    assert_snapshot!(file, @"
    # What only this host knows of shop/dev: fill in the secrets.

    # A secret.
    # TOKEN=your_token_here
    ");
    assert!(world.host.exists(format!("{DATA}/events")), "HEL-18");
    assert_eq!(world.run(&deploy()).outcome, Outcome::Unchanged, "HEL-12");
}

#[test]
fn unchanged() {
    let world = World::deployed();
    assert_snapshot!(world.shown(&deploy()), @"nothing to do");
    let (mutations, commands) = (world.host.mutations(), world.host.commands().len());
    assert_eq!(world.run(&deploy()).outcome, Outcome::Unchanged, "HEL-43");
    assert_eq!(world.host.mutations(), mutations, "nothing is touched (HEL-43)");
    assert_eq!(world.host.commands().len(), commands, "no process is spawned");
}

#[test]
fn new_content() {
    let world = World::deployed();
    world.ship(&FakeService { ready_after_ms: 100, ..FakeService::default() });
    assert_snapshot!(world.shown(&deploy()), @"
    because the content of /src changed from d1f7764 to 03c9b0d
    - begin release 20260101T000001Z-03c9b0d
    - copy /src
    - build compile: build --into bin (or reuse that of 20260101T000000Z-d1f7764 if its inputs are the same)
    - write release.env
    - seal release 20260101T000001Z-03c9b0d
    - switch current from 20260101T000000Z-d1f7764 to 20260101T000001Z-03c9b0d
    - stop web
    - start web
    - prove that web runs this release and is healthy
    - record 20260101T000001Z-03c9b0d as verified
    ");
}

#[test]
fn new_content_that_no_build_step_reads() {
    let world = World::deployed();
    world.ship_readme("read me again");
    assert_snapshot!(world.shown(&deploy()), @"
    because the content of /src changed from d1f7764 to 28ecc6c
    - begin release 20260101T000001Z-28ecc6c
    - copy /src
    - build compile: build --into bin (or reuse that of 20260101T000000Z-d1f7764 if its inputs are the same)
    - write release.env
    - seal release 20260101T000001Z-28ecc6c
    - switch current from 20260101T000000Z-d1f7764 to 20260101T000001Z-28ecc6c
    - stop web
    - start web
    - prove that web runs this release and is healthy
    - record 20260101T000001Z-28ecc6c as verified
    ");
    let commands = world.host.commands().len();
    world.run(&deploy());
    assert_eq!(world.host.commands().len(), commands, "the build step is skipped (HEL-39)");
}

#[test]
fn configuration_only() {
    let mut world = World::deployed();
    world.set_level("debug");
    assert_snapshot!(world.shown(&deploy()), @r#"
    because LEVEL changes from "info" to "debug"
    - begin release 20260101T000001Z-d1f7764
    - copy /src
    - build compile: build --into bin (or reuse that of 20260101T000000Z-d1f7764 if its inputs are the same)
    - write release.env
    - seal release 20260101T000001Z-d1f7764
    - switch current from 20260101T000000Z-d1f7764 to 20260101T000001Z-d1f7764
    - stop web
    - start web
    - prove that web runs this release and is healthy
    - record 20260101T000001Z-d1f7764 as verified
    "#);
}

#[test]
fn forced() {
    let world = World::deployed();
    let goal = Goal::Deploy { wish: Wish::default(), force: Force::Always };
    assert_snapshot!(world.shown(&goal), @"
    because a new release was asked for with --force
    - begin release 20260101T000001Z-d1f7764
    - copy /src
    - build compile: build --into bin
    - write release.env
    - seal release 20260101T000001Z-d1f7764
    - switch current from 20260101T000000Z-d1f7764 to 20260101T000001Z-d1f7764
    - stop web
    - start web
    - prove that web runs this release and is healthy
    - record 20260101T000001Z-d1f7764 as verified
    ");
    assert_eq!(world.run(&goal).outcome, Outcome::Deployed);
}

#[test]
fn rollback() {
    let world = World::deployed();
    let first = world.current();
    world.ship_readme("second");
    world.run(&deploy());
    assert_snapshot!(world.shown(&Goal::Rollback(None)), @"
    - check every file of release 20260101T000000Z-d1f7764
    - switch current from 20260101T000001Z-ba5a8f4 to 20260101T000000Z-d1f7764
    - stop web
    - start web
    - prove that web runs this release and is healthy
    - record 20260101T000000Z-d1f7764 as verified
    ");
    assert_eq!(world.run(&Goal::Rollback(None)).release.as_ref(), Some(&first), "HEL-85");
    assert_snapshot!(world.shown(&Goal::Rollback(None)), @"
    refused: there is no verified release before 20260101T000000Z-d1f7764 [no-previous]
      help: `releases --env shop/dev` shows what can be gone back to
    ");
    assert_snapshot!(world.shown(&deploy()), @"
    because 20260101T000001Z-ba5a8f4 was made from the same before: it is used again
    - check every file of release 20260101T000001Z-ba5a8f4
    - switch current from 20260101T000000Z-d1f7764 to 20260101T000001Z-ba5a8f4
    - stop web
    - start web
    - prove that web runs this release and is healthy
    - record 20260101T000001Z-ba5a8f4 as verified
    ");
}

#[test]
fn stopped_service() {
    let world = World::deployed();
    assert_eq!(world.run(&Goal::Stop).outcome, Outcome::Deployed, "HEL-62");
    assert_eq!(world.run(&Goal::Stop).outcome, Outcome::Unchanged, "HEL-62");
    assert_snapshot!(world.shown(&deploy()), @"
    because web does not run
    - start web
    - prove that web runs this release and is healthy
    - record 20260101T000000Z-d1f7764 as verified
    ");
    assert_snapshot!(world.shown(&Goal::Restart), @"
    because web does not run
    - start web
    - prove that web runs this release and is healthy
    - record 20260101T000000Z-d1f7764 as verified
    ");
}

#[test]
fn restart_of_a_running_service() {
    assert_snapshot!(World::deployed().shown(&Goal::Restart), @"
    because web is to be restarted
    - stop web
    - start web
    - prove that web runs this release and is healthy
    - record 20260101T000000Z-d1f7764 as verified
    ");
}

#[test]
fn drifted_file() {
    let world = World::deployed();
    let path = world.environment.layout.release(&world.current()).join("release.env");
    world.host.put_file(path, "PORT=8000\nLEVEL=trace\n", 0o444);
    assert_snapshot!(world.shown(&deploy()), @"
    because the current release is damaged: release.env was changed
    - begin release 20260101T000001Z-d1f7764
    - copy /src
    - build compile: build --into bin
    - write release.env
    - seal release 20260101T000001Z-d1f7764
    - switch current from 20260101T000000Z-d1f7764 to 20260101T000001Z-d1f7764
    - stop web
    - start web
    - prove that web runs this release and is healthy
    - record 20260101T000001Z-d1f7764 as verified
    ");
    assert_eq!(world.run(&deploy()).outcome, Outcome::Deployed);
    assert_snapshot!(world.shown(&deploy()), @"nothing to do");
}

#[test]
fn half_deleted_release() {
    let world = World::deployed();
    let current = world.current();
    world.host.delete(world.environment.layout.release(&current).join("bin"));
    assert_snapshot!(world.shown(&deploy()), @"
    because the current release is damaged: bin/web is missing
    because web runs from no known release
    - begin release 20260101T000001Z-d1f7764
    - copy /src
    - build compile: build --into bin
    - write release.env
    - seal release 20260101T000001Z-d1f7764
    - switch current from 20260101T000000Z-d1f7764 to 20260101T000001Z-d1f7764
    - stop web
    - start web
    - prove that web runs this release and is healthy
    - record 20260101T000001Z-d1f7764 as verified
    ");
    world.host.delete(world.environment.layout.manifest(&current));
    assert_snapshot!(world.shown(&deploy()), @"
    because the current release is damaged: release.json is missing
    because the current release 20260101T000000Z-d1f7764 has no readable manifest
    because web runs from no known release
    - begin release 20260101T000001Z-d1f7764
    - copy /src
    - build compile: build --into bin
    - write release.env
    - seal release 20260101T000001Z-d1f7764
    - switch current from 20260101T000000Z-d1f7764 to 20260101T000001Z-d1f7764
    - stop web
    - start web
    - prove that web runs this release and is healthy
    - record 20260101T000001Z-d1f7764 as verified
    ");
    assert_snapshot!(world.shown(&Goal::Restart), @"
    refused: release 20260101T000000Z-d1f7764 is damaged: release.json is missing [damaged-release]
      help: run `deploy --env shop/dev`: it builds a whole one
    ");
}

#[test]
fn half_built_release() {
    let world = World::deployed();
    let id = "20260101T000500Z-abcdef0".parse().unwrap();
    let layout = &world.environment.layout;
    world.host.put_file(layout.unfinished(&id), "", 0o644);
    world.host.put_file(layout.release(&id).join("lib/web"), "half", 0o644);
    assert_snapshot!(world.shown(&deploy()), @"
    because a build or a removal was not brought to its end
    - remove release 20260101T000500Z-abcdef0 (unfinished)
    ");
    let inside = world.host.stranger_in(layout.release(&id), "sh");
    assert_snapshot!(world.shown(&deploy()), @"nothing to do");
    world.host.kill(inside);
    world.ship_readme("second");
    assert_snapshot!(world.shown(&deploy()), @"
    because the content of /src changed from d1f7764 to ba5a8f4
    - remove release 20260101T000500Z-abcdef0 (unfinished)
    - begin release 20260101T000501Z-ba5a8f4
    - copy /src
    - build compile: build --into bin (or reuse that of 20260101T000000Z-d1f7764 if its inputs are the same)
    - write release.env
    - seal release 20260101T000501Z-ba5a8f4
    - switch current from 20260101T000000Z-d1f7764 to 20260101T000501Z-ba5a8f4
    - stop web
    - start web
    - prove that web runs this release and is healthy
    - record 20260101T000501Z-ba5a8f4 as verified
    ");
}

#[test]
fn stale_process() {
    let world = World::deployed();
    let first = world.current();
    world.ship_readme("second");
    world.run(&deploy());
    let layout = &world.environment.layout;
    let target = helionyx_deploy::layout::Layout::current_target(&first);
    world.host.delete(layout.current());
    world.host.put_link(layout.current(), target);
    assert_snapshot!(world.shown(&Goal::Restart), @"
    because web is to be restarted
    - stop web
    - start web
    - prove that web runs this release and is healthy
    - record 20260101T000000Z-d1f7764 as verified
    ");
    assert_snapshot!(world.shown(&deploy()), @"
    because 20260101T000001Z-ba5a8f4 was made from the same before: it is used again
    because web is not healthy: web (pid 1001 (/opt/shop/dev/releases/20260101T000001Z-ba5a8f4/bin/web)) runs from 20260101T000001Z-ba5a8f4 instead of 20260101T000000Z-d1f7764
    - check every file of release 20260101T000001Z-ba5a8f4
    - switch current from 20260101T000000Z-d1f7764 to 20260101T000001Z-ba5a8f4
    - stop web
    - start web
    - prove that web runs this release and is healthy
    - record 20260101T000001Z-ba5a8f4 as verified
    ");
}

#[test]
fn crashed_service() {
    let world = World::deployed();
    let pid = world.host.running()[0].key.pid;
    world.host.kill(pid);
    assert_snapshot!(world.shown(&deploy()), @"
    because web does not run
    - start web
    - prove that web runs this release and is healthy
    - record 20260101T000000Z-d1f7764 as verified
    ");
}

#[test]
fn current_missing() {
    let world = World::deployed();
    world.host.delete(format!("{ROOT}/current"));
    assert_snapshot!(world.shown(&deploy()), @"
    because 20260101T000000Z-d1f7764 was made from the same before: it is used again
    - check every file of release 20260101T000000Z-d1f7764
    - point current to 20260101T000000Z-d1f7764
    ");
    assert_eq!(world.run(&deploy()).outcome, Outcome::Deployed);
    assert_snapshot!(world.shown(&deploy()), @"nothing to do");
}

#[test]
fn current_dangling() {
    let world = World::deployed();
    world.host.delete(world.environment.layout.release(&world.current()));
    assert_snapshot!(world.shown(&deploy()), @"
    because current points to releases/20260101T000000Z-d1f7764, which is gone
    because web runs from no known release
    - begin release 20260101T000001Z-d1f7764
    - copy /src
    - build compile: build --into bin
    - write release.env
    - seal release 20260101T000001Z-d1f7764
    - point current to 20260101T000001Z-d1f7764
    - stop web
    - start web
    - prove that web runs this release and is healthy
    - record 20260101T000001Z-d1f7764 as verified
    ");
    assert_eq!(world.run(&deploy()).outcome, Outcome::Deployed);
}

#[test]
fn current_is_a_directory_or_points_outside() {
    let world = World::deployed();
    world.host.delete(format!("{ROOT}/current"));
    world.host.put_file(format!("{ROOT}/current/precious"), "data", 0o644);
    assert_snapshot!(world.shown(&deploy()), @"
    refused: /opt/shop/dev/current is a directory, not a symbolic link [foreign-current]
      help: look at it, then `mv /opt/shop/dev/current /opt/shop/dev/current.aside` and deploy again
    ");
    assert!(world.operate(&deploy()).is_err());
    assert!(world.host.exists(format!("{ROOT}/current/precious")), "nothing is deleted");

    world.host.delete(format!("{ROOT}/current"));
    world.host.put_link(format!("{ROOT}/current"), "/etc");
    assert_snapshot!(world.shown(&deploy()), @"
    refused: /opt/shop/dev/current points to /etc, which is no release of ours [foreign-current]
      help: look at it, then `mv /opt/shop/dev/current /opt/shop/dev/current.aside` and deploy again
    ");
}

#[test]
fn port_held_by_a_stranger() {
    let world = World::new();
    world.host.stranger_on(port(8000), "nginx");
    let mutations = world.host.mutations();
    assert_snapshot!(world.shown(&deploy()), @"
    refused: port 8000 of web is held by pid 1000 (nginx) on 0.0.0.0:8000 [port-held]
      help: stop that process, or give the environment another port
    ");
    assert!(world.operate(&deploy()).is_err(), "HEL-02");
    assert_eq!(world.host.mutations(), mutations, "refused before anything changes (HEL-02)");
}

#[test]
fn port_held_by_our_own_service_is_no_conflict() {
    let world = World::deployed();
    assert!(!world.host.listeners(port(8000)).unwrap().is_empty());
    world.ship_readme("second");
    assert_eq!(world.run(&deploy()).outcome, Outcome::Deployed, "HEL-03");
}

#[test]
fn a_release_that_failed_is_no_target_of_a_rollback() {
    let world = World::deployed();
    let good = world.current();
    world.ship(&sick());
    let report = world.run(&deploy());
    assert_eq!(report.outcome, Outcome::RolledBack, "HEL-82");
    assert_eq!((report.release.as_ref(), world.running().as_ref()), (Some(&good), Some(&good)));
    let failed = report.failed.expect("the failed release is named (HEL-84)");
    let found = world.shown(&Goal::Rollback(Some(failed)));
    assert!(found.contains("was never verified [not-verified]"), "{found}");
    assert_snapshot!(world.shown(&Goal::Rollback(None)), @"
    refused: there is no verified release before 20260101T000000Z-d1f7764 [no-previous]
      help: `releases --env shop/dev` shows what can be gone back to
    ");
}

#[test]
fn old_releases_are_pruned_but_never_the_way_back_or_what_is_in_use_or_not_ours() {
    let world = World::deployed();
    let layout = &world.environment.layout;
    let first = world.current();
    world.host.put_file(layout.releases().join("notes/todo"), "mine", 0o644);
    world.host.put_file(layout.releases().join("20200101T000000Z-abcdef0/x"), "whose?", 0o644);
    let user = world.host.stranger_in(layout.release(&first), "less README");
    for text in ["2", "3", "4", "5"] {
        world.ship_readme(text);
        assert_eq!(world.run(&deploy()).outcome, Outcome::Deployed);
    }
    let kept = |world: &World| world.observe().releases.len();
    assert_eq!(kept(&world), 3 + 1 + 1, "three verified, one in use, one that is not ours");
    assert!(world.host.exists(layout.releases().join("notes/todo")));
    assert!(world.host.exists(layout.releases().join("20200101T000000Z-abcdef0/x")));
    world.host.kill(user);
    world.ship_readme("6");
    world.run(&deploy());
    assert_eq!(kept(&world), 3 + 1);
    assert!(!world.host.exists(layout.release(&first)));
    assert_eq!(world.run(&Goal::Rollback(None)).outcome, Outcome::Deployed);
}

#[test]
fn releases_that_failed_go_with_the_next_good_deploy_also_when_that_builds_nothing() {
    let world = World::deployed();
    world.ship_readme("second");
    world.run(&deploy());
    world.ship(&sick());
    assert_eq!(world.run(&deploy()).outcome, Outcome::RolledBack);
    assert_eq!(world.observe().releases.len(), 3);
    world.ship(&FakeService::default());
    world.ship_readme("read me");
    assert_eq!(world.run(&deploy()).outcome, Outcome::Deployed, "the first release is used again");
    assert_eq!(world.observe().releases.len(), 2);
}

#[test]
fn a_file_that_somebody_put_into_a_release_keeps_it_and_does_not_stand_in_the_way() {
    let world = World::deployed();
    let first = world.current();
    let precious = world.environment.layout.release(&first).join("shop.sqlite");
    world.host.put_file(&precious, "orders", 0o600);
    world.ship_readme("2");
    world.run(&deploy());
    assert_eq!(world.run(&Goal::Rollback(None)).release.as_ref(), Some(&first));
    for text in ["3", "4", "5", "6"] {
        world.ship_readme(text);
        assert_eq!(world.run(&deploy()).outcome, Outcome::Deployed);
    }
    assert!(world.host.exists(&precious), "nothing is deleted that we did not make");
    assert_eq!(world.observe().releases.len(), 3 + 1);
}
