//! What the fake machine does with files beyond what every host does.

use camino::Utf8Path;

use super::fake;
use crate::host::{Host, LockError, Look};
use crate::release::FileRecords;
use crate::state::Node;

#[test]
fn what_is_neither_file_nor_link_is_refused() {
    let fake = fake();
    fake.put_pipe("/lab/pipe");
    assert_eq!(fake.node("/lab/pipe".into()).unwrap(), Node::Other);
    let error = fake.tree("/lab".into(), &[], &FileRecords::new()).unwrap_err();
    assert_eq!(error.to_string(), "failed to list `/lab`");
    assert_eq!(error.source.to_string(), "`pipe` is a device, socket or pipe");
    fake.tree("/lab".into(), &["pipe".to_owned()], &FileRecords::new()).unwrap();
}

#[test]
fn archives_unpack_inside_of_their_directory_only() {
    for (name, content, good) in [
        ("a.tar", r#"{"bin/run": "x"}"#, true),
        ("a.tar.gz", r#"{"bin/run": "x"}"#, true),
        ("a.zip", r#"{"bin/run": "x"}"#, false),
        ("a.tgz", r#"{"../run": "x"}"#, false),
        ("a.tgz", r#"{"/run": "x"}"#, false),
        ("a.tgz", "no archive", false),
    ] {
        let fake = fake();
        let archive = Utf8Path::new("/").join(name);
        fake.put_file(&archive, content, 0o644);
        let result = fake.unpack(&archive, "/lab".into());
        assert_eq!(result.is_ok(), good, "{name} {content}");
        assert_eq!(fake.read_text("/lab/bin/run").is_some(), good, "{name} {content}");
        assert!(!fake.exists("/run"), "{name} {content}");
        fake.unpack(&archive, "/none".into()).unwrap_err();
    }
}

#[test]
fn a_lock_is_held_by_one_and_freed_with_its_guard() {
    let fake = fake();
    let path = Utf8Path::new("/lab/lock");
    let guard = fake.lock(path, "first").unwrap();
    fake.put_link("/alias", "/lab");
    for path in ["/lab/lock", "/alias/lock"] {
        let Err(LockError::Held(holder)) = fake.clone().lock(path.into(), "second") else {
            panic!("{path} was had twice");
        };
        assert_eq!(holder, "first");
    }
    assert_eq!(fake.read_text(path).unwrap(), "first");
    drop(guard);
    drop(fake.lock(path, "second").unwrap());
    assert_eq!(fake.read_text(path).unwrap(), "second");
    assert_eq!(fake.mutations(), 0, "locks are no changes");
    assert!(fake.lock("/none/lock".into(), "x").is_err());
    assert!(fake.lock("/lab".into(), "x").is_err());
}

#[test]
fn laying_out_files_makes_its_own_way() {
    let fake = fake();
    fake.put_file("/a/file", "in the way", 0o600);
    fake.put_file("/a/file/below", "text", 0o640);
    fake.put_link("/link", "a");
    fake.put_file("/link/through", "text", 0o644);
    fake.put_dir("/a");
    fake.put_link("/dangling", "none");
    fake.put_file("/a/long", "x".repeat(100), 0o644);
    fake.delete("/lab");
    fake.stranger_in("/link", "sleep 5");
    assert_eq!(fake.read_text("/link/through").unwrap(), "text");
    assert!(fake.exists("/dangling") && fake.read_text("/dangling").is_none());
    assert_eq!(fake.mutations(), 0);
    insta::assert_snapshot!(fake.snapshot(), @r#"
    /a/ 0755
    /a/file/ 0755
    /a/file/below 0640 "text"
    /a/long 0644 100 bytes, sha256 09ecb6e
    /a/through 0644 "text"
    /dangling -> none
    /link -> a
    process 1000 in /a: sleep 5
    "#);
}
