//! Hostile and honest archives, built in memory.

use std::io::Write;

use super::super::scratch::{Scratch, mode_of};
use super::super::{files, whole};
use super::*;

/// One entry, as its header says it: name, kind, link target, mode, content.
type Raw<'a> = (&'a [u8], EntryType, &'a [u8], u32, &'a [u8]);

const FILE: EntryType = EntryType::Regular;
const DIR: EntryType = EntryType::Directory;
const SYMLINK: EntryType = EntryType::Symlink;
const LINK: EntryType = EntryType::Link;

fn file(name: &[u8]) -> Raw<'_> {
    (name, FILE, b"", 0o644, b"content")
}

fn link<'a>(name: &'a [u8], kind: EntryType, target: &'a [u8]) -> Raw<'a> {
    (name, kind, target, 0o777, b"")
}

/// Names go into the header byte by byte: the library would refuse to write the hostile ones.
fn tar(entries: &[Raw<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, kind, target, mode, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target);
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A directory with an empty `to` and a file beside it that nobody may touch.
fn scene(archive: &[u8]) -> Scratch {
    let dir = Scratch::new();
    whole::create_dir(&dir.join("to"), 0o755).unwrap();
    whole::write(&dir.join("precious"), b"precious", 0o600).unwrap();
    whole::write(&dir.join("archive.tar"), archive, 0o644).unwrap();
    dir
}

fn check_refused(archive: &[u8], limits: Limits, expected: &str) {
    let dir = scene(archive);
    let error = unpack_within(&dir.join("archive.tar"), &dir.join("to"), limits).unwrap_err();
    assert_eq!(error.to_string(), format!("failed to unpack `{}`", dir.join("archive.tar")));
    let why = error.source.to_string();
    assert!(why.contains(expected), "{why:?} does not say {expected:?}");
    assert_eq!(files::list(dir.path()).unwrap(), ["archive.tar", "precious", "to"], "{why}");
    assert_eq!(files::read(&dir.join("precious"), 99).unwrap(), b"precious", "{why}");
    assert_eq!(mode_of(&dir.join("precious")), 0o600, "{why}");
}

const WIDE: Limits = Limits { entries: 100, bytes: 1_000_000 };

#[test]
fn an_honest_archive_is_unpacked_with_plain_modes() {
    let archive = tar(&[
        (b"./", DIR, b"", 0o755, b""),
        (b"app/", DIR, b"", 0o700, b""),
        (b"app/tool", FILE, b"", 0o6751, b"tool"),
        (b"./app/data", FILE, b"", 0o600, b"data"),
        (b"deep/er/file", FILE, b"", 0o777, b""),
        (b"app/", DIR, b"", 0o700, b""),
        link(b"app/up", SYMLINK, b"../deep/er"),
        link(b"here", SYMLINK, b"."),
        link(b"app/top", SYMLINK, b".."),
        link(b"app/same", LINK, b"app/data"),
    ]);
    for archive in [archive.clone(), gzip(&archive)] {
        let dir = scene(&archive);
        unpack(&dir.join("archive.tar"), &dir.join("to")).unwrap();
        let to = dir.join("to");
        let app = ["data", "same", "tool", "top", "up"];
        assert_eq!(files::list(&to.join("app")).unwrap(), app, "one top directory is kept");
        for (name, mode) in
            [("app", 0o755), ("app/tool", 0o755), ("app/data", 0o644), ("deep/er/file", 0o755)]
        {
            assert_eq!(mode_of(&to.join(name)), mode, "{name}");
        }
        assert_eq!(files::read(&to.join("app/same"), 99).unwrap(), b"data");
        assert_eq!(files::link_target(&to.join("app/up")).unwrap(), "../deep/er");
    }
}

#[test]
fn long_names_are_unpacked() {
    let name = format!("{}/file", "long".repeat(50));
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    builder.append_data(&mut header, &name, b"x".as_slice()).unwrap();
    let dir = scene(&builder.into_inner().unwrap());
    unpack(&dir.join("archive.tar"), &dir.join("to")).unwrap();
    assert_eq!(files::read(&dir.join("to").join(name), 9).unwrap(), b"x");
}

#[test]
fn hostile_entries_are_refused_and_nothing_is_written_outside() {
    let outside = "lies outside of the archive";
    let leads_out = "is a link that leads outside of the archive";
    let cases: &[(&[Raw<'_>], &str)] = &[
        (&[file(b"../evil")], outside),
        (&[file(b"a/../../evil")], outside),
        (&[file(b"a/..")], outside),
        (&[file(b"/tmp/evil")], outside),
        (&[file(b"")], outside),
        (&[file(b".")], outside),
        (&[(b"../evil/", DIR, b"", 0o755, b"")], outside),
        (&[file(b"bad\xff")], "has a name that is not UTF-8"),
        (&[link(b"l", SYMLINK, b"/etc/passwd")], leads_out),
        (&[link(b"l", SYMLINK, b"../precious")], leads_out),
        (&[link(b"l", SYMLINK, b"..")], leads_out),
        (&[link(b"a/l", SYMLINK, b"../../precious")], leads_out),
        (&[link(b"a/l", SYMLINK, b"b/../../../precious")], leads_out),
        // `d/e` is the top; climbing from there leaves, though the words do not say so.
        (&[link(b"d/e", SYMLINK, b".."), link(b"f", SYMLINK, b"d/e/../precious")], leads_out),
        (&[link(b"l", SYMLINK, b"")], "is a link to nothing"),
        (&[link(b"l", LINK, b"../precious")], leads_out),
        (&[link(b"l", LINK, b"/etc/passwd")], leads_out),
        (&[link(b"l", LINK, b"later"), file(b"later")], "is a link to no file of the archive"),
        (&[link(b"s", SYMLINK, b"a"), link(b"l", LINK, b"s")], "is a link to no file"),
        (&[link(b"s", SYMLINK, b"."), file(b"s/evil")], "it is a symbolic link, no directory"),
        (&[link(b"s", SYMLINK, b"a"), (b"s/", DIR, b"", 0o755, b"")], "it is a symbolic link"),
        (&[link(b"s", SYMLINK, b"a"), file(b"s")], "is there twice"),
        (&[file(b"a"), file(b"./a")], "is there twice"),
        (&[file(b"a"), link(b"a", SYMLINK, b"b")], "is there twice"),
        (&[file(b"a"), file(b"a/b")], "it is a file, no directory"),
        (&[file(b"a/b"), file(b"a")], "File exists"),
        (&[link(b"null", EntryType::Char, b"")], "is neither file, directory nor link"),
        (&[link(b"disk", EntryType::Block, b"")], "is neither file, directory nor link"),
        (&[link(b"pipe", EntryType::Fifo, b"")], "is neither file, directory nor link"),
        (&[], "it has no entries"),
    ];
    for (entries, expected) in cases {
        check_refused(&tar(entries), WIDE, expected);
        check_refused(&gzip(&tar(entries)), WIDE, expected);
    }
}

#[test]
fn archives_beyond_the_limits_are_refused() {
    let three = tar(&[file(b"a"), file(b"b"), file(b"c")]);
    check_refused(&three, Limits { entries: 2, bytes: 100 }, "it has more than 2 entries");
    check_refused(&three, Limits { entries: 9, bytes: 20 }, "entry \"c\" makes the archive unpack");
    let bomb = vec![0; 3 * 1024 * 1024];
    let bombs = [(b"bomb".as_slice(), FILE, b"".as_slice(), 0o644, bomb.as_slice())];
    check_refused(&gzip(&tar(&bombs)), WIDE, "more than the limit");
    // A name that is read into memory whole before anybody sees it.
    let names = [(b"././@LongLink".as_slice(), EntryType::GNULongName, b"".as_slice(), 0, &*bomb)];
    check_refused(&gzip(&tar(&names)), WIDE, "the description of an entry is too long");
    // What is skipped costs time, too.
    let skipped = [(b"d/".as_slice(), DIR, b"".as_slice(), 0o755, &*bomb), file(b"a")];
    check_refused(&gzip(&tar(&skipped)), WIDE, "the description of an entry is too long");
}

#[test]
fn damaged_archives_are_refused() {
    let whole = tar(&[(b"a", FILE, b"", 0o644, &[7; 5000])]);
    check_refused(&whole[..3000], WIDE, "entry \"a\"");
    check_refused(&gzip(&whole)[..60], WIDE, "");
    check_refused(b"no archive at all", WIDE, "");
    check_refused(b"", WIDE, "it has no entries");
    let mut flipped = whole;
    flipped[0] ^= 1;
    check_refused(&flipped, WIDE, "checksum");
}
