//! Faults: what is left of the call that failed, and of us.

use std::io::ErrorKind;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::super::{Disk, FAULTS, FakeHost, Fault};
use crate::command::{Command, ExitStatus, Output};
use crate::host::{Clock, Host, HostError, Launch, LockError, Look, ProbeError, Signal};
use crate::name::Port;
use crate::plan::step::Sharing;
use crate::release::FileRecords;

type Call = fn(&FakeHost) -> Result<(), HostError>;

/// Every changing call, and whether half of it can happen.
const CALLS: [(&str, bool, Call); 15] = [
    ("create_dir", false, |fake| fake.create_dir("/lab/new/dir".into(), 0o755)),
    ("write", false, |fake| fake.write("/lab/new".into(), b"content", 0o644)),
    ("append", true, |fake| fake.append("/lab/log".into(), b"content")),
    ("truncate", false, |fake| fake.truncate("/lab/log".into(), 1)),
    ("replace_link", false, |fake| fake.replace_link("/lab/link".into(), "new".into())),
    ("remove", false, |fake| fake.remove("/lab/log".into())),
    ("remove_tree", true, |fake| fake.remove_tree("/lab/tree".into())),
    ("copy", true, |fake| {
        fake.copy("/lab/tree".into(), "/lab".into(), &[".mark", "a", "b", "c"].map(Into::into))
    }),
    ("adopt", true, |fake| {
        fake.adopt("/lab/tree".into(), "/lab".into(), &["a", "b"].map(Into::into), Sharing::Linked)
    }),
    ("adopt_renamed", true, |fake| {
        let paths = ["a", "b"].map(Into::into);
        let (from, to) = ("/lab/tree".into(), "/lab".into());
        fake.adopt_renamed(from, to, &paths, ("a", "x"), Sharing::Linked).map(drop)
    }),
    ("unpack", true, |fake| fake.unpack("/lab/x.tar".into(), "/lab".into())),
    ("seal", true, |fake| fake.seal("/lab/tree".into())),
    ("run", false, |fake| fake.run(&Command::new("touch", "/lab"), &mut |_| {}).map(drop)),
    ("spawn", false, |fake| fake.spawn(&launch()).map(drop)),
    ("signal", false, |fake| fake.signal(fake.running()[0].key, Signal::Kill)),
];

fn launch() -> Launch {
    Launch {
        exec: vec!["/lab/run".to_owned()],
        directory: "/lab".into(),
        variables: [].into(),
        log: "/lab/service.log".into(),
    }
}

fn prepared() -> FakeHost {
    let fake = FakeHost::new();
    for name in [".mark", "a", "b", "c"] {
        fake.put_file(Utf8Path::new("/lab/tree").join(name), name, 0o644);
    }
    fake.put_file("/lab/log", "line\n", 0o600);
    fake.put_file("/lab/run", "", 0o755);
    fake.put_file("/lab/x.tar", r#"{"one": "1", "two": "2"}"#, 0o644);
    fake.put_link("/lab/link", "old");
    fake.stranger_in("/lab", "sleep 5");
    fake.program("touch", |_: &Command, disk: &mut Disk| {
        disk.put_file("/lab/touched", "", 0o644);
        Output::new(ExitStatus::Code(0), "")
    });
    fake
}

#[test]
fn every_call_fails_as_asked_and_leaves_none_half_or_all_of_itself() {
    for (name, parts, call) in CALLS {
        let before = prepared().snapshot();
        let whole = prepared();
        call(&whole).unwrap();
        assert_ne!(before, whole.snapshot(), "{name} must change something");
        for fault in FAULTS {
            let fake = prepared();
            fake.fail_at(1, fault);
            let result = call(&fake);
            let what = format!("{name} {fault:?}");
            assert!(fake.fault_fired(), "{what}");
            let silent = matches!(fault, Fault::Interrupt | Fault::Overtake);
            assert_eq!(result.is_ok(), silent, "{what}");
            assert_eq!(fake.interrupted(), fault == Fault::Interrupt, "{what}");
            assert_eq!(fake.mutation_log()[0].0, name, "{what}");
            let after = fake.snapshot();
            match fault {
                Fault::Before | Fault::Kill => assert_eq!(after, before, "{what}"),
                Fault::Torn | Fault::KillTorn if !parts => assert_eq!(after, before, "{what}"),
                Fault::Torn | Fault::KillTorn => {
                    assert!(after != before && after != whole.snapshot(), "{what}\n{after}");
                }
                Fault::After | Fault::KillAfter | Fault::Interrupt | Fault::Overtake => {
                    assert_eq!(after, whole.snapshot(), "{what}");
                }
            }
        }
    }
}

#[test]
fn torn_calls_leave_the_first_half() {
    let fake = prepared();
    let halves: [(Call, &str); 2] = [(CALLS[2].2, "append"), (CALLS[6].2, "remove_tree")];
    for (call, name) in halves {
        fake.fail_at(1, Fault::Torn);
        let error = call(&fake).unwrap_err();
        assert_eq!(error.source.to_string(), "injected fault: it happened in part", "{name}");
    }
    assert_eq!(fake.read_text("/lab/log").unwrap(), "line\ncon");
    let left = fake.list("/lab/tree".into()).unwrap();
    assert_eq!(left, ["b", "c"], "marks that begin with a dot go first");
}

#[test]
fn a_torn_removal_leaves_nothing_without_its_parent() {
    let fake = FakeHost::new();
    fake.put_dir("/tree/a/b/c/d");
    fake.fail_at(1, Fault::Torn);
    fake.remove_tree("/tree".into()).unwrap_err();
    assert_eq!(fake.paths(), ["/tree", "/tree/a", "/tree/a/b"]);
    fake.remove_tree("/tree".into()).unwrap();
    assert_eq!(fake.paths(), [""; 0]);
}

#[test]
fn a_fault_comes_at_its_call_and_only_once() {
    let fake = prepared();
    let write = |name: &str| fake.write(&Utf8PathBuf::from("/lab").join(name), b"", 0o644);
    write("0").unwrap();
    fake.fail_at(3, Fault::Before);
    let results = ["1", "2", "3", "4"].map(|name| write(name).is_ok());
    assert_eq!(results, [true, true, false, true]);
    assert_eq!(fake.mutations(), 5);
    fake.fail_at(2, Fault::Before);
    assert!(!fake.fault_fired());
    fake.fail_at(9, Fault::Before);
    assert_eq!(["5", "6"].map(|name| write(name).is_ok()), [true, true], "the last one counts");
    assert!(!fake.fault_fired());
}

#[test]
fn a_call_that_fails_by_itself_says_why_even_when_its_answer_is_lost() {
    let fake = prepared();
    fake.fail_at(1, Fault::After);
    let error = fake.write("/none/file".into(), b"", 0o644).unwrap_err();
    assert_eq!(error.source.kind(), ErrorKind::NotFound);
}

#[test]
fn nothing_can_be_done_once_we_are_gone_until_another_takes_over() {
    for fault in [Fault::Kill, Fault::KillTorn, Fault::KillAfter] {
        let fake = prepared();
        let guard = fake.lock("/lab/lock".into(), "first").unwrap();
        fake.fail_at(1, fault);
        let mut kinds = vec![fake.append("/lab/log".into(), b"content").unwrap_err()];
        for (_, _, call) in CALLS {
            kinds.push(call(&fake).unwrap_err());
        }
        kinds.push(fake.node("/lab".into()).unwrap_err());
        kinds.push(fake.list("/lab".into()).unwrap_err());
        kinds.push(fake.read("/lab/log".into(), 10).unwrap_err());
        kinds.push(fake.read_tail("/lab/log".into(), 10).unwrap_err());
        kinds.push(fake.digest("/lab/log".into()).unwrap_err());
        kinds.push(fake.tree("/lab".into(), &[], &FileRecords::new()).unwrap_err());
        kinds.push(fake.processes("/lab".into()).unwrap_err());
        let port = Port::try_from(80).unwrap();
        kinds.push(fake.listeners(port).unwrap_err());
        let Err(LockError::Host(error)) = fake.lock("/lab/lock".into(), "x") else { panic!() };
        kinds.push(error);
        for error in kinds {
            assert_eq!(error.source.kind(), ErrorKind::Interrupted, "{fault:?} {error}");
        }
        let answer = fake.get(port, "/", Duration::ZERO);
        assert_eq!(answer, Err(ProbeError::Other("the process is gone".to_owned())));
        assert_eq!(fake.mutations(), 1, "the dead change nothing");

        fake.revive();
        assert_eq!(fake.running().len(), 1, "others live on");
        let next = fake.lock("/lab/lock".into(), "second").unwrap();
        drop(guard);
        let Err(LockError::Held(holder)) = fake.lock("/lab/lock".into(), "third") else {
            panic!("{fault:?}: the guard of the dead freed the lock of the living");
        };
        assert_eq!(holder, "second");
        drop(next);
    }
}
