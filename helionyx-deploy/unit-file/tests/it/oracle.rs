//! The machine's own `systemd-analyze`, where there is one, on what we write and flag.

use systemd_unit_file::{Options, Version, lint};

use super::written::sample;

/// What `systemd-analyze` says; none where it is not installed. In CI that is a failure: CI installs
/// what it needs.
pub fn analyze(args: &[&str]) -> Option<String> {
    if which::which("systemd-analyze").is_err() {
        let text = "SKIPPED: it needs `systemd-analyze` (Debian: apt-get install systemd)";
        assert!(std::env::var_os("CI").is_none(), "{text}");
        eprintln!("{text}");
        return None;
    }
    let command = duct::cmd("systemd-analyze", ["--man=no"].iter().chain(args));
    let output = command.unchecked().stderr_to_stdout().stdout_capture().run().unwrap();
    Some(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// What `systemd-analyze verify` says of a unit; none where it is not installed.
fn verify(name: &str, text: &str) -> Option<String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(name);
    fs_err::write(&file, text).unwrap();
    let said = analyze(&["--recursive-errors=no", "verify", file.to_str().unwrap()])?;
    // It also speaks of the machine's own units.
    let ours: Vec<&str> = said.lines().filter(|line| line.contains(name)).collect();
    Some(ours.join("\n"))
}

#[test]
fn the_machines_systemd_has_nothing_to_say_about_what_we_write() {
    let text = sample().render();
    if let Some(said) = verify("unitf-sample.service", &text) {
        assert_eq!(said, "", "HEL-22");
    }
    let options = Options::new(Version(252));
    assert_eq!(lint("unitf-sample.service", text.as_bytes(), &options), [], "HEL-22");
}

#[test]
fn the_machines_systemd_is_asked_at_all() {
    let text = sample().render().replace("NoNewPrivileges=true", "NoNewPrivileges=ture");
    if let Some(said) = verify("unitf-wrong.service", &text) {
        assert!(said.contains("ture") || said.contains("boolean"), "{said:?}");
    }
}
