//! The machine's own `systemd-analyze`, where there is one, on what we write and flag.

use helionyx_deploy::render::unit_file::Version;
use helionyx_deploy::render::unit_file::lint::{Facts, Options, Policy, lint};

use super::written::sample;

/// What `systemd-analyze verify` says; none where it is not installed.
fn verify(name: &str, text: &str) -> Option<String> {
    if which::which("systemd-analyze").is_err() {
        eprintln!("SKIPPED: `systemd-analyze` is missing (Debian: apt-get install systemd)");
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(name);
    fs_err::write(&file, text).unwrap();
    let said = duct::cmd!("systemd-analyze", "--man=no", "--recursive-errors=no", "verify", &file)
        .unchecked()
        .stderr_to_stdout()
        .read();
    // It also speaks of the machine's own units.
    let said = said.unwrap();
    let ours: Vec<&str> = said.lines().filter(|line| line.contains(name)).collect();
    Some(ours.join("\n"))
}

#[test]
fn the_machines_systemd_has_nothing_to_say_about_what_we_write() {
    let text = sample().render();
    if let Some(said) = verify("unitf-sample.service", &text) {
        assert_eq!(said, "", "HEL-22");
    }
    let options =
        Options { version: Version(252), facts: Facts::default(), policy: Policy::Meaning };
    assert_eq!(lint("unitf-sample.service", text.as_bytes(), &options), [], "HEL-22");
}

#[test]
fn the_machines_systemd_is_asked_at_all() {
    let text = sample().render().replace("NoNewPrivileges=true", "NoNewPrivileges=ture");
    if let Some(said) = verify("unitf-wrong.service", &text) {
        assert!(said.contains("ture") || said.contains("boolean"), "{said:?}");
    }
}
