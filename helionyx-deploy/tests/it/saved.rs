//! Plans that are kept: carried out as they were read, or refused with all that has changed.

use helionyx_deploy::event::Outcome;
use helionyx_deploy::host::Look as _;
use helionyx_deploy::host::fake::FakeService;
use helionyx_deploy::operate::{self, Force, Goal, OperateError, Saved};
use helionyx_deploy::plan::Step;
use helionyx_deploy::source::Wish;

use crate::world::{ROOT, World, deploy, port};

/// A plan that went through a file.
fn kept(world: &World) -> Saved {
    let wish = Wish::default();
    let saved = operate::save(&world.host, &world.environment, &wish, Force::IfNeeded).unwrap();
    Saved::parse(&serde_json::to_vec_pretty(&saved).unwrap()).unwrap()
}

fn apply(world: &World, saved: &Saved) -> Result<Outcome, OperateError> {
    world.operate(&Goal::Apply(Box::new(saved.clone()))).map(|report| report.outcome)
}

/// What is said to have changed; nothing else may have been touched.
fn refused(world: &World, saved: &Saved) -> Vec<String> {
    let (before, current) =
        (world.host.mutations(), world.host.read_text(format!("{ROOT}/current")));
    let error = apply(world, saved).unwrap_err();
    let OperateError::Changed(changes) = error else { panic!("{error}") };
    let log = world.host.mutation_log().split_off(before);
    assert!(log.iter().all(|(verb, _)| *verb == "create_dir"), "only the lock was taken: {log:?}");
    assert_eq!(world.host.read_text(format!("{ROOT}/current")), current);
    changes
}

#[test]
fn a_kept_plan_is_carried_out_as_it_was_read() {
    for begin in [World::new, World::deployed] {
        let world = begin();
        world.ship_readme("planned");
        let saved = kept(&world);
        world.host.advance(std::time::Duration::from_secs(3600));
        assert_eq!(apply(&world, &saved).unwrap(), Outcome::Deployed);
        assert_eq!(Some(world.current()), saved.plan.to, "an hour later, the very release");
        assert_eq!(world.run(&deploy()).outcome, Outcome::Unchanged);
        assert!(!refused(&world, &saved).is_empty(), "and never twice");
    }
}

#[test]
fn a_kept_plan_with_nothing_to_do_does_nothing() {
    let world = World::deployed();
    let saved = kept(&world);
    let before = world.host.mutations();
    assert_eq!(apply(&world, &saved).unwrap(), Outcome::Unchanged);
    assert_eq!(world.host.mutations(), before);
}

#[test]
fn whatever_has_changed_since_is_named_and_nothing_is_done() {
    type Change<'a> = (&'a str, &'a dyn Fn(&mut World), &'a str);
    let cases: [Change<'_>; 9] = [
        ("another deploy", &|world| drop(world.run(&deploy())), "the journal: was `at entry 18"),
        ("a restart", &|world| drop(world.run(&Goal::Restart)), "service web: was `pid"),
        (
            "a crash",
            &|world| world.host.kill(world.host.running()[0].key.pid),
            "service web: was `",
        ),
        ("another source", &|world| world.ship_readme("later"), "the source: was `/src (content"),
        ("another model", &|world| world.set_level("debug"), "the models of shop/dev"),
        (
            "a touched release",
            &|world| {
                let file = world.environment.layout.release(&world.current()).join("bin/web");
                world.host.put_file(file, FakeService::default().content(), 0o555);
            },
            "damaged (bin/web was changed)",
        ),
        (
            "a switch by hand",
            &|world| world.host.put_link(format!("{ROOT}/current"), "/elsewhere"),
            "is `points to /elsewhere",
        ),
        (
            "a stranger on the port",
            &|world| assert!(world.host.stranger_on(port(8000), "nginx") > 0),
            "port 8000: was `held by pid",
        ),
        (
            "a closed directory",
            &|world| world.host.delete(world.environment.layout.shared()),
            "/opt/shop/dev/shared: was `a directory (0750, of user id 0)`, is `nothing`",
        ),
    ];
    for (name, change, wanted) in cases {
        let mut world = World::deployed();
        world.ship_readme("planned");
        let saved = kept(&world);
        change(&mut world);
        let changes = refused(&world, &saved);
        assert!(changes.iter().any(|change| change.contains(wanted)), "{name}: {changes:#?}");
    }
}

#[test]
fn a_plan_that_was_edited_is_refused() {
    let world = World::deployed();
    world.ship_readme("planned");
    let edits: [&dyn Fn(&mut Saved); 3] = [
        &|saved| {
            let (path, mode) = ("/etc/x".into(), 0o777);
            saved.plan.steps.push(Step::Files(
                helionyx_deploy::plan::step::FileStep::CreateDirectory { path, mode, owner: None },
            ));
        },
        &|saved| drop(saved.plan.steps.remove(0)),
        &|saved| saved.recipe.by.tool = "0.0.0".to_owned(),
    ];
    for edit in edits {
        let mut saved = kept(&world);
        edit(&mut saved);
        let changes = refused(&world, &saved);
        assert_eq!(changes.len(), 1, "{changes:?}");
    }
    let (tool, mut saved) = ("0.0.0".to_owned(), kept(&world));
    saved.made_by.tool = tool;
    assert!(refused(&world, &saved)[0].starts_with("this tool: was `0.0.0"));
}

#[test]
fn a_file_that_is_no_plan_is_told_apart_from_one_of_another_version() {
    for (text, wanted) in [
        ("", "it is no plan that `plan --out` has written"),
        ("{}", "missing field `format`"),
        ("{\"format\": 9}", "its format is 9, this version reads 1"),
        ("{\"format\": 1}", "missing field `made_at`"),
    ] {
        let why = Saved::parse(text.as_bytes()).unwrap_err();
        assert!(why.contains(wanted), "{text}: {why}");
    }
    let world = World::new();
    assert!(world.host.list(ROOT.into()).unwrap().is_empty(), "a plan leaves nothing behind");
    kept(&world);
    assert!(!world.host.exists(ROOT));
}
