//! The journal and its lock: whoever touches the one is found out, whoever loses the other changes
//! nothing any more.

use camino::Utf8Path;
use helionyx_deploy::command::{ExitStatus, Output};
use helionyx_deploy::digest::Digest;
use helionyx_deploy::event::{Event, Outcome};
use helionyx_deploy::host::fake::{FakeHealth, FakeService, Fault};
use helionyx_deploy::host::{Clock as _, Host as _};
use helionyx_deploy::journal::audit::{self, Audit};
use helionyx_deploy::journal::{self, JournalError, Record, witness};
use helionyx_deploy::layout::HOST_LOCK;
use helionyx_deploy::operate::{Goal, OperateError};
use helionyx_deploy::release::Anchor;

use crate::world::{ROOT, World, deploy};

fn verify(world: &World) -> Audit {
    audit::verify(&world.host, &world.environment).unwrap()
}

fn text(world: &World) -> String {
    world.host.read_text(world.environment.layout.journal()).unwrap()
}

fn put(world: &World, text: impl AsRef<[u8]>) {
    world.host.put_file(world.environment.layout.journal(), text, 0o600);
}

#[test]
fn a_journal_is_whole_after_every_operation_and_its_records_name_its_entries() {
    let world = World::shipped(&["2", "3"]);
    for goal in [Goal::Rollback(None), Goal::Restart, Goal::Stop, Goal::Start] {
        world.host.advance(std::time::Duration::from_secs(60));
        world.run(&goal);
        let audit = verify(&world);
        assert!(audit.is_whole(), "{goal:?}: {audit:?}");
        assert_eq!(audit.entries as usize, text(&world).lines().count(), "{goal:?}");
        // Three releases, each with manifest and proof, and the end of the last operation.
        assert_eq!(audit.anchors, 7, "{goal:?}");
    }
}

#[test]
fn every_entry_that_is_changed_or_taken_out_is_found() {
    let lines = text(&World::shipped(&["2"])).lines().count();
    for index in 0..lines {
        let world = World::shipped(&["2"]);
        let all: Vec<String> = text(&world).lines().map(str::to_owned).collect();
        let joined = |lines: &[String]| lines.join("\n") + "\n";

        let mut without = all.clone();
        without.remove(index);
        put(&world, joined(&without));
        assert!(!verify(&world).is_whole(), "without entry {}", index + 1);

        put(&world, joined(&all[..index]));
        assert!(!verify(&world).is_whole(), "{index} of {lines} entries");

        let mut changed = all.clone();
        changed[index] = changed[index].replacen("20", "21", 1);
        put(&world, joined(&changed));
        assert!(!verify(&world).is_whole(), "with another entry {}", index + 1);

        let mut swapped = all.clone();
        swapped.swap(index, (index + 1) % lines);
        put(&world, joined(&swapped));
        assert!(!verify(&world).is_whole(), "entry {} in another place", index + 1);

        put(&world, joined(&all));
        assert!(verify(&world).is_whole());
    }
}

#[test]
fn whoever_writes_the_end_of_the_journal_anew_is_found_by_what_the_records_name() {
    let world = World::deployed();
    let before = text(&world);
    world.ship_readme("2");
    world.run(&deploy());
    // As it was before the second deploy: whole in itself, but older than what is in use.
    put(&world, &before);
    let codes: Vec<_> = verify(&world).flaws.iter().map(|flaw| flaw.code.name()).collect();
    assert_eq!(codes, ["missing-entry"; 3], "the head, a proof and a manifest name more");
    // And with entries of its own in their place.
    world.run(&Goal::Restart);
    world.run(&Goal::Restart);
    let audit = verify(&world);
    assert!(audit.flaws.iter().any(|flaw| flaw.code.name() == "changed-entry"), "{audit:?}");
    world.host.delete(world.environment.layout.journal());
    assert!(!verify(&world).is_whole(), "all of it is gone");
}

#[test]
fn a_journal_whose_end_was_torn_is_whole_again_after_the_next_command() {
    let whole = text(&World::deployed());
    let last = whole.trim_end().rfind('\n').unwrap() + 1;
    for length in [last + 1, last + 40, whole.len() - 2, whole.len() - 1] {
        for rest in [vec![], vec![0; 4096], b"\xff\xfe{\"number\":".to_vec()] {
            let world = World::deployed();
            put(&world, [&whole.as_bytes()[..length], &rest].concat());
            // What is lost is the end of a deploy: it was not torn, had it been told of.
            world.host.delete(world.environment.layout.journal_head());
            let before = world.current();
            let torn = verify(&world);
            assert_eq!(torn.flaws.len(), 1, "{torn:?}");
            assert_eq!(torn.flaws[0].code.name(), "torn-end");
            assert_eq!(world.run(&Goal::Restart).outcome, Outcome::Deployed);
            assert_eq!(world.current(), before);
            assert!(verify(&world).is_whole(), "torn at {length}, then {} bytes", rest.len());
        }
    }
}

/// After each change in turn our process is suspended until somebody else has the lock.
#[test]
fn who_is_overtaken_at_any_time_changes_nothing_from_then_on() {
    let sick = || {
        let world = World::deployed();
        world.ship(&FakeService { health: FakeHealth::Sick, ..FakeService::default() });
        world
    };
    let prunes = || {
        let world = World::shipped(&["2", "3", "4"]);
        world.ship_readme("5");
        world
    };
    let unfinished = || {
        let world = prunes();
        world.host.fail_at(25, Fault::Kill);
        assert!(world.operate(&deploy()).is_err() || world.host.fault_fired());
        world.host.revive();
        world
    };
    let cases: [(&str, &dyn Fn() -> World, Goal); 6] = [
        ("first deploy", &World::new, deploy()),
        ("deploy that prunes", &prunes, deploy()),
        ("deploy that fails", &sick, deploy()),
        ("recovery", &unfinished, deploy()),
        ("rollback", &|| World::shipped(&["2"]), Goal::Rollback(None)),
        ("restart", &World::deployed, Goal::Restart),
    ];
    for (name, begin, goal) in cases {
        let mut points = 0;
        // The first change makes sure of the root: there is no lock yet.
        for nth in 2.. {
            let world = begin();
            let before = world.host.mutations();
            world.host.fail_at(nth, Fault::Overtake);
            let result = world.operate(&goal);
            if !world.host.fault_fired() {
                break;
            }
            let context = format!("{name}, overtaken after change {nth}");
            assert_eq!(world.host.mutations(), before + nth, "{context}");
            // After the last change of all, there is nothing left to be kept from.
            let is_overtaken =
                matches!(&result, Err(OperateError::Journal(JournalError::Overtaken(_))));
            let log = world.host.mutation_log();
            let is_last = log.last().is_some_and(|(_, path)| path.ends_with("journal.head"));
            assert!(is_overtaken || (is_last && result.is_ok()), "{context}: {result:?}");
            points += 1;
        }
        assert!(points > 3, "{name}");
        eprintln!("overtaken, {name}: {points} points, 0 changes after it");
    }
}

#[test]
fn a_take_over_names_the_holder_ends_what_it_was_at_and_is_in_the_journal() {
    let world = World::deployed();
    let first = world.current();
    world.ship_readme("2");
    let mut taken = None;
    let result = world.operate_with(&deploy(), &mut |event| {
        if matches!(&event, Event::StepStarted { text, .. } if text.starts_with("prove")) {
            let locked = world.operate(&deploy()).unwrap_err();
            let OperateError::Journal(JournalError::Locked(Some(holder))) = locked else {
                panic!("{locked}");
            };
            let wrong = world.take_over(holder.pid + 1).unwrap_err().to_string();
            assert!(wrong.contains(&format!("pid {}", holder.pid)), "{wrong}");
            taken = world.take_over(holder.pid).unwrap();
        }
    });
    let taken = taken.expect("there was something to recover");
    assert_eq!((taken.outcome, taken.release.as_ref()), (Outcome::RolledBack, Some(&first)));
    let error = result.unwrap_err().to_string();
    assert!(error.starts_with("the lock was taken over: recover of operator@node"), "{error}");
    assert_eq!(world.running(), Some(first));
    assert!(verify(&world).is_whole());
    let entries = journal::all(&world.host, &world.environment.layout).unwrap();
    let fences: Vec<u64> = entries.iter().map(|entry| entry.fence).collect();
    assert!(fences.is_sorted() && *fences.last().unwrap() > fences[0], "{fences:?}");
    assert!(entries.iter().any(|entry| matches!(entry.record, Record::TakeOver { .. })));
    assert_eq!(world.run(&deploy()).outcome, Outcome::Deployed, "I6");
}

#[test]
fn what_all_environments_of_a_host_share_is_changed_by_one_at_a_time() {
    let world = World::under_systemd("Id=web-dev.service\nLoadState=not-found\n");
    let path = Utf8Path::new(HOST_LOCK);
    world.host.create_dir(path.parent().unwrap(), 0o755).unwrap();
    let held = world.host.lock(path, "somebody\n").unwrap();
    let mut waited = 0;
    let mut count = |event| waited += usize::from(matches!(event, Event::Waiting { .. }));
    let report = world.operate_with(&deploy(), &mut count).unwrap();
    // Twice for what recovers, without which it goes on, and once for the unit.
    assert_eq!((report.outcome, waited), (Outcome::Failed, 3), "{report:?}");
    let error = report.error.unwrap();
    assert_eq!(error, "another deploy is at work: it does not say by whom", "ALL-02");
    assert_eq!(world.host.read_text("/etc/systemd/system/web-dev.service"), None);
    drop(held);
    let error = world.run(&deploy()).error.unwrap();
    assert!(!error.contains("at work"), "with the lock it comes further: {error}");
    assert!(world.host.lock(path, "next\n").is_ok(), "and lets go of it");
}

const LOADED: &str = "Id=web-dev.service\nLoadState=loaded\nActiveState=inactive\n\n\
                      Id=recover-shop.dev.service\nLoadState=loaded\nUnitFileState=enabled\n\n\
                      Id=recover-shop.dev.timer\nLoadState=loaded\n";

/// An environment under systemd that was set up, then had this many operations that failed; its
/// machine answers as journalctl does of what it was told.
fn told(operations: usize) -> World {
    let world = World::under_systemd(LOADED);
    world.host.put_dir("/etc/systemd/system");
    let machine = world.host.clone();
    world.host.program("journalctl", move |command, _| {
        let wanted = |entry: &&std::collections::BTreeMap<String, String>| {
            let matches = command.args.iter().filter_map(|word| word.split_once('='));
            // What is trusted of an entry is the journal's own: here, all are root's.
            let mut matches = matches.filter(|(name, _)| !name.starts_with(['-', '_']));
            matches.all(|(name, value)| entry.get(name).is_some_and(|found| found == value))
        };
        let told = machine.announced();
        let lines = told.iter().rev().filter(wanted);
        let lines: Vec<_> = lines.map(|entry| serde_json::to_string(entry).unwrap()).collect();
        Output::new(ExitStatus::Code(0), lines.join("\n"))
    });
    assert_eq!(world.run(&Goal::Setup).outcome, Outcome::Deployed);
    for number in 0..operations {
        world.ship_readme(&format!("{number}"));
        assert_eq!(world.run(&deploy()).outcome, Outcome::Failed);
    }
    world
}

/// The first so many operations of a journal.
fn operations(text: &str, count: usize) -> String {
    let ends = text.match_indices("\"entry\":\"end\"").map(|(at, _)| at);
    let end = ends.take(count).last().map_or(0, |at| at + text[at..].find('\n').unwrap() + 1);
    text[..end].to_owned()
}

#[test]
fn under_systemd_each_operation_ends_with_an_entry_in_the_systems_journal_and_elsewhere_with_none()
{
    let world = told(2);
    let entries = world.host.announced();
    assert_eq!(entries.len(), 3, "{entries:#?}");
    let last = &entries[2];
    for (name, value) in [
        ("SYSLOG_IDENTIFIER", "helionyx-deploy"),
        ("PRIORITY", "6"),
        ("HELIONYX_APP", "shop"),
        ("HELIONYX_ENVIRONMENT", "dev"),
        ("HELIONYX_ROOT", ROOT),
        ("HELIONYX_OUTCOME", "failed"),
    ] {
        assert_eq!(last.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(last["MESSAGE"].starts_with("deploy of shop/dev by operator failed"), "{last:?}");
    assert_eq!(last["HELIONYX_JOURNAL_NUMBER"], text(&world).lines().count().to_string());
    assert_eq!(entries[0]["MESSAGE"], "set up shop/dev by operator");
    let audit = verify(&world);
    assert!(audit.is_whole() && audit.told == Some(3), "{audit:?}");
    let world = World::deployed();
    assert!(world.host.announced().is_empty());
    assert_eq!(verify(&world).told, None, "and none is asked for");
}

#[test]
fn who_cuts_the_journal_with_all_records_beside_it_is_found_by_what_the_system_was_told() {
    for (left, codes) in
        [(2, &["missing-entry"][..]), (1, &["missing-entry"]), (0, &["missing-entry"])]
    {
        let world = told(2);
        put(&world, operations(&text(&world), left));
        for record in ["journal.head", "releases", "verified"] {
            world.host.delete(format!("{ROOT}/{record}"));
        }
        let audit = verify(&world);
        let found: Vec<_> = audit.flaws.iter().map(|flaw| flaw.code.name()).collect();
        assert_eq!(found, codes, "{left} operations left: {audit:?}");
        assert!(
            audit.flaws[0].message.starts_with("the system's journal names entry"),
            "{audit:?}"
        );
    }
}

#[test]
fn a_journal_that_was_begun_anew_is_found_unless_it_was_properly_removed() {
    let world = told(3);
    let last = world.host.announced().len();
    world.host.delete(ROOT);
    world.run(&Goal::Setup);
    world.run(&deploy());
    assert_eq!(world.host.announced().len(), last + 2);
    let codes: Vec<_> = verify(&world).flaws.iter().map(|flaw| flaw.code.name()).collect();
    assert!(codes.contains(&"changed-entry") || codes.contains(&"missing-entry"), "{codes:?}");
    assert!(codes.len() <= 2, "of each kind one is enough: {codes:?}");

    let world = told(3);
    let report = world.run(&deploy());
    let by = world.host.actor();
    let gone = Anchor { number: 0, line: Digest::of(b"") };
    world.host.announce(&witness::testimony(&world.environment, &report, &by, gone)).unwrap();
    world.host.delete(ROOT);
    assert!(verify(&world).is_whole(), "it ended there");
    world.run(&Goal::Setup);
    world.run(&deploy());
    let audit = verify(&world);
    assert!(audit.is_whole() && audit.told == Some(2), "{audit:?}");
}

#[test]
fn a_system_journal_that_takes_nothing_or_says_nothing_is_no_more_than_a_warning() {
    let counts = || {
        let world = told(0);
        let before = world.host.mutations();
        world.run(&deploy());
        (world.host.mutations() - before, world.host.mutation_log())
    };
    let (count, log) = counts();
    assert_eq!(log.last().unwrap().0, "announce", "the last of all");
    let world = told(0);
    world.host.fail_at(count, Fault::Before);
    let mut warnings = Vec::new();
    let report = world.operate_with(&deploy(), &mut |event| {
        if let Event::Warning { message, .. } = event {
            warnings.push(message);
        }
    });
    assert!(world.host.fault_fired());
    assert_eq!(report.unwrap().outcome, Outcome::Failed);
    assert!(warnings.iter().any(|text| text.contains("the system's journal")), "{warnings:?}");
    assert!(verify(&world).is_whole());
    world.host.program("journalctl", |_, _| {
        Output::new(ExitStatus::Code(1), "No journal files were found.\n".to_owned())
    });
    let audit = verify(&world);
    assert!(audit.is_whole() && audit.told.is_none(), "{audit:?}");
    assert!(audit.silent.as_deref().unwrap().contains("No journal files"), "{audit:?}");
}
