//! What a node needs of this machine and of the root directory that it is booted on, and what to do
//! where it is missing. Looks, changes nothing.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::{Layer, Options, base, layer};

/// A program, and the package that has it on Debian and Ubuntu.
pub type Program = (&'static str, &'static str);

/// What boots nodes.
const PROGRAMS: [Program; 3] =
    [("systemd-nspawn", "systemd-container"), ("nsenter", "util-linux"), ("setsid", "util-linux")];
/// What makes disks.
const DISK_PROGRAMS: [Program; 2] = [("losetup", "mount"), ("mkfs.ext4", "e2fsprogs")];
/// What is booted.
const BOOTED: [Program; 2] = [("systemctl", "systemd"), ("dbus-daemon", "dbus")];

/// What is missing for nodes with these options, also on the root directory that is wanted, with
/// its remedy; none where nothing is.
#[must_use]
pub fn missing(options: Options) -> Option<String> {
    all_missing(options, Some(&base::wanted()))
}

/// Refuses what this machine cannot do, and what cannot be booted where something shall be.
pub fn check(options: Options, base: Option<&Path>) -> Result<()> {
    match all_missing(options, base) {
        Some(findings) => bail!("{findings}"),
        None => Ok(()),
    }
}

fn all_missing(options: Options, base: Option<&Path>) -> Option<String> {
    let mut findings = Vec::new();
    if !rustix::process::geteuid().is_root() {
        findings.push("nodes need root: run it with `sudo --preserve-env=PATH`".to_owned());
    } else if !may_mount() {
        let remedy = "on a machine, or in a container that may (`docker run --privileged`)";
        findings.push(format!("mounting is not allowed here: run it {remedy}"));
    }
    let disk: &[_] = if options.layer == Layer::Disk { &DISK_PROGRAMS } else { &[] };
    findings.extend(lacking(&base::own(), &[&PROGRAMS[..], disk].concat()));
    findings.extend(base.and_then(not_bootable));
    (!findings.is_empty()).then(|| findings.join("; "))
}

/// Why no node can be booted on a root directory.
fn not_bootable(base: &Path) -> Option<String> {
    let shown = base.display();
    if !base.is_absolute() || !base.is_dir() {
        return Some(format!("there is no directory `{shown}` to boot a node on"));
    }
    if !layer::is_sayable(base) {
        return Some(format!(
            "no overlay can be made of `{shown}`: it has a sign of , : \\ \" in it"
        ));
    }
    lacking(base, &BOOTED)
}

/// The programs that a root directory lacks, with its remedy; none where nothing is lacking.
#[must_use]
pub fn lacking(base: &Path, programs: &[Program]) -> Option<String> {
    let is_own = base == base::own();
    let has = |name| if is_own { program(name).is_ok() } else { has(base, name) };
    let lacking: Vec<_> = programs.iter().filter(|(name, _)| !has(name)).collect();
    let names: Vec<_> = lacking.iter().map(|(name, _)| format!("`{name}`")).collect();
    let mut packages: Vec<_> = lacking.iter().map(|(_, package)| *package).collect();
    packages.dedup();
    let (names, packages, shown) = (names.join(", "), packages.join(" "), base.display());
    let (place, by) = match is_own {
        true => (String::new(), String::new()),
        false => (format!(" in `{shown}`"), format!("chroot {shown} ")),
    };
    let told = format!("{names} is missing{place} (Debian: `{by}apt-get install {packages}`)");
    (!lacking.is_empty()).then_some(told)
}

/// Whether another root directory has a program. That it has this name is enough: a link leads to a
/// place in there, not here.
fn has(base: &Path, program: &str) -> bool {
    let directories = ["usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin"];
    let mut files = directories.iter().map(|directory| base.join(directory).join(program));
    files.any(|file| file.symlink_metadata().is_ok())
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

/// A program, also where PATH lacks the directories of administrators.
pub fn program(name: &str) -> Result<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{path}:/usr/sbin:/usr/bin:/sbin:/bin");
    which::which_in(name, Some(path), "/").with_context(|| format!("failed to find `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_root_directory_lacks_is_named_with_its_packages_each_once() {
        let base = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(base.path().join("usr/sbin")).unwrap();
        fs_err::os::unix::fs::symlink("/nowhere", base.path().join("usr/sbin/here")).unwrap();
        let programs = [("here", "a"), ("gone", "b"), ("lost", "b"), ("away", "c")];
        let at = base.path().display();
        let expected = format!(
            "`gone`, `lost`, `away` is missing in `{at}` (Debian: `chroot {at} apt-get install b c`)"
        );
        assert_eq!(lacking(base.path(), &programs), Some(expected));
        assert_eq!(lacking(base.path(), &programs[..1]), None);
        assert_eq!(lacking(&base::own(), &[("sh", "dash")]), None);
    }

    #[test]
    fn a_root_directory_that_cannot_be_booted_is_refused_with_its_name() {
        let base = tempfile::tempdir().unwrap();
        let at = |name: &str| base.path().join(name);
        fs_err::create_dir(at("a,b")).unwrap();
        for (path, expected) in [
            (at("gone"), "there is no directory"),
            ("relative".into(), "there is no directory"),
            (at("a,b"), "no overlay can be made"),
            (at("."), "apt-get install systemd dbus"),
        ] {
            let said = not_bootable(&path).unwrap();
            assert!(said.contains(expected) && said.contains(&*path.to_string_lossy()), "{said}");
        }
        assert_eq!(not_bootable(&base::own()), lacking(&base::own(), &BOOTED));
    }
}
