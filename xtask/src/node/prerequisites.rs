//! What a node needs of this machine, and what to do where it is missing. Looks, changes nothing.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use super::{Layer, Options};

/// Programs, and the packages that have them on Debian and Ubuntu.
const PROGRAMS: [(&str, &str); 5] = [
    ("systemd-nspawn", "systemd-container"),
    ("dbus-daemon", "dbus"),
    ("nsenter", "util-linux"),
    ("setsid", "util-linux"),
    ("systemctl", "systemd"),
];
/// The same, for a disk.
const DISK_PROGRAMS: [(&str, &str); 2] = [("losetup", "mount"), ("mkfs.ext4", "e2fsprogs")];

/// What is missing for nodes with these options, with its remedy; none where nothing is.
#[must_use]
pub fn missing(options: Options) -> Option<String> {
    let mut findings = Vec::new();
    if !rustix::process::geteuid().is_root() {
        findings.push("nodes need root: run it with `sudo --preserve-env=PATH`".to_owned());
    } else if !may_mount() {
        let remedy = "on a machine, or in a container that may (`docker run --privileged`)";
        findings.push(format!("mounting is not allowed here: run it {remedy}"));
    }
    let disk: &[_] = if options.layer == Layer::Disk { &DISK_PROGRAMS } else { &[] };
    let lacking = |(name, _): &&(&str, &str)| program(name).is_err();
    let lacking: Vec<_> = PROGRAMS.iter().chain(disk).filter(lacking).collect();
    if !lacking.is_empty() {
        let names: Vec<_> = lacking.iter().map(|(name, _)| format!("`{name}`")).collect();
        let mut packages: Vec<_> = lacking.iter().map(|(_, package)| *package).collect();
        packages.dedup();
        let (names, packages) = (names.join(", "), packages.join(" "));
        findings.push(format!("{names} is missing (Debian: `apt-get install {packages}`)"));
    }
    (!findings.is_empty()).then(|| findings.join("; "))
}

/// Root in a container may have been refused it: `CAP_SYS_ADMIN` is the bit.
pub fn may_mount() -> bool {
    const ADMIN: u64 = 1 << 21;
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    // Where it cannot be told, the mount will tell.
    effective.is_none_or(|bits| bits & ADMIN != 0)
}

/// Refuses what this machine cannot do.
pub fn check(options: Options) -> Result<()> {
    match missing(options) {
        Some(findings) => bail!("{findings}"),
        None => Ok(()),
    }
}

/// A program, also where PATH lacks the directories of administrators.
pub fn program(name: &str) -> Result<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{path}:/usr/sbin:/usr/bin:/sbin:/bin");
    which::which_in(name, Some(path), "/").with_context(|| format!("failed to find `{name}`"))
}
