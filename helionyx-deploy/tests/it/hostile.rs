//! Hosts that somebody has prepared for us: what lies there, what a command says to it, and that
//! nothing is ever gone that we did not make.

use helionyx_deploy::event::Outcome;
use helionyx_deploy::host::Look as _;
use helionyx_deploy::name::ReleaseId;
use helionyx_deploy::observe::observe_whole;
use helionyx_deploy::operate::{Goal, OperateError};
use helionyx_deploy::state::{Condition, Node};

use crate::world::{ROOT, World, deploy};

/// What comes of a command.
#[derive(Debug, PartialEq)]
enum Ends {
    /// It was carried out, or there was nothing to do.
    As(Outcome),
    /// It was refused before anything was changed, by this name.
    Refused(&'static str),
    /// It failed before anything was changed, at this.
    Error(&'static str),
}

use Ends::{As, Error, Refused};

struct Case {
    name: &'static str,
    /// Makes the host what it is; what starts with `/` is put there as somebody's precious file.
    prepare: fn(&World),
    /// What must still be there, as it was.
    kept: &'static [&'static str],
    ends: Ends,
}

const OTHER: &str = "20250101T000000Z-0000000";

const fn case(
    name: &'static str,
    prepare: fn(&World),
    kept: &'static [&'static str],
    ends: Ends,
) -> Case {
    Case { name, prepare, kept, ends }
}

fn put(world: &World, path: &str) {
    world.host.put_file(absolute(path), "precious", 0o644);
}

fn replace(world: &World, path: &str, target: &str) {
    world.host.delete(absolute(path));
    world.host.put_link(absolute(path), target);
}

fn absolute(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("{ROOT}/{path}") }
}

const CASES: [Case; 23] = [
    case(
        "current is a directory",
        |world| {
            world.host.delete(format!("{ROOT}/current"));
            put(world, "current/file");
        },
        &["current/file"],
        Refused("foreign-current"),
    ),
    case(
        "current is a file",
        |world| {
            world.host.delete(format!("{ROOT}/current"));
            put(world, "current");
        },
        &["current"],
        Refused("foreign-current"),
    ),
    case(
        "current points outside",
        |world| {
            put(world, "/srv/other/file");
            replace(world, "current", "/srv/other");
        },
        &["/srv/other/file"],
        Refused("foreign-current"),
    ),
    case(
        "current points to a release of another environment",
        |world| {
            put(world, &format!("/opt/shop/live/releases/{OTHER}/release.json"));
            replace(world, "current", &format!("../live/releases/{OTHER}"));
        },
        &["/opt/shop/live/releases/20250101T000000Z-0000000/release.json"],
        Refused("foreign-current"),
    ),
    case(
        "current points to nothing",
        |world| replace(world, "current", &format!("releases/{OTHER}")),
        &[],
        As(Outcome::Deployed),
    ),
    case(
        "current is an absolute link to a release of ours",
        |world| {
            let release = world.environment.layout.release(&world.current());
            replace(world, "current", release.as_str());
        },
        &[],
        As(Outcome::Deployed),
    ),
    case(
        "releases is a link to another directory",
        |world| {
            put(world, "/srv/other/file");
            replace(world, "releases", "/srv/other");
        },
        &["/srv/other/file"],
        Refused("not-a-directory"),
    ),
    case(
        "a release is a link to another directory",
        |world| {
            put(world, "/srv/other/release.json");
            world.host.put_link(format!("{ROOT}/releases/{OTHER}"), "/srv/other");
        },
        &["/srv/other/release.json"],
        As(Outcome::Deployed),
    ),
    case(
        "something that looks like a release and has no manifest",
        |world| put(world, &format!("releases/{OTHER}/file")),
        &["releases/20250101T000000Z-0000000/file"],
        As(Outcome::Deployed),
    ),
    case(
        "a release with a manifest that is none",
        |world| put(world, &format!("releases/{OTHER}/release.json")),
        &["releases/20250101T000000Z-0000000/release.json"],
        As(Outcome::Deployed),
    ),
    case(
        "a release with the manifest of another one",
        |world| {
            let manifest = world.environment.layout.manifest(&world.current());
            let text = world.host.read_text(manifest).unwrap();
            world.host.put_file(format!("{ROOT}/releases/{OTHER}/release.json"), text, 0o644);
            put(world, &format!("releases/{OTHER}/file"));
        },
        &["releases/20250101T000000Z-0000000/file"],
        As(Outcome::Deployed),
    ),
    case(
        "names that are no releases",
        |world| {
            for name in ["notes", "20250101T000000Z", "x'y\n", ".hidden", "..."] {
                put(world, &format!("releases/{name}/file"));
            }
        },
        &["releases/notes/file", "releases/x'y\n/file", "releases/.../file"],
        As(Outcome::Deployed),
    ),
    case(
        "a mark that is a directory with something in it",
        |world| put(world, &format!("releases/.{OTHER}.unfinished/file")),
        &["releases/.20250101T000000Z-0000000.unfinished/file"],
        As(Outcome::Deployed),
    ),
    case(
        "the journal is a link",
        |world| {
            put(world, "/srv/log");
            replace(world, "journal.jsonl", "/srv/log");
        },
        &["/srv/log"],
        Error("journal.jsonl"),
    ),
    case(
        "the lock is a link",
        |world| {
            put(world, "/srv/lock");
            replace(world, "lock", "/srv/lock");
        },
        &["/srv/lock"],
        Error("lock"),
    ),
    case(
        "the journal's anchor is a link",
        |world| {
            put(world, "/srv/head");
            replace(world, "journal.head", "/srv/head");
        },
        &["/srv/head"],
        As(Outcome::Deployed),
    ),
    case(
        "a proof is a link",
        |world| {
            put(world, "/srv/proof");
            replace(world, &format!("verified/{OTHER}.json"), "/srv/proof");
        },
        &["/srv/proof"],
        As(Outcome::Deployed),
    ),
    case(
        "the data directory is a file",
        |world| {
            world.host.delete(crate::world::DATA);
            put(world, crate::world::DATA);
        },
        &[crate::world::DATA],
        Refused("not-a-directory"),
    ),
    case(
        "the secrets are a link",
        |world| {
            put(world, "/srv/secrets");
            replace(world, "shared/.env", "/srv/secrets");
        },
        &["/srv/secrets"],
        Refused("start-in-vain"),
    ),
    case(
        "the secrets can be written by the group",
        |world| world.host.put_file(format!("{ROOT}/shared/.env"), "TOKEN=x\n", 0o660),
        &[],
        Refused("start-in-vain"),
    ),
    case(
        "the secrets can be written by everybody",
        |world| world.host.put_file(format!("{ROOT}/shared/.env"), "TOKEN=x\n", 0o602),
        &[],
        Refused("start-in-vain"),
    ),
    case(
        "the clock has jumped back by a year",
        |world| world.host.set_now("2025-01-01T00:00:00Z".parse().unwrap()),
        &[],
        As(Outcome::Deployed),
    ),
    case(
        "the clock stands still",
        |world| {
            let id = world.current();
            let time = id.as_str()[..16].parse::<String>().unwrap();
            world.host.set_now(helionyx_deploy::time::Timestamp::from_stamp(&time).unwrap());
        },
        &[],
        As(Outcome::Deployed),
    ),
];

#[test]
fn whatever_lies_there_the_outcome_is_known_and_nothing_of_others_is_gone() {
    for Case { name, prepare, kept, ends } in CASES {
        let mut world = World::new();
        world.declare("[variables.TOKEN]\nkind = \"secret\"\n");
        world.host.put_file(format!("{ROOT}/shared/.env"), "TOKEN=x\n", 0o600);
        world.run(&deploy());
        world.ship_readme("2");
        world.run(&deploy());
        let newest = world.current();
        prepare(&world);
        world.ship_readme("hostile");
        let result = world.operate(&deploy());
        let found = match &result {
            Ok(report) => As(report.outcome),
            Err(OperateError::Refused(refusals)) => {
                let codes: Vec<_> = refusals.iter().map(|refusal| refusal.code.as_str()).collect();
                match &ends {
                    Refused(code) if codes.contains(code) => Refused(code),
                    _ => panic!("{name}: {refusals:?}"),
                }
            }
            Err(error) => match &ends {
                Error(place) if error.to_string().contains(place) => Error(place),
                _ => panic!("{name}: {error}"),
            },
        };
        assert_eq!(found, ends, "{name}: {result:?}");
        for path in kept {
            let text = world.host.read_text(absolute(path));
            assert_eq!(text.as_deref(), Some("precious"), "{name}: {path}");
        }
        assert_eq!(world.host.running().len(), 1, "{name}: the service runs");
        if let Ok(report) = result {
            let release = report.release.unwrap();
            assert!(release > newest, "{name}: {release} comes after {newest}");
            let target = helionyx_deploy::layout::Layout::current_target(&release);
            let current = world.host.node(&world.environment.layout.current()).unwrap();
            assert_eq!(current, Node::Link { target }, "{name}: relative again");
            assert_eq!(world.run(&deploy()).outcome, Outcome::Unchanged, "{name}: I7");
        }
    }
}

#[test]
fn a_rollback_to_a_release_whose_files_are_others_by_now_is_refused() {
    let world = World::shipped(&["2"]);
    let first = world.observe().releases.keys().next().unwrap().clone();
    world.host.put_file(world.environment.layout.release(&first).join("lib/web"), "x", 0o444);
    let before = world.current();
    for goal in [Goal::Rollback(None), Goal::Rollback(Some(first))] {
        let refused = world.operate(&goal).unwrap_err();
        assert!(matches!(refused, OperateError::Refused(_)), "{refused}");
        assert_eq!((world.current(), world.running()), (before.clone(), Some(before.clone())));
    }
}

#[test]
fn names_from_operators_are_names_or_nothing() {
    for name in ["../x", "/etc", "a/b", "x'y", "x\ny", "x\0", "..", ".", "", "x y", "-rf", "$(id)"]
    {
        assert!(name.parse::<helionyx_deploy::name::ReleaseId>().is_err(), "{name:?} (ALL-08)");
        assert!(name.parse::<helionyx_deploy::name::EnvironmentName>().is_err(), "{name:?}");
        assert!(name.parse::<helionyx_deploy::name::AppName>().is_err(), "{name:?}");
        assert!(name.parse::<helionyx_deploy::name::ServiceName>().is_err(), "{name:?}");
    }
}

#[test]
fn who_goes_back_is_told_of_damage_also_in_a_release_of_many_files() {
    let world = World::new();
    for number in 0..1100 {
        world.host.put_file(format!("/src/many/{number}"), "one of them", 0o644);
    }
    let first = world.run(&deploy()).release.unwrap();
    for text in ["second", "third"] {
        world.ship_readme(text);
        world.run(&deploy());
    }
    let second = world.shown(&Goal::Rollback(None));
    assert!(second.contains("- switch current"), "{second}");
    let layout = &world.environment.layout;
    let damage = |id: &ReleaseId| {
        world.host.put_file(layout.release(id).join("many/7"), "somebody's", 0o644);
        observe_whole(&world.host, &world.environment).unwrap().releases[id].condition.clone()
    };
    let releases = observe_whole(&world.host, &world.environment).unwrap().releases;
    let ids: Vec<&ReleaseId> = releases.keys().collect();
    let changed = Condition::Damaged("many/7 was changed".to_owned());
    assert_eq!(damage(ids[1]), changed, "HEL-85");
    let expected = format!(" to {first}\n- stop web");
    let shown = world.shown(&Goal::Rollback(None));
    assert!(shown.contains(&expected), "it goes to the one before that: {shown}");
    assert_eq!(damage(ids[0]), changed, "HEL-85");
    let shown = world.shown(&Goal::Rollback(None));
    assert!(shown.contains("[no-previous]"), "{shown}");
}
