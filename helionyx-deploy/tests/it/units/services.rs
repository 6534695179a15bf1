//! The units that are checked in: what systemd says of them, and what we say.

use systemd_unit_file::{Options, Policy, Version, effective, lint};

use super::oracle::analyze;

/// The units of Helionyx, by their names (HEL-21).
const UNITS: [(&str, &str); 3] = [
    ("helionyx-dev.service", include_str!("../../../../systemd/helionyx/helionyx-dev.service")),
    (
        "helionyx-staging.service",
        include_str!("../../../../systemd/helionyx/helionyx-staging.service"),
    ),
    ("helionyx.service", include_str!("../../../../systemd/helionyx/helionyx.service")),
];

#[test]
fn our_own_lint_has_nothing_to_say_about_them_for_any_version() {
    for (name, text) in UNITS {
        for version in [Version(252), Version(257)] {
            let options = Options { policy: Policy::Deployed, ..Options::new(version) };
            assert_eq!(lint(name, text.as_bytes(), &options), [], "HEL-21, HEL-103: {name}");
        }
    }
}

/// What systemd 252.39 and 257.13 showed of them, without a drop-in.
const SHOWN: [&str; 2] = [
    include_str!("../../../unit-file/tests/fixtures/show/252/plain.txt"),
    include_str!("../../../unit-file/tests/fixtures/show/257/plain.txt"),
];

#[test]
fn they_count_as_they_are_written() {
    for shown in SHOWN {
        let shown = effective::parse_show(shown);
        for (name, text) in UNITS {
            let is_it = |unit: &&effective::Effective| {
                unit.0.get("Id").is_some_and(|ids| ids.as_slice() == [name])
            };
            let unit = shown.iter().find(is_it).unwrap();
            assert_eq!(effective::overridden(name, text, unit), [], "HEL-77: {name}");
        }
    }
}

#[test]
fn they_are_exposed_no_more_than_what_was_measured_to_run() {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in UNITS {
        let file = directory.path().join(name);
        fs_err::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        let Some(said) = analyze(&["security", "--offline=true", "--threshold=11", file]) else {
            return;
        };
        let last = said.text.lines().last().unwrap_or_default().to_owned();
        assert!(said.is_success, "HEL-103: {name}: {last}");
        eprintln!("{last}");
    }
}

#[test]
fn systemd_verifies_them_without_a_word() {
    if !rustix::process::geteuid().is_root() {
        return super::oracle::skipped("root, to put programs where the units expect them");
    }
    let directory = tempfile::tempdir().unwrap();
    let files: Vec<String> = UNITS
        .iter()
        .map(|(name, text)| {
            let file = directory.path().join(name);
            fs_err::write(&file, text).unwrap();
            file.to_str().unwrap().to_owned()
        })
        .collect();
    // In a mount namespace of its own: nothing of it is seen outside, nor left behind.
    let script = "set -e
        mount --make-rprivate /
        mount -t tmpfs none /opt
        for unit in \"$@\"; do
            program=$(sed -n 's/^ExecStart=\"\\([^\"]*\\)\".*/\\1/p' \"$unit\")
            install -D /bin/true \"$program\"
        done
        exec systemd-analyze --man=no --recursive-errors=yes verify \"$@\"";
    let Some(said) = super::oracle::in_a_namespace(script, &files) else { return };
    assert_eq!((said.text.as_str(), said.is_success), ("", true), "HEL-21, HEL-22");
}
