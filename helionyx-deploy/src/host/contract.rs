//! What every host must do with files, checked on both: each check is given a host and an empty
//! directory on it.

use camino::{Utf8Path, Utf8PathBuf};

use super::{Host, HostError};
use crate::digest::Digest;
use crate::release::{FilePath, FileRecord, FileRecords};
use crate::state::Node;

/// Makes two tests of each check: on the machine in memory, and on this one.
macro_rules! prove_on_both_machines {
    ($($test:ident: $check:ident,)*) => {
        mod in_memory {
            $(#[test]
            fn $test() {
                let host = crate::host::FakeHost::new();
                host.put_dir("/lab");
                super::$check(&host, "/lab".into());
            })*
        }

        mod on_this_machine {
            $(#[test]
            fn $test() {
                let scratch = crate::host::local::scratch::Scratch::new();
                super::$check(&crate::host::LocalHost::new(), scratch.path());
            })*
        }
    };
}

prove_on_both_machines! {
    nothing_there_is_no_error_where_the_contract_says_so: check_nothing_there,
    what_needs_something_there_says_that_it_is_missing: check_missing_is_an_error,
    only_the_last_part_of_a_path_is_not_followed: check_links_in_paths,
    a_file_is_put_in_place_whole_with_its_mode: check_write,
    an_open_file_stays_itself_when_another_takes_its_path: check_open,
    appending_adds_and_truncating_cuts: check_append_and_truncate,
    a_link_is_replaced_and_nothing_else_is: check_replace_link,
    directories_get_their_mode_when_they_are_new: check_create_dir,
    removing_does_not_follow_links: check_remove,
    copies_keep_content_and_execute_bits: check_copy_and_seal,
    all_below_a_directory_is_seen_by_relative_path: check_nodes,
    a_text_is_found_in_files_and_in_targets_of_links_which_are_not_followed: check_search,
    trees_leave_out_what_is_excluded: check_tree,
    what_we_refuse_is_told_from_what_the_machine_fails_at: check_refusals,
}

fn kind<T: std::fmt::Debug>(result: Result<T, HostError>) -> std::io::ErrorKind {
    result.unwrap_err().source.kind()
}

fn check_nothing_there(host: &dyn Host, dir: &Utf8Path) {
    host.write(&dir.join("file"), b"", 0o644).unwrap();
    for path in ["none", "none/below", "file/below"] {
        let path = dir.join(path);
        assert_eq!(host.node(&path).unwrap(), Node::Missing, "{path}");
        assert_eq!(host.list(&path).unwrap(), Vec::<String>::new(), "{path}");
        assert_eq!(host.read_tail(&path, 10).unwrap(), b"", "{path}");
        host.remove(&path).unwrap();
        host.remove_tree(&path).unwrap();
    }
}

fn check_nodes(host: &dyn Host, dir: &Utf8Path) {
    host.create_dir(&dir.join("a/deep"), 0o755).unwrap();
    host.create_dir(&dir.join("empty"), 0o755).unwrap();
    for path in ["a/deep/x", "a/y", "a.z"] {
        host.write(&dir.join(path), path.as_bytes(), 0o640).unwrap();
    }
    host.replace_link(&dir.join("a/link"), Utf8Path::new("deep")).unwrap();
    let nodes = host.nodes(dir).unwrap();
    let paths: Vec<_> = nodes.keys().map(|path| path.as_str()).collect();
    assert_eq!(paths, ["a.z", "a/deep/x", "a/link", "a/y"]);
    assert!(nodes.iter().all(|(path, node)| *node == host.node(&dir.join(path)).unwrap()));
    assert!(host.nodes(&dir.join("a/link")).is_err() && host.nodes(&dir.join("a.z")).is_err());
    assert_eq!(kind(host.nodes(&dir.join("none")).map(drop)), std::io::ErrorKind::NotFound);
}

fn check_search(host: &dyn Host, dir: &Utf8Path) {
    host.create_dir(&dir.join("out/deep"), 0o755).unwrap();
    for (path, content) in [
        ("file", &b"\0one two\xff"[..]),
        ("out/deep/none", b"on e"),
        ("out/one", b"o"),
        ("outside", b"one"),
    ] {
        host.write(&dir.join(path), content, 0o644).unwrap();
    }
    host.replace_link(&dir.join("link"), Utf8Path::new("out")).unwrap();
    host.replace_link(&dir.join("out/link"), Utf8Path::new("/one")).unwrap();
    let paths = [
        "file",
        "link",
        "out",
        "out/deep/none",
        "out/link",
        "out/one",
        "missing",
        "file/below",
        "link/one",
    ];
    let found = host.search(dir, &paths.map(FilePath::from), "one").unwrap();
    let all = host.tree(dir, &[], &FileRecords::new()).unwrap();
    let said: Vec<_> = found.iter().map(|(path, found)| (path.as_str(), found.holds)).collect();
    let expected = [
        ("file", true),
        ("link", false),
        ("out/deep/none", false),
        ("out/link", true),
        ("out/one", false),
    ];
    assert_eq!(said, expected);
    assert!(found.iter().all(|(path, found)| all[path] == found.record));
}

fn check_missing_is_an_error(host: &dyn Host, dir: &Utf8Path) {
    let (none, below) = (dir.join("none"), dir.join("none/below"));
    let results = [
        ("read", host.read(&none, 10).map(drop)),
        ("digest", host.digest(&none).map(drop)),
        ("search", host.search(&none, &["x".into()], "x").map(drop)),
        ("tree", host.tree(&none, &[], &FileRecords::new()).map(drop)),
        ("truncate", host.truncate(&none, 0)),
        ("seal", host.seal(&none)),
        ("write", host.write(&below, b"", 0o644)),
        ("append", host.append(&below, b"")),
        ("replace_link", host.replace_link(&below, &none)),
        ("copy", host.copy(dir, &none, &[])),
    ];
    for (call, result) in results {
        assert_eq!(kind(result), std::io::ErrorKind::NotFound, "{call}");
    }
    assert_eq!(host.list(dir).unwrap(), Vec::<String>::new(), "nothing was made on the way");
}

fn check_links_in_paths(host: &dyn Host, dir: &Utf8Path) {
    host.create_dir(&dir.join("releases/one"), 0o755).unwrap();
    host.write(&dir.join("releases/one/file"), b"one", 0o644).unwrap();
    host.replace_link(&dir.join("current"), Utf8Path::new("releases/one")).unwrap();
    host.replace_link(&dir.join("alias"), &dir.join("current/file")).unwrap();
    host.replace_link(&dir.join("absolute"), &dir.join("releases")).unwrap();
    host.replace_link(&dir.join("loop"), Utf8Path::new("loop")).unwrap();

    assert_eq!(host.read(&dir.join("current/file"), 10).unwrap(), b"one");
    assert_eq!(host.read(&dir.join("current/../one/file"), 10).unwrap(), b"one");
    assert_eq!(host.read(&dir.join("absolute/one/file"), 10).unwrap(), b"one");
    host.write(&dir.join("current/new"), b"new", 0o644).unwrap();
    assert_eq!(host.list(&dir.join("releases/one")).unwrap(), ["file", "new"]);
    let target = Utf8PathBuf::from("releases/one");
    assert_eq!(host.node(&dir.join("current")).unwrap(), Node::Link { target });
    host.read(&dir.join("alias"), 10).unwrap_err();
    host.append(&dir.join("alias"), b"more").unwrap_err();
    host.truncate(&dir.join("alias"), 0).unwrap_err();
    host.tree(&dir.join("current"), &[], &FileRecords::new()).unwrap_err();
    host.node(&dir.join("loop/file")).unwrap_err();
    assert_eq!(host.read(&dir.join("releases/one/file"), 10).unwrap(), b"one", "left alone");
}

fn check_write(host: &dyn Host, dir: &Utf8Path) {
    let file = dir.join("file");
    for (content, mode) in [("first", 0o600), ("2", 0o755), ("2", 0o644)] {
        host.write(&file, content.as_bytes(), mode).unwrap();
        assert_eq!(host.read(&file, content.len() as u64).unwrap(), content.as_bytes());
        assert_eq!(host.digest(&file).unwrap(), Digest::of(content.as_bytes()));
        let Node::File { mode: found, size, .. } = host.node(&file).unwrap() else {
            panic!("no file");
        };
        assert_eq!((found, size), (mode, content.len() as u64));
    }
    host.read(&file, 0).unwrap_err();

    host.write(&dir.join("other"), b"other", 0o644).unwrap();
    host.replace_link(&dir.join("link"), Utf8Path::new("other")).unwrap();
    host.write(&dir.join("link"), b"mine", 0o644).unwrap();
    assert_eq!(host.read(&dir.join("link"), 10).unwrap(), b"mine", "the link was replaced");
    assert_eq!(host.read(&dir.join("other"), 10).unwrap(), b"other");
    host.write(dir, b"", 0o644).unwrap_err();
}

fn check_open(host: &dyn Host, dir: &Utf8Path) {
    let (log, other) = (dir.join("log"), dir.join("other"));
    assert!(host.open(&log).unwrap().is_none());
    assert!(host.open(&log.join("below")).unwrap().is_none());
    assert!(host.open(dir).is_err(), "it is no file");
    host.replace_link(&other, &log).unwrap();
    host.append(&log, b"0123").unwrap();
    assert!(host.open(&other).is_err(), "no link is followed");
    let file = host.open(&log).unwrap().unwrap();
    host.append(&log, b"4567").unwrap();
    assert_eq!((file.size().unwrap(), file.read(2, 4).unwrap()), (8, b"2345".to_vec()));
    assert_eq!((file.read(6, 99).unwrap(), file.read(9, 9).unwrap()), (b"67".to_vec(), vec![]));
    assert!(!file.is_replaced().unwrap());
    host.remove(&log).unwrap();
    assert!(!file.is_replaced().unwrap(), "nothing is there yet");
    host.append(&log, b"new").unwrap();
    assert!(file.is_replaced().unwrap());
    assert_eq!(file.read(0, 99).unwrap(), b"01234567");
}

fn check_append_and_truncate(host: &dyn Host, dir: &Utf8Path) {
    let file = dir.join("file");
    host.append(&file, b"one\n").unwrap();
    host.append(&file, b"two\n").unwrap();
    assert!(matches!(host.node(&file).unwrap(), Node::File { mode: 0o600, size: 8, .. }));
    for (limit, tail) in [(0, ""), (3, "wo\n"), (8, "one\ntwo\n"), (u64::MAX, "one\ntwo\n")] {
        assert_eq!(host.read_tail(&file, limit).unwrap(), tail.as_bytes(), "{limit}");
    }
    host.truncate(&file, 5).unwrap();
    assert_eq!(host.read(&file, 10).unwrap(), b"one\nt");
}

fn check_replace_link(host: &dyn Host, dir: &Utf8Path) {
    let link = dir.join("link");
    for target in ["one", "/two/three"] {
        host.replace_link(&link, Utf8Path::new(target)).unwrap();
        assert_eq!(host.node(&link).unwrap(), Node::Link { target: target.into() });
    }
    host.write(&dir.join("file"), b"kept", 0o644).unwrap();
    host.create_dir(&dir.join("dir"), 0o755).unwrap();
    for name in ["file", "dir"] {
        host.replace_link(&dir.join(name), Utf8Path::new("one")).unwrap_err();
    }
    assert_eq!(host.read(&dir.join("file"), 10).unwrap(), b"kept");
}

fn check_create_dir(host: &dyn Host, dir: &Utf8Path) {
    let (one, two) = (dir.join("one"), dir.join("one/two"));
    host.create_dir(&one, 0o700).unwrap();
    host.create_dir(&two, 0o750).unwrap();
    host.create_dir(&one, 0o755).unwrap();
    assert!(
        matches!(host.node(&one).unwrap(), Node::Directory { mode: 0o700, .. }),
        "it was there before"
    );
    assert!(matches!(host.node(&two).unwrap(), Node::Directory { mode: 0o750, .. }));
    host.write(&dir.join("file"), b"", 0o644).unwrap();
    host.create_dir(&dir.join("file"), 0o755).unwrap_err();
    host.create_dir(&dir.join("file/below"), 0o755).unwrap_err();
    host.replace_link(&dir.join("link"), Utf8Path::new("one")).unwrap();
    host.create_dir(&dir.join("link/three"), 0o755).unwrap();
    assert_eq!(host.list(&one).unwrap(), ["three", "two"]);
}

fn check_remove(host: &dyn Host, dir: &Utf8Path) {
    host.create_dir(&dir.join("kept"), 0o755).unwrap();
    host.create_dir(&dir.join("tree/deep"), 0o755).unwrap();
    host.write(&dir.join("kept/file"), b"", 0o644).unwrap();
    host.write(&dir.join("tree/deep/file"), b"", 0o644).unwrap();
    host.replace_link(&dir.join("tree/link"), &dir.join("kept")).unwrap();
    host.replace_link(&dir.join("link"), &dir.join("kept")).unwrap();
    host.write(&dir.join("tree-side"), b"", 0o644).unwrap();
    host.seal(&dir.join("tree")).unwrap();

    host.remove(&dir.join("kept")).unwrap_err();
    host.remove_tree(&dir.join("kept/file")).unwrap_err();
    host.remove_tree(&dir.join("link")).unwrap_err();
    host.remove_tree(&dir.join("tree")).unwrap();
    host.remove(&dir.join("link")).unwrap();
    assert_eq!(host.list(dir).unwrap(), ["kept", "tree-side"]);
    assert_eq!(host.list(&dir.join("kept")).unwrap(), ["file"]);
}

fn check_copy_and_seal(host: &dyn Host, dir: &Utf8Path) {
    let (from, to) = (dir.join("from"), dir.join("to"));
    host.create_dir(&from.join("deep"), 0o755).unwrap();
    host.create_dir(&to, 0o755).unwrap();
    host.write(&from.join("deep/run"), b"run", 0o700).unwrap();
    host.write(&from.join("text"), b"text", 0o600).unwrap();
    host.replace_link(&from.join("link"), Utf8Path::new("text")).unwrap();
    let paths = ["deep/run", "text", "link"].map(FilePath::from);
    host.copy(&from, &to, &paths).unwrap();
    for outside in ["../text", "/etc/passwd"] {
        host.copy(&from, &to, &[outside.into()]).unwrap_err();
    }
    host.seal(&to).unwrap();

    let records = host.tree(&to, &[], &FileRecords::new()).unwrap();
    let modes = records.iter().map(|(path, record)| match record {
        FileRecord::File { mode, .. } => format!("{path} {mode:o}"),
        FileRecord::Link { target } => format!("{path} -> {target}"),
    });
    assert_eq!(modes.collect::<Vec<_>>(), ["deep/run 555", "link -> text", "text 444"]);
    assert_eq!(host.read(&to.join("deep/run"), 10).unwrap(), b"run");
    for sealed in [&to, &to.join("deep")] {
        assert!(matches!(host.node(sealed).unwrap(), Node::Directory { mode: 0o555, .. }));
    }
    assert!(matches!(host.node(&from).unwrap(), Node::Directory { mode: 0o755, .. }));
}

fn check_tree(host: &dyn Host, dir: &Utf8Path) {
    for path in ["a/cache/x", "a/keep", "cache/y", "cached"] {
        let path = dir.join(path);
        host.create_dir(path.parent().unwrap(), 0o755).unwrap();
        host.write(&path, path.as_str().as_bytes(), 0o644).unwrap();
    }
    let found = |exclude: &[String]| -> Vec<String> {
        host.tree(dir, exclude, &FileRecords::new())
            .unwrap()
            .keys()
            .map(ToString::to_string)
            .collect()
    };
    assert_eq!(found(&[]), ["a/cache/x", "a/keep", "cache/y", "cached"]);
    assert_eq!(found(&["cache".to_owned()]), ["a/keep", "cached"]);
}

fn check_refusals(host: &dyn Host, dir: &Utf8Path) {
    let (file, link, none) = (dir.join("file"), dir.join("link"), dir.join("none"));
    host.write(&file, b"text", 0o644).unwrap();
    host.replace_link(&link, Utf8Path::new("file")).unwrap();
    host.create_dir(&dir.join("to"), 0o755).unwrap();
    let outside = ["../file".into()];
    let ours = [
        ("read too much", host.read(&file, 1).map(drop)),
        ("read a link", host.read(&link, 10).map(drop)),
        ("append to a link", host.append(&link, b"more")),
        ("replace a file by a link", host.replace_link(&file, Utf8Path::new("to"))),
        ("make a directory of a file", host.create_dir(&file, 0o755)),
        ("remove a file as a tree", host.remove_tree(&file)),
        ("copy from outside", host.copy(dir, &dir.join("to"), &outside)),
    ];
    for (call, result) in ours {
        assert!(result.unwrap_err().is_refusal(), "{call}");
    }
    let machines = [
        ("read nothing", host.read(&none, 10).map(drop)),
        ("write below nothing", host.write(&none.join("file"), b"", 0o644)),
        ("replace a directory by a file", host.write(&dir.join("to"), b"", 0o644)),
    ];
    for (call, result) in machines {
        assert!(!result.unwrap_err().is_refusal(), "{call}");
    }
}
